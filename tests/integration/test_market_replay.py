"""A task whose training is replayed, from the offer to the payment; and one who did not train."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from market_support import CONTRIBUTORS, CREATOR, Stage
from safetensors.numpy import load_file, save_file

from decentralml.errors import DecentralMLError, NotReplayable, TermsInvalid, TrainingUnsteady
from decentralml.market.contributing.contributor import accept_task
from decentralml.market.contributing.rehearsal import rehearse
from decentralml.market.contributing.running import run_task
from decentralml.market.contributing.sending import send_results
from decentralml.market.creating import steadiness
from decentralml.market.creating.creator import create_task
from decentralml.types import Replay, SubmissionStatus, TaskId, Verdict

pytest.importorskip("torch", reason="the extra 'examples' is not installed")

EXAMPLE = Path(__file__).parents[2] / "assets" / "examples" / "replay_digits"
BOB = CONTRIBUTORS[0]


def copied(stage: Stage) -> Path:
    """The example with a third of its steps."""
    bundle = stage.root / "replayed"
    shutil.copytree(EXAMPLE, bundle)
    settings = (bundle / "task.toml").read_text()
    (bundle / "task.toml").write_text(settings.replace("steps = 120", "steps = 40"))
    return bundle


def post(stage: Stage) -> TaskId:
    bundle = copied(stage)
    offer = stage.offer(
        base_model=None,
        validation_set=bundle / "data",
        minimum_gain=0,
        committee=1,
        replay_segments=3,
    )
    return create_task(stage.as_(CREATOR), bundle, offer).task


def test_a_replayed_training_is_rehearsed_sent_and_paid(stage: Stage) -> None:
    task = post(stage)
    bob = stage.as_(BOB)
    assert bob.chain.task(task).terms.replay == Replay(5, 3)
    assert not accept_task(bob, task).own_data
    run_task(bob, task)
    tried = rehearse(bob, task, validation_path=EXAMPLE / "data")
    assert tried.finding.verdict is Verdict.PASS
    send_results(bob, task)
    found = bob.chain.submission(task, 0)
    assert found.trace is not None and found.trace.checkpoints == 5
    duties = [duty for visit in stage.validate(task) for duty in visit.duties]
    assert any("replay" in reason for duty in duties for reason in duty.reasons)
    assert bob.chain.submission(task, 0).status is SubmissionStatus.ACCEPTED


@pytest.mark.parametrize("noise", [0.0002, float("nan")])
def test_a_training_that_cannot_be_told_from_its_own_noise_is_not_posted(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, noise: float
) -> None:
    bundle, creator = copied(stage), stage.as_(CREATOR)
    offer = stage.offer(base_model=None, validation_set=bundle / "data")
    before = creator.chain.balance(creator.address).total
    monkeypatch.setattr(steadiness, "own_noise", lambda *_: noise)
    with pytest.raises(TrainingUnsteady, match=f"differ by {noise:.2g} of an update.*0.0001 at"):
        create_task(creator, bundle, offer)
    assert creator.chain.tasks() == []
    assert creator.chain.balance(creator.address).total == before


def test_a_script_that_does_not_run_is_found_before_the_task_is_posted(stage: Stage) -> None:
    bundle, creator = copied(stage), stage.as_(CREATOR)
    (bundle / "train.py").write_text("raise SystemExit('no such luck')\n")
    with pytest.raises(NotReplayable):
        create_task(creator, bundle, stage.offer(base_model=None, validation_set=bundle / "data"))
    assert creator.chain.tasks() == []


def test_segments_are_asked_for_only_where_there_is_a_recipe(stage: Stage) -> None:
    with pytest.raises(TermsInvalid, match="leave out --replay-segments"):
        stage.post(replay_segments=4)


def test_who_leaves_checkpoints_out_is_stopped_and_who_makes_them_up_is_found(
    stage: Stage,
) -> None:
    task = post(stage)
    bob = stage.as_(BOB)
    accept_task(bob, task)
    result = run_task(bob, task).result
    missing = result / "checkpoints" / "000002.safetensors"
    missing.rename(result / "elsewhere")
    with pytest.raises(DecentralMLError, match="000002") as caught:
        send_results(bob, task)
    assert "\n" not in str(caught.value)
    (result / "elsewhere").rename(missing)
    noise = np.random.default_rng(3)
    for number in (1, 2, 3):
        file = result / "checkpoints" / f"{number:06}.safetensors"
        made_up = {
            name: value + noise.normal(size=value.shape).astype(value.dtype) * 0.01
            if value.dtype == np.float32
            else value
            for name, value in load_file(file).items()
        }
        save_file(made_up, file)
    send_results(bob, task)
    stage.validate(task)
    found = bob.chain.submission(task, 0)
    assert (found.status, found.verdict) == (SubmissionStatus.REJECTED, Verdict.FAIL)
    (seat,) = found.committee
    assert seat.attestation is not None and seat.attestation.segment is not None
