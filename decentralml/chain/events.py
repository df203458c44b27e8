"""What happened on the chain, typed.

One frozen dataclass for each event of the pallets ``market``, ``aggregators``, ``reputation`` and
``swarm`` (:mod:`decentralml.chain.swarm.events`), of the same name and fields; every other event
arrives as :class:`OtherEvent`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from decentralml.chain import office_events
from decentralml.chain.swarm.events import SwarmEvent
from decentralml.types import Address, Cid, Outcome, TaskId, Verdict

Deregistered = office_events.Deregistered
Misconducted = office_events.Misconducted
Noted = office_events.Noted
OfficeChanged = office_events.OfficeChanged
ProfileUpdated = office_events.ProfileUpdated
Registered = office_events.Registered
ToppedUp = office_events.ToppedUp


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
    """Members were drawn; what comes next has its time until then."""

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
class KeyHanded:
    """The contributor gave members the key of its result."""

    task: TaskId
    index: int
    members: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Committed:
    """A member committed to its finding."""

    task: TaskId
    index: int
    member: Address


@dataclass(frozen=True, slots=True)
class Revealed:
    """A member opened its commitment."""

    task: TaskId
    index: int
    member: Address
    verdict: Verdict
    score: int
    report: Cid
    segment: int | None


@dataclass(frozen=True, slots=True)
class MemberAbsent:
    """A member did not commit in time."""

    task: TaskId
    index: int
    member: Address


@dataclass(frozen=True, slots=True)
class MemberUnrevealed:
    """A member did not open its commitment in time."""

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
    """A panel's finding stands: the committee's, or the jury's."""

    task: TaskId
    index: int
    verdict: Verdict
    score: int
    jury: bool


@dataclass(frozen=True, slots=True)
class Overruled:
    """A creator rejected against the committee, with a counter-deposit."""

    task: TaskId
    index: int
    counter: int


@dataclass(frozen=True, slots=True)
class Appealed:
    """All in office are to judge again."""

    task: TaskId
    index: int
    appellant: Address
    bond: int
    gold: bool
    jury: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class AppealEnded:
    """The appeal was upheld, or lost."""

    task: TaskId
    index: int
    appellant: Address
    upheld: bool


@dataclass(frozen=True, slots=True)
class KeyReleased:
    """The key of an accepted result, wrapped for its creator."""

    task: TaskId
    index: int
    by: Address
    wrap: bytes


@dataclass(frozen=True, slots=True)
class ResultAccepted:
    """A result was accepted and its reward paid, if its asset allowed it."""

    task: TaskId
    index: int
    contributor: Address
    reward: int
    asset: int | None
    paid: bool


@dataclass(frozen=True, slots=True)
class RewardClaimed:
    """A reward was paid that could not be paid before."""

    task: TaskId
    index: int
    contributor: Address
    reward: int


@dataclass(frozen=True, slots=True)
class ResultRejected:
    """A result ended unpaid."""

    task: TaskId
    index: int
    contributor: Address
    outcome: Outcome
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class FeePaid:
    """A member was paid for its finding, from ``Escrow``, ``Bond``, ``Appeal`` or ``Slot``.

    ``Slot``: a jury, from what the escrow held for a committee that did not earn it.
    """

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
    """A contributor gave its slot back, for a part of its bond."""

    task: TaskId
    index: int
    contributor: Address
    forfeited: int


@dataclass(frozen=True, slots=True)
class AssignmentExpired:
    """A contributor sent no result, or not its key, in time and lost its bond."""

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
    asset: int | None


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
class MergerAppointed:
    """Somebody may publish a task's model besides its creator, or nobody any more."""

    task: TaskId
    merger: Address | None


@dataclass(frozen=True, slots=True)
class ModelPublished:
    """The creator, or its merger, published the model that a task led to."""

    task: TaskId
    model: Cid


@dataclass(frozen=True, slots=True)
class KeyShared:
    """Members got the key of a task's sealed validation set."""

    task: TaskId
    by: Address
    members: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class ShareDiscarded:
    """A member removed its share of the validation set's key."""

    task: TaskId
    member: Address


@dataclass(frozen=True, slots=True)
class Invited:
    """Accounts may take slots of a task."""

    task: TaskId
    accounts: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Uninvited:
    """Accounts may no longer take slots of a task."""

    task: TaskId
    accounts: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class SubmissionCleared:
    """A submission that had ended was removed from storage."""

    task: TaskId
    index: int


@dataclass(frozen=True, slots=True)
class TaskCleared:
    """A task that had ended was removed from storage."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class DepositReturned:
    """The deposit of something stored went back."""

    who: Address
    amount: int


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
    | KeyHanded
    | Committed
    | Revealed
    | MemberAbsent
    | MemberUnrevealed
    | MemberReplaced
    | ResultValidated
    | Overruled
    | Appealed
    | AppealEnded
    | KeyReleased
    | ResultAccepted
    | RewardClaimed
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
    | MergerAppointed
    | ModelPublished
    | KeyShared
    | ShareDiscarded
    | Invited
    | Uninvited
    | SubmissionCleared
    | TaskCleared
    | DepositReturned
)
Event = MarketEvent | office_events.AggregatorEvent | office_events.Noted | SwarmEvent | OtherEvent
