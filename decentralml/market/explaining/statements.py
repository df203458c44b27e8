"""An explanation as a document: what ``--json`` prints, and what a receipt states."""

from __future__ import annotations

from typing import Any

from decentralml.chain.events import Event, OtherEvent
from decentralml.chain.history import History, Step
from decentralml.market.explaining.explain import Explanation, TaskExplanation
from decentralml.market.explaining.sums import Sum
from decentralml.market.plain import to_plain


def as_document(found: Explanation | TaskExplanation) -> dict[str, Any]:
    """Every fact of an explanation, the chain's events included."""
    document: dict[str, Any] = {
        name: to_plain(value)
        for name in type(found).__dataclass_fields__
        if name not in ("history", "sums") and (value := getattr(found, name)) is not None
    }
    document["sums"] = [_sum(each) for each in found.sums]
    return document | _history(found.history)


def _history(history: History) -> dict[str, Any]:
    return {
        "stored": history.stored,
        "until": {"block": history.until, "hash": history.until_hash},
        "spec_version": history.spec_version,
        "submission": to_plain(history.submission),
        "steps": [_step(step) for step in history.steps],
    }


def _sum(found: Sum) -> dict[str, Any]:
    return {**to_plain(found), "total": found.total, "adds_up": found.adds_up}


def _step(step: Step) -> dict[str, Any]:
    return {**to_plain(step), "events": [_event(event) for event in step.events]}


def _event(event: Event) -> dict[str, Any]:
    if isinstance(event, OtherEvent):
        return {"event": f"{event.pallet}.{event.name}", **to_plain(event.fields)}
    return {"event": type(event).__name__, **to_plain(event)}
