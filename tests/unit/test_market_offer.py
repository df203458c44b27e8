"""What an offer means on the chain, and when two are the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from decentralml.chain.api import ChainInfo
from decentralml.errors import TermsInvalid
from decentralml.market.creating.offer import BLOCK_TIME, DAY, HOUR, Contents, Offer
from decentralml.types import (
    UNIT,
    Access,
    Address,
    Cid,
    ModelType,
    Replay,
    TaskType,
    ValidationStrategy,
)

INFO = ChainInfo(
    name="test",
    genesis="0x00",
    spec_name="decentralml",
    spec_version=1,
    block=100,
    now=1_000_000,
    development=True,
    token_symbol="DML",
    decimals=12,
    kind="embedded",
    address="x",
)
OFFER = Offer(reward=UNIT, fee=UNIT, results=2, committee=5)
BUNDLE = Cid("bafy")
CONTENTS = Contents(
    BUNDLE,
    TaskType.MODEL_ENGINEER,
    ValidationStrategy.MANUAL_ACCEPT,
    ModelType.AUDIO,
    None,
    bytes(32),
    (),
)


def test_an_expiration_block_becomes_a_time() -> None:
    offer = replace(OFFER, expiration_block=110)
    assert offer.expiry(INFO, 5_000) == 5_000 + 10 * BLOCK_TIME


def test_a_task_expires_a_week_from_now_unless_it_says_otherwise() -> None:
    assert OFFER.expiry(INFO, 5) == 5 + 7 * DAY
    assert replace(OFFER, expires_in=HOUR).expiry(INFO, 5) == 5 + HOUR
    assert replace(OFFER, expires_at=9_999).expiry(INFO, 5) == 9_999


@pytest.mark.parametrize("committee", [0, 2, 8, 10, -1])
def test_a_committee_is_odd_and_at_most_nine(committee: int) -> None:
    with pytest.raises(TermsInvalid, match="odd"):
        replace(OFFER, committee=committee).check()


def test_terms_hold_what_was_offered() -> None:
    terms = OFFER.terms(CONTENTS, 7, 1)
    assert terms.slots * terms.slot_hold == 2 * (1 + 5) * UNIT
    assert (terms.bundle, terms.expires_at, terms.task_type) == ("bafy", 7, "ModelEngineer")
    assert (terms.reader, terms.golds, terms.access) == (bytes(32), (), Access.OPEN)


@pytest.mark.parametrize(
    ("offer", "least", "bond"),
    [
        (OFFER, 1, 5 * UNIT),
        (OFFER, 6 * UNIT, 6 * UNIT),
        (replace(OFFER, reward=100 * UNIT), 1, 10 * UNIT),
        (replace(OFFER, reward=100 * UNIT, asset=7), 1, 5 * UNIT),
        (replace(OFFER, bond=50 * UNIT), 1, 50 * UNIT),
    ],
)
def test_the_usual_bond_covers_the_fees_and_makes_a_gamble_with_junk_a_losing_one(
    offer: Offer, least: int, bond: int
) -> None:
    assert offer.terms(CONTENTS, 7, least).bond == bond


def test_a_task_is_closed_to_others_once_anybody_is_invited() -> None:
    for offer in (replace(OFFER, invited=(Address("bob"),)), replace(OFFER, invited_only=True)):
        assert offer.terms(CONTENTS, 7, 1).access is Access.INVITED


def test_no_more_is_replayed_than_there_is() -> None:
    assert OFFER.replay(None) is None
    assert OFFER.replay(101) == Replay(101, 4)
    assert replace(OFFER, replay_segments=9).replay(4) == Replay(4, 3)


def test_the_same_offer_of_the_same_contents_has_the_same_name() -> None:
    same = Offer(reward=UNIT, fee=UNIT, results=2, committee=5)
    assert OFFER.digest(BUNDLE, None) == same.digest(BUNDLE, None)
    others = {
        replace(OFFER, reward=2 * UNIT).digest(BUNDLE, None),
        replace(OFFER, base_model=Path("m")).digest(BUNDLE, None),
        OFFER.digest(Cid("other"), None),
        OFFER.digest(None, BUNDLE),
    }
    assert len(others | {OFFER.digest(BUNDLE, None)}) == 5
