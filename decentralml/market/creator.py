"""What a model creator does: post a task, decide its results."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from decentralml.bundles.manifest import MODEL_FILE, STRUCTURE_FILE, Validator
from decentralml.bundles.pack import pack_task
from decentralml.bundles.sealing import encryption_public_key, is_usable, seal_folder
from decentralml.bundles.settings import (
    DEFAULT_MODEL,
    DEFAULT_TIME_LIMIT,
    TaskSettings,
    read_settings,
)
from decentralml.chain.api import Receipt
from decentralml.chain.calls import AcceptResult, Batch, Call, CreateTask, RejectResult
from decentralml.chain.events import TaskCreated
from decentralml.errors import NotAModel, TermsInvalid
from decentralml.market.offer import Offer
from decentralml.market.session import Session
from decentralml.market.tasks import PAGE, require_creator
from decentralml.market.work import scratch
from decentralml.storage.unixfs import cid_of
from decentralml.types import (
    Cid,
    ModelType,
    SubmissionStatus,
    Task,
    TaskId,
    TaskType,
    Terms,
    ValidationStrategy,
)
from decentralml.validation.policies import GOLD_FILE

RECORDS = "create-task"


@dataclass(frozen=True, slots=True)
class Created:
    """A task that is on the chain.

    Attributes
    ----------
    resumed : an earlier, interrupted run of the same command had created it.
    """

    task: TaskId
    bundle: Cid
    escrow: int
    """Planck held for all slots."""
    resumed: bool
    terms: Terms
    warnings: tuple[str, ...] = ()


def create_task(session: Session, bundle: Path, offer: Offer) -> Created:
    """Pack a bundle, store it, and post the task with its escrow.

    A record is kept from the moment the bundle is packed until the task is known to be on the
    chain: the same call after an interruption finds the task, or goes on with the same bundle, and
    never posts a second one.

    Raises
    ------
    TermsInvalid, ManifestError, NotAModel : what is offered makes no sense; nothing was sent.
    CallRefused : the chain refuses, for example for too little balance.
    """
    offer.check()
    if offer.base_model is not None and not _is_model(offer.base_model):
        raise NotAModel(offer.base_model)
    name = offer.digest(
        cid_of(bundle),
        None if offer.base_model is None else cid_of(offer.base_model),
        None if offer.validation_set is None else cid_of(offer.validation_set),
        Cid(session.address),
    )
    records = session.records(RECORDS)
    with records.lock(name):
        record = records.read(name)
        if record is not None and record["after"] > _newest(session):
            record = None  # The chain was started anew: what the record knew is gone.
        if record is not None:
            found = _created_since(session, record, _terms(session, offer, record))
            if found is not None:
                records.remove(name)
                return _created(found, resumed=True, warnings=())
        if record is None or not _stored(session, record):
            record = _prepare(session, bundle, offer)
            records.write(name, record)
        terms = _terms(session, offer, record)
        _publish(session, record)
        session.report.step(f"posting the task with bundle {terms.bundle}")
        receipt = session.chain.submit(CreateTask(terms), session.key)
        event = receipt.find(TaskCreated)
        assert event is not None, "create_task succeeded without its event"
        records.remove(name)
    task = session.chain.task(event.task)
    return _created(task, resumed=False, warnings=tuple(record["warnings"]))


def accept_task_results(session: Session, task: TaskId, indices: Sequence[int]) -> Receipt | None:
    """Accept results of a ManualAccept task: each is paid at once. All of them, or none.

    None when an earlier run of the same command has done it.
    """
    require_creator(session, session.chain.task(task))
    return _decide(
        session,
        [
            AcceptResult(task, index)
            for index in dict.fromkeys(indices)
            if session.chain.submission(task, index).status is not SubmissionStatus.ACCEPTED
        ],
    )


def reject_task_results(
    session: Session, task: TaskId, indices: Sequence[int], reason: str
) -> Receipt | None:
    """Reject results of a ManualAccept task, with a reason that everybody can read.

    None when an earlier run of the same command has done it.
    """
    require_creator(session, session.chain.task(task))
    found = [session.chain.submission(task, index) for index in dict.fromkeys(indices)]
    return _decide(
        session,
        [
            RejectResult(task, submission.index, reason)
            for submission in found
            if (submission.status, submission.reason) != (SubmissionStatus.REJECTED, reason)
        ],
    )


def _decide(session: Session, calls: Sequence[Call]) -> Receipt | None:
    if not calls:
        return None
    return session.chain.submit(calls[0] if len(calls) == 1 else Batch(tuple(calls)), session.key)


def _created(task: Task, resumed: bool, warnings: tuple[str, ...]) -> Created:
    terms = task.terms
    return Created(task.id, terms.bundle, terms.slots * terms.slot_hold, resumed, terms, warnings)


def _prepare(session: Session, bundle: Path, offer: Offer) -> dict[str, Any]:
    """Pack and store the bundle (and the sealed validation set); what must be remembered."""
    warnings: list[str] = []
    newest = _newest(session)
    with scratch(session.config.work) as folder:
        source = with_model(bundle, offer.base_model, folder / "source")
        settings = read_settings(
            source,
            name=offer.name or bundle.absolute().name,
            task_type=offer.task_type,
            strategy=offer.strategy,
            model_type=offer.model_type,
            minimum_score=offer.minimum_score,
            minimum_gain=offer.minimum_gain,
        )
        if offer.validator is not None:
            settings = replace(settings, validator=Validator(offer.validator, DEFAULT_TIME_LIMIT))
        if settings.task_type is TaskType.MODEL_CONTRIBUTOR and settings.base_model is None:
            raise TermsInvalid(
                "contributors need a model to begin from; make one with `decentralml train-model` "
                "and name its folder with --base-model"
            )
        if offer.validation_set is not None:
            _check_validation_set(offer.validation_set, settings)
        sealed = _seal(session, offer, folder / "validation.age", warnings)
        manifest = pack_task(source, folder / "bundle", settings, validation_set=sealed)
        judged = manifest.evaluation or manifest.validator
        if judged and sealed is None:
            warnings.append(
                "no --validation-path: the committee has nothing to measure with and will find "
                "the results inconclusive, unless the bundle's validator needs no data"
            )
        for text in warnings:
            session.report.warn(text)
        with session.report.bar("storing the bundle") as progress:
            cid = session.objects.add(folder / "bundle", progress)
    return {
        "bundle": cid,
        "sealed": sealed,
        "after": newest,
        "block": session.chain.info().block,
        "creator": session.address,
        "task_type": manifest.task_type,
        "strategy": manifest.strategy,
        "model_type": manifest.model_type,
        "warnings": warnings,
    }


def _check_validation_set(folder: Path, settings: TaskSettings) -> None:
    """Refuse a set that no committee could use: its results would be inconclusive, and paid for.

    Raises
    ------
    TermsInvalid, BadExamples
    """
    from decentralml.learning.examples import read_examples

    if settings.strategy is ValidationStrategy.CUSTOM_ACCEPT:
        if not any(folder.iterdir()):
            raise TermsInvalid(f"the validation set {folder} is empty; name another")
    elif settings.task_type is TaskType.DATA_ANNOTATORS:
        if not (folder / GOLD_FILE).is_file():
            raise TermsInvalid(
                f"the validation set {folder} has no {GOLD_FILE} (item to label); name another"
            )
    else:
        read_examples(folder)


def with_model(bundle: Path, model: Path | None, out: Path) -> Path:
    """The author's folder, or a copy of it with the base model inside."""
    if model is None:
        return bundle
    ignore = shutil.ignore_patterns("__pycache__", ".git", DEFAULT_MODEL)
    shutil.copytree(bundle, out, ignore=ignore, symlinks=True)
    (out / DEFAULT_MODEL).mkdir()
    for name in (MODEL_FILE, STRUCTURE_FILE):
        shutil.copyfile(model / name, out / DEFAULT_MODEL / name)
    return out


def _seal(session: Session, offer: Offer, out: Path, warnings: list[str]) -> Cid | None:
    """Seal the validation set to those in office (and its owner); its CID."""
    members = session.chain.election().members
    profiles = [found for member in members if (found := session.chain.profile(member))]
    # One member with a key of no use must not keep every creator from posting tasks.
    keys = [each.encryption_key for each in profiles if is_usable(each.encryption_key)]
    if len(keys) < len(profiles):
        warnings.append(
            f"{len(profiles) - len(keys)} of the aggregators in office have an encryption key "
            "that nothing can be sealed to; if drawn, they cannot validate"
        )
    if len(profiles) < offer.committee:
        warnings.append(
            f"{len(profiles)} registered aggregators are in office and you ask for "
            f"{offer.committee}; unless more are elected, fewer judge a result, and with none it "
            "waits (decentralml aggregators list)"
        )
    if offer.validation_set is None:
        return None
    if not keys:
        raise TermsInvalid(
            "nobody in office could open the sealed validation set; wait for an election "
            "(decentralml aggregators list)"
        )
    own = encryption_public_key(session.key.encryption_secret())
    session.report.step(f"sealing the validation set to {len(keys)} aggregators in office")
    seal_folder(offer.validation_set, [*keys, own], out)
    with session.report.bar("storing the sealed validation set") as progress:
        return session.objects.add(out, progress)


def _terms(session: Session, offer: Offer, record: dict[str, Any]) -> Terms:
    # The time is asked for as late as can be: packing a large bundle takes a while.
    return offer.terms(
        Cid(record["bundle"]),
        offer.expiry(session.chain.info(), session.chain.now()),
        TaskType(record["task_type"]),
        ValidationStrategy(record["strategy"]),
        ModelType(record["model_type"]),
    )


def _stored(session: Session, record: dict[str, Any]) -> bool:
    wanted = (record["bundle"], record["sealed"])
    return all(cid is None or session.objects.has(Cid(cid)) for cid in wanted)


def _publish(session: Session, record: dict[str, Any]) -> None:
    for cid in (record["bundle"], record["sealed"]):
        if cid is not None:
            with session.report.bar("publishing the bundle") as progress:
                session.objects.publish(Cid(cid), progress)


def _created_since(session: Session, record: dict[str, Any], terms: Terms) -> Task | None:
    """The task that an interrupted run of the same command has posted, if it has.

    A transaction that was sent just before the interruption may still be on its way into a block:
    a node is given two more blocks.
    """
    if session.info.kind == "remote":
        session.chain.wait_block(int(record["block"]) + 2)
    before: TaskId | None = None
    while True:
        page = session.chain.tasks(PAGE, before)
        for task in page:
            if task.id <= record["after"]:
                return None
            posted = replace(task.terms, expires_at=terms.expires_at)
            if task.creator == record["creator"] and posted == terms:
                return task
        if len(page) < PAGE:
            return None
        before = page[-1].id


def _newest(session: Session) -> int:
    """Number of the newest task; -1 where there is none."""
    tasks = session.chain.tasks(1)
    return tasks[0].id if tasks else -1


def _is_model(folder: Path) -> bool:
    return (folder / MODEL_FILE).is_file() and (folder / STRUCTURE_FILE).is_file()
