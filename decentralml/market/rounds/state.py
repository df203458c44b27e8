"""What is written down of a federated run: the rounds so far, and what came of each.

The chain is the truth about tasks, results and money; this says which tasks are a run's, and what
its creator measured. It is written before and after every step, in one piece::

    home/runs/<first 8 hex digits of the genesis>/<name>/
        run.json        this
        round-001/      the model that the first round made, and so on
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from decentralml.errors import RecordDamaged, RunUnknown
from decentralml.market.merging.private import Spending
from decentralml.market.plain import to_plain
from decentralml.market.session import Session
from decentralml.service.files import write_atomically
from decentralml.types import Cid, TaskId

FORMAT = "decentralml/run@1"
RUN_FILE = "run.json"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One task of a round.

    Attributes
    ----------
    bundle : CID of the task's, by which it is known again: a fork may give the task another number.
    closed_at : when the run took no more of its results; None while it goes on. Unix milliseconds.
    accepted : indices of the results that were accepted when the round's last attempt was closed:
        those that are merged.
    ended : how the others stood then, by status.
    """

    task: TaskId
    bundle: Cid
    closed_at: int | None = None
    accepted: tuple[int, ...] = ()
    ended: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Round:
    """One round.

    Attributes
    ----------
    number : from one.
    attempts : its tasks; more than one where too few results came of those before.
    merged : the task whose results were merged; of several attempts the newest that has any.
    results : how many results were merged, of all attempts.
    model : CID of what was published.
    measured : whether the creator has measured it, or found that it cannot.
    score : parts per million, on the creator's own data; None where it was not measured.
    privacy : what has been spent with it; None where nothing is private.
    """

    number: int
    attempts: tuple[Attempt, ...] = ()
    merged: TaskId | None = None
    results: int = 0
    model: Cid | None = None
    rule: str = ""
    measured: bool = False
    score: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    privacy: Spending | None = None

    @property
    def newest(self) -> Attempt | None:
        return self.attempts[-1] if self.attempts else None

    @property
    def accepted(self) -> int:
        """Accepted results of all attempts."""
        return sum(len(attempt.accepted) for attempt in self.attempts)

    def with_newest(self, attempt: Attempt) -> Round:
        return replace(self, attempts=(*self.attempts[:-1], attempt))


@dataclass(frozen=True, slots=True)
class Run:
    """A federated run, as far as it has come.

    Attributes
    ----------
    terms : what it was begun with, by field: the same command gives the same.
    score : of the model that it began from, parts per million; None where it was not measured.
    exhausted : whether one more round would go beyond the budget of privacy.
    """

    name: str
    terms: Mapping[str, str]
    rounds: tuple[Round, ...] = ()
    score: int | None = None
    measured: bool = False
    exhausted: bool = False

    @property
    def current(self) -> Round | None:
        return self.rounds[-1] if self.rounds else None

    @property
    def finished(self) -> tuple[Round, ...]:
        """The rounds that have a model and were measured."""
        return tuple(each for each in self.rounds if each.model is not None and each.measured)

    @property
    def best(self) -> Round | None:
        """The finished round with the highest score, the earliest of equals; else the last."""
        if not self.finished:
            return None
        scored = [each for each in self.finished if each.score is not None]
        return max(scored, key=lambda each: each.score or 0) if scored else self.finished[-1]

    def with_current(self, round: Round) -> Run:
        return replace(self, rounds=(*self.rounds[:-1], round))


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where a run is kept."""

    root: Path

    @property
    def file(self) -> Path:
        return self.root / RUN_FILE

    def model(self, round: int) -> Path:
        return self.root / f"round-{round:03}"

    def write(self, run: Run) -> Run:
        document = {"format": FORMAT} | to_plain(run)
        text = json.dumps(document, sort_keys=True, indent=1) + "\n"
        write_atomically(self.file, text.encode("utf-8"))
        return run

    def read(self) -> Run | None:
        """None where there is none yet. Raises RecordDamaged."""
        try:
            document = json.loads(self.file.read_text("utf-8"))
            return _parse(document)
        except FileNotFoundError:
            return None
        except (ValueError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
            raise RecordDamaged(self.file) from None


def folder_of(session: Session, name: str) -> RunFolder:
    return RunFolder(_runs(session) / name)


def list_runs(session: Session) -> list[Run]:
    """The runs of this home on this chain, by name."""
    folders = sorted(p.parent for p in _runs(session).glob(f"*/{RUN_FILE}"))
    return [run for folder in folders if (run := RunFolder(folder).read()) is not None]


def read_run(session: Session, name: str) -> Run:
    """Raises RunUnknown, RecordDamaged."""
    known = tuple(sorted(p.parent.name for p in _runs(session).glob(f"*/{RUN_FILE}")))
    run = folder_of(session, name).read() if name in known else None
    if run is None:
        raise RunUnknown(name, known)
    return run


def _runs(session: Session) -> Path:
    return session.config.home / "runs" / session.genesis.hex()[:8]


def _parse(document: dict[str, Any]) -> Run:
    if document.pop("format") != FORMAT:
        raise ValueError(FORMAT)
    rounds = tuple(_round(each) for each in document.pop("rounds"))
    return Run(rounds=rounds, **document)


def _round(document: dict[str, Any]) -> Round:
    attempts = tuple(
        Attempt(**each | {"accepted": tuple(each["accepted"])}) for each in document.pop("attempts")
    )
    spent = document.pop("privacy", None)
    return Round(
        attempts=attempts, privacy=None if spent is None else Spending(**spent), **document
    )
