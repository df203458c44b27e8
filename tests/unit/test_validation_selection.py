"""Aggregator selection: each strategy's score by hand, and who is chosen."""

from __future__ import annotations

import math

import pytest

from decentralml.errors import MetricAbsurd, NoAggregator, SelectionOptionInvalid
from decentralml.validation.selection import (
    SelectionOptions,
    convergence_rate,
    hybrid,
    load,
    performance,
    quantum_modulated,
    select_aggregator,
)

CLIENTS = {
    "client-1": {
        "cpu_usage": 80.0, "memory_usage": 40.0, "accuracy": 0.9, "loss": 0.25,
        "convergence_rate": 0.1, "entropy": 0.6, "alpha_t": 1.0,
    },
    "client-2": {
        "cpu_usage": 10.0, "memory_usage": 20.0, "accuracy": 0.8, "loss": 1.0,
        "convergence_rate": 0.2, "entropy": 0.4, "alpha_t": 0.5,
    },
    "client-3": {
        "cpu_usage": 50.0, "memory_usage": 50.0, "accuracy": 0.5, "loss": 3.0,
        "convergence_rate": 0.9, "entropy": 0.1, "alpha_t": 0.3,
    },
}  # fmt: skip


@pytest.mark.parametrize(("cpu", "memory", "found"), [(0, 0, 0), (100, 0, 60), (50, 25, 40)])
def test_load(cpu: float, memory: float, found: float) -> None:
    assert load(cpu, memory) == pytest.approx(found)


@pytest.mark.parametrize(
    ("accuracy", "loss", "convergence", "found"),
    [(1, 0, 1, 1), (0, 1, 0, 0.15), (0.8, 1, 0.2, 0.59), (0, 0, 1, 0.5)],
)
def test_performance(accuracy: float, loss: float, convergence: float, found: float) -> None:
    assert performance(accuracy, loss, convergence) == pytest.approx(found)


@pytest.mark.parametrize(
    ("given", "is_pfc", "found"),
    [
        ((0, 0, 1, 0), False, 1.0),
        ((0, 0, 1, 0), True, 1.1),
        ((100, 100, 0, 0), False, 0.3),
        ((50, 30, 0.9, 1), False, 0.66),  # 0.4 · 0.6 + 0.6 · 0.7
        ((50, 30, 0.9, 1), True, 0.76),
    ],
)
def test_hybrid(given: tuple[float, float, float, float], is_pfc: bool, found: float) -> None:
    assert hybrid(*given, is_pfc) == pytest.approx(found)


@pytest.mark.parametrize(("entropy", "alpha", "found"), [(0, 1, 1), (1, 1, 0), (0.25, 0.4, 0.3)])
def test_quantum_modulated(entropy: float, alpha: float, found: float) -> None:
    assert quantum_modulated(entropy, alpha) == pytest.approx(found)


@pytest.mark.parametrize(
    ("previous", "loss", "found"),
    [(None, 1, 0), (2, 1, 0.5), (1, 2, 0), (0, 1, 0), (1, 0, 1), (4, 3, 0.25)],
)
def test_convergence_is_the_share_by_which_the_loss_fell(
    previous: float | None, loss: float, found: float
) -> None:
    assert convergence_rate(previous, loss) == pytest.approx(found)


@pytest.mark.parametrize(
    ("strategy", "node", "score", "multiplier"),
    [
        ("load_based", "client-2", 14, 1),
        ("performance_based", "client-1", 0.71, 1),
        ("pfc_centric", "client-3", 1, 1),
        ("hybrid", "client-2", 0.73, 2),  # 0.4 · 0.85 + 0.6 · 0.65
        ("quantum_modulated", "client-2", 0.3, 1),
    ],
)
def test_each_strategy_chooses(strategy: str, node: str, score: float, multiplier: float) -> None:
    options = SelectionOptions(pfc_node_id="client-3")
    chosen = select_aggregator(strategy, CLIENTS, options)
    assert (chosen.node, chosen.multiplier) == (node, multiplier)
    assert chosen.score == pytest.approx(score)


def test_being_the_pfc_can_decide() -> None:
    alike = dict.fromkeys(("a", "b"), CLIENTS["client-2"])
    assert select_aggregator("hybrid", alike).node == "a"
    options = SelectionOptions(pfc_node_id="b", aggregator_weight_multiplier=3.0)
    chosen = select_aggregator("hybrid", alike, options)
    assert (chosen.node, chosen.multiplier) == ("b", 3.0)


def test_above_the_entropy_threshold_one_is_chosen_only_among_its_like() -> None:
    assert quantum_modulated(0.6, 1.0) > quantum_modulated(0.4, 0.5)  # and yet client-2, above
    uncertain = {n: m | {"entropy": 0.9} for n, m in CLIENTS.items()}
    assert select_aggregator("quantum_modulated", uncertain).node == "client-1"
    exact = {"a": {"entropy": 0.5, "alpha_t": 0.2}, "b": {"entropy": 0.51, "alpha_t": 9.0}}
    assert select_aggregator("quantum_modulated", exact).node == "a"


def test_a_client_with_missing_or_absurd_metrics_is_passed_over_with_the_reason() -> None:
    clients = CLIENTS | {"client-2": {"cpu_usage": 1.0}, "client-3": {"cpu_usage": math.nan}}
    chosen = select_aggregator("load_based", clients)
    assert chosen.node == "client-1"
    assert "memory_usage" in chosen.passed_over["client-2"]
    assert set(chosen.scores) == {"client-1"}


@pytest.mark.parametrize(
    ("strategy", "clients", "options"),
    [
        ("hybrid", {}, {}),
        ("hybrid", {"a": {}}, {}),
        ("load_based", {"a": {"cpu_usage": 101.0, "memory_usage": 0.0}}, {}),
        ("pfc_centric", CLIENTS, {"pfc_node_id": "client-9"}),
    ],
)
def test_nobody_can_be_chosen(strategy: str, clients: dict, options: dict) -> None:
    with pytest.raises(NoAggregator, match=strategy):
        select_aggregator(strategy, clients, SelectionOptions(**options))


def test_options_that_cannot_be_are_named() -> None:
    with pytest.raises(SelectionOptionInvalid, match="load_based, performance_based"):
        select_aggregator("random", CLIENTS)
    with pytest.raises(SelectionOptionInvalid, match="pfc_node_id"):
        select_aggregator("pfc_centric", CLIENTS)
    for multiplier in (1.49, 3.01, math.nan):
        with pytest.raises(SelectionOptionInvalid, match="multiplier"):
            SelectionOptions(aggregator_weight_multiplier=multiplier)
    with pytest.raises(SelectionOptionInvalid, match="entropy"):
        SelectionOptions(entropy_threshold=1.1)


@pytest.mark.parametrize("cpu", [-1.0, 100.5, math.nan])
def test_a_load_that_is_no_percentage_is_absurd(cpu: float) -> None:
    with pytest.raises(MetricAbsurd):
        load(cpu, 0)
