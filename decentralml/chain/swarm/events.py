"""What happened to swarms, typed: one frozen dataclass for each event of the pallet ``swarm``."""

from __future__ import annotations

from dataclasses import dataclass

from decentralml.chain.swarm.words import Fault, Presence, SwarmId
from decentralml.types import Address, Cid


@dataclass(frozen=True, slots=True)
class SwarmCreated:
    swarm: SwarmId
    owner: Address


@dataclass(frozen=True, slots=True)
class SwarmChanged:
    """Its terms are others."""

    swarm: SwarmId


@dataclass(frozen=True, slots=True)
class SeatGranted:
    swarm: SwarmId
    who: Address
    paid: int
    """On hold for the owner."""


@dataclass(frozen=True, slots=True)
class SeatEnded:
    """It was revoked, given up or cleared."""

    swarm: SwarmId
    who: Address
    refunded: int
    """Of its price, to its holder."""


@dataclass(frozen=True, slots=True)
class NodeRegistered:
    swarm: SwarmId
    who: Address
    identity: bytes


@dataclass(frozen=True, slots=True)
class PresenceChanged:
    swarm: SwarmId
    who: Address
    presence: Presence


@dataclass(frozen=True, slots=True)
class RoundOpened:
    swarm: SwarmId
    round: int


@dataclass(frozen=True, slots=True)
class Arrived:
    swarm: SwarmId
    round: int
    who: Address
    cid: Cid


@dataclass(frozen=True, slots=True)
class RoundCollected:
    """Its collection is over; the hash of block ``anchor`` draws its leader."""

    swarm: SwarmId
    round: int
    arrivals: int
    anchor: int


@dataclass(frozen=True, slots=True)
class LeaderDrawn:
    swarm: SwarmId
    round: int
    leader: Address
    deadline: int


@dataclass(frozen=True, slots=True)
class LeaderReplaced:
    """It did not publish in time, stepped down, or lost its seat."""

    swarm: SwarmId
    round: int
    leader: Address


@dataclass(frozen=True, slots=True)
class RoundMerged:
    swarm: SwarmId
    round: int
    leader: Address
    cid: Cid
    merged: int
    left_out: tuple[tuple[Address, Fault], ...]


@dataclass(frozen=True, slots=True)
class RoundVoided:
    """Nobody was left to lead, or too few to merge: whoever waits arrives in the next one."""

    swarm: SwarmId
    round: int


@dataclass(frozen=True, slots=True)
class Objected:
    swarm: SwarmId
    round: int
    who: Address


@dataclass(frozen=True, slots=True)
class MergedOverturned:
    """Enough members objected: the model before it is the newest again."""

    swarm: SwarmId
    round: int


@dataclass(frozen=True, slots=True)
class SwarmClosed:
    swarm: SwarmId


@dataclass(frozen=True, slots=True)
class SwarmRemoved:
    swarm: SwarmId


@dataclass(frozen=True, slots=True)
class PriceCollected:
    """The price of a seat is the owner's."""

    swarm: SwarmId
    who: Address
    paid: int


SwarmEvent = (
    SwarmCreated
    | SwarmChanged
    | SeatGranted
    | SeatEnded
    | NodeRegistered
    | PresenceChanged
    | RoundOpened
    | Arrived
    | RoundCollected
    | LeaderDrawn
    | LeaderReplaced
    | RoundMerged
    | RoundVoided
    | Objected
    | MergedOverturned
    | SwarmClosed
    | SwarmRemoved
    | PriceCollected
)
