"""Posting a task: pack, seal, store, hold the escrow, give the keys to those who judge."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from decentralml.bundles.manifest import MODEL_FILE, STRUCTURE_FILE, ValidationSet, Validator
from decentralml.bundles.pack import pack_task
from decentralml.bundles.privacy import PRIVACY_FILE
from decentralml.bundles.sealing import (
    KEY_BYTES,
    encryption_public_key,
    seal_folder,
)
from decentralml.bundles.settings import (
    DEFAULT_MODEL,
    DEFAULT_TIME_LIMIT,
    TaskSettings,
    read_settings,
)
from decentralml.bundles.wraps import key_digest
from decentralml.chain.calls import CreateTask
from decentralml.chain.errors import FundsUnavailable
from decentralml.chain.events import TaskCreated
from decentralml.errors import NotAModel, TermsInvalid
from decentralml.market.assets import find_asset
from decentralml.market.creating import cautions
from decentralml.market.creating.access import invite, require_others
from decentralml.market.creating.golds import commitments
from decentralml.market.creating.lately import note_posted, require_new
from decentralml.market.creating.merger import appoint_merger, reader_of
from decentralml.market.creating.meta import require_learnable
from decentralml.market.creating.offer import Contents, Offer
from decentralml.market.creating.steadiness import require_steady
from decentralml.market.exchange.shares import share_key
from decentralml.market.merging.plan import choose
from decentralml.market.merging.private import require_private, require_spendable
from decentralml.market.merging.reference import compares, require_measurable
from decentralml.market.merging.weights import require_weighable
from decentralml.market.session import Session
from decentralml.market.tasks import PAGE
from decentralml.market.work import scratch
from decentralml.storage.unixfs import cid_of
from decentralml.types import (
    Cid,
    ModelType,
    Task,
    TaskId,
    TaskType,
    Terms,
    ValidationStrategy,
)
from decentralml.validation.policies import GOLD_FILE

RECORDS = "create-task"
_IGNORED = shutil.ignore_patterns("__pycache__", ".git")


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


def create_task(
    session: Session,
    bundle: Path,
    offer: Offer,
    posted: Callable[[TaskId], None] = lambda task: None,
    *,
    again: bool = True,
) -> Created:
    """Pack a bundle, store it, and post the task with its escrow.

    A record is kept from the moment the bundle is packed until the task is on the chain, the key of
    its validation set shared and everybody invited: the same call after an interruption goes on
    where it stopped, and never posts a second task.

    Parameters
    ----------
    posted : told of the task while the record is still there: who writes it down loses no task.
    again : post another one though the same was posted from this home minutes ago.

    Raises
    ------
    AlreadyPosted : without ``again``; nothing was sent.
    NotAnAggregator : the merger has no encryption key on the chain.
    TermsInvalid, ManifestError, NotAModel : what is offered makes no sense; nothing was sent.
    CallRefused : the chain refuses, for example for too little balance.
    """
    offer.check()
    require_others(session.address, offer.invited)
    if offer.base_model is not None and not _is_model(offer.base_model):
        raise NotAModel(offer.base_model)
    name = _record_name(session, bundle, offer)
    records = session.records(RECORDS)
    with records.lock(name):
        record = records.read(name)
        if record is not None and record["after"] > _newest(session):
            record = None  # The chain was started anew: what the record knew is gone.
        if record is None and not again:
            require_new(session, name)
        found = None
        if record is not None:
            found = _created_since(session, record, _terms(session, offer, record))
        resumed = found is not None
        if record is None or (found is None and not _stored(session, record)):
            record = _prepare(session, bundle, offer)
            records.write(name, record)
        if found is None:
            terms = _terms(session, offer, record)
            _publish(session, record)
            session.report.step(f"posting the task with bundle {terms.bundle}")
            receipt = session.chain.submit(CreateTask(terms), session.key)
            event = receipt.find(TaskCreated)
            assert event is not None, "create_task succeeded without its event"
            found = session.chain.task(event.task)
        if record["key"] is not None:
            share_key(session, found.id, bytes.fromhex(record["key"]))
        invite(session, found.id, offer.invited)
        if offer.merger is not None:
            appoint_merger(session, found.id, offer.merger)
        posted(found.id)
        note_posted(session, name, found)
        records.remove(name)
    return Created(
        found.id,
        found.terms.bundle,
        found.terms.slots * found.terms.slot_hold,
        resumed,
        found.terms,
        () if resumed else tuple(record["warnings"]),
    )


def _record_name(session: Session, bundle: Path, offer: Offer) -> str:
    return offer.digest(
        cid_of(bundle),
        None if offer.base_model is None else cid_of(offer.base_model),
        None if offer.validation_set is None else cid_of(offer.validation_set),
        Cid(session.address),
    )


def _prepare(session: Session, bundle: Path, offer: Offer) -> dict[str, Any]:
    """Pack and store the bundle (and the sealed validation set); what must be remembered."""
    offer.expiry(session.chain.info(), session.chain.now())
    _require_funds(session, offer)
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
        if offer.merge is not None:
            settings = replace(settings, merge=offer.merge)
        if settings.merge is not None:
            choose(settings.merge)
            require_weighable(settings)
            require_measurable(settings)
            if settings.merge.privacy is not None:
                require_private(settings.task_type, settings.base_model)
        if settings.task_type is TaskType.MODEL_CONTRIBUTOR and settings.base_model is None:
            raise TermsInvalid(
                "contributors need a model to begin from; make one with `decentralml train-model` "
                "and name its folder with --base-model"
            )
        training = settings.training
        if offer.training is not None:
            training = offer.training.over(training)
        if training is not None:
            training.check()
            if training.privacy is not None and settings.replay is not None:
                raise TermsInvalid(
                    "the noise of DP-SGD is a secret, so no committee could replay it; leave out "
                    "privacy of [training], or [replay] (task.toml)"
                )
            source = _own_copy(source, bundle, folder / "source")
            training.write(source)
        base = None if settings.base_model is None else source / settings.base_model
        require_spendable(base, offer.parent, settings.merge)
        if settings.meta is not None:
            require_learnable(settings.meta, training, base)
        if offer.validation_set is not None:
            _check_validation_set(offer.validation_set, settings)
        warnings += cautions.of_office(session, offer)
        key = None if offer.validation_set is None else secrets.token_bytes(KEY_BYTES)
        sealed = None
        if offer.validation_set is not None and key is not None:
            sealed = _seal(session, offer.validation_set, key, folder / "validation.age")
        manifest = pack_task(
            source,
            folder / "bundle",
            settings,
            validation_set=sealed,
            attempts=offer.attempts,
        )
        if manifest.replay is not None:
            require_steady(session, folder / "bundle", manifest, folder)
        elif offer.replay_segments is not None:
            raise TermsInvalid(
                "the bundle has no recipe of a training that could be replayed ([replay] in "
                "task.toml, docs/replay.md); write one, or leave out --replay-segments"
            )
        warnings += cautions.of_copies(offer, manifest.task_type, manifest.replay is not None)
        warnings += cautions.of_minimums(manifest)
        warnings += cautions.of_trust(offer, compares(manifest.merge))
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
        "sealed": sealed and sealed.cid,
        "key": key and key.hex(),
        "golds": [gold.hex() for gold in commitments(offer.golds)],
        "checkpoints": manifest.replay and manifest.replay.checkpoints,
        "after": newest,
        "block": session.chain.info().block,
        "creator": session.address,
        "task_type": manifest.task_type,
        "strategy": manifest.strategy,
        "model_type": manifest.model_type,
        "warnings": warnings,
    }


def _require_funds(session: Session, offer: Offer) -> None:
    """Refuse what the chain would, before anything is packed and stored.

    Raises
    ------
    FundsUnavailable
    """
    reward = offer.reward if offer.asset is None else 0
    needed = offer.results * (reward + offer.fee * offer.committee)
    free = session.chain.balance(session.address).free
    if free < needed:
        raise FundsUnavailable.foreseen(signer=session.address, needed=needed, free=free)
    if offer.asset is None:
        return
    asset, needed = find_asset(session, offer.asset), offer.results * offer.reward
    free = session.chain.asset_balance(offer.asset, session.address).free
    if free < needed:
        raise FundsUnavailable.foreseen(
            signer=session.address,
            needed=needed,
            free=free,
            decimals=asset.decimals,
            symbol=asset.symbol,
        )


def _check_validation_set(folder: Path, settings: TaskSettings) -> None:
    """Refuse a set that no committee could use: its results would be inconclusive, and paid for.

    Raises
    ------
    TermsInvalid, BadExamples
    """
    from decentralml.learning.examples import read_labels
    from decentralml.learning.meta.episodes import read_episodes

    if settings.strategy is ValidationStrategy.CUSTOM_ACCEPT:
        if not any(folder.iterdir()):
            raise TermsInvalid(f"the validation set {folder} is empty; name another")
    elif settings.task_type is TaskType.DATA_ANNOTATORS:
        if not (folder / GOLD_FILE).is_file():
            raise TermsInvalid(
                f"the validation set {folder} has no {GOLD_FILE} (item to label); name another"
            )
    elif settings.meta is not None:
        read_episodes(folder, settings.meta)
    else:
        read_labels(folder)


def with_model(bundle: Path, model: Path | None, out: Path) -> Path:
    """The author's folder, or a copy of it with the base model inside."""
    if model is None:
        return bundle
    shutil.copytree(bundle, out, ignore=_IGNORED, symlinks=True)
    shutil.rmtree(out / DEFAULT_MODEL, ignore_errors=True)
    (out / DEFAULT_MODEL).mkdir()
    for name in (MODEL_FILE, STRUCTURE_FILE, PRIVACY_FILE):
        if name != PRIVACY_FILE or (model / name).exists():
            shutil.copyfile(model / name, out / DEFAULT_MODEL / name)
    return out


def _own_copy(source: Path, bundle: Path, out: Path) -> Path:
    """A copy of the author's folder that may be written to, if it is not one already."""
    if source != bundle:
        return source
    shutil.copytree(bundle, out, ignore=_IGNORED, symlinks=True)
    return out


def _seal(session: Session, folder: Path, key: bytes, out: Path) -> ValidationSet:
    """Seal the validation set with its key and store it."""
    session.report.step("sealing the validation set")
    seal_folder(folder, key, out)
    with session.report.bar("storing the sealed validation set") as progress:
        return ValidationSet(session.objects.add(out, progress), key_digest(key))


def _terms(session: Session, offer: Offer, record: dict[str, Any]) -> Terms:
    contents = Contents(
        Cid(record["bundle"]),
        TaskType(record["task_type"]),
        ValidationStrategy(record["strategy"]),
        ModelType(record["model_type"]),
        record["checkpoints"],
        encryption_public_key(session.key.encryption_secret())
        if offer.merger is None
        else reader_of(session, offer.merger),
        tuple(bytes.fromhex(gold) for gold in record["golds"]),
    )
    # The time is asked for as late as can be: packing a large bundle takes a while.
    expires_at = offer.expiry(session.chain.info(), session.chain.now())
    return offer.terms(contents, expires_at, session.chain.constants().minimum_bond)


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
