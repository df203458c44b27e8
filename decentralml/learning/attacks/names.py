"""The attacks by name."""

from __future__ import annotations

from enum import StrEnum


class Attack(StrEnum):
    """What bad contributors do. The first two train on bad examples, the others forge results."""

    LABEL_FLIP = "label-flip"
    BACKDOOR = "backdoor"
    SIGN_FLIP = "sign-flip"
    GAUSSIAN = "gaussian"
    ALIE = "alie"
    """A little is enough: all lie by the same small step that hides in the honest ones' spread."""
    IPM = "ipm"
    """Inner product manipulation: against the honest mean, but only so far."""
    FREE_RIDER = "free-rider"
    """Sends the base model back."""
    COPYCAT = "copycat"
    """Sends what another sent."""


TRAINED = frozenset({Attack.LABEL_FLIP, Attack.BACKDOOR})
"""Attackers that train, on poisoned examples."""
