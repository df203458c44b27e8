"""Failing a result whose update is that of another contributor's earlier result.

A member cannot open what others judged; but every report carries a sketch of the update
(:mod:`decentralml.validation.sketches`), and reports are public once they are revealed
(:mod:`.told`). A result is compared with all results of its task that had ended before it was sent:
until then nobody but their committee can have read them, and since then nothing that is compared
changes, so that all members of a committee, and of a jury later, compare with the same. What a
sketch is, the majority of the members that revealed says: so a bad one can neither hide a result
from the comparison nor accuse anybody. Of equal results the first belongs to who sent it; its
contributor may send it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from decentralml.market.judging.told import Sketches, Told
from decentralml.types import Submission, Verdict
from decentralml.validation.findings import Finding
from decentralml.validation.likeness import NEAR
from decentralml.validation.sketches import SAME, apart


def without_copies(sketches: Sketches, submission: Submission, finding: Finding) -> Finding:
    """A finding, turned into Fail if the result's update was somebody else's before.

    An update that is near an earlier one, but not the same, is pointed out only.
    """
    if finding.sketch is None:
        return finding
    for remembered in sketches.ended_before(submission):
        if _apart(finding, remembered) >= NEAR:
            continue
        # What is remembered is not the truth; the chain is.
        earlier = sketches.confirmed(remembered)
        if earlier is None or not _ended_before(earlier, submission):
            continue
        distance = _apart(finding, earlier)
        if distance >= NEAR:
            continue
        who = f"result {earlier.index} of {earlier.contributor}, sent earlier"
        shown = _number(distance)
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


@dataclass(frozen=True, slots=True)
class Likeness:
    """A result whose update is near that of another contributor's earlier result.

    Attributes
    ----------
    index : of the result.
    earlier : the one of those sent before it that is nearest.
    apart : how far apart the directions of the two are, by their sketches.
    """

    index: int
    earlier: Submission
    apart: float

    def __str__(self) -> str:
        what = "the same update as" if self.apart < SAME else "nearly the update of"
        return (
            f"{what} result {self.earlier.index} of {self.earlier.contributor}, sent earlier: "
            f"their directions are {_number(self.apart)} apart, by the sketches in public reports"
        )


def likenesses(sketches: Sketches, found: Sequence[Submission]) -> dict[int, Likeness]:
    """Which results of a task are like an earlier one of another contributor, by their index.

    It is no verdict: also results are compared that were sent before the other had ended, which a
    committee cannot have known (docs/protocol.md, "Copies").
    """
    alike: dict[int, Likeness] = {}
    told: list[tuple[Submission, tuple[int, ...]]] = []
    for later in sorted(found, key=lambda each: (each.submitted_at or 0, each.index)):
        sketch = sketches.of(later)
        if sketch is None:
            continue
        near = [
            Likeness(later.index, earlier, distance)
            for earlier, other in told
            if earlier.contributor != later.contributor
            and (distance := apart(sketch, other)) < NEAR
        ]
        if near:
            alike[later.index] = min(near, key=lambda each: each.apart)
        told.append((later, sketch))
    return alike


def _number(distance: float) -> str:
    return f"{Decimal(f'{distance:.2g}'):f}"


def _apart(finding: Finding, other: Told) -> float:
    """How far apart the directions of two updates are; as far as can be where one is unknown."""
    if finding.sketch is None or other.sketch is None:
        return 2.0
    return apart(finding.sketch, other.sketch)


def _ended_before(earlier: Told, submission: Submission) -> bool:
    assert submission.submitted_at is not None
    return earlier.ended_at is not None and earlier.ended_at <= submission.submitted_at
