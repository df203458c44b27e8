"""What a Flower run is told: the run configuration of the apps in this package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

OUTCOME_FILE = "outcome.json"
"""What a run leaves in its folder: each round's report, or the error that ended it."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Settings of one federation; ``""`` where Flower's configuration has no word for nothing.

    Attributes
    ----------
    target_llm_type : or ``""`` to detect it.
    model : saved model to begin from, or ``""``.
    out : folder for the last model and the outcome, or ``""``.
    """

    strategy: str = "hybrid"
    num_rounds: int = 3
    min_clients: int = 2
    target_llm_type: str = ""
    by_type: bool = True
    rule: str = "mean"
    pfc_node_id: str = ""
    aggregator_weight_multiplier: float = 2.0
    entropy_threshold: float = 0.5
    fraction_evaluate: float = 1.0
    round_timeout: float = 3600.0
    model: str = ""
    out: str = ""

    def to_config(self) -> dict[str, Any]:
        """As Flower's run configuration has it: words with hyphens."""
        return {name.replace("_", "-"): value for name, value in asdict(self).items()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> RunSettings:
        """Of a run configuration; what it does not name keeps its default."""
        known = cls().to_config()
        given = {name: type(known[name])(config[name]) for name in known if name in config}
        return cls(**{name.replace("-", "_"): value for name, value in given.items()})
