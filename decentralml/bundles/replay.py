"""Training that can be replayed: what a task pins of it, and what a result commits to.

A task's **recipe** leaves the contributor nothing to choose: optimizer, learning rate, examples of
a step, steps, and the software. The chain fixes the order of the examples. The contributor keeps a
**checkpoint** (model, optimizer and step counter) at the start and after every ``interval`` steps,
as ``checkpoints/000000.safetensors`` and so on, and commits to them by a **trace**: their number
and the root of a Merkle tree whose leaves are the SHA-256 of the files. A **segment** is what lies
between two checkpoints. ``docs/replay.md`` says what a replay proves.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from importlib import metadata
from typing import Any

from decentralml.bundles import merkle
from decentralml.bundles.fields import MAX_SECONDS, Fields
from decentralml.errors import EnvironmentMismatch, TraceMismatch
from decentralml.types import PPM, Trace

CHECKPOINTS_FOLDER = "checkpoints"
EXAMPLE_FILES = ("inputs.safetensors", "labels.safetensors")
"""The files of a folder of examples: inputs, labels."""
MAX_CHECKPOINTS = 4096
MAX_INTERVAL = 100
MAX_STEPS = MAX_INTERVAL * (MAX_CHECKPOINTS - 1)
MAX_BATCH = 1 << 20
MAX_SEED = 2**63 - 1
DEFAULT_INTERVAL = 10
DEFAULT_TOLERANCE_PPM = 1000
DEFAULT_TIME_LIMIT = 300
CHECKPOINT_EXTRA_BYTES = 1 << 16
"""What a checkpoint may weigh beyond its tensors: names and places."""


class Optimizer(StrEnum):
    """Pinned by name; see :mod:`decentralml.learning.replay.optimizers`."""

    SGD = "sgd"
    MOMENTUM = "momentum"
    ADAM = "adam"

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the tensors that it keeps for each parameter."""
        return {"sgd": (), "momentum": ("momentum",), "adam": ("mean", "square")}[self]


@dataclass(frozen=True, slots=True)
class Environment:
    """The software and the kind of processor that the training is pinned to."""

    python: str
    """Major and minor version."""
    torch: str
    """Public version: ``2.9.1`` where the package says ``2.9.1+cpu``."""
    numpy: str
    machine: str
    """``x86_64``, ``aarch64``."""

    @classmethod
    def here(cls) -> Environment:
        """What this process has."""
        return cls(
            ".".join(platform.python_version_tuple()[:2]),
            _public(metadata.version("torch")),
            _public(metadata.version("numpy")),
            platform.machine(),
        )

    def check(self, found: Environment) -> None:
        """Refuse to compute in another environment.

        Raises
        ------
        EnvironmentMismatch : with the first thing that differs.
        """
        for field in fields(self):
            wanted, has = getattr(self, field.name), getattr(found, field.name)
            if wanted != has:
                raise EnvironmentMismatch(field.name, wanted, has)


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides a run, but for the order of its examples.

    Attributes
    ----------
    data : folder of the bundle with ``inputs.safetensors`` and ``labels.safetensors``.
    batch_size : examples in a step.
    steps : of the whole run, a multiple of ``interval``.
    interval : steps from one checkpoint to the next.
    seed : of what is random inside a step, dropout say, together with the order's seed.
    tolerance_ppm : by how much a replayed segment may differ from the contributor's, in parts per
        million of the segment's update.
    time_limit : seconds for replaying the drawn segments.
    """

    data: str
    optimizer: Optimizer
    learning_rate: float
    batch_size: int
    steps: int
    interval: int
    seed: int
    tolerance_ppm: int
    time_limit: int
    environment: Environment

    @property
    def segments(self) -> int:
        return self.steps // self.interval

    @property
    def checkpoints(self) -> int:
        """Of the whole run: one at the start, and one after each segment."""
        return self.segments + 1

    @property
    def tolerance(self) -> float:
        """As a share of one."""
        return self.tolerance_ppm / PPM

    def checkpoint_bytes(self, model: int) -> int:
        """What all the checkpoints may weigh, of a model of so many bytes."""
        one = (1 + len(self.optimizer.slots)) * model + CHECKPOINT_EXTRA_BYTES
        return self.checkpoints * one


def checkpoint_file(number: int) -> str:
    """Where checkpoint ``number`` lies in a result."""
    return f"{CHECKPOINTS_FOLDER}/{number:06}.safetensors"


def checkpoint_files(count: int) -> tuple[str, ...]:
    return tuple(map(checkpoint_file, range(count)))


def trace_of(sha256: Mapping[str, str]) -> Trace | None:
    """The trace of a result whose files have these digests; None where it has no checkpoints.

    Parameters
    ----------
    sha256 : hexadecimal, by the file's path. Checkpoints are counted from the first on.

    Raises
    ------
    TraceMismatch : a checkpoint in between is missing.
    """
    count = sum(1 for name in sha256 if name.startswith(f"{CHECKPOINTS_FOLDER}/"))
    names = checkpoint_files(count)
    missing = [name for name in names if name not in sha256]
    if missing:
        raise TraceMismatch(f"{count} files in {CHECKPOINTS_FOLDER},", missing[0], "none")
    if not count:
        return None
    return Trace(merkle.root([bytes.fromhex(sha256[name]) for name in names]), count)


def check_trace(found: Trace | None, promised: Trace | None) -> None:
    """Refuse checkpoints other than those that were committed to.

    Raises
    ------
    TraceMismatch : there are more or fewer of them (their tree is of another depth, or size), or
        their root is another.
    """
    if found is None or promised is None:
        if found is not promised:
            raise TraceMismatch("checkpoints:", _count(promised), _count(found))
        return
    if found.checkpoints != promised.checkpoints:
        raise TraceMismatch("a tree of", _tree(promised), _tree(found))
    if found.root != promised.root:
        raise TraceMismatch("the root", "0x" + promised.root.hex(), "0x" + found.root.hex())


def parse_recipe(section: Fields | None) -> Recipe | None:
    """The field ``replay`` of a task's manifest.

    Raises
    ------
    ManifestError, UnsafePath
    """
    if section is None:
        return None
    recipe = Recipe(
        data=section.path("data"),
        optimizer=section.choice("optimizer", Optimizer),
        learning_rate=section.number("learning_rate"),
        batch_size=section.integer("batch_size", 1, MAX_BATCH),
        steps=section.integer("steps", 1, MAX_STEPS),
        interval=section.integer("interval", 1, MAX_INTERVAL),
        seed=section.integer("seed", 0, MAX_SEED),
        tolerance_ppm=section.integer("tolerance_ppm", 1, PPM // 10),
        time_limit=section.integer("time_limit", 1, MAX_SECONDS),
        environment=_parse_environment(section.section("environment")),
    )
    section.end()
    check_recipe(section, recipe)
    return recipe


def read_recipe(section: Fields | None) -> Recipe | None:
    """The table ``[replay]`` of the author's settings; what it does not say has a default.

    Raises
    ------
    ManifestError, UnsafePath
    """
    if section is None:
        return None

    def given(name: str, default: int, low: int, high: int) -> int:
        return section.integer(name, low, high) if section.has(name) else default

    ppm = DEFAULT_TOLERANCE_PPM
    if section.has("tolerance"):
        ppm = round(section.number("tolerance") * PPM)
        if not 0 < ppm <= PPM // 10:
            raise section.wrong("tolerance is a share of the update up to 0.1, such as 0.001")
    here = Environment.here()
    if section.has("environment"):
        here = _parse_environment(section.section("environment"), asdict(here))
    recipe = Recipe(
        data=section.path("data"),
        optimizer=section.choice("optimizer", Optimizer),
        learning_rate=section.number("learning_rate"),
        batch_size=section.integer("batch_size", 1, MAX_BATCH),
        steps=section.integer("steps", 1, MAX_STEPS),
        interval=given("interval", DEFAULT_INTERVAL, 1, MAX_INTERVAL),
        seed=given("seed", 0, 0, MAX_SEED),
        tolerance_ppm=ppm,
        time_limit=given("time_limit", DEFAULT_TIME_LIMIT, 1, MAX_SECONDS),
        environment=here,
    )
    section.end()
    check_recipe(section, recipe)
    return recipe


def check_recipe(section: Fields, recipe: Recipe) -> None:
    """The rules that tie a recipe's fields together. Raises :class:`ManifestError`."""
    if not 0 < recipe.learning_rate < 1e6:
        raise section.wrong(f"learning_rate is a number above zero, not {recipe.learning_rate}")
    if recipe.steps % recipe.interval:
        raise section.wrong(f"steps ({recipe.steps}) is no multiple of interval")
    if recipe.checkpoints > MAX_CHECKPOINTS:
        raise section.wrong(
            f"{recipe.checkpoints} checkpoints, where {MAX_CHECKPOINTS} are the most"
        )


def trace_document(trace: Trace | None) -> dict[str, Any] | None:
    """A trace as it stands in a manifest."""
    if trace is None:
        return None
    return {"root": "0x" + trace.root.hex(), "checkpoints": trace.checkpoints}


def parse_trace(section: Fields | None) -> Trace | None:
    """The field ``trace`` of a result's manifest. Raises :class:`ManifestError`."""
    if section is None:
        return None
    trace = Trace(
        bytes.fromhex(section.hexadecimal("root", merkle.HASH_BYTES)[2:]),
        section.integer("checkpoints", 2, MAX_CHECKPOINTS),
    )
    section.end()
    return trace


def _parse_environment(section: Fields, default: Mapping[str, str] | None = None) -> Environment:
    found = {}
    for field in fields(Environment):
        if default is not None and not section.has(field.name):
            found[field.name] = default[field.name]
        else:
            found[field.name] = section.text(field.name, 64)
    section.end()
    return Environment(**found)


def _public(version: str) -> str:
    return version.partition("+")[0]


def _count(trace: Trace | None) -> str:
    return "none" if trace is None else str(trace.checkpoints)


def _tree(trace: Trace) -> str:
    return f"{trace.checkpoints} checkpoints (depth {merkle.depth(trace.checkpoints)})"
