"""What committee members wrote about a result: the documents behind their attestations' CIDs.

The chain holds verdict and score, which count; the report says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from decentralml.errors import ManifestError, StorageError
from decentralml.market.session import Session
from decentralml.types import Address, Attestation, Cid, Submission, Verdict
from decentralml.validation.findings import MAX_REPORT_BYTES, Finding, Report, parse_report


@dataclass(frozen=True, slots=True)
class Opinion:
    """One member's attestation, with its reasons as far as its report can be read.

    Attributes
    ----------
    verdict, score : from the chain; None while the member has revealed nothing.
    sketch : of the result's update, as the member's report has it.
    problem : why the report behind it cannot be used, if so.
    """

    member: Address
    verdict: Verdict | None = None
    score: int | None = None
    report: Cid | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    sketch: tuple[int, ...] | None = None
    problem: str | None = None


def write_report(session: Session, submission: Submission, finding: Finding) -> Cid:
    """Keep the report of a finding; it is published when the finding is revealed."""
    assert submission.result is not None
    report = Report(
        session.info.genesis, submission.task, submission.index, submission.result, finding
    )
    return session.objects.put_bytes(report.to_json())


def publish_report(session: Session, report: Cid) -> None:
    """Show others the report behind a finding. Raises StorageError."""
    session.objects.publish(report)


def read_opinions(session: Session, submission: Submission) -> tuple[Opinion, ...]:
    """What each member of a submission's committee has found."""
    return tuple(
        Opinion(seat.member)
        if seat.attestation is None
        else read_opinion(session, submission, seat.member, seat.attestation)
        for seat in submission.committee
    )


def read_opinion(
    session: Session, submission: Submission, member: Address, attestation: Attestation
) -> Opinion:
    """What one member that revealed has found about a submission."""
    known = (member, attestation.verdict, attestation.score, attestation.report)
    try:
        report = parse_report(session.objects.get_bytes(attestation.report, MAX_REPORT_BYTES))
    except (StorageError, ManifestError) as error:
        return Opinion(*known, problem=str(error))
    about = (report.genesis, report.task, report.index, report.result)
    if about != (session.info.genesis, submission.task, submission.index, submission.result):
        return Opinion(*known, problem="its report is about another result")
    finding = report.finding
    return Opinion(*known, metrics=finding.metrics, reasons=finding.reasons, sketch=finding.sketch)
