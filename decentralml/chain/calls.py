"""What an account may ask of the chain, in the marketplace's own words.

One frozen dataclass per call, neutral to the kind of chain. ``docs/protocol.md`` says who may make
which call, when, and what it does. Amounts are planck; scores are parts per million.
"""

from __future__ import annotations

from dataclasses import dataclass

from decentralml.types import Address, Cid, TaskId, Terms, Verdict

CID_BYTES = 64
"""The longest content identifier, in characters."""
REASON_BYTES = 256
"""The longest reason of a rejection, in UTF-8 bytes."""
ENDPOINT_BYTES = 128
"""The longest endpoint of an aggregator, in UTF-8 bytes."""


@dataclass(frozen=True, slots=True)
class CreateTask:
    """Post a task; its escrow is held from the signer."""

    terms: Terms


@dataclass(frozen=True, slots=True)
class AcceptTask:
    """Take one open slot of a task, with a bond."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class SubmitResult:
    """Send the result of the signer's open assignment."""

    task: TaskId
    cid: Cid
    digest: bytes
    """SHA-256 of the result's ``manifest.json`` (32 bytes)."""


@dataclass(frozen=True, slots=True)
class DrawCommittee:
    """Seat a committee once its anchor block's hash is known."""

    task: TaskId
    index: int


@dataclass(frozen=True, slots=True)
class Attest:
    """Give the finding of one committee member."""

    task: TaskId
    index: int
    verdict: Verdict
    score: int
    report: Cid


@dataclass(frozen=True, slots=True)
class AcceptResult:
    task: TaskId
    index: int


@dataclass(frozen=True, slots=True)
class RejectResult:
    task: TaskId
    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class PublishModel:
    """Record the next model of a task."""

    task: TaskId
    model: Cid


@dataclass(frozen=True, slots=True)
class Abandon:
    """Give an assignment back before its deadline."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class WithdrawTask:
    """Refund what nobody works on; work in progress goes on to its end."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class Settle:
    """Move on what a deadline has ended: a submission, or the task itself (``index`` None)."""

    task: TaskId
    index: int | None = None


@dataclass(frozen=True, slots=True)
class RegisterAggregator:
    """Become an aggregator, with a bond."""

    endpoint: str
    encryption_key: bytes
    """X25519 public key (32 bytes)."""


@dataclass(frozen=True, slots=True)
class UpdateProfile:
    endpoint: str
    encryption_key: bytes


@dataclass(frozen=True, slots=True)
class Deregister:
    """Stop being an aggregator: out of office, no duties left; the bond returns."""


@dataclass(frozen=True, slots=True)
class SubmitCandidacy:
    """Stand for election."""


@dataclass(frozen=True, slots=True)
class RenounceCandidacy:
    """Leave the candidates, the runners-up or the office, wherever the signer is."""


@dataclass(frozen=True, slots=True)
class Vote:
    """Vote for up to 16 accounts (members, runners-up or candidates) with a stake."""

    candidates: tuple[Address, ...]
    stake: int


@dataclass(frozen=True, slots=True)
class RemoveVoter:
    """Take the signer's vote and its deposit back."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Send tokens; never so many that the sender's account would be removed."""

    to: Address
    amount: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Several calls in one transaction: all happen, or none."""

    calls: tuple[Call, ...]


MarketCall = (
    CreateTask
    | AcceptTask
    | SubmitResult
    | DrawCommittee
    | Attest
    | AcceptResult
    | RejectResult
    | PublishModel
    | Abandon
    | WithdrawTask
    | Settle
)
AggregatorCall = RegisterAggregator | UpdateProfile | Deregister
ElectionCall = SubmitCandidacy | RenounceCandidacy | Vote | RemoveVoter
Call = MarketCall | AggregatorCall | ElectionCall | Transfer | Batch
