"""A task whose training is replayed, from the offer to the payment; and one who did not train."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from market_support import CONTRIBUTORS, CREATOR, Stage
from safetensors.numpy import load_file, save_file

from decentralml.errors import DecentralMLError
from decentralml.market.contributor import accept_task
from decentralml.market.creator import create_task
from decentralml.market.rehearsal import rehearse
from decentralml.market.running import run_task
from decentralml.market.sending import send_results
from decentralml.types import Replay, SubmissionStatus, TaskId, Verdict

pytest.importorskip("torch", reason="the extra 'examples' is not installed")

EXAMPLE = Path(__file__).parents[2] / "assets" / "examples" / "replay_digits"
BOB = CONTRIBUTORS[0]


def post(stage: Stage) -> TaskId:
    """The example with a third of its steps."""
    bundle = stage.root / "replayed"
    shutil.copytree(EXAMPLE, bundle)
    settings = (bundle / "task.toml").read_text()
    (bundle / "task.toml").write_text(settings.replace("steps = 120", "steps = 40"))
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
    accept_task(bob, task)
    run_task(bob, task)
    tried = rehearse(bob, task, validation_path=EXAMPLE / "data")
    assert tried.finding.verdict is Verdict.PASS
    send_results(bob, task)
    found = bob.chain.submission(task, 0)
    assert found.trace is not None and found.trace.checkpoints == 5
    duties = [duty for visit in stage.validate(task) for duty in visit.duties]
    assert any("replay" in reason for duty in duties for reason in duty.reasons)
    assert bob.chain.submission(task, 0).status is SubmissionStatus.ACCEPTED


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
