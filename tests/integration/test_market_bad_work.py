"""What contributors do wrong is named, and costs nothing before it is sent."""

from __future__ import annotations

import json
import pickle
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from market_support import (
    CONTRIBUTORS,
    CREATOR,
    GOOD,
    Stage,
    write_model,
    write_work,
)
from refusal_support import refused, spent
from safetensors.numpy import save_file

from decentralml.chain.errors import (
    AlreadySubmitted,
    DeadlinePassed,
    NotAssigned,
)
from decentralml.errors import (
    DecentralMLError,
    ModelRefused,
    NothingToSend,
    ResultFolderInvalid,
    TaskNotOpen,
    TaskScriptFailed,
    TermsMismatch,
)
from decentralml.market.contributing.contributor import abandon_task, accept_task
from decentralml.market.contributing.running import run_task
from decentralml.market.contributing.sending import send_results
from decentralml.market.creating.offer import HOUR
from decentralml.market.node import advance
from decentralml.market.tasks import settle, withdraw_task
from decentralml.types import (
    SubmissionStatus,
    TaskId,
    TaskStatus,
)

BOB, CHARLIE = CONTRIBUTORS


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
