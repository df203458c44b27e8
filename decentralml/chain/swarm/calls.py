"""What an account may ask of the chain's swarms: one frozen dataclass for each call.

``docs/swarm.md`` says who may make which call, when, and what it does.
"""

from __future__ import annotations

from dataclasses import dataclass

from decentralml.chain.swarm.words import Fault, Presence, SwarmId, SwarmTerms
from decentralml.types import Address, Cid


@dataclass(frozen=True, slots=True)
class CreateSwarm:
    terms: SwarmTerms


@dataclass(frozen=True, slots=True)
class SetSwarmTerms:
    """By the owner, between rounds; one that waits for more arrivals than there are is void."""

    swarm: SwarmId
    terms: SwarmTerms


@dataclass(frozen=True, slots=True)
class GrantSeat:
    """By the owner."""

    swarm: SwarmId
    who: Address


@dataclass(frozen=True, slots=True)
class TakeSeat:
    """Of an open swarm for nothing, or of one that sells them for its price, which is on hold."""

    swarm: SwarmId
    at_most: int
    """Planck; refused if the price is higher by now."""


@dataclass(frozen=True, slots=True)
class RevokeSeat:
    """By the owner; gives the price back and removes the holder's node."""

    swarm: SwarmId
    who: Address


@dataclass(frozen=True, slots=True)
class GiveUpSeat:
    """By its holder; removes the node; deposits come back. Of the price see
    :mod:`decentralml.chain.swarm.prices`."""

    swarm: SwarmId


@dataclass(frozen=True, slots=True)
class RegisterNode:
    """By who has a seat; again to change what it says (a new certificate, another address). Its
    weight stays while it has arrived in the round under way."""

    swarm: SwarmId
    certificate: bytes
    """X.509, DER."""
    address: str
    weightage: int
    willing: bool


@dataclass(frozen=True, slots=True)
class Ready:
    """From now on rounds wait for the node."""

    swarm: SwarmId


@dataclass(frozen=True, slots=True)
class Arrive:
    """Reach the sync point of a round with an update; the first arrival opens the round."""

    swarm: SwarmId
    round: int
    base: int
    """Round of the merged model that it began from; 0 if there is none yet."""
    cid: Cid


@dataclass(frozen=True, slots=True)
class Advance:
    """Do what is due: end a round's collection, draw a leader, replace one, overturn a model. By
    anyone."""

    swarm: SwarmId


@dataclass(frozen=True, slots=True)
class StepDown:
    """By the round's leader: another is drawn at once."""

    swarm: SwarmId
    round: int


@dataclass(frozen=True, slots=True)
class Publish:
    """By the round's leader: the merged model; also late, as long as nobody replaced it."""

    swarm: SwarmId
    round: int
    cid: Cid
    merged: int
    """Updates in it, snapshots included."""
    left_out: tuple[tuple[Address, Fault], ...] = ()


@dataclass(frozen=True, slots=True)
class ObjectMerged:
    """By who arrived in the newest merged round: its model is unusable.

    Once more than half of them say so, the model before it is the newest again. Where nobody has
    gone on from it for as long as a leader has, by any node that rounds wait for; ``min_peers`` of
    whoever objects are enough then.
    """

    swarm: SwarmId
    round: int


@dataclass(frozen=True, slots=True)
class MarkAbsent:
    """By anyone, of a ready node that missed three rounds: no round waits for it."""

    swarm: SwarmId
    who: Address


@dataclass(frozen=True, slots=True)
class FinishTraining:
    """By a node: ``SNAPSHOT``, ``ACTIVE`` or ``INACTIVE``."""

    swarm: SwarmId
    presence: Presence


@dataclass(frozen=True, slots=True)
class CloseSwarm:
    """By the owner: no round opens any more; open ones end."""

    swarm: SwarmId


@dataclass(frozen=True, slots=True)
class ClearSeat:
    """By anyone, of a closed swarm with no round under way: deposits go back to the holder, and so
    does a price that was not due when the swarm was closed."""

    swarm: SwarmId
    who: Address


@dataclass(frozen=True, slots=True)
class RemoveSwarm:
    """By anyone, of a closed swarm without seats: the owner's deposit goes back."""

    swarm: SwarmId


@dataclass(frozen=True, slots=True)
class CollectPrice:
    """By anyone, of a seat whose price is due: the owner is paid."""

    swarm: SwarmId
    who: Address


SwarmCall = (
    CreateSwarm
    | SetSwarmTerms
    | GrantSeat
    | TakeSeat
    | RevokeSeat
    | GiveUpSeat
    | RegisterNode
    | Ready
    | Arrive
    | Advance
    | StepDown
    | Publish
    | ObjectMerged
    | MarkAbsent
    | FinishTraining
    | CloseSwarm
    | ClearSeat
    | RemoveSwarm
    | CollectPrice
)

RENEWED = (RegisterNode, Ready, Advance, MarkAbsent, FinishTraining)
"""Calls whose effect others can undo, or that are due again and again: one that an interrupted
process sent, and that took effect since, is no answer to the next. Who makes one looks at the chain
first. Of all others the same call, sent again after an interruption, is found and not repeated."""
