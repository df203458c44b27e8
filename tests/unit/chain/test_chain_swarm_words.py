"""What the client says and reads of swarms is what the shipped runtime means by it."""

from __future__ import annotations

from dataclasses import fields
from enum import StrEnum
from typing import Any, get_args

import pytest
from chain_support import BUNDLE, shipped_runtime
from codec_support import METADATA, named, values
from hypothesis import given, settings
from hypothesis import strategies as st

from decentralml.chain import ss58
from decentralml.chain.events import OtherEvent
from decentralml.chain.substrate import swarm_records as records
from decentralml.chain.substrate.codec import Variant
from decentralml.chain.substrate.events import named as told
from decentralml.chain.substrate.events import simple, typed
from decentralml.chain.substrate.metadata import Variants
from decentralml.chain.substrate.wire import encode, to_pallet, to_record
from decentralml.chain.swarm import calls, events, words
from decentralml.chain.swarm.words import MergeMethod, Presence, SwarmId, SwarmTerms
from decentralml.types import Address, Cid

RUNTIME = shipped_runtime()
STORED = ("Swarms", "Seats", "Nodes", "Rounds")
KINDS = get_args(events.SwarmEvent)
CODEC = RUNTIME.codec
SWARM = RUNTIME.pallet("Swarm")
ACCOUNT = Address(ss58.encode(bytes(range(32))))
ID = SwarmId(7)
TERMS = SwarmTerms(BUNDLE, MergeMethod.MEAN, 2, 5)
EVERY_CALL: tuple[calls.SwarmCall, ...] = (
    calls.CreateSwarm(TERMS),
    calls.SetSwarmTerms(ID, TERMS),
    calls.GrantSeat(ID, ACCOUNT),
    calls.TakeSeat(ID, 5),
    calls.RevokeSeat(ID, ACCOUNT),
    calls.GiveUpSeat(ID),
    calls.RegisterNode(ID, b"certificate", "host:1", 5, True),
    calls.Ready(ID),
    calls.Arrive(ID, 3, 2, BUNDLE),
    calls.Advance(ID),
    calls.StepDown(ID, 3),
    calls.Publish(ID, 3, BUNDLE, 2, ((ACCOUNT, words.Fault.TOO_LARGE),)),
    calls.ObjectMerged(ID, 3),
    calls.MarkAbsent(ID, ACCOUNT),
    calls.FinishTraining(ID, Presence.SNAPSHOT),
    calls.CloseSwarm(ID),
    calls.ClearSeat(ID, ACCOUNT),
    calls.RemoveSwarm(ID),
    calls.CollectPrice(ID, ACCOUNT),
)


def cases(type_id: int | None) -> dict[str, Any]:
    assert type_id is not None
    return {case.name: case for case in RUNTIME.variants(type_id)}


def plain(value: Any) -> Any:
    """A value as JSON would have it, with addresses as bytes again."""
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, str):
        return "0x" + (ss58.decode(Address(value)) if value[0] == "5" else value.encode()).hex()
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    return value


def test_every_call_of_the_pallet_can_be_said_and_no_other() -> None:
    assert {type(call) for call in EVERY_CALL} == set(get_args(calls.SwarmCall))
    said = {}
    for call in EVERY_CALL:
        pallet_call = to_pallet(call)
        encoded = encode(RUNTIME, pallet_call)
        name, arguments = CODEC.decode(SWARM.calls or 0, encoded[1:])
        said[name] = set(arguments or ())
        assert (encoded[0], name) == (SWARM.number, pallet_call.function)
        assert arguments["swarm"] == ID if "swarm" in (arguments or ()) else name == "create"
    assert said == {
        name: {field.name for field in case.fields} for name, case in cases(SWARM.calls).items()
    }


def test_every_event_of_the_pallet_has_a_class_of_its_fields() -> None:
    ours = {kind.__name__: [field.name for field in fields(kind)] for kind in KINDS}
    assert ours == {
        name: [field.name for field in case.fields] for name, case in cases(SWARM.event).items()
    }


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_an_event_says_what_its_bytes_say(kind: type, data: st.DataObject) -> None:
    (case,) = (each for name, each in cases(SWARM.event).items() if name == kind.__name__)
    held = {field.name: data.draw(values(field.type)) for field in case.fields}
    if "cid" in held:
        held["cid"] = BUNDLE.encode()
    event = typed(RUNTIME, Variant("Swarm", Variant(kind.__name__, held)))
    assert type(event) is kind
    for field in fields(kind):
        assert plain(getattr(event, field.name)) == simple(held[field.name]), field.name


def test_a_word_of_a_runtime_to_come_is_told_as_it_is() -> None:
    held = {"swarm": 7, "who": bytes(32), "presence": Variant("Asleep")}
    event = told(RUNTIME, Variant("Swarm", Variant("PresenceChanged", held)))
    who = ss58.encode(bytes(32))
    assert event == OtherEvent(
        "Swarm", "PresenceChanged", {"swarm": 7, "who": who, "presence": "Asleep"}
    )


@pytest.mark.parametrize(
    ("ours", "path"),
    [
        (words.MergeMethod, "words::MergeMethod"),
        (words.Admission, "words::Admission"),
        (words.Presence, "words::Presence"),
        (words.Fault, "words::Fault"),
        (words.Stage, "round::Stage"),
    ],
)
def test_the_words_are_those_of_the_runtime(ours: type[StrEnum], path: str) -> None:
    (theirs,) = (
        kind
        for kind in METADATA.types
        if isinstance(kind, Variants) and kind.path == f"pallet_swarm::types::{path}"
    )
    assert [case.value for case in ours] == [case.name for case in theirs.variants]


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_terms_read_back_as_they_were_written(data: st.DataObject) -> None:
    kind = named("pallet_swarm::types::swarm::Terms")
    value = data.draw(values(kind))
    value["config"] = BUNDLE.encode()
    terms = records.terms(value)
    assert CODEC.encode(kind, to_record(terms)) == CODEC.encode(kind, value)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_whatever_is_stored_can_be_told(data: st.DataObject) -> None:
    stored = {item: data.draw(values(SWARM.storage[item].value)) for item in STORED}
    swarm = records.swarm(7, stored["Swarms"])
    assert (swarm.id, swarm.present) == (7, stored["Swarms"]["present"])
    assert swarm.closed == stored["Swarms"]["closed"]
    assert (swarm.newest is None) == (stored["Swarms"]["newest"] is None)
    seat = records.seat(bytes(32), stored["Seats"])
    assert (seat.paid, seat.due, ss58.decode(seat.payer)) == tuple(
        stored["Seats"][name] for name in ("paid", "due", "payer")
    )
    node = records.node(bytes(32), stored["Nodes"])
    assert (node.identity, node.seen) == (stored["Nodes"]["identity"], stored["Nodes"]["seen"])
    under_way = records.round_of(stored["Rounds"])
    assert under_way.stage == stored["Rounds"]["stage"].name
    assert (under_way.leader is None) == (under_way.stage is not words.Stage.MERGING)
    assert (under_way.anchor is None) == (under_way.stage is words.Stage.COLLECTING)


def test_the_sizes_that_the_client_refuses_are_the_runtimes() -> None:
    register = calls.RegisterNode(ID, bytes(words.CERTIFICATE_BYTES), "h" * 126 + ":1", 5, True)
    assert encode(RUNTIME, to_pallet(register))
    many = ((ACCOUNT, words.Fault.DAMAGED),) * words.MAX_LEFT_OUT
    assert encode(RUNTIME, to_pallet(calls.Publish(ID, 3, Cid("b" * 64), 2, many)))
