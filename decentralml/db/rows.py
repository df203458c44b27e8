"""What the chain says, as rows of the index; and a row of a task as a task again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from typing import Any

from decentralml.chain import events, office_events
from decentralml.chain.events import Event, OtherEvent
from decentralml.chain.swarm.events import SwarmEvent
from decentralml.db import swarm_rows
from decentralml.db.columns import clean
from decentralml.db.models import (
    AttestationRow,
    Base,
    DeedRow,
    ElectionRow,
    ModelRow,
    PaymentRow,
    TaskRow,
)
from decentralml.types import (
    Access,
    Address,
    Cid,
    ModelType,
    Replay,
    StorageType,
    Submission,
    Task,
    TaskId,
    TaskStatus,
    TaskType,
    Terms,
    ValidationStrategy,
)

Values = dict[str, Any]
ABANDONED = "Abandoned"
"""The status of a slot whose contributor gave it back: the chain keeps nothing of it."""
_HASH = 32
_PALLETS: Mapping[str, str] = {
    **dict.fromkeys(
        (kind.__name__ for kind in office_events.AggregatorEvent.__args__), "Aggregators"
    ),
    "Noted": "Reputation",
    **dict.fromkeys((kind.__name__ for kind in SwarmEvent.__args__), "Swarm"),
}


def pallet_of(event: Event) -> str:
    if isinstance(event, OtherEvent):
        return event.pallet
    return _PALLETS.get(type(event).__name__, "Market")


def name_of(event: Event) -> str:
    return event.name if isinstance(event, OtherEvent) else type(event).__name__


def concerns(event: Event) -> tuple[int | None, int | None]:
    """The task and the index of the result that an event is about."""
    if isinstance(event, OtherEvent):
        task, index = event.fields.get("task"), event.fields.get("index")
        return (
            task if isinstance(task, int) else None,
            index if isinstance(index, int) else None,
        )
    return getattr(event, "task", None), getattr(event, "index", None)


def event_row(event: Event) -> Values:
    """Its row in ``events``, but for its place."""
    task, index = concerns(event)
    return {
        "pallet": pallet_of(event),
        "name": name_of(event),
        "task": task,
        "result": index,
        "fields": {name: _json(value) for name, value in _facts(event).items()},
    }


def _facts(event: Event) -> Mapping[str, Any]:
    if isinstance(event, OtherEvent):
        return event.fields
    kind: type = type(event)
    return {name: getattr(event, name) for name in _names(kind)}


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def told(event: Event) -> tuple[type[Base], Values] | None:
    """The row that an event has in a table of its own, but for its place."""
    make = _TOLD.get(type(event))
    return swarm_rows.told(event) if make is None else make(event)


def _attestation(event: events.Revealed) -> tuple[type[Base], Values]:
    return AttestationRow, {
        "task": event.task,
        "result": event.index,
        "member": event.member,
        "verdict": event.verdict.value,
        "score": event.score,
        "report": clean(event.report),
        "segment": event.segment,
    }


def _payment(
    kind: str,
    account: str,
    amount: int,
    task: int | None = None,
    index: int | None = None,
    asset: int | None = None,
    source: str | None = None,
) -> tuple[type[Base], Values] | None:
    if not amount:
        return None
    return PaymentRow, {
        "kind": kind,
        "task": task,
        "result": index,
        "account": account,
        "amount": amount,
        "asset": asset,
        "source": source,
    }


_TOLD: Mapping[type, Callable[[Any], tuple[type[Base], Values] | None]] = {
    events.Revealed: _attestation,
    events.ResultAccepted: lambda e: (
        _payment("reward", e.contributor, e.reward, e.task, e.index, e.asset) if e.paid else None
    ),
    # Only rewards in an asset can be late; which one, the task says (see the index).
    events.RewardClaimed: lambda e: _payment("reward", e.contributor, e.reward, e.task, e.index),
    events.FeePaid: lambda e: _payment("fee", e.member, e.amount, e.task, e.index, source=e.source),
    events.BondReturned: lambda e: _payment("bond", e.contributor, e.amount, e.task, e.index),
    events.EscrowRefunded: lambda e: _payment("refund", e.creator, e.amount, e.task, asset=e.asset),
    events.Forfeited: lambda e: _payment("forfeit", e.who, e.amount),
    events.ModelPublished: lambda e: (ModelRow, {"task": e.task, "cid": clean(e.model)}),
    office_events.Misconducted: lambda e: _payment("slash", e.who, e.slashed, source=e.misconduct),
    office_events.OfficeChanged: lambda e: (ElectionRow, {"members": list(e.members)}),
    office_events.Noted: lambda e: (
        DeedRow,
        {"account": e.who, "role": e.role.value, "deed": e.deed},
    ),
}


def task_row(task: Task) -> Values:
    """A task's row, but for the chain and the blocks it changed in."""
    terms = task.terms
    replay = terms.replay
    return {
        "id": task.id,
        "creator": task.creator,
        "task_type": terms.task_type.value,
        "strategy": terms.strategy.value,
        "model_type": terms.model_type.value,
        "storage": terms.storage.value,
        "bundle": clean(terms.bundle),
        "reward": terms.reward,
        "asset": terms.asset,
        "fee": terms.fee,
        "committee_size": terms.committee_size,
        "slots": terms.slots,
        "bond": terms.bond,
        "expires_at": terms.expires_at,
        "working_time": terms.working_time,
        "review_time": terms.review_time,
        "challenge_time": terms.challenge_time,
        "tolerance": terms.tolerance,
        "parent": terms.parent,
        "access": terms.access.value,
        "minimum_reputation": terms.minimum_reputation,
        "reader": terms.reader,
        "replay_checkpoints": None if replay is None else replay.checkpoints,
        "replay_segments": None if replay is None else replay.segments,
        "golds": b"".join(terms.golds),
        "deposit": task.deposit,
        "open_slots": task.open_slots,
        "active": task.active,
        "accepted": task.accepted,
        "submissions": task.submissions,
        "stored": task.stored,
        "created_at": task.created_at,
        "status": task.status.value,
        "published": None if task.published is None else clean(task.published),
        "ended_at": task.ended_at,
        "unreturned": task.unreturned,
    }


def task_of(row: TaskRow) -> Task:
    """The task that a row was made of."""
    replay = (
        Replay(row.replay_checkpoints, row.replay_segments)
        if row.replay_checkpoints is not None and row.replay_segments is not None
        else None
    )
    terms = Terms(
        task_type=TaskType(row.task_type),
        strategy=ValidationStrategy(row.strategy),
        model_type=ModelType(row.model_type),
        storage=StorageType(row.storage),
        bundle=Cid(row.bundle),
        reward=row.reward,
        fee=row.fee,
        committee_size=row.committee_size,
        slots=row.slots,
        bond=row.bond,
        expires_at=row.expires_at,
        working_time=row.working_time,
        review_time=row.review_time,
        reader=row.reader,
        challenge_time=row.challenge_time,
        asset=row.asset,
        tolerance=row.tolerance,
        parent=None if row.parent is None else TaskId(row.parent),
        access=Access(row.access),
        minimum_reputation=row.minimum_reputation,
        replay=replay,
        golds=tuple(row.golds[at : at + _HASH] for at in range(0, len(row.golds), _HASH)),
    )
    return Task(
        id=TaskId(row.id),
        creator=Address(row.creator),
        terms=terms,
        deposit=row.deposit,
        open_slots=row.open_slots,
        active=row.active,
        accepted=row.accepted,
        submissions=row.submissions,
        stored=row.stored,
        created_at=row.created_at,
        status=TaskStatus(row.status),
        published=None if row.published is None else Cid(row.published),
        ended_at=row.ended_at,
        unreturned=row.unreturned,
    )


def submission_row(found: Submission) -> Values:
    """A result's row, but for the chain and the blocks it changed in."""
    return {
        "task": found.task,
        "result": found.index,
        "contributor": found.contributor,
        "accepted_at": found.accepted_at,
        "status": found.status.value,
        "phase": found.phase,
        "window": found.window,
        "deadline": found.deadline,
        "result_cid": None if found.result is None else clean(found.result),
        "submitted_at": found.submitted_at,
        "verdict": found.verdict,
        "score": found.score,
        "outcome": found.outcome,
        "reason": None if found.reason is None else clean(found.reason),
        "ended_at": found.ended_at,
    }


def _json(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {name: _json(part) for name, part in value.items()}
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, tuple | list):
        return [_json(part) for part in value]
    return value
