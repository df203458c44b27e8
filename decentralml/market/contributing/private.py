"""Results that are to tell little of single examples: [training] privacy of a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from decentralml.bundles.training import EPSILON, ExamplePrivacy, read_training
from decentralml.errors import ManifestError, ResultFolderInvalid
from decentralml.market.exchange.fetch import FetchedTask
from decentralml.market.session import Session
from decentralml.market.spent import note_spent
from decentralml.types import Cid, Task

KIND = "private-training"
"""Of the sessions in the database."""


def asked_of(bundle: FetchedTask) -> ExamplePrivacy | None:
    """How private a bundle wants its contributors' trainings; None: it does not say."""
    try:
        training = read_training(bundle.folder)
    except ManifestError:
        return None  # The script that reads the file says what is wrong with it.
    return None if training is None else training.privacy


def require_claim(bundle: FetchedTask, folder: Path, metrics: Mapping[str, float]) -> None:
    """Send nothing of a contributor's data that was to be private, and is not.

    Raises
    ------
    ResultFolderInvalid
    """
    if asked_of(bundle) is not None and EPSILON not in metrics:
        raise ResultFolderInvalid(
            str(folder),
            f"the task asks for DP-SGD ([training] privacy), and its result.json claims no "
            f"{EPSILON}: the script has not trained privately",
        )


def claimed(bundle: FetchedTask, metrics: Mapping[str, float]) -> str | None:
    """What a result says that its training has spent, in a sentence; None where nothing is asked.

    It is the contributor's claim: nobody can check it.
    """
    asked = asked_of(bundle)
    if asked is None:
        return None
    if EPSILON not in metrics:
        return "note: the task asks for DP-SGD, and its contributor claims no epsilon"
    return (
        f"note: its contributor claims DP-SGD with epsilon {metrics[EPSILON]:.3g} at delta "
        f"{asked.delta:g}"
    )


def note_trained(
    session: Session, task: Task, bundle: FetchedTask, cid: Cid, metrics: Mapping[str, float]
) -> None:
    """Write what a sent result has spent into the contributor's database."""
    asked = asked_of(bundle)
    if asked is not None:
        spent = {EPSILON: metrics[EPSILON], "delta": asked.delta}
        note_spent(session, KIND, task, {"result": cid}, asdict(asked), spent)
