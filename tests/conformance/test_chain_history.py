"""Histories and their evidence: the same from the embedded chain, over its server, from a node."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from chain_support import BOB, CHARLIE, HOUR, connect_patiently, node_process, post
from panel_support import deliver, judge, release
from rpc_support import free_port

from decentralml.chain import calls, events
from decentralml.chain.api import Chain
from decentralml.chain.errors import UnknownSubmission
from decentralml.errors import EvidenceRefused, StatePruned
from decentralml.market.explaining.explain import explained
from decentralml.types import Verdict


def test_what_became_of_a_result_is_found_and_shown(chain: Chain) -> None:
    task = post(chain, slots=1)
    sent = deliver(chain, task, BOB)
    judge(chain, sent, Verdict.PASS)
    paid = release(chain, sent)
    chain.wait_block(paid.block + 2)
    history = chain.history(task, 0)
    last = history.steps[-1]
    assert (last.block, last.block_hash) == (paid.block, paid.block_hash)
    assert (last.transaction, last.position) == (paid.extrinsic_hash, paid.index)
    assert last.signer == BOB.address
    assert paid.find(events.ResultAccepted) in last.events
    assert history.submission == chain.submission(task, 0)
    found = explained(None, history)
    assert found.paid
    assert all(each.adds_up for each in found.sums)
    evidence = chain.evidence(history)
    assert chain.proven(task, 0, history.until, evidence) == history
    with pytest.raises(EvidenceRefused):
        chain.proven(task, 0, history.until, replace(evidence, nodes=evidence.nodes[1:]))
    with pytest.raises(EvidenceRefused):
        chain.proven(task, 0, history.until, replace(evidence, changes=evidence.changes[:-1]))
    whole = chain.history(task)
    assert whole.task == chain.task(task)
    assert whole.steps[-1].transaction == paid.extrinsic_hash


def test_a_slot_that_was_given_back_is_found_where_nothing_is_stored(chain: Chain) -> None:
    task = post(chain, working_time=HOUR)
    chain.submit(calls.AcceptTask(task), CHARLIE)
    gone = chain.submit(calls.Abandon(task), CHARLIE)
    with pytest.raises(UnknownSubmission):
        chain.submission(task, 0)
    history = chain.history(task, 0)
    assert not history.stored
    assert history.steps[-1].transaction == gone.extrinsic_hash
    evidence = chain.evidence(history)
    assert chain.proven(task, 0, history.until, evidence) == history
    with pytest.raises(UnknownSubmission):
        chain.history(task, 1)


@pytest.mark.node
def test_a_node_that_has_forgotten_the_states_still_checks_the_evidence(tmp_path: Path) -> None:
    kept = 16
    with (
        node_process(tmp_path, free_port(), 100, more=("--state-pruning", str(kept))) as url,
        connect_patiently(tmp_path, url) as chain,
    ):
        chain.wait_block(1)  # Before it, the chain has no time.
        task = post(chain)
        chain.submit(calls.AcceptTask(task), BOB)
        gone = chain.submit(calls.Abandon(task), BOB)
        history = chain.history(task, 0)
        evidence = chain.evidence(history)
        chain.wait_block(gone.block + 2 * kept)
        with pytest.raises(StatePruned):
            chain.history(task, 0)
        assert chain.proven(task, 0, history.until, evidence) == history
