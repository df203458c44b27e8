"""What became of a round's replies, and the merge of those that count."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flwr.app import Array as FlowerArray
from flwr.app import ArrayRecord, MetricRecord

from decentralml.errors import UnmergeableType
from decentralml.flower.grouping import Target
from decentralml.flower.replies import Array, Said
from decentralml.learning.examples import tensors_of
from decentralml.learning.robust.merge import merge_updates
from decentralml.learning.robust.rules import Rule, RuleOptions
from decentralml.learning.sources import ArraySource
from decentralml.learning.tensors import TensorFile
from decentralml.learning.update import Update
from decentralml.validation.scores.weighting import require_weight
from decentralml.validation.selection import Chosen

AGGREGATOR = "aggregator_node"


@dataclass(frozen=True, slots=True)
class Weighed:
    """A client's update that is merged.

    Attributes
    ----------
    weight : its adjusted weight, the aggregator's multiplied.
    """

    said: Said
    arrays: Mapping[str, Array]
    weight: float


@dataclass(slots=True)
class Round:
    """What became of a round's replies.

    Attributes
    ----------
    apart, nodes_apart : clients of other types, with the type of each; and their nodes.
    refused : clients whose update was left out, and why; by the rule, too.
    rule : by which the others were merged, and
    reason : why by this one.
    """

    number: int
    target: Target
    merged: list[Weighed] = field(default_factory=list)
    apart: dict[str, str] = field(default_factory=dict)
    nodes_apart: set[int] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    aggregator: Chosen | None = None
    rule: Rule = Rule.MEAN
    reason: str = ""

    def report(self) -> dict[str, Any]:
        """As it is kept beside the round's model."""
        chosen = self.aggregator
        return {
            "round": self.number,
            "target": self.target.model_type,
            "target_from": self.target.how,
            "aggregator": None if chosen is None else chosen.node,
            "strategy": None if chosen is None else chosen.strategy,
            "rule": str(self.rule),
            "reason": self.reason,
            "scores": {} if chosen is None else dict(chosen.scores),
            "clients": {
                part.said.name: {
                    "examples": part.said.examples,
                    "weight": part.weight,
                    "metrics": finite(part.said.metrics),
                }
                for part in self.merged
            },
            "apart": self.apart,
            "refused": self.refused,
        }


def finite(metrics: Mapping[str, float]) -> dict[str, float]:
    """The metrics that are numbers: a client may report what it likes."""
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def merge(
    found: Round, out: Path, rule: Rule, options: RuleOptions, sent: Mapping[str, Array]
) -> None:
    """Merge a round's updates into the safetensors file ``out``.

    The mean counts them by their weights; other rules count all alike, for what clients report is
    their word, and whoever they leave out is taken from the round with the reason.

    Parameters
    ----------
    sent : the model that the round began from.

    Raises
    ------
    ZeroWeight, UnmergeableType, AllUpdatesRejected, TooManyBad
    """
    require_weight(part.weight for part in found.merged)
    updates = [
        Update(
            out,
            int(part.said.examples),
            contributor=part.said.name,
            source=ArraySource(_mergeable(part.arrays)),
        )
        for part in found.merged
    ]
    mean = rule is Rule.MEAN
    report = merge_updates(
        updates,
        out,
        [part.weight for part in found.merged] if mean else None,
        rule=rule,
        base=None if mean else ArraySource(_mergeable(sent)),
        options=options,
    )
    found.rule, found.reason = report.rule, report.reason
    found.refused |= {part.name: part.rejected for part in report.parts if part.rejected}
    found.merged = [
        part for part, taken in zip(found.merged, report.parts, strict=True) if not taken.rejected
    ]


def _mergeable(arrays: Mapping[str, Array]) -> Mapping[str, Array]:
    """The arrays, all of a kind that can be averaged."""
    for name, values in arrays.items():
        if values.dtype.kind not in "fiub" or values.dtype.itemsize > 8:
            raise UnmergeableType(name, str(values.dtype))
    return arrays


def read_arrays(model: Path, names: Sequence[str]) -> ArrayRecord:
    """The tensors of a merged model in the order in which clients know them."""
    tensors = tensors_of(model)
    specs = TensorFile.open(model).specs
    return ArrayRecord(
        {
            name: FlowerArray(
                tensors[name].astype(bool) if specs[name].dtype == "BOOL" else tensors[name]
            )
            for name in names
        }
    )


def aggregated(found: Round) -> MetricRecord:
    """Mean metrics by weight, of those that all the merged clients report; and who took part."""
    parts = [(part.said.metrics, part.weight) for part in found.merged]
    total = sum(weight for _, weight in parts)
    metrics: dict[str, Any] = {
        **means(parts, total),
        "clients": len(parts),
        "clients_apart": len(found.apart),
        "clients_refused": len(found.refused),
        "total_weight": float(total),
    }
    if found.aggregator is not None:
        nodes = {part.said.name: part.said.node for part in found.merged}
        metrics[AGGREGATOR] = nodes[found.aggregator.node]
    return MetricRecord(metrics)


def means(parts: Sequence[tuple[Mapping[str, float], float]], total: float) -> dict[str, Any]:
    """Weighted means of the metrics of which all have a finite number."""
    common = set.intersection(*(set(finite(metrics)) for metrics, _ in parts)) if parts else set()
    return {
        name: float(sum(metrics[name] * weight for metrics, weight in parts) / total)
        for name in sorted(common)
    }
