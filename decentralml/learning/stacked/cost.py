"""Which way of running many clients is cheapest: by size, the same every time.

A loop pays PyTorch's overhead for each operation of each client; a stack pays it once, but its
products of many small matrices run below the speed of one client's large ones, and the weights of
all the clients must pass through memory. A linear layer whose weight is shared has no weights per
client at all and pays for Gram matrices instead, which grow with the rows and the square of
the steps. The constants were measured by ``scripts/bench/simulation.py`` and ``meta.py``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from decentralml.errors import BadSettings, NotStackable
from decentralml.learning.stacked.traits import LinearUse, Traits

MEMORY = 1 << 30
"""Bytes that a chunk of clients may take, by default."""
SMALLEST = 4096
"""Weights below this many are never worth sharing."""
GAIN = 5.0
"""A weight is shared where its factors have at most this many times its elements: those are read
and multiplied as large matrices, while a stacked weight passes through memory in every step."""
LARGE = 60_000
"""Elements of stacked weights from which a loop is as fast as a stack."""
BUSY = 500_000
"""Multiply-adds of convolutions for one batch of one client from which a loop is as fast."""


class Engine(StrEnum):
    """Names of the ways to run many clients."""

    AUTO = "auto"
    STACKED = "stacked"
    LOOP = "loop"


@dataclass(frozen=True, slots=True)
class Choice:
    """How to run the clients.

    Attributes
    ----------
    engine : stacked or loop.
    shared : linear layers whose weight the clients share.
    chunk : clients at a time.
    reason : in words.
    """

    engine: Engine
    shared: tuple[str, ...]
    chunk: int
    reason: str


def choose(
    model: Traits,
    *,
    batch: int,
    steps: int,
    ragged: bool,
    differentiated: bool,
    engine: Engine = Engine.AUTO,
    memory: int = MEMORY,
    scalar_rates: bool = True,
    unshared: Collection[str] = (),
) -> Choice:
    """The cheapest way for clients that take ``steps`` steps on batches of ``batch`` examples.

    Parameters
    ----------
    ragged : whether some batches are padded.
    differentiated : whether the steps themselves are differentiated (meta-gradients), so that
        every step's activations stay in memory.
    engine : what the caller wants; ``auto`` leaves the choice here.
    memory : bytes that a chunk of clients may take.
    scalar_rates : whether a layer has one learning rate. Rates for each element (Meta-SGD) make
        an adapted weight that is of no low rank.
    unshared : layers to keep out.

    Raises
    ------
    NotStackable
        ``engine`` is ``stacked`` and the model cannot be.
    BadSettings
        ``engine`` is no engine.
    """
    try:
        engine = Engine(engine)
    except ValueError:
        raise BadSettings("engine", repr(engine), "one of " + ", ".join(Engine)) from None
    hindrance = model.unstackable
    if not hindrance and ragged and model.coupled:
        hindrance = "its examples see each other in a batch, and batches differ in size"
    if engine is Engine.STACKED and hindrance:
        raise NotStackable(model.name, hindrance)
    shared = tuple(
        name
        for name, use in model.linear.items()
        if scalar_rates and name not in unshared and pays(use, batch, steps)
    )
    if engine is Engine.LOOP or hindrance:
        return Choice(Engine.LOOP, (), 1, hindrance or "as asked")
    weights = model.parameters - sum(
        use.inputs * use.outputs for name, use in model.linear.items() if name in shared
    )
    size = _bytes(model, weights, shared, batch, steps, differentiated)
    chunk = max(1, memory // size)
    if engine is Engine.AUTO:
        if weights > LARGE:
            return Choice(Engine.LOOP, (), 1, f"{weights:,} weights for each client")
        if not differentiated and model.convolved * batch > BUSY:
            return Choice(Engine.LOOP, (), 1, "large convolutions")
        if chunk < 2:
            return Choice(Engine.LOOP, (), 1, f"one client takes {size:,} bytes")
    how = f"{weights:,} weights for each client"
    if shared:
        how += f", {', '.join(shared)} shared"
    return Choice(Engine.STACKED, shared, chunk, how)


def pays(use: LinearUse, batch: int, steps: int) -> bool:
    """Whether sharing a layer's weight is cheaper than stacking it."""
    rank = use.rows * batch * steps
    elements = use.inputs * use.outputs
    return elements >= SMALLEST and rank * (use.inputs + use.outputs) <= GAIN * elements


def _bytes(
    model: Traits,
    weights: int,
    shared: tuple[str, ...],
    batch: int,
    steps: int,
    differentiated: bool,
) -> int:
    """Of one client: weights, momentum, gradients; activations there and back; factors."""
    passes = 3 * (steps + 1) if differentiated else 3
    copies = 3 * (steps + 1) if differentiated else 4
    factors = sum(
        steps * batch * use.rows * (use.inputs + use.outputs)
        for name, use in model.linear.items()
        if name in shared
    )
    repeats = steps + 1 if differentiated else 2
    return 4 * (copies * weights + passes * batch * model.activations + repeats * factors) + 1
