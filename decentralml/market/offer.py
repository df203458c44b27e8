"""What a creator wants, before there is a chain or a bundle in it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from pathlib import Path

from decentralml.chain.api import ChainInfo
from decentralml.errors import TermsInvalid
from decentralml.types import (
    MAX_COMMITTEE,
    Cid,
    ModelType,
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


@dataclass(frozen=True, slots=True)
class Offer:
    """The terms of a task as its creator states them, and what goes into its bundle.

    Attributes
    ----------
    reward, fee : planck for an accepted result, and for each committee member that attests.
    results : how many results are wanted.
    committee : members that validate one result: odd, 1 to 9.
    task_type, strategy, model_type : None takes what the bundle's ``task.toml`` says.
    expires_in, expires_at, expiration_block : when nobody can accept any more: milliseconds from
        now, Unix milliseconds, or a block; one of them at most, else a week from now.
    working_time, review_time : milliseconds.
    base_model : folder of a saved model that contributors begin from (the bundle's ``model/``).
    validation_set : folder with the held-out set; it is sealed to the aggregators in office.
    validator : script of the bundle that judges (CustomAccept).
    minimum_score, minimum_gain : parts per million; the gain is over the base model.
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
    parent: TaskId | None = None
    name: str | None = None
    base_model: Path | None = None
    validation_set: Path | None = None
    validator: str | None = None
    minimum_score: int | None = None
    minimum_gain: int | None = None

    def check(self) -> None:
        """Raise TermsInvalid for what no chain would take, before anything is packed."""
        if self.committee not in range(1, MAX_COMMITTEE + 1, 2):
            raise TermsInvalid(
                f"a committee of {self.committee} cannot decide; "
                f"choose an odd number from 1 to {MAX_COMMITTEE}"
            )
        if self.results < 1:
            raise TermsInvalid("at least one result must be wanted; choose --results 1 or more")
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

    def terms(
        self,
        bundle: Cid,
        expires_at: int,
        task_type: TaskType,
        strategy: ValidationStrategy,
        model_type: ModelType,
    ) -> Terms:
        """What goes on the chain."""
        return Terms(
            task_type=task_type,
            strategy=strategy,
            model_type=model_type,
            storage=self.storage,
            bundle=bundle,
            reward=self.reward,
            fee=self.fee,
            committee_size=self.committee,
            slots=self.results,
            expires_at=expires_at,
            working_time=self.working_time,
            review_time=self.review_time,
            parent=self.parent,
        )

    def digest(self, *contents: Cid | None) -> str:
        """A name for this offer with these contents: the same command gives the same name."""
        said = {f.name: str(getattr(self, f.name)) for f in fields(self)}
        text = json.dumps([said, contents], sort_keys=True)
        return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]
