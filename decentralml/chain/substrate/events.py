"""The events of a block, typed (:mod:`decentralml.chain.events`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, get_args

from decentralml.chain import events, office_events, ss58
from decentralml.chain.substrate import records
from decentralml.chain.substrate.codec import Variant
from decentralml.chain.substrate.metadata import Composite
from decentralml.chain.substrate.runtime import Runtime
from decentralml.chain.swarm.events import SwarmEvent
from decentralml.chain.swarm.words import Fault, Presence, SwarmId
from decentralml.types import Outcome, Role, TaskId, Verdict

_TYPED: dict[tuple[str, str], type] = {
    **{("Market", kind.__name__): kind for kind in get_args(events.MarketEvent)},
    **{("Aggregators", kind.__name__): kind for kind in get_args(office_events.AggregatorEvent)},
    ("Reputation", "Noted"): office_events.Noted,
    **{("Swarm", kind.__name__): kind for kind in get_args(SwarmEvent)},
}
_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "Address": ss58.encode,
    "Address | None": lambda value: None if value is None else ss58.encode(value),
    "tuple[Address, ...]": lambda value: tuple(ss58.encode(account) for account in value),
    "tuple[tuple[Address, Fault], ...]": lambda pairs: tuple(
        (ss58.encode(account), Fault(fault.name)) for account, fault in pairs
    ),
    "Cid": records.cid,
    "TaskId": TaskId,
    "SwarmId": SwarmId,
    "Presence": lambda value: Presence(value.name),
    "Verdict": lambda value: Verdict(value.name),
    "Outcome": lambda value: Outcome(value.name),
    "Role": lambda value: Role(value.name),
    "bool": bool,
    "int | None": lambda value: value,
    "str": lambda value: value.name if isinstance(value, Variant) else records.text(value),
    "int": int,
    "bytes": bytes,
}
_BEFORE: dict[str, Any] = {
    "asset": None,
    "paid": True,
    "jury": False,
    "segment": None,
    "forfeited": 0,
}
"""What was so of all events of version 1, which did not say it."""
_CALLED_BEFORE = {"Attested": "Revealed"}
_OUTCOME_BEFORE = {"Pass": "Overruled", "Fail": "Failed"}
"""Of a rejection, by its verdict, in version 1; else Inconclusive."""
_ACCOUNT = "sp_core::crypto::AccountId32"


def typed(runtime: Runtime, event: Variant) -> events.Event:
    """An event of the runtime (``RuntimeEvent``) in the project's words.

    Raises
    ------
    KeyError : the runtime's event lacks a field that ours has.
    ValueError : a word that we do not have.
    """
    pallet, (name, values) = event.name, event.value
    kind = _TYPED.get((pallet, name))
    if kind is None:
        return events.OtherEvent(pallet, name, _plain(runtime, pallet, name, values))
    converted = {
        field.name: _CONVERSIONS[str(field.type)](values[field.name]) for field in fields(kind)
    }
    found: events.Event = kind(**converted)
    return found


def named(runtime: Runtime, event: Variant) -> events.Event:
    """An event of a runtime of any version: one whose fields or words are not ours is told as it
    is."""
    pallet, (name, values) = event.name, event.value
    if pallet == "Market" and isinstance(values, dict):
        name, values = _CALLED_BEFORE.get(name, name), _BEFORE | values
        if name == "ResultRejected" and "outcome" not in values:
            outcome = _OUTCOME_BEFORE.get(values["verdict"].name, "Inconclusive")
            values["outcome"] = Variant(outcome, None)
    found: events.Event
    try:
        found = typed(runtime, Variant(pallet, Variant(name, values)))
    except (KeyError, ValueError):
        name, values = event.value
        found = events.OtherEvent(pallet, name, _plain(runtime, pallet, name, values))
    if isinstance(found, events.OtherEvent):
        fields = {field: simple(value) for field, value in found.fields.items()}
        return events.OtherEvent(found.pallet, found.name, fields)
    return found


def simple(value: Any) -> Any:
    """A decoded value as JSON has it: a case within a case is ``Outer.Inner``."""
    if isinstance(value, Variant):
        if value.value is None:
            return value.name
        inner = simple(value.value)
        return f"{value.name}.{inner}" if isinstance(inner, str) else {value.name: inner}
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, dict):
        return {name: simple(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [simple(part) for part in value]
    return value


def of_extrinsic(stored: list[dict[str, Any]], index: int) -> list[Variant]:
    """The events of one transaction of a block, out of the decoded ``System.Events``."""
    phase = Variant("ApplyExtrinsic", index)
    return [record["event"] for record in stored if record["phase"] == phase]


def _plain(runtime: Runtime, pallet: str, name: str, values: Any) -> dict[str, Any]:
    """Fields by name (by position where they have none), accounts as addresses."""
    event = runtime.pallet(pallet).event
    cases = runtime.variants(event) if event is not None else ()
    case = next(case for case in cases if case.name == name)
    if len(case.fields) == 1 and case.fields[0].name is None:
        values = (values,)
    shown = {}
    for position, field in enumerate(case.fields):
        value = values[field.name] if field.name is not None else values[position]
        kind = runtime.metadata.types[field.type]
        if isinstance(kind, Composite) and kind.path == _ACCOUNT:
            value = ss58.encode(value)
        shown[field.name or str(position)] = value
    return shown
