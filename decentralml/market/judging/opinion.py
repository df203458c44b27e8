"""Forming an opinion on a result: fetch, verify, unseal, measure, judge."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from decentralml.bundles.judging import Copies
from decentralml.errors import (
    BundleError,
    DagInvalid,
    NotARecipient,
    ObjectNotFound,
    ObjectTooLarge,
    ResultMismatch,
    SealDamaged,
)
from decentralml.market.contributing.private import claimed
from decentralml.market.exchange.fetch import FetchedTask, fetch_result, fetch_task
from decentralml.market.exchange.sealed import check_handed, known_key
from decentralml.market.exchange.shares import open_validation_set
from decentralml.market.judging.copies import copy_notes, own_sketch
from decentralml.market.judging.told import Sketches
from decentralml.market.judging.twins import without_copies
from decentralml.market.progress import has_seat
from decentralml.market.replaying import drawn_of
from decentralml.market.session import Session
from decentralml.market.work import scratch
from decentralml.sandbox import Limits
from decentralml.types import Submission, TaskId, Verdict
from decentralml.validation.evaluate import Bench
from decentralml.validation.findings import Finding
from decentralml.validation.policies import judge
from decentralml.validation.scores.claims import claims_gap, claims_note

CONTRIBUTORS_FAULT = (BundleError, ResultMismatch, ObjectTooLarge, DagInvalid)
"""What a result that was fetched and is not what it should be looks like."""


@dataclass(frozen=True, slots=True)
class Bar:
    """Everything that results of one task are judged with.

    Attributes
    ----------
    validation_set : the opened folder, or None where the task has none.
    sketches : of the task's ended results.
    """

    session: Session
    task: FetchedTask
    validation_set: Path | None
    bench: Bench
    sketches: Sketches

    def judge(self, submission: Submission, fail_unavailable: bool = False) -> Finding:
        """What this account finds about a result.

        A result that is not what was promised fails. One that cannot be fetched is no finding,
        unless ``fail_unavailable``: the fault may lie with the store, and the bond is at stake.

        Raises
        ------
        ResultSealed, ProfileKeyForeign, StorageError, SandboxError
        """
        try:
            if submission.seal is not None and has_seat(self.session, submission):
                key = known_key(self.session, self.task.terms, submission)
                check_handed(self.session, self.task.terms, submission, key)
            result = fetch_result(self.session, self.task, submission)
        except CONTRIBUTORS_FAULT as error:
            return Finding(Verdict.FAIL, 0, reasons=(str(error),))
        except ObjectNotFound:
            if not fail_unavailable:
                raise
            return Finding(Verdict.FAIL, 0, reasons=("the result cannot be fetched",))
        finding = judge(
            self.task.folder,
            self.task.manifest,
            result.folder,
            self.validation_set,
            self.bench,
            drawn_of(self.session, self.task.terms, submission),
        )
        update = own_sketch(self.session, self.task, submission)
        finding = replace(finding, sketch=update)
        if self.task.manifest.copies is Copies.REFUSE:
            finding = without_copies(self.sketches, submission, finding)
        notes = copy_notes(self.session, self.task, submission)
        claims = claims_note(claims_gap(result.manifest.metrics, finding.metrics))
        private = claimed(self.task, result.manifest.metrics)
        said = (text for text in (claims, private) if text is not None)
        return replace(finding, reasons=(*finding.reasons, *notes, *said))


@contextmanager
def bar(session: Session, task: TaskId, validation_path: Path | None = None) -> Iterator[Bar]:
    """The bar of a task; its validation set is unsealed for as long as the context lasts.

    Parameters
    ----------
    validation_path : the caller's own copy, instead of the sealed one.

    Raises
    ------
    ValidationSetSealed : nobody has given this account its key.
    """
    posted = session.chain.task(task)
    fetched = fetch_task(session, posted)
    with scratch(session.config.work) as space:
        data = validation_path
        wanted = fetched.manifest.validation_set
        if data is None and wanted is not None:
            try:
                data = open_validation_set(session, task, wanted, space)
            except (NotARecipient, SealDamaged, DagInvalid) as error:
                # What the creator sealed cannot be opened as promised: there is no such set.
                session.report.warn(f"the validation set cannot be used: {error}")
        sketches = Sketches(session, posted)
        yield Bar(session, fetched, data, bench_of(session, task, space), sketches)


def bench_of(session: Session, task: TaskId, space: Path) -> Bench:
    """Where the scripts of a task are run to judge its results."""
    return Bench(
        scratch=space / "bench",
        cache=session.config.cache / "base-scores",
        logs=session.work(task).root / "logs",
        limits=Limits(),
    )
