"""Published models in the index, and where they come from.

A model is published by a task. It was merged from the task's accepted results, which others were
paid for, and began from the model that the task's parent published: so each model is a tree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain as joined

from sqlalchemy import ColumnElement, Connection, and_, select

from decentralml.db.models import BlockRow, ModelRow, PaymentRow, SubmissionRow, TaskRow
from decentralml.types import Address, Cid, ModelType, SubmissionStatus, TaskId, TaskType

DEEPEST = 10_000
"""Ancestors that a tree is followed to: a federation of a thousand rounds is one tree."""
REWARD, FEE = "reward", "fee"


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """A model that a task's creator published."""

    cid: Cid
    task: TaskId
    model_type: ModelType
    creator: Address
    published_at: int
    """Unix milliseconds."""
    accepted: int
    """Results of the task that were accepted."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """An accepted result, and what it earned."""

    task: TaskId
    index: int
    contributor: Address
    result: Cid | None
    score: int | None
    """Parts per million."""
    reward: int
    asset: int | None


@dataclass(frozen=True, slots=True)
class Fees:
    """What members of panels earned for a task's results."""

    member: Address
    amount: int


@dataclass(frozen=True, slots=True)
class Ancestor:
    """A task of a model's lineage.

    Where its creator published the same model for more tasks of the same parent (a round that was
    posted again), ``contributions`` and ``fees`` are those of all of them.
    """

    task: TaskId
    task_type: TaskType
    model_type: ModelType
    creator: Address
    bundle: Cid
    model: Cid | None
    """What it led to; None if its creator has published nothing."""
    contributions: tuple[Contribution, ...]
    fees: tuple[Fees, ...]
    parent: TaskId | None


def published_models(
    connection: Connection,
    chain: int,
    *,
    model_type: ModelType | None = None,
    limit: int = 20,
    cid: str | None = None,
    task: TaskId | None = None,
) -> list[PublishedModel]:
    """Models, newest first.

    Parameters
    ----------
    cid, task : only that model (the CID, or its beginning), or those of that task.
    """
    conditions: list[ColumnElement[bool]] = [ModelRow.chain == chain]
    if model_type is not None:
        conditions.append(TaskRow.model_type == model_type.value)
    if cid is not None:
        conditions += [ModelRow.cid >= cid, ModelRow.cid < cid + "~"]
    if task is not None:
        conditions.append(ModelRow.task == task)
    query = (
        select(
            ModelRow.cid,
            ModelRow.task,
            TaskRow.model_type,
            TaskRow.creator,
            TaskRow.accepted,
            BlockRow.time,
        )
        .join(TaskRow, and_(TaskRow.chain == ModelRow.chain, TaskRow.id == ModelRow.task))
        .join(BlockRow, and_(BlockRow.chain == ModelRow.chain, BlockRow.number == ModelRow.block))
        .where(*conditions)
        .order_by(ModelRow.block.desc(), ModelRow.position.desc())
        .limit(limit)
    )
    return [
        PublishedModel(
            Cid(row.cid),
            TaskId(row.task),
            ModelType(row.model_type),
            Address(row.creator),
            row.time,
            row.accepted,
        )
        for row in connection.execute(query)
    ]


def lineage(connection: Connection, chain: int, task: TaskId) -> list[Ancestor]:
    """A task and those that it continues from, the task itself first; empty if it is unknown."""
    found: list[Ancestor] = []
    next_task: TaskId | None = task
    seen: set[TaskId] = set()
    while next_task is not None and next_task not in seen and len(found) < DEEPEST:
        seen.add(next_task)
        ancestor = _ancestor(connection, chain, next_task)
        if ancestor is None:
            break
        found.append(ancestor)
        next_task = ancestor.parent
    return found


def _ancestor(connection: Connection, chain: int, task: TaskId) -> Ancestor | None:
    query = select(
        TaskRow.task_type,
        TaskRow.model_type,
        TaskRow.creator,
        TaskRow.bundle,
        TaskRow.published,
        TaskRow.parent,
    ).where(TaskRow.chain == chain, TaskRow.id == task)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    tasks = [task]
    if row.published is not None:
        tasks = _published_with(connection, chain, task, row.published, row.creator, row.parent)
    paid = {each: _payments(connection, chain, each) for each in tasks}
    contributions = [_contributions(connection, chain, each, paid[each]) for each in tasks]
    return Ancestor(
        task=task,
        task_type=TaskType(row.task_type),
        model_type=ModelType(row.model_type),
        creator=Address(row.creator),
        bundle=Cid(row.bundle),
        model=None if row.published is None else Cid(row.published),
        contributions=tuple(joined.from_iterable(contributions)),
        fees=_fees([each for payments in paid.values() for each in payments]),
        parent=None if row.parent is None else TaskId(row.parent),
    )


def _published_with(
    connection: Connection, chain: int, task: TaskId, model: str, creator: str, parent: int | None
) -> list[TaskId]:
    """The task, and others for which the same account published the same model."""
    query = (
        select(ModelRow.task)
        .join(TaskRow, and_(TaskRow.chain == ModelRow.chain, TaskRow.id == ModelRow.task))
        .where(
            ModelRow.chain == chain,
            ModelRow.cid == model,
            TaskRow.published == model,
            TaskRow.creator == creator,
            TaskRow.parent.is_not_distinct_from(parent),
        )
    )
    return sorted({task, *(TaskId(each) for each in connection.execute(query).scalars())})


@dataclass(frozen=True, slots=True)
class _Paid:
    kind: str
    result: int | None
    account: str
    amount: int
    asset: int | None


def _payments(connection: Connection, chain: int, task: TaskId) -> list[_Paid]:
    query = select(
        PaymentRow.kind,
        PaymentRow.result,
        PaymentRow.account,
        PaymentRow.amount,
        PaymentRow.asset,
    ).where(PaymentRow.chain == chain, PaymentRow.task == task, PaymentRow.kind.in_((REWARD, FEE)))
    return [_Paid(*row) for row in connection.execute(query)]


def _contributions(
    connection: Connection, chain: int, task: TaskId, paid: Sequence[_Paid]
) -> tuple[Contribution, ...]:
    query = (
        select(
            SubmissionRow.result,
            SubmissionRow.contributor,
            SubmissionRow.result_cid,
            SubmissionRow.score,
        )
        .where(
            SubmissionRow.chain == chain,
            SubmissionRow.task == task,
            SubmissionRow.status == SubmissionStatus.ACCEPTED.value,
        )
        .order_by(SubmissionRow.result)
    )
    rewards = {each.result: each for each in paid if each.kind == REWARD}
    found = []
    for row in connection.execute(query):
        reward = rewards.get(row.result)
        found.append(
            Contribution(
                task,
                row.result,
                Address(row.contributor),
                None if row.result_cid is None else Cid(row.result_cid),
                row.score,
                0 if reward is None else reward.amount,
                None if reward is None else reward.asset,
            )
        )
    return tuple(found)


def _fees(paid: Sequence[_Paid]) -> tuple[Fees, ...]:
    sums: dict[str, int] = {}
    for each in paid:
        if each.kind == FEE:
            sums[each.account] = sums.get(each.account, 0) + each.amount
    return tuple(Fees(Address(member), amount) for member, amount in sorted(sums.items()))
