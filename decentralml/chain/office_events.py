"""What happened to aggregators and to reputations, typed; see :mod:`.events`."""

from __future__ import annotations

from dataclasses import dataclass

from decentralml.types import Address, Role


@dataclass(frozen=True, slots=True)
class Registered:
    who: Address
    bond: int


@dataclass(frozen=True, slots=True)
class ProfileUpdated:
    who: Address


@dataclass(frozen=True, slots=True)
class ToppedUp:
    who: Address
    amount: int


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
    """An aggregator broke its duty; ``missed`` counts its absences by now."""

    who: Address
    misconduct: str
    missed: int
    slashed: int


@dataclass(frozen=True, slots=True)
class Noted:
    """A deed was noted of an account in a role."""

    who: Address
    role: Role
    deed: str


AggregatorEvent = (
    Registered | ProfileUpdated | ToppedUp | Deregistered | OfficeChanged | Misconducted
)
