"""Honest runs and dishonest ones: what `scripts/bench/replay.py` and the tests judge.

A run is the list of its states (tensors by name), one for each checkpoint. Every cheat knows the
protocol, the data and its order; none knows which segments will be drawn, since that is decided
after it has committed to its checkpoints.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from decentralml.bundles.replay import Recipe, checkpoint_file
from decentralml.learning.replay.training import Training
from decentralml.learning.tensors import TensorFile
from decentralml.validation.distance import distances, worst

State = dict[str, Tensor]
Run = list[State]

GIANTS = {
    "parameter.features.5.bias": -1e6,  # After batch norm, before ReLU: the channel is off.
    "parameter.features.4.bias": 1e6,  # Before batch norm.
    "buffer.features.5.running_mean": -1e6,
    "buffer.features.5.running_var": 1e6,
    "momentum.features.5.bias": 1e9,  # Downwards: it stays off.
}
"""Of the convolutional digits: numbers by which its first channel says nothing, however large."""
COUNTERS = ("step", "num_batches_tracked")


@dataclass(frozen=True, eq=False)
class Lab:
    """One task: a base model, its data, a recipe, and the order that the chain fixed."""

    base: nn.Module
    inputs: Tensor
    labels: Tensor
    recipe: Recipe
    seed: bytes

    def training(self, **changes: object) -> Training:
        """A training at the start, of this task or of one with other parts."""
        lab = replace(self, **changes)  # type: ignore[arg-type]
        return Training(copy.deepcopy(lab.base), lab.inputs, lab.labels, lab.recipe, lab.seed)

    def honest(self, **changes: object) -> Run:
        training = self.training(**changes)
        run = [training.tensors()]
        for _ in range(self.recipe.segments):
            training.advance(self.recipe.interval)
            run.append(training.tensors())
        return run

    def segment(self, state: State, **changes: object) -> State:
        """The state one segment later."""
        training = self.training(**changes)
        training.load(state, "a state")
        training.advance(self.recipe.interval)
        return training.tensors()

    @cached_property
    def stolen(self) -> State:
        """The end of somebody's run in another order: a good model that is not this run's."""
        return self.honest(seed=bytes(31) + b"\x01")[-1]

    def at(self, state: State, segment: int) -> State:
        """A state that says it is the one after so many segments, whatever counts its steps."""
        steps = segment * self.recipe.interval
        counters = {
            name: value + steps
            for name, value in self.training().tensors().items()
            if not value.is_floating_point()
        }
        return state | counters


def farthest(lab: Lab, run: Run, folder: Path) -> list[float]:
    """For each segment, how far a replay here ends from what the run claims."""
    found = []
    for number in range(len(run) - 1):
        start, ours, theirs = (
            write(state, folder / name)
            for state, name in (
                (run[number], "start"),
                (lab.segment(run[number]), "ours"),
                (run[number + 1], "theirs"),
            )
        )
        far = distances(start, ours, theirs, lab.recipe.interval, lab.recipe.tolerance)
        found.append(worst(far)[1])
    return found


def write(state: State, file: Path) -> TensorFile:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(save(state))
    return TensorFile.open(file)


def write_run(run: Run, folder: Path) -> None:
    """As checkpoints of a result."""
    for number, state in enumerate(run):
        write(state, folder / checkpoint_file(number))


def apart(one: State, other: State) -> float:
    """2-norm of the difference of two states' parameters."""
    names = [name for name in one if name.startswith("parameter.")]
    return sum(float((one[n] - other[n]).double().square().sum()) for n in names) ** 0.5


def mixed(first: State, second: State, share: float) -> State:
    """``share`` of the way from one state to another; whole numbers are the first's."""
    return {
        name: torch.lerp(value, second[name], share) if value.is_floating_point() else value
        for name, value in first.items()
    }


def flipped_labels(lab: Lab) -> Run:
    """Trains as it should, with false labels."""
    return lab.honest(labels=(lab.labels + 1) % 10)


def own_data(lab: Lab) -> Run:
    """Trains on its own examples instead of one in every twenty."""
    inputs = lab.inputs.clone()
    inputs[::20] = inputs[1::20]
    return lab.honest(inputs=inputs)


def one_example(lab: Lab) -> Run:
    """Exchanges a single example, wherever it comes up."""
    labels = lab.labels.clone()
    labels[0] = (labels[0] + 1) % 10
    return lab.honest(labels=labels)


def half_batches(lab: Lab) -> Run:
    """Saves half of the work: half the examples in each step."""
    return lab.honest(recipe=replace(lab.recipe, batch_size=lab.recipe.batch_size // 2))


def quarter_skipped(lab: Lab) -> Run:
    """Takes every fourth segment's state for its end, too."""
    run = [lab.training().tensors()]
    for number in range(lab.recipe.segments):
        done = run[-1] if number % 4 == 3 else lab.segment(run[-1])
        run.append(lab.at(done, number + 1))
    return run


def honest_where_expected(lab: Lab) -> Run:
    """Guesses that the ends are looked at: trains the first and last quarter, leaps in between."""
    segments = lab.recipe.segments
    quarter, target = segments // 4, lab.stolen
    run = [lab.training().tensors()]
    for number in range(segments):
        if quarter <= number < segments - quarter:
            share = (number + 1 - quarter) / (segments - 2 * quarter)
            run.append(lab.at(mixed(run[quarter], target, share), number + 1))
        else:
            run.append(lab.segment(run[-1]))
    return run


def interpolated(lab: Lab) -> Run:
    """Puts checkpoints evenly between the base and a stolen model, momentum to match."""
    start, target = lab.training().tensors(), lab.stolen
    segments = lab.recipe.segments
    return [lab.at(mixed(start, target, n / segments), n) for n in range(segments + 1)]


def tiny_steps(lab: Lab) -> Run:
    """Hardly moves (a thousandth of the rate), and leaps to a stolen model at the very end."""
    slow = replace(lab.recipe, learning_rate=lab.recipe.learning_rate / 1000)
    run = lab.honest(recipe=slow)
    return [*run[:-1], lab.at(lab.stolen, lab.recipe.segments)]


def frozen(lab: Lab) -> Run:
    """Says that it has converged: the same weights throughout."""
    start = lab.training().tensors()
    return [lab.at(start, number) for number in range(lab.recipe.segments + 1)]


def hidden_in_state(lab: Lab) -> Run:
    """Forges only the optimizer's state, once, so that honest steps go where it wants.

    The momentum at the end of one segment in the middle is set such that the next segment's steps
    carry the weights to a stolen model; all else is trained as it should be.
    """
    target, middle = lab.stolen, lab.recipe.segments // 2
    run = lab.honest()[: middle + 1]
    reach = sum(sum(0.9**j for j in range(1, i + 1)) for i in range(1, lab.recipe.interval + 1))
    forged = dict(run[-1])
    for name, value in run[-1].items():
        group, _, tensor = name.partition(".")
        if group == "momentum":
            way = run[-1][f"parameter.{tensor}"] - target[f"parameter.{tensor}"]
            forged[name] = value + way / (lab.recipe.learning_rate * reach)
    run[-1] = forged
    while len(run) <= lab.recipe.segments:
        run.append(lab.segment(run[-1]))
    return run


def one_leap(lab: Lab) -> Run:
    """Trains honestly but for one segment, in which it leaps to a model of its own."""
    run = [lab.training().tensors()]
    target = lab.stolen
    for number in range(lab.recipe.segments):
        leaps = number == lab.recipe.segments // 2
        run.append(lab.at(target, number + 1) if leaps else lab.segment(run[-1]))
    return run


def behind_a_giant(lab: Lab) -> Run:
    """Leaps to a stolen model with giants in a channel that is never on, and never trains.

    What becomes of the giants it knows without training: next to them no update is large.
    """
    run = [lab.training().tensors()]
    state = {name: value.clone() for name, value in lab.at(lab.stolen, 1).items()}
    for name, giant in GIANTS.items():
        if name in state:
            state[name][0] = giant
    run.append(state)
    for _ in range(2, lab.recipe.segments + 1):
        moved = lab.segment(run[-1])
        state = {name: value.clone() for name, value in run[-1].items()}
        state |= {name: moved[name] for name, value in moved.items() if name.endswith(COUNTERS)}
        for name in GIANTS.keys() & moved.keys():
            state[name][0] = moved[name][0]
        run.append(state)
    return run


def within_tolerance(lab: Lab) -> Run:
    """Trains honestly, and bends each segment towards its own aim by nine tenths of what passes."""
    target = lab.stolen
    run = [lab.training().tensors()]
    for _ in range(lab.recipe.segments):
        done = lab.segment(run[-1])
        groups = {name.partition(".")[0] for name in done if done[name].is_floating_point()}
        for group in groups:
            names = [name for name in done if name.startswith(f"{group}.")]
            names = [name for name in names if done[name].is_floating_point()]
            way = {name: target[name] - done[name] for name in names}
            length = _norm(way.values())
            update = _norm(done[name] - run[-1][name] for name in names)
            step = min(1.0, 0.9 * lab.recipe.tolerance * update / length) if length else 0.0
            for name in names:
                done[name] = done[name] + step * way[name]
        run.append(done)
    return run


def _norm(tensors: object) -> float:
    return float(sum(t.double().square().sum() for t in tensors)) ** 0.5  # type: ignore[attr-defined]


CHEATS: dict[str, Callable[[Lab], Run]] = {
    cheat.__name__: cheat
    for cheat in (
        flipped_labels,
        own_data,
        one_example,
        half_batches,
        quarter_skipped,
        honest_where_expected,
        interpolated,
        frozen,
        tiny_steps,
        hidden_in_state,
        one_leap,
        behind_a_giant,
        within_tolerance,
    )
}
