"""The words everyone shares: what a task, a result, a verdict and money are.

Enumerations carry the names that the chain uses. Money is an integer number of *planck*, the
smallest unit of the native token; times are Unix milliseconds; durations are milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

TaskId = NewType("TaskId", int)
Address = NewType("Address", str)
"""An account in SS58 form (prefix 42 on a development chain)."""
Cid = NewType("Cid", str)
"""A content identifier, version 1, in base32 text."""

UNIT = 10**12
"""Planck in one token (twelve decimals)."""
PPM = 1_000_000
"""Scores on the chain are parts per million."""
MAX_COMMITTEE = 9
MAX_GOLDS = 4


class TaskType(StrEnum):
    DATA_ANNOTATORS = "DataAnnotators"
    MODEL_CONTRIBUTOR = "ModelContributor"
    MODEL_ENGINEER = "ModelEngineer"


class ValidationStrategy(StrEnum):
    AUTO_ACCEPT = "AutoAccept"
    MANUAL_ACCEPT = "ManualAccept"
    CUSTOM_ACCEPT = "CustomAccept"


class ModelType(StrEnum):
    """What a model is for, which decides how it is scored. :data:`LLM_TYPES` are accepted, too."""

    TEXT = "Text"
    MULTI_MODAL = "MultiModal"
    VISION = "Vision"
    AUDIO = "Audio"

    @classmethod
    def _missing_(cls, value: object) -> ModelType | None:
        return LLM_TYPES.get(value) if isinstance(value, str) else None


LLM_TYPES: Mapping[str, ModelType] = {
    "SpikingEvoTextLM": ModelType.TEXT,
    "SpikingEvoMultiModalLM": ModelType.MULTI_MODAL,
    "SpikingEvoVisionEncoder": ModelType.VISION,
    "SpikingEvoAudioEncoder": ModelType.AUDIO,
}
"""Names that EvoSpikeNet's models carry, and their types."""


class StorageType(StrEnum):
    IPFS = "IPFS"
    CRUST = "Crust"
    S3 = "S3"
    GCP = "GCP"
    AZURE = "Azure"


class AnnotationType(StrEnum):
    IMAGE = "Image"
    AUDIO = "Audio"
    TEXT = "Text"
    VIDEO = "Video"


class TaskStatus(StrEnum):
    CREATED = "Created"
    IN_PROGRESS = "InProgress"
    COMPLETED = "Completed"
    WITHDRAWN = "Withdrawn"
    EXPIRED = "Expired"


class SubmissionStatus(StrEnum):
    ASSIGNED = "Assigned"
    PENDING_VALIDATION = "PendingValidation"
    VALIDATED = "Validated"
    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    EXPIRED = "Expired"
    APPEALED = "Appealed"


class Phase(StrEnum):
    """What a panel (a committee, or the jury of an appeal) is waiting for."""

    DRAWING = "Drawing"
    """The draw of its members."""
    SEALING = "Sealing"
    """The result's key, wrapped for each member by the contributor."""
    COMMITTING = "Committing"
    """Its members' commitments."""
    REVEALING = "Revealing"
    """What its members committed to."""


class Window(StrEnum):
    """What a validated result is waiting for."""

    REVIEW = "Review"
    """The creator's decision."""
    CHALLENGE = "Challenge"
    """An appeal, or the end of the time for one."""
    RELEASE = "Release"
    """Its key; whoever releases it has the reward and the fees paid."""


class Outcome(StrEnum):
    """What a finding comes to."""

    ACCEPTED = "Accepted"
    FAILED = "Failed"
    OVERRULED = "Overruled"
    """Rejected by the creator against the panel."""
    INCONCLUSIVE = "Inconclusive"


class Verdict(StrEnum):
    """What a member of a panel, and then the panel, found.

    ``INCONCLUSIVE`` (the task's own code crashed or ran out of time) is never a pass and never the
    contributor's fault; ``CRASHED`` is a member's own machine that could not judge, never its
    fault either, and never what a panel finds.
    """

    PASS = "Pass"
    FAIL = "Fail"
    INCONCLUSIVE = "Inconclusive"
    CRASHED = "Crashed"


class Access(StrEnum):
    """Who may take a slot of a task."""

    OPEN = "Open"
    INVITED = "Invited"


class Role(StrEnum):
    """As what an account did what is told of it."""

    CREATOR = "Creator"
    CONTRIBUTOR = "Contributor"
    AGGREGATOR = "Aggregator"


@dataclass(frozen=True, slots=True)
class Replay:
    """What a task asks of results whose training is to be replayed."""

    checkpoints: int
    """Of the whole run, the one at its start included: 2 to 4096."""
    segments: int
    """How many of the ``checkpoints - 1`` segments a panel replays: 1 to 16."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a model creator offers; fixed when the task is created.

    The creator's escrow holds ``slots * fee * committee_size`` planck and ``slots * reward`` of
    the reward's asset.
    """

    task_type: TaskType
    strategy: ValidationStrategy
    model_type: ModelType
    storage: StorageType
    bundle: Cid
    reward: int
    """Paid for an accepted result: planck, or the smallest units of ``asset``."""
    fee: int
    """Planck paid to each committee member whose finding agrees with the committee's."""
    committee_size: int
    """Members that validate one result: odd, 1 to 9."""
    slots: int
    """Results wanted."""
    bond: int
    """Planck held from a contributor: at least the chain's minimum and all fees of a committee."""
    expires_at: int
    """Unix milliseconds after which nobody can accept the task."""
    working_time: int
    """Milliseconds from acceptance to the deadline for the result."""
    review_time: int
    """Milliseconds a creator has to decide a validated result (ManualAccept)."""
    reader: bytes
    """X25519 public key (32 bytes) to which the keys of accepted results are released."""
    challenge_time: int = 0
    """Milliseconds in which an outcome can be appealed against; 0: none."""
    asset: int | None = None
    """Asset of the reward; None is the native token."""
    tolerance: int = PPM // 100
    """By how much a member's score may differ from the panel's, in parts per million."""
    parent: TaskId | None = None
    """The task whose published model this one continues from."""
    access: Access = Access.OPEN
    minimum_reputation: int = 0
    """Standing that a contributor must have, in parts per million; 0: anyone."""
    replay: Replay | None = None
    golds: tuple[bytes, ...] = ()
    """Commitments (32 bytes each) to what the creator knows of results that it plants, 4 at most;
    see :func:`decentralml.chain.commitment.gold_commitment`."""

    @property
    def slot_fees(self) -> int:
        """Planck of fees held in escrow for one slot."""
        return self.fee * self.committee_size

    @property
    def slot_hold(self) -> int:
        """Planck held in escrow for one slot: the fees, and the reward if it is native."""
        return self.slot_fees + (self.reward if self.asset is None else 0)


@dataclass(frozen=True, slots=True)
class Task:
    id: TaskId
    creator: Address
    terms: Terms
    deposit: int
    """Planck that its storage holds from the creator."""
    open_slots: int
    """Funded slots that nobody holds."""
    active: int
    """Slots in work, in validation or in review."""
    accepted: int
    submissions: int
    """How many submission indices were handed out; the next one."""
    stored: int
    """Submissions, invitations and shares of it that are still in storage."""
    created_at: int
    status: TaskStatus
    published: Cid | None = None
    """The next model, once the creator has published it."""
    ended_at: int | None = None
    unreturned: int = 0
    """Of its asset: what is due back to the creator and could not be given back yet."""


@dataclass(frozen=True, slots=True)
class Attestation:
    """What one member of a panel revealed."""

    verdict: Verdict
    score: int
    """Parts per million."""
    report: Cid
    segment: int | None = None
    """A segment of the training that did not replay."""


@dataclass(frozen=True, slots=True)
class PanelFinding:
    """What a panel's attestations come to."""

    verdict: Verdict
    score: int
    """Parts per million: the median of those who agree with the verdict."""


@dataclass(frozen=True, slots=True)
class Gold:
    """What a creator knows of a result that it planted."""

    contributor: Address
    """The account that sends it."""
    verdict: Verdict
    low: int
    """Least score that agrees with it, parts per million."""
    high: int
    """Highest score that agrees with it."""
    salt: bytes
    """32 random bytes."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a planted result is worth, once its gold was opened."""

    verdict: Verdict
    low: int
    """Least score that agrees with it, parts per million."""
    high: int
    """Highest score that agrees with it."""


@dataclass(frozen=True, slots=True)
class Seat:
    """One place on a panel."""

    member: Address
    wrap: bytes | None = None
    """The result's key, wrapped for the member (80 bytes)."""
    commitment: bytes | None = None
    attestation: Attestation | None = None
    paid: bool = False
    """Whether the member has its fee."""
    on_duty: bool = False
    """Whether the office counts the seat: as long as its member can be held to account."""


@dataclass(frozen=True, slots=True)
class Seal:
    """What a sealed result says of its key."""

    key_digest: bytes
    """BLAKE2b-256 of the key (32 bytes)."""
    release: bytes
    """BLAKE2b-256 of the key's wrap for the task's reader (32 bytes)."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What a result commits to: the checkpoints of its run."""

    root: bytes
    """Root of their Merkle tree (32 bytes)."""
    checkpoints: int
    """How many there are."""


@dataclass(frozen=True, slots=True)
class Appeal:
    """An outcome that all in office judge again."""

    appellant: Address
    bond: int
    """Planck held from the appellant."""
    counter: int
    """Planck held from a creator that rejected against the panel, until the end."""
    gold: Expected | None
    """What a planted result should have been found, if one was opened."""
    jury: tuple[Seat, ...]


@dataclass(frozen=True, slots=True)
class Submission:
    """One contributor's slot, from assignment to its end."""

    task: TaskId
    index: int
    contributor: Address
    bond: int
    """Planck still held from the contributor."""
    deposit: int
    """Planck that its storage holds from the contributor."""
    accepted_at: int
    accepted_in: int
    """Number of the block of the assignment; the hash of the next orders the training data."""
    status: SubmissionStatus
    phase: Phase | None = None
    """What its committee, or its jury, waits for."""
    window: Window | None = None
    """What it waits for once it is validated."""
    deadline: int | None = None
    """When the present state ends by itself: anyone may settle after it."""
    draw_after: int | None = None
    """Block whose hash draws the committee, while one is waited for."""
    round: int = 0
    """0 for the first committee, 1 after absent members were replaced."""
    result: Cid | None = None
    digest: bytes | None = None
    """SHA-256 of the plain result's manifest (32 bytes)."""
    seal: Seal | None = None
    trace: Trace | None = None
    submitted_at: int | None = None
    seed: bytes | None = None
    """Of the first draw (32 bytes): draws the segments to replay, too."""
    committee: tuple[Seat, ...] = ()
    finding: PanelFinding | None = None
    outcome: Outcome | None = None
    """What the finding came to; it can be appealed against while ``window`` is Challenge."""
    reason: str | None = None
    counter: int = 0
    """Planck held from a creator that rejects against the panel, while that can be challenged."""
    appeal: Appeal | None = None
    key: bytes | None = None
    """The released wrap of its key for the task's reader (80 bytes)."""
    unpaid: bool = False
    """Accepted, but the reward's asset could not be paid yet."""
    ended_at: int | None = None

    @property
    def verdict(self) -> Verdict | None:
        return None if self.finding is None else self.finding.verdict

    @property
    def score(self) -> int | None:
        """Parts per million."""
        return None if self.finding is None else self.finding.score

    @property
    def panel(self) -> tuple[Seat, ...]:
        """Who judges, or judged last: the jury of an appeal, else the committee."""
        return self.committee if self.appeal is None else self.appeal.jury


@dataclass(frozen=True, slots=True)
class Share:
    """The key of a task's sealed validation set, wrapped for one member."""

    wrap: bytes
    """80 bytes."""
    by: Address
    """Who gave it."""
    deposit: int
    """Planck that its storage holds from who gave it."""


@dataclass(frozen=True, slots=True)
class Reputation:
    """What an account did in one role, lately: thousandths of deeds, which fade with time."""

    role: Role
    accepted: int
    rejected: int
    expired: int
    overturned: int
    earned: int
    """Planck, of all time."""
    standing: int
    """Parts per million: the share of good deeds, with one more that is half good."""


@dataclass(frozen=True, slots=True)
class Balance:
    """Planck of one account: what it can spend, and what is held, by reason."""

    free: int
    held: dict[str, int] = field(default_factory=dict)
    locked: int = 0
    """Planck of ``free`` that vote locks keep from being transferred."""

    @property
    def total(self) -> int:
        return self.free + sum(self.held.values())


@dataclass(frozen=True, slots=True)
class AggregatorProfile:
    account: Address
    endpoint: str
    encryption_key: bytes
    """X25519 public key (32 bytes) to which keys are wrapped."""
    bond: int
    duties: int
    """Committees it sits on now."""
    missed: int
    """Commitments it owed and did not give."""


@dataclass(frozen=True, slots=True)
class Election:
    """State of the delegated proof of stake."""

    members: tuple[Address, ...]
    """In office now."""
    runners_up: tuple[Address, ...]
    candidates: tuple[Address, ...]
    round_ends: int
    """Number of the block that ends the term and elects anew."""
