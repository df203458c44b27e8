"""Failing a result whose update is that of another contributor's earlier result.

A member cannot open what others judged; but every report carries a sketch of the update
(:mod:`decentralml.validation.sketches`), and reports are public once they are revealed. A result is
compared with all results of its task that had ended before it was sent: until then nobody but their
committee can have read them, and since then nothing that is compared changes, so that all members
of a committee, and of a jury later, compare with the same. What a sketch is, the majority of the
members that revealed says: so a bad one can neither hide a result from the comparison nor accuse
anybody. Of equal results the first belongs to who sent it; its contributor may send it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import MutableMapping
from dataclasses import replace
from decimal import Decimal

from decentralml.market.reports import read_opinion
from decentralml.market.session import Session
from decentralml.market.tasks import every_submission
from decentralml.types import Submission, Verdict
from decentralml.validation.findings import Finding
from decentralml.validation.likeness import NEAR
from decentralml.validation.sketches import SAME, apart


def without_copies(
    session: Session,
    submission: Submission,
    finding: Finding,
    told: MutableMapping[int, tuple[int, ...]],
) -> Finding:
    """A finding, turned into Fail if the result's update was somebody else's before.

    An update that is near an earlier one, but not the same, is pointed out only.

    Parameters
    ----------
    told : sketches of the task's ended results, by index, as far as they were read; those read
        now are added.
    """
    if finding.sketch is None:
        return finding
    for earlier in _ended_before(session, submission):
        known = told.get(earlier.index) or told_sketch(session, earlier)
        if known is not None:
            told[earlier.index] = known
        distance = 2.0 if known is None else apart(finding.sketch, known)
        if distance >= NEAR:
            continue
        who = f"result {earlier.index} of {earlier.contributor}, sent earlier"
        shown = f"{Decimal(f'{distance:.2g}'):f}"
        if distance >= SAME:
            if earlier.contributor != submission.contributor:
                note = f"near copy: the direction of its update is {shown} from that of {who}"
                finding = replace(finding, reasons=(*finding.reasons, note))
        elif earlier.contributor == submission.contributor:
            break
        else:
            why = f"same update as {who}: their directions are {shown} apart, by their sketches"
            return replace(finding, verdict=Verdict.FAIL, reasons=(why, *finding.reasons))
    return finding


def told_sketch(session: Session, submission: Submission) -> tuple[int, ...] | None:
    """The sketch that most of the members that revealed have in their reports, or None."""
    revealed = sum(seat.attestation is not None for seat in submission.committee)
    told: Counter[tuple[int, ...]] = Counter()
    for seat in submission.committee:
        if seat.attestation is None:
            continue
        sketch = read_opinion(session, submission, seat.member, seat.attestation).sketch
        if sketch is not None:
            told[sketch] += 1
            if 2 * told[sketch] > revealed:
                return sketch
    return None


def _ended_before(session: Session, submission: Submission) -> list[Submission]:
    """The results of the task that had ended before this one was sent, the first sent first."""
    sent = submission.submitted_at
    assert sent is not None
    found = [
        other
        for other in every_submission(session, submission.task)
        if other.submitted_at is not None and other.ended_at is not None and other.ended_at <= sent
    ]
    return sorted(found, key=lambda other: (other.submitted_at or 0, other.index))
