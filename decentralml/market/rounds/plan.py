"""What a creator wants of a federated run, and when it has that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path

from decentralml.bundles.attempts import MAX_BEFORE
from decentralml.bundles.merge import MergePlan, Weighting
from decentralml.bundles.settings import read_settings
from decentralml.errors import RunDiffers, RunInvalid
from decentralml.market.creating.offer import DAY, HOUR, Offer
from decentralml.market.merging.plan import choose
from decentralml.market.merging.reference import compares, require_trainable
from decentralml.market.rounds.state import Run
from decentralml.market.session import Session
from decentralml.storage.unixfs import cid_of
from decentralml.types import TaskType


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a creator wants of a run.

    Attributes
    ----------
    bundle : of every round; its base model is replaced by what the round before published.
    offer : the terms of every round; its ``results`` are the participants that a round waits for,
        its base model the first round's.
    rounds : how many, at most.
    name : of the run; None makes one from the bundle's name and the terms.
    spare : slots besides, for participants that drop out: a round ends with the first results.
    min_results : accepted results without which a round is not merged. With a merger it is one of
        the terms, which the bundles name, and cannot be changed.
    retries : how often a round with too few is posted again.
    round_time : milliseconds after which a round takes no more results.
    merge_time : milliseconds that an appointed merger has to publish.
    test_set : folder on which the creator measures each round; None takes the validation set.
    trusted : folder of data that the creator trusts, for the rule ``fltrust``: the round's own
        script is run on it (:mod:`~decentralml.market.merging.reference`).
    target : score (parts per million) at which the run ends.
    patience : rounds without a better score after which it ends.
    """

    bundle: Path
    offer: Offer
    rounds: int
    name: str | None = None
    spare: int = 0
    min_results: int = 1
    retries: int = 0
    round_time: int = DAY
    merge_time: int = HOUR
    test_set: Path | None = None
    trusted: Path | None = None
    target: int | None = None
    patience: int | None = None

    @property
    def merge(self) -> MergePlan | None:
        """How results are merged; None: as where nothing is said."""
        return self.offer.merge or read_settings(self.bundle).merge

    @property
    def slots(self) -> int:
        return self.offer.results + self.spare

    def check(self) -> None:
        """Raise RunInvalid, TermsInvalid or MergePlanInvalid for what could never work."""
        offer = self.offer
        if not self.bundle.is_dir():
            raise RunInvalid(f"there is no bundle {self.bundle}; name a folder with --bundle")
        for value, what, option in (
            (self.rounds, "rounds", "--rounds"),
            (offer.results, "participants", "--participants"),
            (self.min_results, "results", "--min-results"),
        ):
            if value < 1:
                raise RunInvalid(f"a run of {value} {what} does nothing; choose {option} 1 or more")
        if self.min_results > offer.results:
            raise RunInvalid(
                f"no round of {offer.results} participants brings {self.min_results} results; "
                "lower --min-results, or raise --participants"
            )
        if offer.invited and self.slots > len(offer.invited):
            raise RunInvalid(
                f"{self.slots} slots for {len(offer.invited)} invited accounts, each of which "
                "takes one; invite more, or lower --participants and --spare"
            )
        if min(self.spare, self.retries) < 0:
            raise RunInvalid("--spare and --retries are 0 or more")
        if self.retries > MAX_BEFORE:
            raise RunInvalid(f"a round is posted again {MAX_BEFORE} times at most; lower --retries")
        if self.patience is not None and self.patience < 1:
            raise RunInvalid("--patience is 1 round or more")
        if offer.task_type is TaskType.DATA_ANNOTATORS:
            raise RunInvalid("labels are not merged into a model; use --type ModelContributor")
        if offer.training is not None:
            offer.training.check()
        offer.check()
        self._check_trust()

    def _check_trust(self) -> None:
        """Whether whoever merges has what the rule compares models with."""
        wanted = compares(self.merge) and self.offer.merger is None
        if wanted and self.trusted is None:
            raise RunInvalid(
                "the rule fltrust compares models with one of your own: name data that you trust "
                "with --trusted-path, or choose another rule"
            )
        if self.trusted is not None and not wanted:
            raise RunInvalid(
                "--trusted-path is for the rule fltrust, where you merge yourself; leave it out, "
                "or choose --rule fltrust (a --merger has data of its own)"
            )
        if self.trusted is not None:
            require_trainable(read_settings(self.bundle).replay is not None)

    def terms(self, session: Session) -> dict[str, str]:
        """What makes this run the one it is; folders by what is in them."""
        contents = {
            f.name: cid_of(value)
            for f in fields(Offer)
            if isinstance(value := getattr(self.offer, f.name), Path)
        }
        said = {f.name: str(getattr(self.offer, f.name)) for f in fields(Offer)}
        del said["attempts"]  # They are each round's.
        if self.offer.merger is not None:
            said["min_results"] = str(self.min_results)  # Which its bundles name.
        return {
            **said,
            **contents,
            "bundle": cid_of(self.bundle),
            "creator": session.address,
            "spare": str(self.spare),
            "round_time": str(self.round_time),
        }


def require_same(run: Run, terms: Mapping[str, str]) -> None:
    """Raise RunDiffers unless a run was begun with these terms."""
    differing = tuple(key for key in terms if run.terms.get(key) != terms[key])
    if differing:
        raise RunDiffers(run.name, differing)


class Ending(StrEnum):
    """Why a run has ended."""

    ROUNDS = "all rounds are done"
    TARGET = "the target is reached"
    PATIENCE = "no gain any more"
    BUDGET = "the privacy budget is spent"


def ended(run: Run, plan: RunPlan) -> Ending | None:
    """Whether the run is over, by the rounds that are finished."""
    done = run.finished
    if run.current is not None and run.current not in done:
        return None
    scores = [each.score for each in done if each.score is not None]
    if plan.target is not None and scores and scores[-1] >= plan.target:
        return Ending.TARGET
    if len(done) >= plan.rounds:
        return Ending.ROUNDS
    if plan.patience is not None and scores:
        before = [run.score] if run.score is not None else []
        history = [*before, *scores]
        if len(history) - 1 - history.index(max(history)) >= plan.patience:
            return Ending.PATIENCE
    return Ending.BUDGET if run.exhausted else None


def merge_of(
    bundle: Path,
    rule: str | None,
    weights: str | None,
    optimizer: str | None,
    rate: float | None,
) -> MergePlan | None:
    """The bundle's way of merging with what is wanted otherwise; None where nothing is.

    Raises
    ------
    MergePlanInvalid, ManifestError
    """
    if rule is None and weights is None and optimizer is None and rate is None:
        return None
    usual = read_settings(bundle).merge or MergePlan()
    # Another optimizer has other settings: those of the bundle's are not its own.
    knobs = {} if optimizer not in (None, usual.optimizer) else dict(usual.knobs)
    plan = MergePlan(
        rule or usual.rule,
        usual.weights if weights is None else Weighting(weights),
        usual.bad,
        usual.mixing,
        optimizer or usual.optimizer,
        knobs if rate is None else knobs | {"learning_rate": rate},
        usual.privacy,
    )
    return choose(plan).plan
