"""Which type of model a round is about, and who takes part in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from decentralml.errors import NoClientsOfType
from decentralml.types import ModelType

Declared = Mapping[str, ModelType | None]
"""The type that each client says its model has, by the client's name; None if it says nothing."""


@dataclass(frozen=True, slots=True)
class Target:
    """The type whose models are merged; None while nobody says anything of types.

    Attributes
    ----------
    how : where it comes from, for the log.
    """

    model_type: ModelType | None
    how: str


def target_of(
    declared: Declared, chosen: ModelType | None = None, known: Sequence[ModelType] = ()
) -> Target:
    """What a first round is about: what was chosen, else what most clients say, else the database.

    Parameters
    ----------
    chosen : by the server's operator.
    known : types of the models in the database, newest first: they decide where as many clients
        say the one as the other, and where none says anything.
    """
    if chosen is not None:
        return Target(chosen, "given")
    said = Counter(kind for kind in declared.values() if kind is not None)
    if not said:
        return Target(known[0], "from the database") if known else Target(None, "unknown")
    most = max(said.values())
    order = [*known, *ModelType]
    leading = sorted((k for k, n in said.items() if n == most), key=order.index)
    return Target(leading[0], "auto-detected")


def members(declared: Declared, target: Target) -> list[str]:
    """The clients of the target's type; all of them where none declares a type.

    Where some declare one, those that do not are left out: what they train is not known.

    Raises
    ------
    NoClientsOfType : nobody is left.
    """
    if not any(kind is not None for kind in declared.values()):
        return list(declared)
    found = [name for name, kind in declared.items() if kind is target.model_type]
    if not found:
        counts = Counter(kind.value if kind else "unknown" for kind in declared.values())
        raise NoClientsOfType(str(target.model_type), dict(counts))
    return found
