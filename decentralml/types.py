"""The words everyone shares: what a task, a result, a verdict and money are.

Enumerations carry the names that the chain uses. Money is an integer number of *planck*, the
smallest unit of the native token; times are Unix milliseconds; durations are milliseconds.
"""

from __future__ import annotations

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


class TaskType(StrEnum):
    DATA_ANNOTATORS = "DataAnnotators"
    MODEL_CONTRIBUTOR = "ModelContributor"
    MODEL_ENGINEER = "ModelEngineer"


class ValidationStrategy(StrEnum):
    AUTO_ACCEPT = "AutoAccept"
    MANUAL_ACCEPT = "ManualAccept"
    CUSTOM_ACCEPT = "CustomAccept"


class ModelType(StrEnum):
    TEXT = "Text"
    MULTI_MODAL = "MultiModal"
    VISION = "Vision"
    AUDIO = "Audio"


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


class Verdict(StrEnum):
    """What a committee member, and then the committee, found.

    ``INCONCLUSIVE`` (the validator crashed or ran out of time) is never a pass and never the
    contributor's fault.
    """

    PASS = "Pass"
    FAIL = "Fail"
    INCONCLUSIVE = "Inconclusive"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a model creator offers; fixed when the task is created.

    The creator's escrow holds ``slots * (reward + fee * committee_size)``.
    """

    task_type: TaskType
    strategy: ValidationStrategy
    model_type: ModelType
    storage: StorageType
    bundle: Cid
    reward: int
    """Planck paid for an accepted result."""
    fee: int
    """Planck paid to each committee member that attests."""
    committee_size: int
    """Members that validate one result: odd, 1 to 9."""
    slots: int
    """Results wanted."""
    expires_at: int
    """Unix milliseconds after which nobody can accept the task."""
    working_time: int
    """Milliseconds from acceptance to the deadline for the result."""
    review_time: int
    """Milliseconds a creator has to decide a validated result (ManualAccept)."""
    parent: TaskId | None = None
    """The task whose published model this one continues from."""

    @property
    def slot_hold(self) -> int:
        """Planck held in escrow for one slot."""
        return self.reward + self.fee * self.committee_size


@dataclass(frozen=True, slots=True)
class Task:
    id: TaskId
    creator: Address
    terms: Terms
    open_slots: int
    """Funded slots that nobody holds."""
    active: int
    """Slots in work, in validation or in review."""
    accepted: int
    submissions: int
    """How many submission indices were handed out; the next one."""
    created_at: int
    status: TaskStatus
    published: Cid | None = None
    """The next model, once the creator has published it."""


@dataclass(frozen=True, slots=True)
class Attestation:
    verdict: Verdict
    score: int
    """Parts per million."""
    report: Cid


@dataclass(frozen=True, slots=True)
class Seat:
    """One place on a submission's committee."""

    member: Address
    attestation: Attestation | None = None
    paid: bool = False


@dataclass(frozen=True, slots=True)
class Submission:
    """One contributor's slot, from assignment to its end."""

    task: TaskId
    index: int
    contributor: Address
    bond: int
    """Planck still held from the contributor."""
    accepted_at: int
    status: SubmissionStatus
    deadline: int | None = None
    """When the present state ends by itself: anyone may settle after it."""
    draw_after: int | None = None
    """Block whose hash draws the committee, while one is waited for."""
    round: int = 0
    """0 for the first committee, 1 after absent members were replaced."""
    attest_until: int | None = None
    """Until when members may still attest and earn their fee; after it, anyone may settle."""
    result: Cid | None = None
    digest: bytes | None = None
    submitted_at: int | None = None
    committee: tuple[Seat, ...] = ()
    verdict: Verdict | None = None
    score: int | None = None
    reason: str | None = None


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
    """X25519 public key (32 bytes) to which test sets are sealed."""
    bond: int
    duties: int
    """Committees it sits on now."""
    missed: int
    """Attestations it owed and did not give."""


@dataclass(frozen=True, slots=True)
class Election:
    """State of the delegated proof of stake."""

    members: tuple[Address, ...]
    """In office now."""
    runners_up: tuple[Address, ...]
    candidates: tuple[Address, ...]
    round_ends: int
    """Number of the block that ends the term and elects anew."""
