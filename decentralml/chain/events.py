"""What happened on the chain, typed.

One frozen dataclass for each event of the pallets ``market`` and ``aggregators``, of the same name
and fields; every other event arrives as :class:`OtherEvent`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from decentralml.types import Address


@dataclass(frozen=True, slots=True)
class Registered:
    who: Address
    bond: int


@dataclass(frozen=True, slots=True)
class ProfileUpdated:
    who: Address


@dataclass(frozen=True, slots=True)
class Deregistered:
    who: Address
    bond: int


@dataclass(frozen=True, slots=True)
class OfficeChanged:
    """The election changed who is in office."""

    members: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Misconducted:
    """An aggregator broke its duty, ``missed`` times by now."""

    who: Address
    misconduct: str
    missed: int


@dataclass(frozen=True, slots=True)
class OtherEvent:
    """An event of a pallet that this program has no words of its own for."""

    pallet: str
    name: str
    fields: dict[str, Any] = field(default_factory=dict)


AggregatorEvent = Registered | ProfileUpdated | Deregistered | OfficeChanged | Misconducted
Event = AggregatorEvent | OtherEvent
