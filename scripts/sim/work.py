"""What a result is, behind its seal: known to who made it and to who evaluates it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from decentralml.bundles.wraps import key_digest, release_digest, wrap
from decentralml.types import PPM, Seal, Terms, Verdict
from decentralml.validation.segments import drawn_segments

from .ledger import Account, Agent, digest
from .parameters import Parameters

READER = digest("reader")
"""Where the keys of accepted results go: an X25519 key is any 32 bytes."""


@dataclass(frozen=True, slots=True)
class Work:
    """One result."""

    score: int
    """What evaluation measures, parts per million."""
    cost: int
    """Planck that making it took."""
    faked: frozenset[int] | None = frozenset()
    """Segments of its run that were not trained as the task asks; None: all of them."""
    opens: bool = True
    """Whether the key that its sender can hand opens it."""
    changed: bool = True
    """Whether it is something else than the base model."""
    poisoned: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What an evaluation gives, or what somebody pretends that it gave."""

    verdict: Verdict
    score: int
    segment: int | None = None


@dataclass(slots=True, eq=False)
class Job:
    """A submission as its world knows it."""

    agent: Agent
    account: Account
    creator: Agent
    task: int
    terms: Terms
    index: int = -1
    work: Work | None = None
    planted: bool = False
    """Whether the creator sent it to itself."""
    sent: bool = False
    first: bool = True
    """Whether a Sybil really trained for it."""
    committed: dict[tuple[bytes, bool], tuple[Finding, bytes]] = field(default_factory=dict)
    """By member and whether it is of the jury: what it committed to, and the salt."""
    evaluated: set[bytes] = field(default_factory=set)
    seated: set[tuple[bytes, bool]] = field(default_factory=set)
    bribes: set[bytes] = field(default_factory=set)
    validated_at: int = 0
    released_by: str = ""

    @property
    def key(self) -> bytes:
        """The key of the sealed result."""
        return digest("key", self.task, self.index)

    @property
    def seal(self) -> Seal:
        return Seal(key_digest(self.key), release_digest(self.key, READER))

    def wrap_for(self, reader: bytes) -> bytes:
        return wrap(self.key, reader)


def evaluate(job: Job, seed: bytes | None, parameters: Parameters) -> Finding:
    """What whoever evaluates a result finds: the same on every machine."""
    work = job.work
    assert work is not None, "nothing is evaluated before it is sent"
    if not (work.opens and work.changed):
        return Finding(Verdict.FAIL, 0)
    if job.terms.replay is not None:
        replay = job.terms.replay
        assert seed is not None, "a seated panel was drawn by a seed"
        for segment in drawn_segments(seed, replay.checkpoints, replay.segments):
            if work.faked is None or segment in work.faked:
                return Finding(Verdict.FAIL, 0, segment)
    passed = work.score >= parameters.quality.minimum * PPM
    return Finding(Verdict.PASS if passed else Verdict.FAIL, work.score)


def measured(rng: random.Random, distribution: tuple[float, float]) -> int:
    """A score drawn from a normal distribution, parts per million."""
    return round(min(max(rng.gauss(*distribution), 0.0), 1.0) * PPM)
