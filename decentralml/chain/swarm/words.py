"""The words of swarms: what the pallet ``swarm`` stores, neutral to the kind of chain.

A **swarm** is a group that trains one model without a centre. Its **owner** gives out **seats**
(licences). Who has a seat registers a **node**: a certificate, a file server's address, a weight.
Nodes meet in **rounds**: each one **arrives** with an update's CID; one of them is drawn as
**leader**, merges, and publishes the merged model's CID. Times are Unix milliseconds, durations
milliseconds, amounts planck.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from decentralml.types import Address, Cid

SwarmId = NewType("SwarmId", int)

CERTIFICATE_BYTES = 2048
"""The longest certificate (DER)."""
ADDRESS_BYTES = 128
"""The longest address of a file server, ``host:port``."""
MAX_WEIGHTAGE = 100
MAX_SPREAD = 1_000
MAX_LEFT_OUT = 32
"""The most arrivals that a leader can name as left out; more are only counted."""
MISSED_ROUNDS = 3
"""How many rounds a node has to miss before it can be marked as absent."""


class MergeMethod(StrEnum):
    MEAN = "Mean"
    """Weighted by weightage."""
    COORDMEDIAN = "CoordMedian"
    """Weighted 50th percentile of each coordinate."""
    GEOMEDIAN = "GeoMedian"
    """Weiszfeld's geometric median."""


class Admission(StrEnum):
    """How a seat is had."""

    OPEN = "Open"
    """Whoever takes one."""
    INVITED = "Invited"
    """Only by the owner's grant."""
    SALE = "Sale"
    """By grant, or for a price that is on hold for a time and then the owner's."""


class Presence(StrEnum):
    """Where a node stands."""

    REGISTERED = "Registered"
    """It has not said that it is ready."""
    READY = "Ready"
    """Rounds wait for it."""
    ABSENT = "Absent"
    """It missed rounds: none waits for it until it arrives again."""
    SNAPSHOT = "Snapshot"
    """Its training ended; its last update goes on being merged."""
    ACTIVE = "Active"
    """Its training ended; it still arrives with the merged model, and leads."""
    INACTIVE = "Inactive"
    """Its training ended; it has no weight any more."""


class Stage(StrEnum):
    """Where a round stands."""

    COLLECTING = "Collecting"
    DRAWING = "Drawing"
    """Collection is over; the hash of block ``anchor`` draws the leader."""
    MERGING = "Merging"
    """The leader has until ``deadline``."""


class Fault(StrEnum):
    """Why a leader left an arrival out."""

    UNREACHABLE = "Unreachable"
    """Nobody had it."""
    DAMAGED = "Damaged"
    """It is not what its CID says, or no safetensors file."""
    STRUCTURE = "Structure"
    """Other names, shapes or types of tensors."""
    NOT_FINITE = "NotFinite"
    TOO_LARGE = "TooLarge"


@dataclass(frozen=True, slots=True)
class SwarmTerms:
    """What an owner decides about a swarm.

    Attributes
    ----------
    config : CID of a file with what all must agree on: structure, update size, training defaults.
    merge : how updates become one.
    min_peers : fewest updates that a round merges, arrivals (at least one) and snapshots; below it
        a round waits.
    max_peers : most seats.
    admission : how a seat is had; ``price`` (planck) with ``Admission.SALE`` only, else 0.
    quorum_wait : most milliseconds that a round waits for stragglers after ``min_peers`` arrived.
    leader_timeout : milliseconds after which a leader that has not published is replaced.
    spread : the multiple k of the median absolute deviation of arrivals, in tenths (30 is 3).
    max_weightage : the most that a node may say its updates weigh; with 1 all weigh the same.
    """

    config: Cid
    merge: MergeMethod
    min_peers: int
    max_peers: int
    admission: Admission = Admission.INVITED
    price: int = 0
    quorum_wait: int = 30_000
    leader_timeout: int = 600_000
    spread: int = 30
    max_weightage: int = MAX_WEIGHTAGE

    def weight(self, node: Node) -> int:
        """How much a node's updates weigh: what it said, if the terms still allow so much."""
        return min(node.weightage, self.max_weightage)


@dataclass(frozen=True, slots=True)
class Merged:
    """A model that a leader published."""

    round: int
    cid: Cid
    leader: Address
    arrivals: int
    """Of its round: more than half of them can overturn it."""


@dataclass(frozen=True, slots=True)
class Swarm:
    id: SwarmId
    owner: Address
    terms: SwarmTerms
    seats: int
    """Given out."""
    nodes: int
    """Registered."""
    present: int
    """That a round waits for: ready or active."""
    snapshots: int
    """Whose last update goes on being merged."""
    round: int
    """Number of the round that is open or comes next, from 1."""
    newest: Merged | None
    previous: Merged | None
    """What is the newest again if that is overturned."""
    since: int
    """When ``newest`` became that; 0 if nothing ever did."""
    turn: int
    """How often another model became ``newest``."""
    objections: int
    """Against ``newest``, of who arrived in its round."""
    others: int
    """Against ``newest``, of who did not."""
    closed: int | None
    """Since when no round opens any more."""
    deposit: int


@dataclass(frozen=True, slots=True)
class Seat:
    holder: Address
    paid: int
    """Planck that the holder paid for it; it comes back if the owner revokes the seat."""
    due: int | None
    """From when on that is the owner's, while it is on hold from the holder."""
    deposit: int
    payer: Address
    """Whom the deposit is held from: the owner if it granted the seat, else the holder."""


@dataclass(frozen=True, slots=True)
class Node:
    account: Address
    identity: bytes
    """SHA-256 of its certificate (32 bytes)."""
    address: str
    """Of its file server, ``host:port``."""
    weightage: int
    """What it said; :meth:`SwarmTerms.weight` is how much it weighs."""
    willing: bool
    """Whether it may be drawn as leader."""
    barred: bool
    """Whether a model of its was overturned: then it leads no more while it has its seat."""
    presence: Presence
    round: int
    """Of its last arrival; 0 if it never arrived."""
    cid: Cid | None
    """Of its last arrival."""
    arrived: int
    """When that was; 0 if it never arrived."""
    seen: int
    """The latest round that it has not missed: it arrived in it, or was not waited for."""
    objected: int
    """The swarm's turn in which it objected last; 0 if it never did."""
    deposit: int


@dataclass(frozen=True, slots=True)
class Round:
    """The round that is under way.

    Attributes
    ----------
    opened : when its first node arrived.
    deadline : when its stage ends without those it waits for; None while too few have arrived.
    anchor : block whose hash draws the leader; while it collects there is none.
    leader : with ``Stage.MERGING`` only.
    attempt : leaders that failed before this one.
    """

    number: int
    stage: Stage
    opened: int
    arrivals: int
    waiting: int
    """Nodes that it waits for and that have not arrived."""
    snapshots: int
    """That it merges beside the arrivals."""
    candidates: int
    """Arrivals that can be drawn as leader and have not been."""
    deadline: int | None
    anchor: int | None
    leader: Address | None
    attempt: int


@dataclass(frozen=True, slots=True)
class Meeting:
    """A swarm with the round that is under way and one account's node, all of the same block."""

    swarm: Swarm
    round: Round | None
    node: Node | None
    now: int
    """The chain's time."""
