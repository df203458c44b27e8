"""The ServerApp that ``decentralml flower-server`` runs, and that any Flower app can name.

In a Flower app's ``pyproject.toml``: ``serverapp = "decentralml.flower.server_app:app"``; its
settings are those of :class:`~decentralml.flower.settings.RunSettings`, in
``[tool.flwr.app.config]``; the database is that of ``DATABASE_URL``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flwr.app import Context
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import Result

from decentralml.bundles.manifest import MODEL_FILE, STRUCTURE_FILE
from decentralml.db.engine import session_factory
from decentralml.errors import DecentralMLError, FlowerServerFailed
from decentralml.flower.beginning import initial_arrays
from decentralml.flower.records import LOG
from decentralml.flower.settings import OUTCOME_FILE, RunSettings
from decentralml.flower.strategy import DbIntegratedStrategy, create_db_integrated_strategy
from decentralml.learning.examples import write_tensors

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Run the federation; what goes wrong is told in one line, and in the outcome."""
    settings = RunSettings.from_config(context.run_config)
    out = Path(settings.out) if settings.out else None
    try:
        strategy, result = federate(grid, settings)
    except DecentralMLError as error:
        LOG.error("%s: %s", type(error).__name__, error)
        _write(out, {"error": type(error).__name__, "message": str(error)})
        return
    if out is not None:
        arrays = {name: array.numpy() for name, array in result.arrays.items()}
        write_tensors(out / MODEL_FILE, arrays)
        structure = Path(settings.model, STRUCTURE_FILE)
        if settings.model and structure.is_file():  # Then the folder is a saved model again.
            (out / STRUCTURE_FILE).write_bytes(structure.read_bytes())
    rounds = [found.report() for found in strategy.rounds.values()]
    _write(out, {"rounds": rounds, "model": MODEL_FILE})


def federate(grid: Grid, settings: RunSettings) -> tuple[DbIntegratedStrategy, Result]:
    """Run a federation on the database of the settings.

    Raises
    ------
    FlowerError, ValidationError, LearningError, DatabaseError
    FlowerServerFailed : no round had anything to merge.
    """
    strategy = create_db_integrated_strategy(
        session_factory(),
        settings.strategy,
        settings.target_llm_type or None,
        settings.by_type,
        settings.min_clients,
        fraction_evaluate=settings.fraction_evaluate,
        pfc_node_id=settings.pfc_node_id or None,
        aggregator_weight_multiplier=settings.aggregator_weight_multiplier,
        entropy_threshold=settings.entropy_threshold,
        rule=settings.rule,
    )
    model = Path(settings.model) if settings.model else None
    arrays = initial_arrays(grid, strategy.records, strategy.target, model, settings.min_clients)
    result = strategy.start(grid, arrays, settings.num_rounds, settings.round_timeout)
    if not result.arrays:
        raise FlowerServerFailed("no round had anything to merge", "no client answered")
    return strategy, result


def _write(out: Path | None, document: dict[str, Any]) -> None:
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / OUTCOME_FILE).write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")
