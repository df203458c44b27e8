"""What results of a task are measured by, as far as it can be said before anything is at stake."""

from __future__ import annotations

from dataclasses import dataclass

from decentralml.bundles.manifest import TaskManifest
from decentralml.errors import ManifestError, StorageError
from decentralml.errors.quantities import format_proportion
from decentralml.market.exchange.fetch import peek_manifest
from decentralml.market.session import Session
from decentralml.types import Task
from decentralml.validation.findings import MAX_REPORT_BYTES, parse_report

REPORTS = 20
"""Results, the newest first, in whose reports the base model's score is looked for."""
TRIES = 4
"""Reports that are read for it at the most: each may have to be waited for."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """What decides about a result.

    Attributes
    ----------
    metric : what is measured, or None.
    minimum_score, minimum_gain : parts per million; None asks for none.
    base_score : of the base model, parts per million, as a committee's report has it; None where
        none has been published.
    base_from : index of the result that report is about.
    validator : the creator's own script that judges, or None.
    """

    metric: str | None
    minimum_score: int | None = None
    minimum_gain: int | None = None
    base_score: int | None = None
    base_from: int | None = None
    validator: str | None = None

    def __str__(self) -> str:
        if self.validator is not None:
            return f"{self.validator}, the creator's own script, decides: read it in the bundle"
        if self.metric is None:
            return "nothing is measured: what passes the checks passes"
        if self.minimum_score is None and self.minimum_gain is None:
            return f"{self.metric} is measured, and whatever it is passes"
        asked = []
        if self.minimum_score is not None:
            asked.append(f"at least {format_proportion(self.minimum_score)}")
        if self.minimum_gain is not None:
            base = "what a committee measures of it"
            if self.base_score is not None:
                base = f"{format_proportion(self.base_score)}, see result {self.base_from}"
            gain = format_proportion(self.minimum_gain)
            asked.append(f"at least {gain} more than the base model's ({base})")
        return f"{self.metric} of {' and '.join(asked)}"


def criteria_of(session: Session, task: Task) -> Criteria | None:
    """What decides about results of a task; None where its bundle cannot be read from here yet."""
    try:
        return criteria(session, task, peek_manifest(session, task.terms.bundle))
    except (StorageError, ManifestError):
        return None


def criteria(session: Session, task: Task, manifest: TaskManifest) -> Criteria:
    """The same of a manifest that was read."""
    if manifest.validator is not None:
        return Criteria(None, validator=manifest.validator.run)
    bar = manifest.evaluation
    if bar is None:
        return Criteria(None)
    score, index = (None, None) if bar.minimum_gain is None else _base(session, task)
    return Criteria(bar.metric, bar.minimum_score, bar.minimum_gain, score, index)


def _base(session: Session, task: Task) -> tuple[int | None, int | None]:
    """The base model's score in a report on one of the newest results, and which result that is."""
    reports = [
        (seat.attestation.report, submission.index)
        for submission in session.chain.submissions(task.id, REPORTS)
        for seat in submission.panel
        if seat.attestation is not None
    ]
    for cid, index in reports[:TRIES]:
        try:
            report = parse_report(session.objects.peek(cid, None, MAX_REPORT_BYTES))
        except (StorageError, ManifestError):
            continue
        about = (report.genesis, report.task, report.index)
        known = about == (session.info.genesis, task.id, index)
        if known and report.finding.base_score is not None:
            return report.finding.base_score, index
    return None, None
