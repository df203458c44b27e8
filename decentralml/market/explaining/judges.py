"""What each member of a result's panels did, said and earned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from decentralml.chain import events
from decentralml.chain.history import History
from decentralml.market.explaining.steps import all_events
from decentralml.market.reports import Opinion, read_opinions
from decentralml.market.session import Session
from decentralml.types import Address, Attestation, Cid, PanelFinding, Seat, Verdict


@dataclass(frozen=True, slots=True)
class Judge:
    """What one member of a panel did.

    Attributes
    ----------
    absent, unrevealed : whether it did not commit, or not reveal, in time.
    segment : of the training, that did not replay when the member did it again.
    within : whether its verdict is the one that counts and its score within the task's tolerance
        of it; None while either is not known.
    fee : planck.
    slashed : planck.
    opinion : its report, as far as that can be read; None where it was not looked for.
    """

    member: Address
    jury: bool
    committed: bool
    absent: bool
    unrevealed: bool
    verdict: Verdict | None
    score: int | None
    segment: int | None
    within: bool | None
    fee: int
    slashed: int
    report: Cid | None
    opinion: Opinion | None


def judges_of(
    history: History, findings: Mapping[bool, PanelFinding], session: Session | None = None
) -> list[Judge]:
    """Who was on the committee and, after them, on the jury, in the order of the draw.

    Parameters
    ----------
    findings : of the jury (True) and of the committee.
    session : to read the members' reports with, if they are wanted.
    """
    judges = _as_told(history)
    standing = {jury: found for jury, found in findings.items() if _stands(judges, jury, found)}
    # The jury's finding measures the committee, too, where it stands.
    measure = standing.get(True) or standing.get(False)
    tolerance = history.task.terms.tolerance
    if measure is not None:
        judges = [replace(judge, within=_is_within(judge, measure, tolerance)) for judge in judges]
    return judges if session is None else _with_reports(session, history, judges)


def _as_told(history: History) -> list[Judge]:
    """What the events say of each."""
    found: dict[tuple[bool, Address], Judge] = {}
    jury = False

    def mark(of_jury: bool, member: Address, **facts: Any) -> None:
        new = Judge(member, of_jury, False, False, False, None, None, None, None, 0, 0, None, None)
        found[of_jury, member] = replace(found.get((of_jury, member), new), **facts)

    for _, event in all_events(history):
        match event:
            case events.CommitteeDrawn():
                for member in event.members:
                    mark(False, member)
            case events.Appealed():
                jury = True
                for member in event.jury:
                    mark(True, member)
            case events.Committed():
                mark(jury, event.member, committed=True)
            case events.Revealed():
                said = {"verdict": event.verdict, "score": event.score, "report": event.report}
                mark(jury, event.member, segment=event.segment, **said)
            case events.MemberAbsent():
                mark(jury, event.member, absent=True)
            case events.MemberUnrevealed():
                mark(jury, event.member, unrevealed=True)
            case events.FeePaid():
                mark(event.source in ("Appeal", "Slot"), event.member, fee=event.amount)
            case events.Misconducted():
                # A jury breaks no other duties; what is overturned or withheld is a committee's.
                of_jury = jury and event.misconduct in ("Absent", "Unrevealed")
                mark(of_jury, event.who, slashed=event.slashed)
    return list(found.values())


def _stands(judges: list[Judge], jury: bool, finding: PanelFinding) -> bool:
    """Whether a verdict found its majority; else nobody on the panel has earned anything."""
    panel = [each for each in judges if each.jury == jury and (jury or not each.absent)]
    given = [each.verdict for each in panel if each.verdict is not None]
    enough = jury or 2 * len(given) >= len(panel)
    return enough and 2 * given.count(finding.verdict) > len(panel if jury else given)


def _is_within(judge: Judge, measure: PanelFinding, tolerance: int) -> bool | None:
    if judge.verdict is None or judge.score is None:
        return None
    return judge.verdict is measure.verdict and abs(judge.score - measure.score) <= tolerance


def _with_reports(session: Session, history: History, judges: list[Judge]) -> list[Judge]:
    """With what the members wrote, from wherever the session's store finds it."""
    assert history.submission is not None, "only results have judges"
    seats = tuple(Seat(judge.member, attestation=_attestation(judge)) for judge in judges)
    opinions = read_opinions(session, replace(history.submission, committee=seats))
    return [
        judge if judge.report is None else replace(judge, opinion=opinion)
        for judge, opinion in zip(judges, opinions, strict=True)
    ]


def _attestation(judge: Judge) -> Attestation | None:
    if judge.report is None or judge.verdict is None:
        return None
    return Attestation(judge.verdict, judge.score or 0, judge.report, judge.segment)
