"""Lessons: any model learns from named tensors; the worked types' models do what they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from decentralml.errors import BadExamples
from decentralml.learning import scripts
from decentralml.learning.examples import INPUTS_FILE, LABELS_FILE, write_tensors
from decentralml.learning.lesson import Folder, Lesson, joined, learn, predictions, read_folder
from decentralml.learning.models import (
    MODELS,
    JointNet,
    ProseNet,
    SceneNet,
    SpeechNet,
    load_model,
    save_model,
)
from decentralml.learning.models.speech import from_mu_law, log_mel, words_heard
from decentralml.learning.train import Local, TrainingSettings


def prepare(stored: dict[str, np.ndarray]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(values) for name, values in stored.items()}


def squared(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    return (model(batch["x"])[:, 0] - batch["y"]).square().mean()


LESSON = Lesson(
    name="line",
    model=lambda: nn.Linear(2, 1),
    prepare=prepare,
    loss=squared,
    predict=lambda model, inputs: {"predictions": model(inputs["x"])},
    measure=lambda found, labels: {
        "error": float(np.abs(found["predictions"][:, 0] - labels["y"]).mean()), "examples": 8,
    },
    first=TrainingSettings(),
    own=TrainingSettings(epochs=30, learning_rate=0.05, batch=4),
)  # fmt: skip


def line() -> Folder:
    x = np.random.default_rng(0).normal(size=(16, 2)).astype(np.float32)
    return Folder({"x": x}, {"y": x[:, 0] - 2 * x[:, 1]})


def trained(**changed: object) -> nn.Linear:
    torch.manual_seed(0)
    model = nn.Linear(2, 1)
    learn(LESSON, model, line(), replace(LESSON.own, **changed))  # type: ignore[arg-type]
    return model


def loss(model: nn.Module) -> float:
    examples = line()
    with torch.no_grad():
        return squared(model, prepare(examples.inputs | examples.labels)).item()


def test_a_lesson_is_learned_the_same_way_every_time() -> None:
    first, again = trained(), trained()
    assert loss(first) < 0.01 and torch.equal(first.weight, again.weight)
    assert not torch.equal(first.weight, trained(seed=1).weight)


def test_the_proximal_term_holds_a_model_to_where_it_began() -> None:
    torch.manual_seed(0)
    start = nn.Linear(2, 1).weight.detach()
    moved = [(trained(proximal=mu).weight - start).norm().item() for mu in (0, 1, 100)]
    assert moved[0] > moved[1] > moved[2]


def test_fedsgd_is_one_plain_step_of_all_examples() -> None:
    torch.manual_seed(0)
    model = nn.Linear(2, 1)
    examples = line()
    squared(model, prepare(examples.inputs | examples.labels)).backward()  # type: ignore[no-untyped-call]
    assert model.weight.grad is not None
    expected = model.weight.detach() - 0.05 * model.weight.grad
    assert torch.allclose(trained(method=Local.FEDSGD).weight, expected, atol=1e-6)


def test_predictions_do_not_depend_on_how_they_are_batched() -> None:
    model = trained()
    whole = predictions(LESSON, model, line().inputs)["predictions"]
    assert np.allclose(predictions(LESSON, model, line().inputs, batch=3)["predictions"], whole)


def test_rows_of_different_lengths_are_filled_up() -> None:
    rows = joined([torch.tensor([[1, 2, 3]]), torch.tensor([[4]])])
    assert rows.tolist() == [[1, 2, 3], [4, -1, -1]]


@pytest.mark.parametrize(
    "labels", [{"y": np.zeros(3)}, {"y": np.zeros(())}, {"y": np.zeros(0)}, None]
)
def test_a_folder_whose_tensors_disagree_is_refused(
    tmp_path: Path, labels: dict[str, np.ndarray] | None
) -> None:
    write_tensors(tmp_path / INPUTS_FILE, {"x": np.zeros((4, 2))})
    if labels is not None:
        write_tensors(tmp_path / LABELS_FILE, labels)
    with pytest.raises(BadExamples):
        read_folder(tmp_path)


def test_what_is_no_result_is_not_merged(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text('{"examples": null}')
    with pytest.raises(BadExamples, match="no result"):
        scripts.merge(LESSON, [tmp_path], tmp_path / "out")


INPUTS: dict[str, Callable[[], object]] = {
    "SceneNet": lambda: torch.rand(3, 1, 40, 40),
    "ProseNet": lambda: torch.randint(0, 96, (3, 20)),
    "SpeechNet": lambda: torch.rand(3, 24, 50),
    "JointNet": lambda: {"image": torch.rand(3, 1, 28, 28), "text": torch.ones(3, 10).long()},
}


@pytest.mark.parametrize("kind", INPUTS)
def test_models_are_saved_and_loaded_as_they_are(kind: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = MODELS[kind]().eval()
    again = load_model(save_model(model, tmp_path))
    inputs = INPUTS[kind]()
    one, other = model(inputs), again(inputs)
    for name in one if isinstance(one, dict) else [None]:
        assert torch.equal(*(found if name is None else found[name] for found in (one, other)))


def test_a_language_model_never_sees_what_is_to_come() -> None:
    torch.manual_seed(0)
    model, text = ProseNet().eval(), torch.randint(0, 96, (2, 40))
    changed = text.clone()
    changed[:, 25:] = 7
    with torch.no_grad():
        before, after = model(text), model(changed)
    assert torch.allclose(before[:, :25], after[:, :25], atol=1e-6)
    assert not torch.allclose(before[:, 25:], after[:, 25:], atol=1e-3)


def test_boxes_are_around_the_hottest_cell() -> None:
    """The heat map at row 2, column 7 of 10 by 10 cells: the centre is 10 down, 30 across."""
    model = SceneNet()
    heat = torch.zeros(1, 100)
    heat[0, 27] = 1
    with torch.no_grad():
        model.box.weight.zero_()
        model.box.bias.zero_()
        boxes = model._boxes(torch.zeros(1, 72), heat, 10, 10)
    assert boxes.tolist() == [[2, 22, 18, 38]]


def test_a_path_is_read_as_ctc_means_it() -> None:
    """Repeats count once, a blank between them makes two, blanks are left out."""
    paths = torch.tensor([[0, 3, 3, 0, 3, 1], [0, 0, 0, 0, 0, 0]])
    heard = words_heard(nn.functional.one_hot(paths, 11).float())
    assert heard.tolist() == [[2, 2, 0], [-1, -1, -1]]
    assert words_heard(nn.functional.one_hot(paths[1:], 11).float()).shape == (1, 0)


def test_features_tell_a_low_tone_from_a_high_one_at_any_loudness() -> None:
    time = torch.arange(8000) / 8000
    tones = torch.stack([torch.sin(2 * np.pi * f * time) for f in (300, 3000)])
    loud, quiet = log_mel(tones * 0.5), log_mel(tones * 0.25)
    peaks = loud.mean(2).argmax(1)
    assert loud.shape == (2, 24, 81) and peaks[0] < 8 < 16 < peaks[1]
    assert quiet.mean(2).argmax(1).equal(peaks)
    assert from_mu_law(torch.tensor([0, 255], dtype=torch.uint8)).tolist() == [-1, 1]


def test_one_network_answers_from_any_of_its_senses() -> None:
    torch.manual_seed(0)
    model = JointNet().eval()
    image, text = torch.rand(2, 1, 28, 28), torch.full((2, 10), ord("a"))
    with torch.no_grad():
        alone, both = model({"image": image}), model({"image": image, "text": text})
    assert alone.shape == both.shape == (2, 10) and not torch.equal(alone, both)
    assert SpeechNet()(torch.rand(2, 24, 50)).shape == (2, 25, 11)
