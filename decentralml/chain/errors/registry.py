"""Errors by the pallet and name that the runtime gives them."""

from __future__ import annotations

from typing import Any

from decentralml.chain.errors import assets, market, money, office, swarm
from decentralml.errors import CallRefused

_MODULES = (assets, market, money, office, swarm)


class BadOrigin(CallRefused):
    message = "{signer} may not make this call; sign with the key of who may (--as)"


def _families() -> dict[str, type[CallRefused]]:
    """The base class of each pallet's errors."""
    return {
        family.home: family
        for module in _MODULES
        for family in vars(module).values()
        if isinstance(family, type) and issubclass(family, CallRefused) and vars(family).get("home")
    }


_FAMILIES = _families()
_CLASSES: dict[tuple[str, str], type[CallRefused]] = {
    (family.home, error.__name__): error
    for family in _FAMILIES.values()
    for error in family.__subclasses__()
}
_CLASSES["", "BadOrigin"] = BadOrigin


def explicit(pallet: str) -> frozenset[str]:
    """Names of a pallet's errors that have a class in this module."""
    return frozenset(name for home, name in _CLASSES if home == pallet)


def refusal(pallet: str, name: str, docs: str, **facts: Any) -> CallRefused:
    """The error of a name, as an instance of its own class.

    A name without a class here gets one: a subclass of its pallet's (or of ``CallRefused``), the
    same for as long as the process lives.
    """
    found = _CLASSES.get((pallet, name))
    if found is None:
        base = _FAMILIES.get(pallet, CallRefused)
        found = _CLASSES[pallet, name] = type(name, (base,), {"__doc__": docs or None})
    return found(pallet, name, docs, **facts)
