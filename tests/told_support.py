"""A task on a chain of paper, with results and reports that are counted as they are read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from decentralml.chain.errors import UnknownSubmission
from decentralml.errors import ObjectNotFound
from decentralml.market.judging.told import Sketches
from decentralml.market.records import Records
from decentralml.market.session import Session
from decentralml.types import (
    Address,
    Attestation,
    Cid,
    Seat,
    Submission,
    SubmissionStatus,
    Task,
    TaskId,
    Verdict,
)
from decentralml.validation.findings import Finding, Report

GENESIS = bytes(range(32))
MEMBERS = tuple(map(Address, ("mia", "moe", "max")))


def result(index: int, who: Address, sent: int, ended: int | None) -> Submission:
    return Submission(
        TaskId(1), index, who, 0, 0, 0, 0, SubmissionStatus.ACCEPTED,
        result=Cid(f"result-{index}"), submitted_at=sent, ended_at=ended,
        committee=tuple(
            Seat(member, attestation=Attestation(Verdict.PASS, 5, Cid(f"{index}/{member}")))
            for member in MEMBERS
        ),
    )  # fmt: skip


class Paper:
    """The chain and the store; ``task`` is the only one."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.results: dict[int, Submission] = {}
        self.reports: dict[Cid, bytes] = {}
        self.count = 0
        """Indices that were handed out, those of results that are gone included."""
        self.asked: list[int] = []
        """Indices that the chain was asked about."""
        self.read: list[Cid] = []
        """Reports that the store was asked for."""

    def add(self, found: Submission, says: Mapping[str, Any] | tuple[int, ...] | None) -> None:
        """A result; ``says`` is each member's sketch, or that of all of them."""
        self.results[found.index] = found
        self.count = max(self.count, found.index + 1)
        for member in MEMBERS:
            sketch = says.get(member) if isinstance(says, Mapping) else says
            finding = Finding(Verdict.PASS, 5, ("measured",), sketch=sketch)
            assert found.result is not None
            report = Report("0x" + GENESIS.hex(), found.task, found.index, found.result, finding)
            self.reports[Cid(f"{found.index}/{member}")] = report.to_json()

    def sketches(self) -> Sketches:
        """As a new process has them."""
        info = SimpleNamespace(genesis="0x" + GENESIS.hex())
        session = SimpleNamespace(
            info=info,
            chain=SimpleNamespace(
                task=lambda _: self.task(), submission=self._one, submissions=self._page
            ),
            objects=SimpleNamespace(get_bytes=self._get),
            records=lambda kind: Records(self.home, GENESIS, kind),
        )
        return Sketches(cast(Session, session), self.task())

    def task(self) -> Task:
        return cast(Task, SimpleNamespace(id=TaskId(1), created_at=7, submissions=self.count))

    def _one(self, task: TaskId, index: int) -> Submission:
        self.asked.append(index)
        if index not in self.results:
            raise UnknownSubmission.foreseen(task=task, index=index)
        return self.results[index]

    def _page(self, _: TaskId, limit: int, before: int) -> list[Submission]:
        there = [index for index in sorted(self.results, reverse=True) if index < before][:limit]
        self.asked += there
        return [self.results[index] for index in there]

    def _get(self, cid: Cid, _: int) -> bytes:
        self.read.append(cid)
        if cid not in self.reports:
            raise ObjectNotFound(cid, "nowhere")
        return self.reports[cid]
