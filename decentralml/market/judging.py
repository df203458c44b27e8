"""Forming an opinion on a result: fetch, verify, unseal, measure, judge."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from decentralml.bundles.sealing import unseal_folder
from decentralml.errors import (
    BundleError,
    DagInvalid,
    NotARecipient,
    ObjectNotFound,
    ObjectTooLarge,
    ResultMismatch,
    ValidationSetSealed,
)
from decentralml.market.fetch import FetchedResult, FetchedTask, fetch_result, fetch_task
from decentralml.market.session import Session
from decentralml.market.work import scratch
from decentralml.sandbox import Limits
from decentralml.types import Submission, TaskId, Verdict
from decentralml.validation.evaluate import Bench
from decentralml.validation.findings import Finding
from decentralml.validation.policies import judge

CONTRIBUTORS_FAULT = (BundleError, ResultMismatch, ObjectTooLarge, DagInvalid)
"""What a result that was fetched and is not what it should be looks like."""


@dataclass(frozen=True, slots=True)
class Bar:
    """Everything that results of one task are judged with.

    Attributes
    ----------
    validation_set : the opened folder, or None where the task has none.
    """

    session: Session
    task: FetchedTask
    validation_set: Path | None
    bench: Bench

    def judge(self, submission: Submission, fail_unavailable: bool = False) -> Finding:
        """What this account finds about a result.

        A result that is not what was promised fails. One that cannot be fetched is no finding,
        unless ``fail_unavailable``: the fault may lie with the store, and the bond is at stake.

        Raises
        ------
        StorageError, SandboxError
        """
        try:
            result = fetch_result(self.session, self.task, submission)
        except CONTRIBUTORS_FAULT as error:
            return Finding(Verdict.FAIL, 0, reasons=(str(error),))
        except ObjectNotFound:
            if not fail_unavailable:
                raise
            return Finding(Verdict.FAIL, 0, reasons=("the result cannot be fetched",))
        return self.judge_fetched(result)

    def judge_fetched(self, result: FetchedResult) -> Finding:
        return judge(
            self.task.folder, self.task.manifest, result.folder, self.validation_set, self.bench
        )


@contextmanager
def bar(session: Session, task: TaskId, validation_path: Path | None = None) -> Iterator[Bar]:
    """The bar of a task; its validation set is unsealed for as long as the context lasts.

    Parameters
    ----------
    validation_path : the caller's own copy, instead of the sealed one.

    Raises
    ------
    ValidationSetSealed : it was sealed to others.
    """
    fetched = fetch_task(session, session.chain.task(task))
    with scratch(session.config.work) as space:
        data = validation_path
        if data is None and fetched.manifest.validation_set is not None:
            data = _unseal(session, fetched, task, space)
        bench = Bench(
            scratch=space / "bench",
            cache=session.config.cache / "base-scores",
            logs=session.work(task).root / "logs",
            limits=Limits(),
        )
        yield Bar(session, fetched, data, bench)


def _unseal(session: Session, task: FetchedTask, number: TaskId, space: Path) -> Path:
    cid = task.manifest.validation_set
    assert cid is not None
    sealed = space / "validation.age"
    with session.report.bar("fetching the sealed validation set") as progress:
        session.objects.get(cid, sealed, progress=progress)
    try:
        unseal_folder(sealed, session.key.encryption_secret(), space / "validation")
    except NotARecipient:
        raise ValidationSetSealed(number, session.address) from None
    return space / "validation"
