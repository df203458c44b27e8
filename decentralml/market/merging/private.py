"""Private merges: the key of their noise, what a line of models has spent, and how much it may."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from decentralml.bundles.fields import canonical_json
from decentralml.bundles.merge import MergePlan, Privacy
from decentralml.bundles.privacy import PastMerge, read_ledger
from decentralml.errors import BudgetSpent, MergePlanInvalid
from decentralml.learning.privacy.accountant import RDP, spent
from decentralml.market.exchange.fetch import FetchedResult, FetchedTask
from decentralml.market.session import Session
from decentralml.market.spent import note_spent
from decentralml.types import Cid, Task, TaskId, TaskType

KEY_INFO = b"decentralml/merge-noise@1"
"""HKDF's ``info`` for the keys of noise; the digest of what is merged follows it."""
USUAL_DELTA = 1e-5
KIND = "private-merge"
"""Of the sessions in the database."""


@dataclass(frozen=True, slots=True)
class Spending:
    """What is promised to who took part in the merges that led to a model.

    Attributes
    ----------
    epsilon : None where nothing is promised: some merge had no noise.
    delta : chance that the promise does not hold.
    accountant : how it was counted.
    merges : how many have led to the model.
    budget : the largest epsilon allowed; None: there is none.
    """

    epsilon: float | None
    delta: float
    accountant: str
    merges: int
    budget: float | None

    @property
    def over(self) -> bool:
        """Whether it is beyond the budget."""
        if self.budget is None:
            return False
        return self.epsilon is None or self.epsilon > self.budget


def line_before(base: Path | None, parent: TaskId | None, private: bool) -> tuple[PastMerge, ...]:
    """The merges that led to a base model, as far as they are written down beside it.

    A private merge that goes on from a task that wrote nothing down begins a line that promises
    nothing: a contributor to both was hidden in one only. The parent is not asked what it has
    published: the answer may change, and the model must not.

    Raises
    ------
    ManifestError
    """
    known = None if base is None else read_ledger(base)
    if known is not None:
        return known
    if private and parent is not None:
        return (PastMerge(parent, 0.0, None, None),)
    return ()


def with_merge(
    before: tuple[PastMerge, ...],
    task: TaskId,
    privacy: Privacy | None,
    contributors: int | None,
) -> tuple[PastMerge, ...]:
    """The line with one merge more; empty while none of it was private."""
    if privacy is None:
        return (*before, PastMerge(task, 0.0, None, contributors)) if before else ()
    return (*before, PastMerge(task, privacy.noise, privacy.clip, contributors))


def spending(line: Sequence[PastMerge], privacy: Privacy | None) -> Spending | None:
    """What a line has spent; None where none of it was private.

    Raises
    ------
    PrivacyNotInstalled
    """
    if not line:
        return None
    delta = USUAL_DELTA if privacy is None else privacy.delta
    found = spent([merge.noise for merge in line], delta, RDP)
    epsilon = found.epsilon if math.isfinite(found.epsilon) else None
    budget = None if privacy is None else privacy.budget
    return Spending(epsilon, delta, found.accountant, found.steps, budget)


def foreseen(
    task: TaskId,
    base: Path | None,
    parent: TaskId | None,
    plan: MergePlan | None,
) -> Spending | None:
    """What a line will have spent with a task's merge, by ``plan``; None if nothing is private.

    Raises
    ------
    BudgetSpent : more than is allowed.
    PrivacyNotInstalled, ManifestError
    """
    privacy = None if plan is None else plan.privacy
    before = line_before(base, parent, privacy is not None)
    found = spending(with_merge(before, task, privacy, None), privacy)
    if found is not None and found.over:
        assert found.budget is not None
        epsilon = math.inf if found.epsilon is None else found.epsilon
        raise BudgetSpent(epsilon, found.budget, found.delta)
    return found


def require_spendable(base: Path | None, parent: TaskId | None, plan: MergePlan | None) -> None:
    """Raise what the merge of a task that is not posted yet would raise.

    Raises
    ------
    BudgetSpent, ManifestError
    PrivacyNotInstalled : a budget cannot be counted here.
    """
    privacy = None if plan is None else plan.privacy
    line_before(base, parent, private=privacy is not None)
    if privacy is not None and privacy.budget is not None:
        foreseen(TaskId(0), base, parent, plan)  # Its number plays no part in what is spent.


def require_private(task_type: TaskType, base_model: object) -> None:
    """Raise MergePlanInvalid where no merge can be private."""
    if task_type is not TaskType.MODEL_CONTRIBUTOR or base_model is None:
        raise MergePlanInvalid(
            "clip: a private merge shortens ways from a base model, of which each contributor "
            "sends nothing but numbers; use a task of type ModelContributor, or leave out clip, "
            "noise and delta"
        )


def require_one_each(task: TaskId, results: Sequence[FetchedResult]) -> None:
    """Raise MergePlanInvalid where somebody would count twice."""
    owners = [result.submission.contributor for result in results]
    twice = {owner for owner in owners if owners.count(owner) > 1}
    if twice:
        raise MergePlanInvalid(
            f"clip: {min(twice)} has more than one of the results of task {task}, and the noise "
            "hides one; choose with --only"
        )


def noise_key(
    session: Session, bundle: FetchedTask, results: Sequence[FetchedResult], privacy: Privacy
) -> bytes:
    """The key of a merge's noise: of this account's secret and of all that the merge depends on.

    The same merge, repeated, gives the same model; with any other results or settings it has other
    noise, for of two merges with the same noise the difference would have none. It is made from
    nothing that another fork of the chain may say otherwise, as :func:`~.sealed.made_key` is.
    """
    settings = asdict(privacy)
    about = {
        "base": bundle.base_model_cid,
        "clip": settings["clip"],
        "noise": settings["noise"],
        "results": [(result.submission.digest or b"").hex() for result in results],
    }
    digest = hashlib.sha256(canonical_json(about)).digest()
    return session.key.derive(KEY_INFO + session.genesis + digest)


def note(session: Session, task: Task, cid: Cid, found: Spending, privacy: Privacy | None) -> None:
    """Write a published merge's spending into the database, once; the model's own folder has it."""
    settings = {} if privacy is None else asdict(privacy)
    note_spent(session, KIND, task, {"model": cid}, settings, asdict(found))
