"""A result's key outlives forks: other blocks may say when a slot was taken, and which it was."""

from __future__ import annotations

from dataclasses import replace

from market_support import CONTRIBUTORS, Stage

from decentralml.bundles.wraps import key_digest
from decentralml.market.exchange.sealed import KEY_INFO, known_key, made_key, seal_of


def test_a_contributor_knows_its_key_whatever_a_fork_says_of_its_slot(stage: Stage) -> None:
    task = stage.post()
    sent = stage.contribute(CONTRIBUTORS[0], task)
    bob = stage.as_(CONTRIBUTORS[0])
    found = bob.chain.submission(task, sent.index)
    terms = bob.chain.task(task).terms
    moved = replace(found, index=found.index + 1, accepted_at=found.accepted_at + 6000)
    assert known_key(bob, terms, moved) == known_key(bob, terms, found)
    assert made_key(bob, found, bytes(32)) != made_key(bob, found, sent.digest)


def test_keys_that_an_earlier_version_made_are_still_known(stage: Stage) -> None:
    task = stage.post()
    sent = stage.contribute(CONTRIBUTORS[0], task)
    bob = stage.as_(CONTRIBUTORS[0])
    found = bob.chain.submission(task, sent.index)
    about = f"/{task}/{found.index}/{found.accepted_at}/".encode()
    older = bob.key.derive(KEY_INFO + bob.genesis + about + sent.digest)
    terms = bob.chain.task(task).terms
    promised = replace(found, seal=seal_of(older, terms))
    assert promised.seal is not None
    assert key_digest(known_key(bob, terms, promised)) == promised.seal.key_digest
