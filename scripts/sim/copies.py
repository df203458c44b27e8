"""What one training is worth to a Sybil that sends it several times, with replay and without."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from . import trial
from .chain import START
from .market import terms_of
from .parameters import OFFICE, Parameters

_AGENTS = 12


@dataclass(frozen=True, slots=True)
class Copies:
    """One kind of task."""

    replay: bool
    strategy: str
    trainings: int
    paid: int
    earned: float
    """Planck for each training."""


def compare(
    folder: Path, cache: Path, parameters: Parameters, agents: int = _AGENTS
) -> list[Copies]:
    """Honest contributors beside Sybils of several accounts, on open tasks."""
    groups = []
    for replay in (True, False):
        for strategy, accounts in (("honest", 1), ("sybil", parameters.sybil_accounts)):
            terms = terms_of(parameters, START, manual=False, invited=False)
            slots = agents * accounts
            terms = replace(terms, slots=slots, replay=terms.replay if replay else None)
            name = f"{strategy}/{replay}"
            groups.append(trial.group(name, terms, "honest", strategy, agents, accounts))
    trial.run(folder, cache, parameters, ["honest"] * OFFICE, groups).close()
    return [
        Copies(
            group.terms.replay is not None,
            group.contributors[0].strategy,
            len(group.contributors),
            group.paid,
            group.contributed / len(group.contributors),
        )
        for group in groups
    ]
