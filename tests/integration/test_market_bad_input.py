"""What users and strangers get wrong: one clear error each, before any fee where it can be."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from market_support import (
    AGGREGATORS,
    CONTRIBUTORS,
    CREATOR,
    GOOD,
    Stage,
    write_model,
    write_work,
)
from safetensors.numpy import save_file

from decentralml.bundles.pack import base_model_cid, open_task, pack_result
from decentralml.bundles.sealing import seal_folder
from decentralml.bundles.wraps import wrap
from decentralml.chain.calls import HandKey, SubmitResult, UpdateProfile
from decentralml.chain.errors import (
    AlreadySubmitted,
    DeadlinePassed,
    NotAssigned,
    NotCreator,
    NotPublisher,
)
from decentralml.config import Config
from decentralml.errors import (
    CallRefused,
    DecentralMLError,
    FolderInUse,
    ManifestError,
    ModelRefused,
    NotAModel,
    NothingToMerge,
    NothingToSend,
    ResultFolderInvalid,
    TaskNotOpen,
    TaskScriptFailed,
    TermsInvalid,
    TermsMismatch,
    WrongGenesis,
)
from decentralml.market.contributor import abandon_task, accept_task
from decentralml.market.federation import federate
from decentralml.market.node import advance
from decentralml.market.offer import HOUR
from decentralml.market.progress import brought_on
from decentralml.market.review import validate_task_results
from decentralml.market.running import run_task
from decentralml.market.sealed import made_key, seal_of
from decentralml.market.sending import send_results
from decentralml.market.session import Session
from decentralml.market.tasks import settle, withdraw_task
from decentralml.market.tokens import transfer
from decentralml.types import (
    Address,
    SubmissionStatus,
    TaskId,
    TaskStatus,
    TaskType,
    ValidationStrategy,
    Verdict,
)

BOB, CHARLIE = CONTRIBUTORS
Wraps = tuple[tuple[Address, bytes], ...]


def refused(work: Callable[[], object], kind: type[DecentralMLError], *words: str) -> None:
    """One error, of this kind, on one line, with these words."""
    with pytest.raises(kind) as caught:
        work()
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message


def spent(session: Session, work: Callable[[], object]) -> int:
    before = session.chain.balance(session.address).total
    work()
    return before - session.chain.balance(session.address).total


# --- creators


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"committee": 4}, ("odd",)),
        ({"results": 0}, ("at least one",)),
        ({"expires_in": None, "expires_at": 1000}, ("later",)),
        ({"expires_in": None, "expiration_block": 1}, ("has passed",)),
        ({"expiration_block": 1000}, ("not both",)),
    ],
)
def test_terms_that_make_no_sense_cost_nothing(
    stage: Stage,
    terms: dict[str, Any],
    words: tuple[str, ...],
) -> None:
    creator = stage.as_(CREATOR)
    assert spent(creator, lambda: refused(lambda: stage.post(**terms), TermsInvalid, *words)) == 0


def test_a_base_model_that_is_none_is_refused(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused(lambda: stage.post(base_model=tmp_path / "empty"), NotAModel, "train-model")


def test_a_bundle_without_its_script_is_refused(stage: Stage) -> None:
    (stage.bundle / "start_task.sh").unlink()
    refused(stage.post, ManifestError, "start_task.sh")


def test_a_validation_set_that_no_committee_could_use_is_refused(
    stage: Stage,
    tmp_path: Path,
) -> None:
    bad = tmp_path / "unlabelled"
    shutil.copytree(stage.validation_set, bad)
    (bad / "labels.safetensors").unlink()
    creator = stage.as_(CREATOR)

    def post(**terms: Any) -> Callable[[], object]:
        return lambda: stage.post(validation_set=bad, **terms)

    def all_of_them() -> None:
        refused(post(), DecentralMLError, "labels.safetensors")
        annotation = {"task_type": TaskType.DATA_ANNOTATORS, "base_model": None}
        refused(post(minimum_gain=None, **annotation), TermsInvalid, "gold.json")
        for file in bad.iterdir():
            file.unlink()
        refused(post(strategy=ValidationStrategy.CUSTOM_ACCEPT), TermsInvalid, "is empty")

    assert spent(creator, all_of_them) == 0


def test_contributors_need_a_model_to_begin_from(stage: Stage) -> None:
    refused(lambda: stage.post(base_model=None), TermsInvalid, "--base-model")


def test_a_task_that_nobody_in_office_could_judge_is_posted_with_a_warning(
    stage: Stage,
) -> None:
    for name in (stage.home / "chain.sqlite").parent.glob("chain.sqlite*"):
        name.unlink()
    (warning,) = stage.create().warnings
    assert "aggregators list" in warning


def test_too_little_balance_for_the_escrow_is_named(stage: Stage) -> None:
    creator = stage.as_(CREATOR)
    rich = creator.chain.balance(creator.address).free
    refused(lambda: stage.post(reward=rich), CallRefused, "balance")
    assert creator.chain.tasks() == []


def test_sending_more_than_one_has_is_named(stage: Stage) -> None:
    creator = stage.as_(CREATOR)
    everything = creator.chain.balance(creator.address).free
    refused(lambda: transfer(creator, creator.resolve(BOB), everything + 1), CallRefused, "balance")


def test_only_the_creator_withdraws_and_publishes(
    stage: Stage,
    tmp_path: Path,
) -> None:
    task = stage.post()
    refused(lambda: withdraw_task(stage.as_(BOB), task), NotCreator, "--as")
    refused(lambda: federate(stage.as_(BOB), task, tmp_path / "out"), NotPublisher)
    refused(
        lambda: federate(stage.as_(CREATOR), task, tmp_path / "out"),
        NothingToMerge,
        "list-task-results",
    )


# --- contributors: accepting


def test_an_unknown_task_is_named(stage: Stage) -> None:
    refused(lambda: accept_task(stage.as_(BOB), TaskId(7)), DecentralMLError, "7", "list-tasks")


def test_tasks_that_are_not_open_cost_nothing(stage: Stage) -> None:
    session, creator = stage.as_(BOB), stage.as_(CREATOR)
    own = stage.post()
    refused(lambda: accept_task(creator, own), TaskNotOpen, "your own")
    full = stage.post()
    accept_task(stage.as_(CHARLIE), full)
    withdrawn = stage.post()
    withdraw_task(creator, withdrawn)
    expired = stage.post(expires_in=60_000)
    advance(creator, milliseconds=120_000)

    def all_of_them() -> None:
        refused(lambda: accept_task(session, full), TaskNotOpen, "full")
        refused(lambda: accept_task(session, withdrawn), TaskNotOpen, "withdrawn")
        refused(lambda: accept_task(session, expired), TaskNotOpen, "expired")

    assert spent(session, all_of_them) == 0


def test_an_expired_assignment_is_settled_for_who_comes_next(stage: Stage) -> None:
    task = stage.post()
    accept_task(stage.as_(BOB), task)
    advance(stage.as_(BOB), milliseconds=2 * 3_600_000)
    assert accept_task(stage.as_(CHARLIE), task).index == 1
    found = stage.as_(BOB).chain.submission(task, 0)
    assert found.status is SubmissionStatus.EXPIRED


def test_settling_a_task_whose_last_result_ends_it_is_no_error(stage: Stage) -> None:
    """The task's own time is over too, but the result's end has left it no open slot."""
    task = stage.post(expires_in=3_600_000)
    stage.contribute(BOB, task)
    session = stage.as_(CHARLIE)
    advance(session, milliseconds=3 * HOUR)
    settled = settle(session, task)
    while settled.submissions:
        assert (settled.submissions, settled.refused) == ((0,), ())
        advance(session, milliseconds=7 * HOUR)
        settled = settle(session, task)
    assert session.chain.task(task).status is TaskStatus.EXPIRED
    assert settle(session, task).submissions == ()


def test_a_bundle_that_contradicts_the_chain_is_refused_before_the_bond(
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from decentralml.types import ModelType

    task = stage.post()
    session = stage.as_(BOB)
    real = session.chain.task(task)
    lying = replace(real, terms=replace(real.terms, model_type=ModelType.AUDIO))
    monkeypatch.setattr(session.chain, "task", lambda number: lying)
    refused(lambda: accept_task(session, task), TermsMismatch, "Vision", "Audio")
    assert session.chain.open_assignment(task, session.address) is None


def test_a_slot_that_was_given_back_can_be_taken_again(stage: Stage) -> None:
    task = stage.post()
    session = stage.as_(BOB)
    refused(lambda: abandon_task(session, task), NotAssigned, "accept-task")
    accept_task(session, task)
    abandon_task(session, task)
    assert session.chain.task(task).open_slots == 1
    assert accept_task(session, task).index == 1


# --- contributors: running and sending


def test_working_without_accepting_is_refused(stage: Stage) -> None:
    task = stage.post()
    session = stage.as_(BOB)
    refused(lambda: run_task(session, task, stage.work(BOB)), NotAssigned, "accept-task")
    refused(lambda: send_results(session, task), NotAssigned, "accept-task")
    refused(lambda: send_results(session, TaskId(9)), DecentralMLError, "9")


def test_a_failing_script_is_named_with_its_log(stage: Stage) -> None:
    (stage.bundle / "start_task.sh").write_text("echo cannot; exit 7\n")
    task = stage.post()
    session = stage.as_(BOB)
    accept_task(session, task)
    refused(lambda: run_task(session, task, stage.work(BOB)), TaskScriptFailed, "7", "run.log")
    assert "cannot" in session.work(task).attempt(0).log.read_text()


def test_a_script_that_leaves_nothing_is_named(stage: Stage) -> None:
    (stage.bundle / "start_task.sh").write_text("true\n")
    task = stage.post()
    session = stage.as_(BOB)
    accept_task(session, task)
    refused(lambda: run_task(session, task, stage.work(BOB)), ResultFolderInvalid, "empty")


def test_sending_late_is_refused_before_any_fee(stage: Stage) -> None:
    task = stage.post()
    session = stage.as_(BOB)
    accept_task(session, task)
    run_task(session, task, stage.work(BOB))
    advance(session, milliseconds=2 * 3_600_000)
    assert (
        spent(
            session, lambda: refused(lambda: send_results(session, task), DeadlinePassed, "settle")
        )
        == 0
    )


def test_sending_another_result_after_the_first_is_refused(stage: Stage) -> None:
    task = stage.post()
    stage.contribute(BOB, task)
    session = stage.as_(BOB)
    other = write_work(stage.root / "other" / "toy_other", GOOD * 3)
    refused(
        lambda: send_results(session, task, other), AlreadySubmitted, "has sent its result of task"
    )
    refused(lambda: run_task(session, task, stage.work(BOB)), AlreadySubmitted)
    assert send_results(session, task).resumed


def bad_folders(root: Path) -> dict[str, tuple[Path, type[DecentralMLError], str]]:
    def model(name: str, weight: Any) -> Path:
        return write_work(root / name / "toy_x", weight).parent

    (root / "empty").mkdir(parents=True)
    wrong = root / "wrong"
    wrong.mkdir()
    (wrong / "holiday.jpg").write_bytes(b"x")
    two = model("two", GOOD)
    shutil.copytree(two / "toy_x", two / "toy_y")
    disguised = model("pickle", GOOD)
    (disguised / "toy_x" / "model.safetensors").write_bytes(pickle.dumps({"weight": [1.0]}, 4))
    renamed = model("renamed", GOOD)
    save_file({"other": GOOD}, renamed / "toy_x" / "model.safetensors")
    silent = model("silent", GOOD)
    (silent / "toy_x" / "result.json").unlink()
    unstructured = model("unstructured", GOOD)
    (unstructured / "toy_x" / "structure.json").write_text('{"class": "Other", "arguments": {}}')
    nan = GOOD.copy()
    nan[1, 1] = np.nan
    return {
        "missing": (root / "nowhere", NothingToSend, "is not there"),
        "empty": (root / "empty", NothingToSend, "is empty"),
        "wrong": (wrong, NothingToSend, "holds no result"),
        "two": (two, NothingToSend, "toy_x, toy_y"),
        "nan": (model("nan", nan), ModelRefused, "NaN"),
        "shape": (model("shape", np.zeros((3, 2), np.float32)), ModelRefused, "weight"),
        "dtype": (model("dtype", GOOD.astype(np.float64)), ModelRefused, "F64"),
        "pickle": (disguised, ModelRefused, "pickle"),
        "renamed": (renamed, ModelRefused, "weight"),
        "silent": (silent, ResultFolderInvalid, "result.json"),
        "unstructured": (unstructured, ModelRefused, "structure"),
    }


def test_what_is_no_result_is_refused_before_any_fee(stage: Stage) -> None:
    task = stage.post()
    session = stage.as_(BOB)
    accept_task(session, task)
    for name, (folder, kind, word) in bad_folders(stage.root / "bad").items():
        before = session.chain.balance(session.address).total
        try:
            refused(lambda: send_results(session, task, folder), kind, word)  # noqa: B023
        except BaseException as error:
            raise AssertionError(name) from error
        assert session.chain.balance(session.address).total == before
    assert session.chain.submission(task, 0).status is SubmissionStatus.ASSIGNED
    good = write_model(stage.root / "good" / "toy_me", GOOD)
    (good / "result.json").write_text(json.dumps({"examples": 3, "metrics": {}}))
    assert not send_results(session, task, good).resumed


# --- aggregators against contributors who go around the checks


def forge(stage: Stage, task: TaskId, tamper: Callable[[Path, dict[str, Any]], None]) -> None:
    """Send a packed result after ``tamper`` changed its folder, or what the chain is told.

    ``seal`` makes the seal from the true one, ``wraps`` the wraps from the true ones.
    """
    session = stage.as_(BOB)
    accepted = accept_task(session, task)
    folder = write_work(stage.root / "forged" / "toy_b", GOOD)
    manifest = open_task(accepted.bundle)
    facts: dict[str, Any] = {
        "task": manifest,
        "task_id": task,
        "genesis": session.info.genesis,
        "base_model": base_model_cid(accepted.bundle, manifest),
        "signer": session.key,
    }
    tamper(folder, facts)
    told = {name: facts.pop(name, None) for name in ("digest", "after", "seal", "wraps", "key")}
    packed, sealed = stage.root / "forged" / "packed", stage.root / "forged" / "sealed"
    _, digest = pack_result(folder, packed, **facts)
    if told["after"] is not None:
        told["after"](packed)
    digest = told["digest"] or digest
    terms = session.chain.task(task).terms
    key = made_key(session, session.chain.submission(task, accepted.index), digest)
    seal_folder(packed, told["key"] or key, sealed)
    seal = seal_of(key, terms)
    if told["seal"] is not None:
        seal = told["seal"](seal)
    cid = session.objects.add(sealed)
    session.chain.submit(SubmitResult(task, cid, digest, seal), session.key)
    submission = brought_on(session, session.chain.submission(task, accepted.index))
    wraps = tuple(
        (seat.member, wrap(key, profile.encryption_key))
        for seat in submission.committee
        if (profile := session.chain.profile(seat.member))
    )
    if told["wraps"] is not None:
        wraps = told["wraps"](wraps)
    session.chain.submit(HandKey(task, accepted.index, wraps), session.key)


def swapped(wraps: Wraps) -> Wraps:
    """Everybody's wrap is the next one's."""
    members = [member for member, _ in wraps]
    return tuple(zip(members, [wrapped for _, wrapped in (*wraps[1:], wraps[0])], strict=True))


def one_spoilt(wraps: Wraps) -> Wraps:
    """One member cannot open what it was handed; the others could."""
    return ((wraps[0][0], bytes(80)), *wraps[1:])


FORGERIES: dict[str, Callable[[Path, dict[str, Any]], None]] = {
    "another digest": lambda folder, facts: facts.update(digest=b"\1" * 32),
    "another task": lambda folder, facts: facts.update(task_id=TaskId(99)),
    "another chain": lambda folder, facts: facts.update(genesis="0x" + "11" * 32),
    "another base model": lambda folder, facts: facts.update(base_model=None),
    "a file besides": lambda folder, facts: facts.update(
        after=lambda packed: (packed / "extra").write_text("x")
    ),
    "a changed file": lambda folder, facts: facts.update(
        after=lambda packed: write_model(packed, GOOD * 2)
    ),
    "NaN": lambda folder, facts: write_model(folder, GOOD * np.float32("nan")) and None,
    "a pickle": lambda folder, facts: (
        (folder / "model.safetensors").write_bytes(pickle.dumps([1], 4)) and None
    ),
    "the digest of another key": lambda folder, facts: facts.update(
        seal=lambda seal: replace(seal, key_digest=bytes(32))
    ),
    "a release of another key": lambda folder, facts: facts.update(
        seal=lambda seal: replace(seal, release=bytes(32))
    ),
    "sealed with another key": lambda folder, facts: facts.update(key=bytes(range(32))),
    "wraps of each other": lambda folder, facts: facts.update(wraps=swapped),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_result_fails_and_its_sender_pays(
    stage: Stage,
    forgery: str,
) -> None:
    task = stage.post(committee=3 if forgery == "wraps of each other" else 1)
    forge(stage, task, FORGERIES[forgery])
    duties = [duty for visit in stage.conclude(task) for duty in visit.duties]
    found = [duty for duty in duties if duty.verdict is not None]
    assert {duty.verdict for duty in found} == {Verdict.FAIL}
    assert all(duty.reasons for duty in found)
    assert not any(str(stage.root) in reason for duty in found for reason in duty.reasons)
    ended = stage.as_(BOB).chain.submission(task, 0)
    assert (ended.status, ended.verdict) == (SubmissionStatus.REJECTED, Verdict.FAIL)


def test_a_contributor_cannot_choose_who_of_the_committee_sees_its_result(stage: Stage) -> None:
    task = stage.post(committee=3)
    forge(stage, task, lambda folder, facts: facts.update(wraps=one_spoilt))
    spoilt = stage.as_(BOB).chain.submission(task, 0).committee[0].member
    visits = stage.validate(task)
    reasons = {reason for visit in visits for duty in visit.duties for reason in duty.reasons}
    assert f"what was handed to {spoilt} is not its key" in " ".join(reasons)
    stage.validate(task)
    assert stage.as_(BOB).chain.submission(task, 0).verdict is Verdict.FAIL


def test_a_result_signed_by_another_account_fails(stage: Stage) -> None:
    task = stage.post(committee=1)
    forge(stage, task, lambda folder, facts: facts.update(signer=stage.as_(CHARLIE).key))
    stage.validate(task)
    assert stage.as_(BOB).chain.submission(task, 0).verdict is Verdict.FAIL


def lose(stage: Stage, task: TaskId) -> None:
    """Send a result as it should be, and lose its ciphertext."""
    session = stage.as_(BOB)
    accepted = accept_task(session, task)
    nowhere = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
    submission = session.chain.submission(task, accepted.index)
    seal = seal_of(made_key(session, submission, bytes(32)), session.chain.task(task).terms)
    session.chain.submit(SubmitResult(task, nowhere, bytes(32), seal), session.key)
    assert send_results(session, task).done == ("handed its key to the committee",)


def test_a_result_that_cannot_be_fetched_waits_unless_the_member_says_otherwise(
    stage: Stage,
) -> None:
    task = stage.post(committee=1)
    lose(stage, task)
    duties = [duty for visit in stage.validate(task) for duty in visit.duties]
    assert not any(duty.done for duty in duties)
    assert any("bafkreigh2akis" in (duty.note or "") for duty in duties)
    for name in AGGREGATORS:
        validate_task_results(stage.as_(name), task, fail_unavailable=True)
    assert stage.as_(BOB).chain.submission(task, 0).verdict is Verdict.FAIL


def test_a_member_whose_machine_cannot_judge_can_say_so_and_keeps_its_bond(stage: Stage) -> None:
    task = stage.post(committee=1)
    lose(stage, task)
    for name in AGGREGATORS:
        validate_task_results(stage.as_(name), task, crashed=True)
    found = stage.as_(BOB).chain.submission(task, 0)
    (seat,) = found.committee
    assert seat.attestation is not None and seat.attestation.verdict is Verdict.CRASHED
    assert (found.verdict, seat.paid) == (Verdict.INCONCLUSIVE, False)
    profile = stage.as_(BOB).chain.profile(seat.member)
    assert profile is not None
    assert profile.bond == stage.as_(BOB).chain.constants().aggregator_bond


# --- the chain and the folders


def test_a_chain_of_another_genesis_is_refused(stage: Stage) -> None:
    session = Session(Config(stage.home, key=BOB, genesis="0x" + "22" * 32))
    refused(lambda: session.chain, WrongGenesis, "genesis")


def test_federate_leaves_a_folder_that_is_there_alone(
    stage: Stage,
    tmp_path: Path,
) -> None:
    task = stage.post(committee=1)
    stage.contribute(BOB, task)
    stage.validate(task)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    creator = stage.as_(CREATOR)
    refused(lambda: federate(creator, task, tmp_path / "mine"), FolderInUse, "--out")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    refused(lambda: federate(creator, task, tmp_path / "out", only=[5]), NothingToMerge, "5")
    assert settle(creator, task).submissions == ()


def test_a_contributor_cannot_open_the_sealed_validation_set(stage: Stage) -> None:
    task = stage.post(committee=1)
    stage.contribute(BOB, task)
    contributor = stage.as_(BOB)
    (review,) = validate_task_results(contributor, task).reviews
    assert review.own is None
    assert "hand-over" in (review.note or "")
    own = validate_task_results(contributor, task, validation_path=stage.validation_set)
    assert own.reviews[0].own is not None


def test_an_aggregators_worthless_key_keeps_no_creator_from_posting(stage: Stage) -> None:
    session = stage.as_(AGGREGATORS[0])
    session.chain.submit(UpdateProfile("https://dave.example", bytes(32)), session.key)
    created = stage.create()
    assert any("encryption key" in warning for warning in created.warnings)
    stage.contribute(BOB, created.task)
    (note,) = [duty.note for duty in stage.validate(created.task, AGGREGATORS[0])[0].duties]
    assert "aggregators apply" in (note or "")
    for visit in stage.validate(created.task, *AGGREGATORS[1:]):
        (duty,) = visit.duties
        assert duty.verdict is Verdict.PASS


def test_a_creator_is_told_that_anything_would_pass(stage: Stage) -> None:
    (caution,) = stage.create(minimum_gain=None).warnings
    assert "whatever can be measured passes" in caution
    assert not stage.create(minimum_gain=None, minimum_score=1).warnings
