"""What to look for in the index; kept apart so that asking imports no database."""

from __future__ import annotations

from dataclasses import dataclass, replace

from decentralml.types import Address, ModelType, Task, TaskStatus, TaskType

NATIVE = -1
"""In place of an asset: rewards in the chain's own token."""
MOST_REWARD = 2**128 - 1
MOST_ASSET = 2**32 - 1
MOST_TIME = 2**63 - 1
MOST_TASKS = 2**40
"""Of one chain, in an index."""


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks; everything given must hold. None, or nothing in it, is no condition.

    Attributes
    ----------
    reward_from, reward_to : planck, or the smallest units of ``asset``; both included.
    asset : of the reward; :data:`NATIVE` for the chain's own token.
    words : text; each word in it must begin a word of the task's.
    open_at : only those with a slot that can be accepted at this time (Unix milliseconds).
    """

    task_types: tuple[TaskType, ...] = ()
    model_types: tuple[ModelType, ...] = ()
    statuses: tuple[TaskStatus, ...] = ()
    creator: Address | None = None
    asset: int | None = None
    reward_from: int | None = None
    reward_to: int | None = None
    words: str | None = None
    open_at: int | None = None

    @property
    def has_range(self) -> bool:
        return self.reward_from is not None or self.reward_to is not None


@dataclass(frozen=True, slots=True)
class FoundTask:
    """A task, and whether the chain has cleared it from its storage."""

    task: Task
    cleared_in: int | None


def bounded(wanted: TaskFilter) -> TaskFilter | None:
    """The same question within what a chain can hold; None if nothing can fit it.

    Beyond that databases complain, or compare numbers as the text that they keep them in.
    """
    least, most = wanted.reward_from, wanted.reward_to
    if (least is not None and least > MOST_REWARD) or (most is not None and most < 0):
        return None
    if wanted.asset is not None and not NATIVE <= wanted.asset <= MOST_ASSET:
        return None
    if wanted.open_at is not None and wanted.open_at > MOST_TIME:
        return None
    if wanted.creator is not None and not (wanted.creator.isascii() and "\0" not in wanted.creator):
        return None
    return replace(
        wanted,
        reward_from=None if least is None else max(least, 0),
        reward_to=None if most is None else min(most, MOST_REWARD),
    )
