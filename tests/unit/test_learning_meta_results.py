"""A result is one step against the meta-gradient: merged by any rule, adapted by whoever has it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from meta_support import EXAMPLE, LESSON, first_model, lesson_of, plan, write_bundle, write_clients
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from decentralml.bundles.coding import Coding
from decentralml.bundles.manifest import MODEL_FILE
from decentralml.bundles.meta import RATE, MetaMethod, MetaPlan, read_meta_file
from decentralml.bundles.training import LocalTraining
from decentralml.errors import BadSettings, Diverged, StructureMismatch, TooManyClasses
from decentralml.learning.compress.decode import decode
from decentralml.learning.compress.encode import encode
from decentralml.learning.examples import write_tensors
from decentralml.learning.meta import scripts
from decentralml.learning.meta.episodes import Episodes, read_episodes
from decentralml.learning.meta.gradient import assess, meta_gradient
from decentralml.learning.meta.learners import MetaSGD
from decentralml.learning.meta.lesson import predicted, step, tasks_of
from decentralml.learning.meta.saved import read_learner, save_learner
from decentralml.learning.models import DigitNet, load_model
from decentralml.learning.robust.merge import merge_updates
from decentralml.learning.robust.rules import Rule
from decentralml.learning.scripts import examples_of
from decentralml.learning.tensors import TensorFile
from decentralml.learning.update import Update
from decentralml.validation.scores.measures.adapted import adapted_metrics

torch.set_num_threads(1)
METHODS = ("maml", "fomaml", "meta-sgd", "reptile")


def tensors(folder: Path) -> dict[str, Tensor]:
    return load_file(folder / "model.safetensors")


@pytest.mark.parametrize("method", METHODS)
def test_the_mean_of_results_is_the_step_of_all_clients_together(
    tmp_path: Path, method: str
) -> None:
    bundle = write_bundle(tmp_path / "task", f'method = "{method}"')
    LocalTraining(epochs=1, batch=100, learning_rate=0.1).write(bundle)
    base, lesson = first_model(bundle, tmp_path), lesson_of(bundle)
    parts = [write_clients(tmp_path / f"d{n}", n + 2, seed=n, each=10 + 10 * n) for n in range(2)]
    results = [
        scripts.work(lesson, bundle, base, part, tmp_path / "results", part.name) for part in parts
    ]
    updates = [Update(result, examples_of(result)) for result in results]
    merge_updates(updates, tmp_path / "mean.safetensors")
    mean = load_file(tmp_path / "mean.safetensors")
    settings = scripts.plan_of(bundle)
    learner = lesson.learner_of(settings, bundle)
    module, state = read_learner(base, learner)
    tasks = [t for part in parts for t in tasks_of(lesson, read_episodes(part, settings), module)]
    sizes = [len(task.whole()) for task in tasks]
    whole = meta_gradient(learner, module, state, tasks, weights=sizes, seeds=[0] * len(tasks))
    for name, value in state.items():
        wanted = value - settings.outer_rate * whole.gradient[name]
        torch.testing.assert_close(mean[name], wanted, rtol=1e-4, atol=2e-6)
    assert not torch.equal(mean[next(iter(state))], tensors(base)[next(iter(state))])


def test_meta_sgd_keeps_its_rates_in_the_model(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "task", 'method = "meta-sgd"')
    base = first_model(bundle, tmp_path)
    data = write_clients(tmp_path / "data")
    result = scripts.work(lesson_of(bundle), bundle, base, data, tmp_path / "results", "me")
    before, after = tensors(base), tensors(result)
    rates = {name for name in after if name.startswith(RATE)}
    assert len(rates) * 2 == len(after) and before.keys() == after.keys()
    assert {float(before[name].unique()) for name in rates} == {0.5}
    assert not any(torch.equal(after[name], before[name]) for name in rates), "they are learned"
    with pytest.raises(StructureMismatch, match="rate:"):
        read_learner(first_model(write_bundle(tmp_path / "other"), tmp_path / "o"), MetaSGD(0.5))


def test_what_travels_may_be_coded(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "task", 'method = "meta-sgd"')
    base, coding = first_model(bundle, tmp_path), Coding.parse("q8")
    data = write_clients(tmp_path / "data")
    result = scripts.work(lesson_of(bundle), bundle, base, data, tmp_path / "results", "me")
    start, model = (TensorFile.open(f / MODEL_FILE) for f in (base, result))
    encode(start, model, tmp_path / "update.safetensors", coding)
    decode(tmp_path / "update.safetensors", start, coding, tmp_path / "again.safetensors")
    before, after, again = (
        tensors(base), tensors(result), load_file(tmp_path / "again.safetensors")
    )  # fmt: skip
    assert again.keys() == after.keys()
    for name, value in after.items():
        moved = float((value - before[name]).abs().max())
        torch.testing.assert_close(again[name], value, rtol=0, atol=moved / 64 + 1e-7)


def test_batch_norms_buffers_travel_with_the_state(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = DigitNet((2, 4), 2)
    module.features[1].running_mean += 1.0  # type: ignore[operator,union-attr]
    state = MetaSGD(0.1).start({n: p.detach() for n, p in module.named_parameters()})
    folder = save_learner(module, state, tmp_path / "model")
    again, found = read_learner(folder, MetaSGD(0.9))
    assert found.keys() == state.keys()
    for name, value in state.items():
        assert torch.equal(found[name], value)
    assert torch.equal(again.features[1].running_mean, module.features[1].running_mean)  # type: ignore[index,union-attr]


@pytest.mark.parametrize("rule", [Rule.MEDIAN, Rule.MULTI_KRUM, Rule.GEOMETRIC_MEDIAN])
def test_a_flipped_meta_gradient_is_out_merged_by_a_robust_rule(tmp_path: Path, rule: Rule) -> None:
    bundle = write_bundle(tmp_path / "task")
    base, lesson = first_model(bundle, tmp_path), lesson_of(bundle)
    results = [
        scripts.work(
            lesson, bundle, base, write_clients(tmp_path / f"d{n}", 8, seed=n), tmp_path, f"c{n}"
        )
        for n in range(5)
    ]
    start, flipped = tensors(base), tensors(results[0])
    save_file(
        {name: start[name] - 10 * (value - start[name]) for name, value in flipped.items()},
        results[0] / "model.safetensors",
    )
    test = write_clients(tmp_path / "test", 20, seed=99)
    worth = {}
    for name, chosen in (("mean", Rule.MEAN), ("robust", rule)):
        out = tmp_path / name
        save_learner(load_model(base), {}, out)
        merge_updates([Update(each, 1) for each in results], out / "model.safetensors", rule=chosen)
        worth[name] = scripts.measure(lesson, bundle, out, test)
    before = scripts.measure(lesson, bundle, base, test)
    assert worth["robust"] > before > worth["mean"], (before, worth)


# Aggregators adapt.


def episodes(folder: Path, settings: MetaPlan) -> Episodes:
    return read_episodes(write_clients(folder, 8, seed=3), settings)


@pytest.mark.parametrize("method", METHODS)
def test_what_the_predictions_score_is_what_assessing_says(tmp_path: Path, method: str) -> None:
    settings = plan(method)
    learner = LESSON.learner_of(settings)
    module = LESSON.model()
    state = learner.start({n: p.detach() for n, p in module.named_parameters()})
    some = episodes(tmp_path / "data", settings)
    scores = predicted(LESSON, learner, module, state, some)
    again = predicted(LESSON, learner, module, state, some)
    assert np.array_equal(scores, again), "the same every time"
    found = adapted_metrics({"predictions": scores}, some.asked())
    tasks = tasks_of(LESSON, some, module)
    wanted = assess(learner, module, state, tasks).accuracies
    assert found["adapted_accuracy"] == pytest.approx(float(wanted.mean()))
    assert found["adapted_spread"] == pytest.approx(float(wanted.std(correction=0)))


def test_dropout_is_the_same_for_everybody_who_judges(tmp_path: Path) -> None:
    settings = plan()
    learner = LESSON.learner_of(settings)
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(2, 16), nn.Dropout(0.5), nn.ReLU(), nn.Linear(16, 2))
    state = {n: p.detach() for n, p in module.named_parameters()}
    some = episodes(tmp_path / "data", settings)
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        found.append(predicted(LESSON, learner, module, state, some))
    assert np.array_equal(*found)
    tasks = tasks_of(LESSON, some, module)
    steps = [step(LESSON, learner, module, state, tasks, 0.1) for _ in range(2)]
    assert torch.equal(steps[0].state["0.weight"], steps[1].state["0.weight"])


def test_a_model_that_diverges_in_the_inner_loop_predicts_nan_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = plan(rate=1e30)
    learner, module = LESSON.learner_of(settings), LESSON.model()
    state = {n: p.detach() for n, p in module.named_parameters()}
    some = episodes(tmp_path / "data", settings)
    assert np.isnan(predicted(LESSON, learner, module, state, some)).any()
    assert "client 0 diverged: " in capsys.readouterr().out


def test_a_contributor_whose_inner_loop_turns_nan_is_told_where(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "task")
    base = first_model(bundle, tmp_path)
    data = write_clients(tmp_path / "data", 2)
    inputs = {name: value.numpy() for name, value in load_file(data / "inputs.safetensors").items()}
    inputs["inputs"][:20] = np.nan
    write_tensors(data / "inputs.safetensors", inputs)
    with pytest.raises(Diverged, match="client 0 diverged: its support loss in inner step 1"):
        scripts.work(lesson_of(bundle), bundle, base, data, tmp_path / "results", "me")


def test_labels_beyond_the_head_are_named(tmp_path: Path) -> None:
    settings = plan()
    some = read_episodes(write_clients(tmp_path / "data", 1, classes=3), settings)
    with pytest.raises(TooManyClasses, match="client 0 needs a head of 3 classes"):
        tasks_of(LESSON, some, LESSON.model())


# A user's own learner.


OWN = """
from dataclasses import dataclass

import torch

from decentralml.learning.meta.learners import Learner
from decentralml.learning.meta.lesson import MetaLesson
from decentralml.learning.models import PlainNet


@dataclass(frozen=True)
class HeadOnly(Learner):
    rate: float
    name: str = "head only"
    element_rates = True

    def adapt(self, body, state, support):
        last = {n: self.rate * n.startswith("layers.3") for n in state}
        rates = {n: torch.full_like(v, last[n]) for n, v in state.items()}
        return body.adapt(state, support, rate=rates, steps=1)


LESSON = MetaLesson(
    "start", lambda: PlainNet(2, (16,), 2), learner=lambda plan: HeadOnly(plan.rate), seed=1
)
"""


def test_a_bundles_own_learner_is_one_small_class(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "task", 'method = "own"')
    (bundle / "lesson.py").write_text(OWN)
    lesson, base = lesson_of(bundle), first_model(bundle, tmp_path)
    data, test = write_clients(tmp_path / "data", 20), write_clients(tmp_path / "t", 20, seed=9)
    model = base
    for number in range(12):
        model = scripts.work(lesson, bundle, model, data, tmp_path / f"r{number}", "me")
    before, after = (scripts.measure(lesson, bundle, each, test) for each in (base, model))
    assert after > before + 0.03, (before, after)
    settings = read_meta_file(base)
    assert settings is not None and settings.method is MetaMethod.OWN
    with pytest.raises(BadSettings, match="method is own"):
        LESSON.learner_of(settings)

    # As an aggregator runs it: the bundle's own script, with inputs and support labels only.
    some = read_episodes(test, settings)
    write_tensors(tmp_path / "shown" / "inputs.safetensors", some.shown())
    folders = {"TASK": bundle, "MODEL": model, "DATA": tmp_path / "shown", "OUTPUT": tmp_path}
    done = subprocess.run(
        [sys.executable, bundle / "predict.py"],
        env=os.environ
        | {f"DML_{name}": str(folder) for name, folder in folders.items()}
        | {"PYTHONPATH": str(EXAMPLE.parents[2])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    scores = load_file(tmp_path / "predictions.safetensors")["predictions"].numpy()
    found = adapted_metrics({"predictions": scores}, some.asked())
    assert found["adapted_accuracy"] == pytest.approx(after)
