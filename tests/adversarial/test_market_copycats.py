"""A copycat under AutoAccept: what was somebody else's update before is not paid for.

The committee compares sketches in the public reports of earlier results, so the members need not
have opened what was copied: here what they had opened is deleted before the copy comes.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from market_support import AGGREGATORS, CONTRIBUTORS, CREATOR, GOOD, STRUCTURE, WEAK, Stage
from numpy.typing import NDArray
from safetensors.numpy import save_file

from decentralml.config import Config
from decentralml.market.contributing.contributor import accept_task
from decentralml.market.contributing.running import run_task
from decentralml.market.contributing.sending import send_results
from decentralml.market.judging import told
from decentralml.market.judging.panel import Duty
from decentralml.market.judging.review import validate_task_results
from decentralml.market.merging.federation import federate
from decentralml.market.reports import Opinion
from decentralml.market.session import Session
from decentralml.service.reporting import Silent
from decentralml.types import (
    Address,
    Attestation,
    Submission,
    SubmissionStatus,
    TaskId,
    Verdict,
)

BOB, CHARLIE = CONTRIBUTORS
RANDOM = np.random.default_rng(23)


def trained() -> NDArray[np.float32]:
    """The larger part of an update, which the toy's predictions do not depend on."""
    return RANDOM.normal(size=(64, 64)).astype(np.float32)


def write(folder: Path, weight: NDArray[np.float32], more: NDArray[np.float32]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    save_file({"weight": weight, "more": more}, folder / "model.safetensors")
    (folder / "structure.json").write_text(json.dumps(STRUCTURE))
    return folder


def post(stage: Stage, copies: str | None = None) -> TaskId:
    """A task with three slots whose model is large enough for a sketch."""
    write(stage.model, WEAK, np.zeros((64, 64), np.float32))
    if copies:
        (stage.bundle / "task.toml").write_text(f'copies = "{copies}"\n')
    return stage.post(results=3)


def sent(stage: Stage, who: str, task: TaskId, more: NDArray[np.float32]) -> int:
    """Accept a task, hand in a model, and send it; the result's index."""
    session = stage.as_(who)
    accept_task(session, task)
    folder = write(stage.root / "data" / f"{len(stage.sessions)}", GOOD, more)
    (folder / "result.json").write_text(json.dumps({"examples": 10, "metrics": {}}))
    run_task(session, task, folder)
    return send_results(session, task).index


def judged(stage: Stage, task: TaskId, index: int) -> tuple[Submission, list[Duty]]:
    """A result once its committee is done, and what each member found."""
    visits = stage.conclude(task)
    found = stage.as_(BOB).chain.submission(task, index)
    duties = [duty for visit in visits for duty in visit.duties
              if duty.index == index and duty.verdict is not None]  # fmt: skip
    assert len(duties) == len(AGGREGATORS)
    return found, duties


def forget(stage: Stage, task: TaskId, index: int) -> None:
    """Delete what the members had opened."""
    for name in AGGREGATORS:
        folder = stage.as_(name).work(task).received(index)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("disguise", ["none", "rounded"])
def test_a_copycat_is_not_paid(stage: Stage, disguise: str) -> None:
    task, update = post(stage), trained()
    original, _ = judged(stage, task, sent(stage, BOB, task, update))
    assert original.status is SubmissionStatus.ACCEPTED
    forget(stage, task, 0)
    charlie = stage.as_(CHARLIE)
    before = charlie.chain.balance(charlie.address).total
    stolen = update if disguise == "none" else update.astype(np.float16).astype(np.float32)
    copy, duties = judged(stage, task, sent(stage, CHARLIE, task, stolen))
    assert copy.status is SubmissionStatus.REJECTED and copy.verdict is Verdict.FAIL
    for duty in duties:
        assert duty.reasons[0].startswith(f"same update as result 0 of {original.contributor}")
    assert charlie.chain.balance(charlie.address).total < before


def test_a_noisy_copy_is_flagged_and_judged_by_its_worth(stage: Stage) -> None:
    task, update = post(stage), trained()
    judged(stage, task, sent(stage, BOB, task, update))
    forget(stage, task, 0)
    noisy = update + np.float32(0.02) * trained()
    copy, duties = judged(stage, task, sent(stage, CHARLIE, task, noisy))
    assert copy.status is SubmissionStatus.ACCEPTED
    for duty in duties:
        assert any("near copy" in reason and "result 0" in reason for reason in duty.reasons)


def test_an_honest_pair_is_paid_without_a_word_of_copies(stage: Stage) -> None:
    task = post(stage)
    for index, who in enumerate((BOB, CHARLIE)):
        found, duties = judged(stage, task, sent(stage, who, task, trained()))
        assert (found.index, found.status) == (index, SubmissionStatus.ACCEPTED)
        assert not any("copy" in why or "same" in why for duty in duties for why in duty.reasons)


def test_who_sends_its_own_result_again_is_no_copycat(stage: Stage) -> None:
    """Neither after a copycat has sent it in between."""
    task, update = post(stage), trained()
    for index, who in enumerate((BOB, CHARLIE, BOB)):
        found, _ = judged(stage, task, sent(stage, who, task, update))
        honest = who == BOB
        assert found.index == index
        assert (found.status is SubmissionStatus.ACCEPTED) == honest


def test_where_the_creator_allows_copies_they_are_paid(stage: Stage) -> None:
    task, update = post(stage, "allow"), trained()
    judged(stage, task, sent(stage, BOB, task, update))
    copy, _ = judged(stage, task, sent(stage, CHARLIE, task, update))
    assert copy.status is SubmissionStatus.ACCEPTED


def test_what_had_not_ended_when_a_result_was_sent_proves_nothing_against_it(
    stage: Stage,
) -> None:
    """Else members would find otherwise depending on the minute they look; it is pointed out."""
    task, update = post(stage), trained()
    sent(stage, BOB, task, update)
    second = sent(stage, CHARLIE, task, update)
    found, duties = judged(stage, task, second)
    assert found.status is SubmissionStatus.ACCEPTED
    for duty in duties:
        assert any("near copy" in reason for reason in duty.reasons)


def test_twins_that_no_committee_could_know_of_are_shown_to_who_looks_and_merges(
    stage: Stage,
) -> None:
    """The creator has the public reports; the original is the one that was sent first."""
    task, update = post(stage), trained()
    for who in (BOB, CHARLIE):
        sent(stage, who, task, update)
        forget(stage, task, 0)
    stage.conclude(task)
    told = Told()
    with Session(Config(stage.home, key=CREATOR), reporter=told) as creator:
        first, second = validate_task_results(creator, task).reviews
        assert first.alike is None and second.alike is not None
        assert second.alike.startswith(f"the same update as result 0 of {first.contributor}")
        (alone,) = validate_task_results(creator, task, [1]).reviews
        assert alone.alike == second.alike
        federate(creator, task, stage.root / "one", only=[0], publish=False)
        assert not any("same update" in text for text in told.warnings)
        federate(creator, task, stage.root / "both", publish=False)
        assert any(
            text.startswith("result 1 has the same update as result 0") for text in told.warnings
        )


class Told(Silent):
    """Remembers what was warned of."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def test_a_member_that_lies_about_a_sketch_accuses_and_protects_nobody(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = post(stage)
    original, _ = judged(stage, task, sent(stage, BOB, task, trained()))
    session = stage.as_(AGGREGATORS[0])
    true = told.told_sketch(session, original)[0]
    assert true is not None
    lie = tuple(-number for number in true)
    real = told.read_opinion

    def liars(*names: str) -> None:
        lying = {session.resolve(name) for name in names}

        def read(session: Session, result: Submission, who: Address, said: Attestation) -> Opinion:
            found = real(session, result, who, said)
            return replace(found, sketch=lie) if who in lying else found

        monkeypatch.setattr(told, "read_opinion", read)

    for name in AGGREGATORS:
        liars(name)
        assert told.told_sketch(session, original)[0] == true
    liars(*AGGREGATORS[:2])
    assert told.told_sketch(session, original)[0] == lie, "a majority is believed in everything"
