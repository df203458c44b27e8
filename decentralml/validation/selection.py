"""Which client aggregates: one pure score for each strategy, and the choice among clients.

Clients report ``cpu_usage`` and ``memory_usage`` (percent, 0 to 100), ``accuracy`` (0 to 1),
``loss`` (at least 0), ``convergence_rate`` (0 to 1, see :func:`convergence_rate`), ``entropy``
(0 to 1) and ``alpha_t`` (at least 0). A client without what a strategy needs, or with absurd
values, is passed over with a reason; of equal scores the client that comes first by name is taken.

Source: requirements, part B, after EvoSpikeNet's aggregator selection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from decentralml.errors import MetricAbsurd, MetricMissing, NoAggregator, SelectionOptionInvalid
from decentralml.validation.scores.bounds import at_least, share

Metrics = Mapping[str, float]


class Selection(StrEnum):
    """How the aggregator is chosen."""

    LOAD_BASED = "load_based"
    PERFORMANCE_BASED = "performance_based"
    PFC_CENTRIC = "pfc_centric"
    HYBRID = "hybrid"
    QUANTUM_MODULATED = "quantum_modulated"

    @classmethod
    def named(cls, name: str) -> Selection:
        """The strategy of that name. Raises :class:`SelectionOptionInvalid`."""
        try:
            return cls(name)
        except ValueError:
            raise SelectionOptionInvalid("strategy", name, ", ".join(cls)) from None


@dataclass(frozen=True, slots=True)
class SelectionOptions:
    """What a strategy is told besides the clients' metrics.

    Attributes
    ----------
    pfc_node_id : the fixed aggregator of ``pfc_centric``, and the one ``hybrid`` favours.
    aggregator_weight_multiplier : by which ``hybrid`` multiplies the weight of the aggregator's own
        update: 1.5 to 3.
    entropy_threshold : above it, ``quantum_modulated`` passes a client over, if there is another.
    """

    pfc_node_id: str | None = None
    aggregator_weight_multiplier: float = 2.0
    entropy_threshold: float = 0.5

    def __post_init__(self) -> None:
        if not 1.5 <= self.aggregator_weight_multiplier <= 3.0:
            raise SelectionOptionInvalid(
                "aggregator_weight_multiplier", self.aggregator_weight_multiplier, "1.5 to 3.0"
            )
        if not 0 <= self.entropy_threshold <= 1:
            raise SelectionOptionInvalid("entropy_threshold", self.entropy_threshold, "0 to 1")


@dataclass(frozen=True, slots=True)
class Chosen:
    """The aggregator, and why.

    Attributes
    ----------
    score : the aggregator's; highest wins, but for ``load_based``, where it is a load.
    multiplier : by which the weight of its own update is multiplied.
    scores : of every client that was considered.
    passed_over : why the others were not.
    """

    node: str
    strategy: Selection
    score: float
    multiplier: float = 1.0
    scores: Mapping[str, float] = field(default_factory=dict)
    passed_over: Mapping[str, str] = field(default_factory=dict)


def load(cpu_usage: float, memory_usage: float) -> float:
    """``0.6 · cpu + 0.4 · memory``, percent: the least loaded client aggregates."""
    return 0.6 * _percent("cpu_usage", cpu_usage) + 0.4 * _percent("memory_usage", memory_usage)


def performance(accuracy: float, loss: float, convergence: float) -> float:
    """``0.5 · accuracy + 0.3 / (1 + loss) + 0.2 · convergence``, from 0 to 1."""
    return (
        0.5 * share("accuracy", accuracy)
        + 0.3 / (1 + at_least("loss", loss, 0))
        + 0.2 * share("convergence_rate", convergence)
    )


def convergence_rate(previous_loss: float | None, loss: float) -> float:
    """Share by which the loss has fallen since the round before: 0 if it rose, or at the start."""
    now = at_least("loss", loss, 0)
    if previous_loss is None or at_least("loss", previous_loss, 0) == 0:
        return 0.0
    return min(max((previous_loss - now) / previous_loss, 0.0), 1.0)


def hybrid(
    cpu_usage: float, memory_usage: float, accuracy: float, loss: float, is_pfc: bool = False
) -> float:
    """``0.4 · load_score + 0.6 · performance_score``, and 0.1 more for the PFC node.

    ``load_score = 1 - (cpu% + memory%) / 200``;
    ``performance_score = (accuracy + 1 / (1 + loss)) / 2``.
    """
    used = _percent("cpu_usage", cpu_usage) + _percent("memory_usage", memory_usage)
    load_score = 1 - used / 200
    performance_score = (share("accuracy", accuracy) + 1 / (1 + at_least("loss", loss, 0))) / 2
    return 0.4 * load_score + 0.6 * performance_score + (0.1 if is_pfc else 0.0)


def quantum_modulated(entropy: float, alpha_t: float) -> float:
    """``(1 - entropy) · alpha_t``."""
    return (1 - share("entropy", entropy)) * at_least("alpha_t", alpha_t, 0)


def select_aggregator(
    strategy: Selection | str,
    clients: Mapping[str, Metrics],
    options: SelectionOptions | None = None,
) -> Chosen:
    """The client that aggregates.

    Parameters
    ----------
    clients : what each client reports, by its name.

    Raises
    ------
    SelectionOptionInvalid : no such strategy.
    NoAggregator : nobody can be chosen: no client, none with the metrics, or no PFC node.
    """
    options = options or SelectionOptions()
    strategy = Selection.named(strategy)
    if strategy is Selection.PFC_CENTRIC:
        return _pfc(clients, options)
    scores, passed_over = _scores(strategy, clients, options)
    if not scores:
        raise NoAggregator(strategy, passed_over)
    best = min if strategy is Selection.LOAD_BASED else max
    eligible = (
        _calm(clients, scores, options) if strategy is Selection.QUANTUM_MODULATED else scores
    )
    node = best(sorted(eligible), key=scores.__getitem__)
    multiplier = options.aggregator_weight_multiplier if strategy is Selection.HYBRID else 1.0
    return Chosen(node, strategy, scores[node], multiplier, scores, passed_over)


def _pfc(clients: Mapping[str, Metrics], options: SelectionOptions) -> Chosen:
    node = options.pfc_node_id
    if node is None:
        raise SelectionOptionInvalid("pfc_node_id", None, "the name of a client for pfc_centric")
    if node not in clients:
        raise NoAggregator(Selection.PFC_CENTRIC, {node: "it is the PFC node, and is not here"})
    return Chosen(node, Selection.PFC_CENTRIC, 1.0, scores={node: 1.0})


def _scores(
    strategy: Selection, clients: Mapping[str, Metrics], options: SelectionOptions
) -> tuple[dict[str, float], dict[str, str]]:
    scores: dict[str, float] = {}
    passed_over: dict[str, str] = {}
    for node, metrics in clients.items():
        try:
            given = [_metric(metrics, name, strategy) for name in NEEDS[strategy]]
            scores[node] = _FORMULAS[strategy](given, node == options.pfc_node_id)
        except (MetricMissing, MetricAbsurd) as error:
            passed_over[node] = str(error)
    return scores, passed_over


def _metric(metrics: Metrics, name: str, strategy: Selection) -> float:
    if name not in metrics:
        raise MetricMissing(name, f"{strategy} chooses among", tuple(sorted(metrics)))
    return metrics[name]


def _calm(
    clients: Mapping[str, Metrics], scores: Mapping[str, float], options: SelectionOptions
) -> list[str]:
    """The clients within the entropy threshold; all of them if there is none."""
    calm = [n for n in scores if clients[n]["entropy"] <= options.entropy_threshold]
    return calm or list(scores)


def _percent(name: str, value: float) -> float:
    number = at_least(name, value, 0)
    if number > 100:
        raise MetricAbsurd(name, value, "a percentage from 0 to 100")
    return number


NEEDS: Mapping[Selection, tuple[str, ...]] = {
    Selection.LOAD_BASED: ("cpu_usage", "memory_usage"),
    Selection.PERFORMANCE_BASED: ("accuracy", "loss", "convergence_rate"),
    Selection.HYBRID: ("cpu_usage", "memory_usage", "accuracy", "loss"),
    Selection.QUANTUM_MODULATED: ("entropy", "alpha_t"),
}
_FORMULAS: Mapping[Selection, Callable[[list[float], bool], float]] = {
    Selection.LOAD_BASED: lambda given, _: load(*given),
    Selection.PERFORMANCE_BASED: lambda given, _: performance(*given),
    Selection.HYBRID: lambda given, is_pfc: hybrid(given[0], given[1], given[2], given[3], is_pfc),
    Selection.QUANTUM_MODULATED: lambda given, _: quantum_modulated(*given),
}
