"""What to look for in the index; kept apart so that asking imports no database."""

from __future__ import annotations

from dataclasses import dataclass

from decentralml.types import Address, ModelType, Task, TaskStatus, TaskType

NATIVE = -1
"""In place of an asset: rewards in the chain's own token."""


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
