"""Which tasks a worker takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from decentralml.errors import DataFolderUnfit
from decentralml.market.session import Session
from decentralml.market.tasks import every_submission
from decentralml.types import Access, Address, ModelType, Role, Task, TaskType


@dataclass(frozen=True, slots=True)
class WorkerPolicy:
    """What a contributor's daemon may do in its name. Empty sets allow everything.

    Attributes
    ----------
    data : folder lent to every task's script, read-only.
    minimum_reward : planck, or the smallest units of ``asset``; rewards in others are not taken.
    minimum_standing : of a creator, parts per million.
    largest_bond : planck that may be at stake for one task; None: any.
    at_most : slots held at a time.
    trust_setup : run set-up scripts, OUTSIDE the sandbox. Only with ``creators`` that are named.
    seconds, memory : limits of one run; memory in bytes.
    """

    data: Path
    task_types: frozenset[TaskType] = frozenset({TaskType.MODEL_CONTRIBUTOR})
    model_types: frozenset[ModelType] = frozenset()
    creators: frozenset[Address] = frozenset()
    minimum_reward: int = 0
    asset: int | None = None
    minimum_standing: int = 0
    largest_bond: int | None = None
    at_most: int = 1
    trust_setup: bool = False
    sandboxed: bool = True
    seconds: float = 3600.0
    memory: int = 4 << 30

    def check(self) -> None:
        """Raise DataFolderUnfit unless there is something to train on."""
        if not self.data.is_dir():
            raise DataFolderUnfit(self.data, "is no folder")
        if not any(self.data.iterdir()):
            raise DataFolderUnfit(self.data, "is empty")

    def wants(self, task: Task) -> bool:
        """Whether a task's terms are such that it may be taken."""
        terms = task.terms
        return (
            (not self.task_types or terms.task_type in self.task_types)
            and (not self.model_types or terms.model_type in self.model_types)
            and (not self.creators or task.creator in self.creators)
            and terms.asset == self.asset
            and terms.reward >= self.minimum_reward
            and (self.largest_bond is None or terms.bond <= self.largest_bond)
        )


def may_take(session: Session, policy: WorkerPolicy, task: Task) -> bool:
    """Whether the account, and the task's creator, are such that it may take a slot now."""
    if task.creator == session.address:
        return False
    chain, me = session.chain, session.address
    if task.terms.access is Access.INVITED and not chain.invited(task.id, me):
        return False
    least = task.terms.minimum_reputation
    if least and chain.reputation(me, Role.CONTRIBUTOR).standing < least:
        return False
    if policy.minimum_standing:
        return chain.reputation(task.creator, Role.CREATOR).standing >= policy.minimum_standing
    return True


def has_worked(session: Session, task: Task) -> bool:
    """Whether the account has, or had, a slot of a task."""
    return any(each.contributor == session.address for each in every_submission(session, task.id))
