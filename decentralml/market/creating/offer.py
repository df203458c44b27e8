"""What a creator wants, before there is a chain or a bundle in it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from pathlib import Path

from decentralml.bundles.attempts import ALONE, Attempts
from decentralml.bundles.merge import MergePlan
from decentralml.bundles.training import LocalTraining
from decentralml.chain.api import ChainInfo
from decentralml.errors import TermsInvalid
from decentralml.types import (
    MAX_COMMITTEE,
    PPM,
    Access,
    Address,
    Cid,
    Gold,
    ModelType,
    Replay,
    StorageType,
    TaskId,
    TaskType,
    Terms,
    ValidationStrategy,
)

HOUR = 3_600_000
DAY = 24 * HOUR
BLOCK_TIME = 6000
"""Milliseconds between two blocks of a chain on its own schedule (the runtime's slot)."""
GOLDS = 4
"""Commitments to golds that every task shows; those that hide nothing are decoys."""
SEGMENTS = 4
"""Of a replayable training, that each committee usually replays."""
BOND_SHARE = 10
"""The usual bond is the reward divided by this: what who sends nothing, or no key, loses."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What the terms say of a packed bundle, and of what its creator keeps.

    Attributes
    ----------
    checkpoints : of a training that is replayed, or None.
    reader : encryption key of the creator, or of the merger (32 bytes).
    golds : commitments and decoys (32 bytes each).
    """

    bundle: Cid
    task_type: TaskType
    strategy: ValidationStrategy
    model_type: ModelType
    checkpoints: int | None
    reader: bytes
    golds: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """The terms of a task as its creator states them, and what goes into its bundle.

    Attributes
    ----------
    reward : for an accepted result: planck, or the smallest units of ``asset``.
    fee : planck for each committee member whose finding agrees with the committee's.
    results : how many results are wanted.
    committee : members that validate one result: odd, 1 to 9.
    task_type, strategy, model_type : None takes what the bundle's ``task.toml`` says.
    expires_in, expires_at, expiration_block : when nobody can accept any more: milliseconds from
        now, Unix milliseconds, or a block; one of them at most, else a week from now.
    working_time, review_time, challenge_time : milliseconds.
    asset : of the reward; None is the native token.
    bond : planck held from a contributor; None takes the larger of the fees and a tenth of the
        reward.
    tolerance : by how much a member's score may differ from the committee's, parts per million.
    invited : who may take a slot; with ``invited_only`` but nobody named, they are invited later.
    minimum_reputation : a contributor's least standing, parts per million.
    golds : what the creator knows of results that it will plant, 4 at most.
    replay_segments : how much of a replayable training each committee replays; None: the usual.
    base_model : folder of a saved model that contributors begin from (the bundle's ``model/``).
    validation_set : folder with the held-out set; it is sealed, its key given to the aggregators
        in office.
    validator : script of the bundle that judges (CustomAccept).
    minimum_score, minimum_gain : parts per million; the gain is over the base model.
    merge : how accepted models become the next one, instead of what ``task.toml`` says.
    training : what is asked of each contributor's local training.
    merger : an aggregator that merges and publishes in the creator's place; the keys of accepted
        results are released to it, not to the creator.
    attempts : which tasks before it are the same round's, where it is a federated run's.
    """

    reward: int
    fee: int
    results: int = 1
    committee: int = 3
    task_type: TaskType | None = None
    strategy: ValidationStrategy | None = None
    model_type: ModelType | None = None
    storage: StorageType = StorageType.IPFS
    expires_in: int | None = None
    expires_at: int | None = None
    expiration_block: int | None = None
    working_time: int = DAY
    review_time: int = DAY
    challenge_time: int = 0
    asset: int | None = None
    bond: int | None = None
    tolerance: int = PPM // 100
    invited: tuple[Address, ...] = ()
    invited_only: bool = False
    minimum_reputation: int = 0
    golds: tuple[Gold, ...] = ()
    replay_segments: int | None = None
    parent: TaskId | None = None
    name: str | None = None
    base_model: Path | None = None
    validation_set: Path | None = None
    validator: str | None = None
    minimum_score: int | None = None
    minimum_gain: int | None = None
    merge: MergePlan | None = None
    training: LocalTraining | None = None
    merger: Address | None = None
    attempts: Attempts = ALONE

    def check(self) -> None:
        """Raise TermsInvalid for what no chain would take, before anything is packed."""
        if self.committee not in range(1, MAX_COMMITTEE + 1, 2):
            raise TermsInvalid(
                f"a committee of {self.committee} cannot decide; "
                f"choose an odd number from 1 to {MAX_COMMITTEE}"
            )
        if self.results < 1:
            raise TermsInvalid("at least one result must be wanted; choose --results 1 or more")
        if len(self.golds) > GOLDS:
            raise TermsInvalid(f"a task has at most {GOLDS} golds; leave some out")
        times = (self.expires_in, self.expires_at, self.expiration_block)
        if sum(time is not None for time in times) > 1:
            raise TermsInvalid("a task expires once; give a time or a block, not both")

    def expiry(self, info: ChainInfo, now: int) -> int:
        """Unix milliseconds at which the task expires. Raises TermsInvalid for the past."""
        if self.expiration_block is not None:
            if self.expiration_block <= info.block:
                raise TermsInvalid(
                    f"block {self.expiration_block} has passed (now {info.block}); "
                    "choose a later one"
                )
            return now + (self.expiration_block - info.block) * BLOCK_TIME
        if self.expires_at is not None:
            if self.expires_at <= now:
                raise TermsInvalid("the task would have expired already; choose a later time")
            return self.expires_at
        return now + (7 * DAY if self.expires_in is None else self.expires_in)

    def usual_bond(self, least: int) -> int:
        """Planck held from a contributor where the creator does not say otherwise.

        Parameters
        ----------
        least : the chain's own minimum.
        """
        share = self.reward // BOND_SHARE if self.asset is None else 0
        return max(least, self.fee * self.committee, share)

    def terms(self, contents: Contents, expires_at: int, least_bond: int) -> Terms:
        """What goes on the chain."""
        closed = self.invited_only or bool(self.invited)
        return Terms(
            task_type=contents.task_type,
            strategy=contents.strategy,
            model_type=contents.model_type,
            storage=self.storage,
            bundle=contents.bundle,
            reward=self.reward,
            fee=self.fee,
            committee_size=self.committee,
            slots=self.results,
            bond=self.usual_bond(least_bond) if self.bond is None else self.bond,
            expires_at=expires_at,
            working_time=self.working_time,
            review_time=self.review_time,
            reader=contents.reader,
            challenge_time=self.challenge_time,
            asset=self.asset,
            tolerance=self.tolerance,
            parent=self.parent,
            access=Access.INVITED if closed else Access.OPEN,
            minimum_reputation=self.minimum_reputation,
            replay=self.replay(contents.checkpoints),
            golds=contents.golds,
        )

    def replay(self, checkpoints: int | None) -> Replay | None:
        """What is replayed of a training with so many checkpoints; None where there are none."""
        if checkpoints is None:
            return None
        segments = SEGMENTS if self.replay_segments is None else self.replay_segments
        return Replay(checkpoints, min(segments, checkpoints - 1))

    def digest(self, *contents: Cid | None) -> str:
        """A name for this offer with these contents: the same command gives the same name."""
        said = {f.name: str(getattr(self, f.name)) for f in fields(self)}
        text = json.dumps([said, contents], sort_keys=True)
        return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]
