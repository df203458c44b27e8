"""Server optimizers give the numbers of their papers, computed by hand, in pieces as in one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from decentralml.errors import BadOptimizer
from decentralml.learning.optimizers import Method, ServerOptimizer

# One parameter; x = 1 at first, Δ = 2 in the first round and -1 in the second. η = 0.5, β₁ = 0.9,
# β₂ = 0.75, τ = 1, so v₀ = 1. By hand:
#   FedAvg      1 + 0.5·2 = 2;                    2 + 0.5·(-1) = 1.5
#   FedAvgM     m = 2; 1 + 0.5·2 = 2;             m = 1.8 - 1 = 0.8; 2 + 0.4 = 2.4
#   adaptive    m = 0.2;                          m = 0.18 - 0.1 = 0.08
#   FedAdagrad  v = 1 + 4 = 5;                    v = 6
#   FedAdam     v = 0.75 + 1 = 1.75;              v = 0.75·1.75 + 0.25 = 1.5625
#   FedYogi     v = 1 - 0.25·4·sign(1 - 4) = 2;   v = 2 - 0.25·1·sign(2 - 1) = 1.75
TABLE = {
    "fedavg": (2.0, 1.5),
    "fedavgm": (2.0, 2.4),
    "fedadagrad": (
        1 + 0.1 / (math.sqrt(5) + 1),
        1 + 0.1 / (math.sqrt(5) + 1) + 0.04 / (math.sqrt(6) + 1),
    ),
    "fedadam": (
        1 + 0.1 / (math.sqrt(1.75) + 1),
        1 + 0.1 / (math.sqrt(1.75) + 1) + 0.04 / (1.25 + 1),
    ),
    "fedyogi": (
        1 + 0.1 / (math.sqrt(2) + 1),
        1 + 0.1 / (math.sqrt(2) + 1) + 0.04 / (math.sqrt(1.75) + 1),
    ),
}


def optimizer(name: str) -> ServerOptimizer:
    return ServerOptimizer(Method(name), 0.5, momentum=0.9, decay=0.75, adaptivity=1.0)


@pytest.mark.parametrize("name", list(Method))
def test_two_steps_give_the_numbers_computed_by_hand(name: str) -> None:
    server, x, state = optimizer(name), np.array([1.0]), {}
    for delta, expected in zip((2.0, -1.0), TABLE[name], strict=True):
        x, state = server.step(x, x + delta, state)
        assert x[0] == pytest.approx(expected, rel=1e-14)
    assert tuple(state) == server.slots


@pytest.mark.parametrize("name", list(Method))
def test_pieces_give_what_the_whole_gives_and_nothing_is_changed_in_place(name: str) -> None:
    rng, server = np.random.default_rng(0), optimizer(name)
    base, merged = rng.normal(size=(2, 10)).astype(np.float32)
    state = {slot: rng.random(10) for slot in server.slots}
    kept = {slot: values.copy() for slot, values in state.items()}
    whole, after = server.step(base, merged, state)
    assert whole.dtype == np.float32
    for here in (slice(0, 3), slice(3, 10)):
        part, piece = server.step(base[here], merged[here], {k: v[here] for k, v in state.items()})
        assert np.array_equal(part, whole[here])
        assert all(np.array_equal(piece[k], after[k][here]) for k in server.slots)
    assert all(np.array_equal(state[k], kept[k]) for k in server.slots)


@pytest.mark.parametrize("name", list(Method))
def test_counters_take_the_merged_value(name: str) -> None:
    server = optimizer(name)
    state = server.start(np.zeros(2))
    after, known = server.step(np.array([3, 4]), np.array([7, 9]), state)
    assert after.tolist() == [7, 9]
    assert all(np.array_equal(known[slot], state[slot]) for slot in server.slots)


def test_plain_averaging_keeps_every_bit_of_the_mean() -> None:
    base, merged = np.float32([1e8, 0.1]), np.float32([1e-8, 0.3])
    after, _ = ServerOptimizer(Method.FEDAVG).step(base, merged, {})
    assert np.array_equal(after, merged)


def test_a_0d_tensor_is_stepped_like_any_other() -> None:
    after, state = optimizer("fedavgm").step(np.array(1.0), np.array(3.0), {})
    assert after.shape == () and float(after) == 2.0 and state["momentum"].shape == ()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"name": "adam"}, "'adam' is none of fedavg"),
        ({"name": "fedavg", "learning_rate": 0.0}, "learning_rate is 0.0"),
        ({"name": "fedavg", "learning_rate": math.inf}, "learning_rate is inf"),
        ({"name": "fedavgm", "momentum": 1.0}, r"momentum is 1.0 and must be in \[0, 1\)"),
        ({"name": "fedadam", "decay": -0.1}, "decay is -0.1"),
        ({"name": "fedyogi", "adaptivity": 0.0}, "adaptivity is 0.0"),
    ],
)
def test_settings_that_make_no_sense_are_named(settings: dict[str, object], said: str) -> None:
    with pytest.raises(BadOptimizer, match=said):
        ServerOptimizer(**settings)  # type: ignore[arg-type]
