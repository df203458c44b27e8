"""SCALE by metadata, on the shipped runtime's own types."""

from __future__ import annotations

from typing import Any

import pytest
from chain_support import BUNDLE, shipped_runtime
from codec_support import named, values
from hypothesis import given, settings
from hypothesis import strategies as st

from decentralml.chain import ss58
from decentralml.chain.commitment import encode_attestation, gold_commitment
from decentralml.chain.substrate import accounts, records
from decentralml.chain.substrate.codec import EncodeError
from decentralml.chain.substrate.metadata import (
    Primitive,
    Variants,
    parse,
)
from decentralml.chain.substrate.wire import to_record
from decentralml.devchain.codec import DecodeError
from decentralml.devchain.hashes import blake2_256
from decentralml.errors import RuntimeMismatch
from decentralml.types import Gold, Phase, Role, Terms, Verdict

CODEC = shipped_runtime().codec
METADATA = shipped_runtime().metadata
ACCOUNT = bytes(range(32))


PALLETS = (
    *("Market", "Aggregators", "Reputation", "Swarm"),
    *("Elections", "Assets", "System", "Balances"),
)
MARKET_VALUES = [
    (pallet, item, entry.value)
    for pallet in PALLETS
    for item, entry in METADATA.pallets[pallet].storage.items()
    if item not in ("Digest", "EventTopics", "Freezes")
]


@pytest.mark.parametrize(("pallet", "item", "type_id"), MARKET_VALUES)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_every_value_comes_back_from_its_bytes(
    pallet: str, item: str, type_id: int, data: st.DataObject
) -> None:
    value = data.draw(values(type_id))
    encoded = CODEC.encode(type_id, value)
    assert CODEC.decode(type_id, encoded) == value
    with pytest.raises(DecodeError):
        CODEC.decode(type_id, encoded + b"\0")
    if encoded:
        with pytest.raises(DecodeError):
            CODEC.decode(type_id, encoded[:-1])


def test_every_type_can_be_read_and_written() -> None:
    for type_id in range(len(METADATA.types)):
        CODEC.decoder(type_id)
        CODEC.encoder(type_id)


def test_defaults_and_constants_come_back_byte_for_byte() -> None:
    for pallet in METADATA.pallets.values():
        for entry in pallet.storage.values():
            if not entry.optional:
                value = CODEC.decode(entry.value, entry.default)
                assert CODEC.encode(entry.value, value) == entry.default
        for constant in pallet.constants.values():
            value = CODEC.decode(constant.type, constant.value)
            assert CODEC.encode(constant.type, value) == constant.value


@settings(max_examples=80, deadline=None)
@given(junk=st.binary(max_size=200), type_id=st.sampled_from([each[2] for each in MARKET_VALUES]))
def test_junk_is_a_decode_error_and_nothing_else(junk: bytes, type_id: int) -> None:
    try:
        value = CODEC.decode(type_id, junk)
    except DecodeError:
        return
    assert CODEC.decode(type_id, CODEC.encode(type_id, value)) == value


def test_a_vector_that_claims_to_be_endless_is_refused_without_making_it() -> None:
    events = METADATA.pallets["System"].storage["Events"].value
    with pytest.raises(DecodeError):
        CODEC.decode(events, b"\x03\xff\xff\xff\xff" + bytes(100))
    nothings = METADATA.pallets["Assets"].storage["Reserves"].value
    with pytest.raises(DecodeError):
        CODEC.decode(nothings, b"\x03\xff\xff\xff\xff")
    assert CODEC.decode(nothings, b"\x08") == [None, None]


@pytest.mark.parametrize(
    ("type_name", "value"),
    [
        *(("u8", 256), ("u8", -1), ("u8", 1.5), ("u8", "1"), ("u8", None)),
        *(("u32", 1 << 32), ("u128", -1), ("str", 7)),
    ],
)
def test_a_value_that_does_not_fit_is_refused(type_name: str, value: Any) -> None:
    type_id = METADATA.types.index(Primitive(type_name))
    with pytest.raises(EncodeError):
        CODEC.encode(type_id, value)


def test_bytes_are_never_made_of_numbers() -> None:
    entry = METADATA.pallets["Aggregators"].storage["Profiles"]
    profile = {
        "endpoint": 5,
        "encryption_key": bytes(32),
        "bond": 1,
        "duties": 0,
        "missed": 0,
    }
    with pytest.raises(EncodeError):
        CODEC.encode(entry.value, profile)
    with pytest.raises(EncodeError):
        CODEC.encode(entry.value, {**profile, "endpoint": b"x", "encryption_key": bytes(31)})
    with pytest.raises(EncodeError):
        CODEC.encode(entry.value, {**profile, "endpoint": b"x", "surplus": 1})


def test_a_case_that_does_not_exist_is_refused_with_those_that_do() -> None:
    verdict = next(
        number
        for number, kind in enumerate(METADATA.types)
        if isinstance(kind, Variants) and kind.path == "pallet_market::types::words::Verdict"
    )
    assert CODEC.encode(verdict, "Fail") == b"\x01"
    with pytest.raises(EncodeError, match="no case Maybe; it has Pass, Fail, Inconclusive"):
        CODEC.encode(verdict, "Maybe")


def test_metadata_of_another_version_or_cut_short_is_refused() -> None:
    data = METADATA.data
    for damaged in (b"", b"meta\x0f" + data[5:], data[: len(data) // 2], data[:6]):
        with pytest.raises(DecodeError):
            parse(damaged)


def test_map_keys_can_be_read_back() -> None:
    runtime = shipped_runtime()
    profiles = runtime.entry("Aggregators", "Profiles")
    assert runtime.keys_of(profiles, runtime.key(profiles, ACCOUNT)) == (ACCOUNT,)
    submissions = runtime.entry("Market", "Submissions")
    assert runtime.keys_of(submissions, runtime.key(submissions, 7, 3)) == (7, 3)
    assert runtime.key(submissions, 7, 3).startswith(runtime.key(submissions, 7))


def test_what_a_runtime_lacks_is_a_runtime_mismatch_that_names_it() -> None:
    runtime = shipped_runtime()
    for missing, ask in {
        "pallet Staking": lambda: runtime.pallet("Staking"),
        "storage Market.Gone": lambda: runtime.entry("Market", "Gone"),
        "constant Market.Gone": lambda: runtime.constant("Market", "Gone"),
    }.items():
        with pytest.raises(RuntimeMismatch, match=missing):
            ask()


TERMS = named("pallet_market::types::task::Terms")
ATTESTATION = named("pallet_market::types::panel::Attestation")
GOLD = named("pallet_market::types::panel::Gold")
ENDED = ("Accepted", "Rejected", "Expired")


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_terms_read_back_as_they_were_written(data: st.DataObject) -> None:
    value = data.draw(values(TERMS))
    value["bundle"] = BUNDLE.encode()
    terms: Terms = records.terms(value)
    assert terms.reward == value["reward"]
    assert CODEC.encode(TERMS, to_record(terms)) == CODEC.encode(TERMS, value)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_an_attestation_is_committed_to_as_the_bytes_that_the_chain_reads(
    data: st.DataObject,
) -> None:
    value = data.draw(values(ATTESTATION))
    value["report"] = BUNDLE.encode()
    attestation = records.attestation(value)
    encoded = CODEC.encode(ATTESTATION, value)
    assert CODEC.encode(ATTESTATION, to_record(attestation)) == encoded
    assert encode_attestation(attestation) == encoded


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_gold_is_committed_to_as_the_bytes_that_the_chain_reads(data: st.DataObject) -> None:
    value = data.draw(values(GOLD))
    facts = {**value, "contributor": ss58.encode(value["contributor"])}
    gold = Gold(**{**facts, "verdict": Verdict(value["verdict"].name)})
    encoded = CODEC.encode(GOLD, value)
    assert CODEC.encode(GOLD, to_record(gold)) == encoded
    assert gold_commitment(gold) == blake2_256(b"decentralml/gold" + encoded)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_submission_the_chain_can_hold_can_be_shown(data: st.DataObject) -> None:
    value = data.draw(values(METADATA.pallets["Market"].storage["Submissions"].value))
    appeal = data.draw(st.none() | values(METADATA.pallets["Market"].storage["Appeals"].value))
    submission = records.submission(1, 2, value, appeal)
    state = value["state"]
    assert submission.status.value == state.name
    assert submission.contributor == ss58.encode(value["contributor"])
    assert (submission.deadline is None) == (state.name in ENDED)
    assert (submission.ended_at is not None) == (state.name in ENDED)
    assert (submission.finding is not None) == ("finding" in state.value)
    assert (submission.window is not None) == (state.name == "Validated")
    assert (submission.phase is not None) == (state.name in ("PendingValidation", "Appealed"))
    assert (submission.draw_after is not None) == (submission.phase is Phase.DRAWING)
    if state.name in ("Accepted", "Rejected", "Appealed"):
        assert submission.outcome is not None
    assert (submission.appeal is None) == (appeal is None)
    if appeal is not None:
        assert [seat.member for seat in submission.panel] == [
            ss58.encode(seat["member"]) for seat in appeal["jury"]
        ]


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_share_profile_asset_and_reputation_the_chain_can_hold_can_be_shown(
    data: st.DataObject,
) -> None:
    def stored(pallet: str, item: str) -> Any:
        return data.draw(values(METADATA.pallets[pallet].storage[item].value))

    share = stored("Market", "Shares")
    assert records.share(share).wrap == share["wrap"]
    profile = stored("Aggregators", "Profiles")
    assert accounts.profile(ACCOUNT, profile).bond == profile["bond"]
    details = stored("Assets", "Asset")
    shown = accounts.asset(3, details, stored("Assets", "Metadata"))
    assert (shown.id, shown.supply) == (3, details["supply"])
    account = stored("Assets", "Account")
    holds = stored("AssetsHolder", "Holds")
    assert accounts.asset_balance(account, holds).free == account["balance"]
    assert accounts.asset_balance(None, []).free == 0
    record = stored("Reputation", "Records")
    found = accounts.reputation(Role.CREATOR, record, 2**60, 90 * 86_400_000)
    assert found.earned == record["earned"]


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_task_the_chain_can_hold_can_be_shown(data: st.DataObject) -> None:
    value = data.draw(values(METADATA.pallets["Market"].storage["Tasks"].value))
    task = records.task(5, value)
    assert task.creator == ss58.encode(value["creator"])
    assert task.status.value == value["status"].name
