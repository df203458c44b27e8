"""What happened on the chain, typed.

One frozen dataclass for each event of the pallets ``market`` and ``aggregators``, of the same name
and fields; every other event arrives as :class:`OtherEvent`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from decentralml.types import Address, Cid, TaskId, Verdict


@dataclass(frozen=True, slots=True)
class TaskCreated:
    """A task was posted and its escrow is held."""

    task: TaskId
    creator: Address
    escrow: int


@dataclass(frozen=True, slots=True)
class TaskAccepted:
    """A contributor took a slot."""

    task: TaskId
    index: int
    contributor: Address
    bond: int
    deadline: int


@dataclass(frozen=True, slots=True)
class ResultSubmitted:
    """A result was sent; the hash of block ``anchor`` draws its committee."""

    task: TaskId
    index: int
    contributor: Address
    cid: Cid
    digest: bytes
    anchor: int


@dataclass(frozen=True, slots=True)
class CommitteeDrawn:
    """Members were drawn, who can attest until then."""

    task: TaskId
    index: int
    round: int
    members: tuple[Address, ...]
    until: int


@dataclass(frozen=True, slots=True)
class DrawPostponed:
    """Members are to be drawn anew, by the hash of block ``anchor``."""

    task: TaskId
    index: int
    anchor: int
    until: int


@dataclass(frozen=True, slots=True)
class Attested:
    """A member attested."""

    task: TaskId
    index: int
    member: Address
    verdict: Verdict
    score: int
    report: Cid


@dataclass(frozen=True, slots=True)
class MemberAbsent:
    """A member did not attest in time."""

    task: TaskId
    index: int
    member: Address


@dataclass(frozen=True, slots=True)
class MemberReplaced:
    """An absent member's seat went to another, or to nobody."""

    task: TaskId
    index: int
    absent: Address
    replacement: Address | None


@dataclass(frozen=True, slots=True)
class ResultValidated:
    """The committee's verdict and score stand."""

    task: TaskId
    index: int
    verdict: Verdict
    score: int


@dataclass(frozen=True, slots=True)
class ResultAccepted:
    """A result was accepted and its reward paid."""

    task: TaskId
    index: int
    contributor: Address
    reward: int


@dataclass(frozen=True, slots=True)
class ResultRejected:
    """A result was rejected, or ended inconclusive."""

    task: TaskId
    index: int
    contributor: Address
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class FeePaid:
    """A member was paid for its attestation, from ``Escrow`` or ``Bond``."""

    task: TaskId
    index: int
    member: Address
    amount: int
    source: str


@dataclass(frozen=True, slots=True)
class BondReturned:
    """What is left of a contributor's bond went back to it."""

    task: TaskId
    index: int
    contributor: Address
    amount: int


@dataclass(frozen=True, slots=True)
class AssignmentAbandoned:
    """A contributor gave its slot back."""

    task: TaskId
    index: int
    contributor: Address


@dataclass(frozen=True, slots=True)
class AssignmentExpired:
    """A contributor let its deadline pass and lost its bond."""

    task: TaskId
    index: int
    contributor: Address
    forfeited: int


@dataclass(frozen=True, slots=True)
class EscrowRefunded:
    """What a task does not need any more went back to its creator."""

    task: TaskId
    creator: Address
    amount: int


@dataclass(frozen=True, slots=True)
class EscrowRefilled:
    """The creator paid fees of a result it rejected and holds them again."""

    task: TaskId
    creator: Address
    amount: int


@dataclass(frozen=True, slots=True)
class Forfeited:
    """Held money went to the treasury."""

    who: Address
    amount: int


@dataclass(frozen=True, slots=True)
class TaskWithdrawn:
    """The creator took back the open slots."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class TaskExpired:
    """The time to accept is over and the open slots are refunded."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class TaskCompleted:
    """No slot is open or in work."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class ModelPublished:
    """The creator published the model that a task led to."""

    task: TaskId
    model: Cid


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


MarketEvent = (
    TaskCreated
    | TaskAccepted
    | ResultSubmitted
    | CommitteeDrawn
    | DrawPostponed
    | Attested
    | MemberAbsent
    | MemberReplaced
    | ResultValidated
    | ResultAccepted
    | ResultRejected
    | FeePaid
    | BondReturned
    | AssignmentAbandoned
    | AssignmentExpired
    | EscrowRefunded
    | EscrowRefilled
    | Forfeited
    | TaskWithdrawn
    | TaskExpired
    | TaskCompleted
    | ModelPublished
)
AggregatorEvent = Registered | ProfileUpdated | Deregistered | OfficeChanged | Misconducted
Event = MarketEvent | AggregatorEvent | OtherEvent
