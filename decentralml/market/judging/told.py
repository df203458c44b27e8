"""The sketches in a task's public reports, remembered in the home folder once they were read.

Reports come from a store that may be slow, and of an ended result nothing that is compared changes.
So each is read once, whatever process asks; a visit costs what has ended since the one before::

    home/records/<genesis>/sketches/<task>-<created at>.jsonl     one line a result, the last counts

The file may be deleted at any time; it is read from the chain and the store again.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

from decentralml.chain.errors import UnknownSubmission
from decentralml.market.reports import read_opinion
from decentralml.market.session import Session
from decentralml.market.tasks import PAGE
from decentralml.service.files import locked
from decentralml.types import Address, Submission, Task

AGAIN_SECONDS = 3600.0
"""After this a report that could not be read is asked for again, as its store may be back; and
then whenever its result has become twice as old."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of one result of a task.

    Attributes
    ----------
    contributor, submitted_at, ended_at : from the chain; None where there never was a result.
    sketch : what most members that revealed say; None if they say nothing, or cannot be read.
    again : Unix seconds at which the reports are to be read again; None: never.
    """

    index: int
    contributor: Address | None = None
    submitted_at: int | None = None
    ended_at: int | None = None
    sketch: tuple[int, ...] | None = None
    again: float | None = None


class Sketches:
    """The sketches of one task's ended results; a file of them is shared by all processes."""

    def __init__(self, session: Session, task: Task) -> None:
        self._session, self._task = session, task
        folder = session.records("sketches").folder
        self._file = folder / f"{task.id}-{task.created_at}.jsonl"

    @cached_property
    def _known(self) -> dict[int, Told]:
        return _read(self._file)

    def ended_before(self, submission: Submission) -> list[Told]:
        """Results that had ended before this one was sent, the first sent first.

        Read are those that nobody here has read before.
        """
        sent = submission.submitted_at
        assert sent is not None
        known = self._known
        found: list[Told] = []
        count = self._session.chain.task(self._task.id).submissions
        for run in _runs([index for index in range(count) if index not in known]):
            there = {each.index: each for each in self._on_chain(run)}
            for index in run:
                other = there.get(index)
                if other is None:  # Given back, or cleared: its number is not used again.
                    found.append(Told(index))
                elif other.ended_at is not None and other.ended_at <= sent:
                    found.append(self._read(other))
        now = time.time()
        for each in known.values():
            if each.again is not None and each.again <= now:
                found.append(self._once_more(each))
        self._remember(found)
        earlier = [
            each
            for each in known.values()
            if each.submitted_at is not None and each.ended_at is not None and each.ended_at <= sent
        ]
        return sorted(earlier, key=lambda each: (each.submitted_at or 0, each.index))

    def of(self, submission: Submission) -> tuple[int, ...] | None:
        """The sketch of a result, ended or not, as far as its committee has revealed it."""
        if submission.ended_at is None:
            return self._read(submission).sketch
        known = self._known.get(submission.index)
        if known is None or not _same(known, submission):
            known = self._read(submission)
            self._remember([known])
        return known.sketch

    def confirmed(self, told: Told) -> Told | None:
        """What the chain says of a result now: it may have been cleared, or be in other blocks."""
        try:
            found = self._session.chain.submission(self._task.id, told.index)
        except UnknownSubmission:
            return None
        if _same(told, found):
            return told
        fresh = self._read(found)
        self._remember([fresh])
        return fresh

    def _on_chain(self, run: range) -> Iterator[Submission]:
        before = run.stop
        while before > run.start:
            wanted = min(PAGE, before - run.start)
            page = self._session.chain.submissions(self._task.id, wanted, before)
            yield from page
            if len(page) < wanted:
                return
            before = page[-1].index

    def _read(self, submission: Submission) -> Told:
        told = Told(submission.index, *_facts(submission))
        if submission.submitted_at is None:
            return told
        sketch, readable = told_sketch(self._session, submission)
        if readable or sketch is not None:
            return replace(told, sketch=sketch)
        now = time.time()
        age = now - (submission.ended_at or 0) / 1000
        return replace(told, again=now + max(age, AGAIN_SECONDS))

    def _once_more(self, told: Told) -> Told:
        try:
            return self._read(self._session.chain.submission(self._task.id, told.index))
        except UnknownSubmission:
            return Told(told.index)

    def _remember(self, found: Sequence[Told]) -> None:
        if not found:
            return
        for each in found:
            if each.contributor is None or each.ended_at is not None:
                self._known[each.index] = each
            else:  # Other blocks have it go on: it is looked at again.
                self._known.pop(each.index, None)
        # A line begins with its end, so that one which was cut off spoils no other.
        ended = (each for each in found if each.index in self._known)
        lines = "".join("\n" + json.dumps(asdict(each)) for each in ended)
        with (
            suppress(OSError),  # On a full disk it is read again the next time.
            locked(self._file.with_suffix(".lock")),
            self._file.open("a", encoding="utf-8") as out,
        ):
            out.write(lines)


def told_sketch(session: Session, submission: Submission) -> tuple[tuple[int, ...] | None, bool]:
    """The sketch that most of the members that revealed have in their reports, if there is one.

    Returns
    -------
    The sketch or None, and whether all reports that were looked at could be used.
    """
    revealed = sum(seat.attestation is not None for seat in submission.committee)
    told: Counter[tuple[int, ...]] = Counter()
    usable = True
    for seat in submission.committee:
        if seat.attestation is None:
            continue
        opinion = read_opinion(session, submission, seat.member, seat.attestation)
        usable = usable and opinion.problem is None
        if opinion.sketch is not None:
            told[opinion.sketch] += 1
            if 2 * told[opinion.sketch] > revealed:
                return opinion.sketch, usable
    return None, usable


def _facts(submission: Submission) -> tuple[Address, int | None, int | None]:
    return submission.contributor, submission.submitted_at, submission.ended_at


def _same(told: Told, submission: Submission) -> bool:
    return _facts(submission) == (told.contributor, told.submitted_at, told.ended_at)


def _runs(indices: Sequence[int]) -> Iterator[range]:
    """Ascending numbers as ranges without gaps."""
    start = 0
    for place in range(1, len(indices) + 1):
        if place == len(indices) or indices[place] != indices[place - 1] + 1:
            yield range(indices[start], indices[place - 1] + 1)
            start = place


def _read(file: Path) -> dict[int, Told]:
    """What was remembered; a line that was not written to its end was not."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except (FileNotFoundError, UnicodeDecodeError):
        return {}
    known = {}
    for line in lines:
        try:
            entry = json.loads(line)
            sketch = entry.pop("sketch")
            told = Told(sketch=None if sketch is None else tuple(sketch), **entry)
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
        known[told.index] = told
    return known
