"""What an account may ask of the chain, in the marketplace's own words.

One frozen dataclass per call, neutral to the kind of chain. ``docs/protocol.md`` says who may make
which call, when, and what it does. Amounts are planck; scores are parts per million. What concerns
swarms is in :mod:`decentralml.chain.swarm.calls`.
"""

from __future__ import annotations

from dataclasses import dataclass

from decentralml.chain.swarm.calls import SwarmCall
from decentralml.types import Address, Attestation, Cid, Gold, Seal, TaskId, Terms, Trace

CID_BYTES = 64
"""The longest content identifier, in characters."""
REASON_BYTES = 256
"""The longest reason of a rejection, in UTF-8 bytes."""
ENDPOINT_BYTES = 128
"""The longest endpoint of an aggregator, in UTF-8 bytes."""
MAX_PARTIES = 16
"""The most accounts that one call gives something to, or takes something from."""


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
    """SHA-256 of the plain result's ``manifest.json`` (32 bytes)."""
    seal: Seal | None
    """None only where the task's reader is zeros."""
    trace: Trace | None = None
    """Exactly where the task's terms have ``replay``."""


@dataclass(frozen=True, slots=True)
class DrawCommittee:
    """Seat a committee once its anchor block's hash is known."""

    task: TaskId
    index: int


@dataclass(frozen=True, slots=True)
class HandKey:
    """Give each member of the panel that has none its wrap of the result's key, all at once."""

    task: TaskId
    index: int
    wraps: tuple[tuple[Address, bytes], ...]
    """Member and wrap (80 bytes)."""


@dataclass(frozen=True, slots=True)
class Commit:
    """Say that one has a finding, without saying which."""

    task: TaskId
    index: int
    commitment: bytes
    """See :func:`decentralml.chain.commitment.commitment` (32 bytes)."""


@dataclass(frozen=True, slots=True)
class Reveal:
    """Open one's commitment."""

    task: TaskId
    index: int
    attestation: Attestation
    salt: bytes
    """32 bytes."""


@dataclass(frozen=True, slots=True)
class AcceptResult:
    """Accept a result in review, or waive the time to challenge it."""

    task: TaskId
    index: int


@dataclass(frozen=True, slots=True)
class RejectResult:
    """Reject a result in review; against the panel's verdict, with a counter-deposit."""

    task: TaskId
    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class AppealResult:
    """Have all in office judge a result again, with a bond."""

    task: TaskId
    index: int


@dataclass(frozen=True, slots=True)
class OpenGold:
    """Appeal with the proof that a result was planted, and judged wrongly."""

    task: TaskId
    index: int
    gold: Gold


@dataclass(frozen=True, slots=True)
class ReleaseKey:
    """Release the key of an accepted result to its creator, which pays for it."""

    task: TaskId
    index: int
    wrap: bytes
    """The key's wrap for the task's reader (80 bytes)."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Try again to pay what its asset did not let be paid: the reward of a submission or, of the
    task itself (``index`` None), what is due back to the creator."""

    task: TaskId
    index: int | None = None


@dataclass(frozen=True, slots=True)
class AppointMerger:
    """Let one account publish a task's model besides its creator; None: nobody any more."""

    task: TaskId
    merger: Address | None


@dataclass(frozen=True, slots=True)
class PublishModel:
    """Record the next model of a task; a creator's own ends the appointment of its merger."""

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
class ShareKey:
    """Give members the key of a task's sealed validation set."""

    task: TaskId
    shares: tuple[tuple[Address, bytes], ...]
    """Member and wrap (80 bytes)."""


@dataclass(frozen=True, slots=True)
class DiscardShare:
    """Remove the signer's own share, so that another can give it a good one."""

    task: TaskId


@dataclass(frozen=True, slots=True)
class Invite:
    """Let accounts take slots of a task with ``Access.INVITED``."""

    task: TaskId
    accounts: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Uninvite:
    task: TaskId
    accounts: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Clear:
    """Remove what has ended: a submission, or the task itself (``index`` None)."""

    task: TaskId
    index: int | None = None


@dataclass(frozen=True, slots=True)
class ClearAccess:
    """Remove the invitations and shares of accounts from a task that has ended."""

    task: TaskId
    accounts: tuple[Address, ...]


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
class TopUp:
    """Fill the bond of an aggregator up to its full size again."""


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
class CreateAsset:
    """Make an asset, with the signer as its owner."""

    asset: int
    """A number that no asset has."""
    admin: Address
    """Who can mint and freeze it."""
    minimum: int
    """The least that an account can have of it, in its smallest units."""


@dataclass(frozen=True, slots=True)
class DescribeAsset:
    """Give an asset its name, its symbol and the place of its decimal point."""

    asset: int
    name: str
    symbol: str
    decimals: int


@dataclass(frozen=True, slots=True)
class MintAsset:
    """Make units of an asset."""

    asset: int
    to: Address
    amount: int


@dataclass(frozen=True, slots=True)
class TransferAsset:
    """Send units of an asset; never so many that the sender's account of it would be removed."""

    asset: int
    to: Address
    amount: int


@dataclass(frozen=True, slots=True)
class FreezeAsset:
    """Keep an account from sending units of an asset; everybody, where nobody is named."""

    asset: int
    who: Address | None = None


@dataclass(frozen=True, slots=True)
class ThawAsset:
    """Let an account, or everybody, send units of an asset again."""

    asset: int
    who: Address | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Several calls in one transaction: all happen, or none."""

    calls: tuple[Call, ...]


MarketCall = (
    CreateTask
    | AcceptTask
    | SubmitResult
    | DrawCommittee
    | HandKey
    | Commit
    | Reveal
    | AcceptResult
    | RejectResult
    | AppealResult
    | OpenGold
    | ReleaseKey
    | Claim
    | AppointMerger
    | PublishModel
    | Abandon
    | WithdrawTask
    | Settle
    | ShareKey
    | DiscardShare
    | Invite
    | Uninvite
    | Clear
    | ClearAccess
)
AggregatorCall = RegisterAggregator | UpdateProfile | TopUp | Deregister
ElectionCall = SubmitCandidacy | RenounceCandidacy | Vote | RemoveVoter
AssetCall = CreateAsset | DescribeAsset | MintAsset | TransferAsset | FreezeAsset | ThawAsset
Call = MarketCall | AggregatorCall | ElectionCall | AssetCall | SwarmCall | Transfer | Batch
