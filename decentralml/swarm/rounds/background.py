"""Work beside a node's loop, which must go on meanwhile: fetching and merging may take minutes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

BRIEF = 0.05
"""Seconds that are given to work before the loop goes on: most of it takes no longer."""


@dataclass
class _Job(Generic[T]):
    key: Hashable
    done: threading.Event = field(default_factory=threading.Event)
    result: list[T] = field(default_factory=list)
    failure: BaseException | None = None

    def run(self, work: Callable[[], T]) -> None:
        try:
            self.result.append(work())
        except BaseException as error:
            self.failure = error
        finally:
            self.done.set()


class Background(Generic[T]):
    """One job at a time, in a thread that keeps no process from ending."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._job: _Job[T] | None = None

    @property
    def is_busy(self) -> bool:
        return self._job is not None and not self._job.done.is_set()

    def outcome(self, key: Hashable, work: Callable[[], T]) -> list[T]:
        """What came of the work for a key, once; nothing while it goes on.

        It is begun if it has not been; after whatever is done for another key, which nobody wants
        any more.

        Raises
        ------
        whatever the work raised
        """
        job = self._job
        if job is None or (job.key != key and job.done.is_set()):
            job = self._job = _Job(key)
            threading.Thread(target=job.run, args=(work,), name=self._name, daemon=True).start()
        if not job.done.wait(BRIEF) or job.key != key:
            return []
        self._job = None
        if job.failure is not None:
            raise job.failure
        return job.result
