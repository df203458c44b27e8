"""How much each accepted model counts in a merge, and on whose word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from decentralml.bundles.merge import Weighting
from decentralml.bundles.settings import TaskSettings
from decentralml.errors import MergePlanInvalid, NothingMeasured, ValidationError
from decentralml.market.exchange.fetch import FetchedResult
from decentralml.market.judging.told import Sketches
from decentralml.market.judging.twins import likenesses
from decentralml.market.reports import read_opinions
from decentralml.market.session import Session
from decentralml.types import PPM, Submission, Task

CROWD = 3
"""Of so many models none should outweigh all others together."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """One model's weight, on any scale.

    Attributes
    ----------
    metrics : what its committee measured, where the weight comes from that.
    """

    weight: float
    metrics: Mapping[str, float]


def weigh(
    session: Session, results: Sequence[FetchedResult], weighting: Weighting
) -> list[Weighed]:
    """The weight of each result, in their order.

    Raises
    ------
    NothingMeasured : of one of them the committee measured nothing that serves.
    """
    return [_weigh(session, result, weighting) for result in results]


def measured(session: Session, submission: Submission) -> dict[str, float]:
    """What a result's committee measured: of each metric the median, among the members whose
    verdict is the committee's. One member alone moves none of them.
    """
    opinions = [
        opinion
        for opinion in read_opinions(session, submission)
        if opinion.verdict is not None and opinion.verdict == submission.verdict
    ]
    names = sorted({name for opinion in opinions for name in opinion.metrics})
    return {name: median(o.metrics[name] for o in opinions if name in o.metrics) for name in names}


def warn_of_dominance(
    session: Session, results: Sequence[FetchedResult], shares: Sequence[float], by: Weighting
) -> None:
    """Examples are claimed, not measured: whoever claims most of them makes the next model."""
    largest = max(range(len(shares)), key=shares.__getitem__)
    if by.claimed and len(shares) >= CROWD and shares[largest] > 0.5:
        what = "claims" if by is Weighting.EXAMPLES else "has, by the examples that it claims,"
        session.report.warn(
            f"result {results[largest].submission.index} {what} {shares[largest]:.0%} of all "
            "examples and so decides the merge almost alone; if you doubt that, use "
            "--weights equal or leave it out (--only)"
        )


def require_weighable(settings: TaskSettings) -> None:
    """Refuse to promise weights that no committee of the task can measure, while nothing is paid.

    What a creator's own script measures is its own affair.

    Raises
    ------
    MergePlanInvalid
    """
    from decentralml.validation.scores import measures_quality

    by = None if settings.merge is None else settings.merge.weights
    if by not in (Weighting.QUALITY, Weighting.ADJUSTED) or settings.validator is not None:
        return
    metric = None if settings.evaluation is None else settings.evaluation.metric
    if metric is None or not measures_quality(settings.model_type, metric):
        measured = "nothing is measured" if metric is None else f"only {metric} is measured"
        raise MergePlanInvalid(
            f"weights: {by} is counted from what is measured of a {settings.model_type} model "
            f"(docs/scoring.md), and here {measured}; use score, which is what the committee "
            "finds, or another metric ([evaluation])"
        )


def warn_of_twins(
    session: Session, tasks: Sequence[Task], results: Sequence[FetchedResult]
) -> None:
    """One training that several accounts have sent counts once for each of them."""
    for task in tasks:
        # Sketches of two tasks cannot be compared.
        found = [each.submission for each in results if each.submission.task == task.id]
        alike = likenesses(Sketches(session, task), found) if len(found) > 1 else {}
        for index, told in alike.items():
            session.report.warn(
                f"result {index} has {told}; both count in the merge, if its rule does not leave "
                "one out: --only merges the others"
            )


def _weigh(session: Session, result: FetchedResult, weighting: Weighting) -> Weighed:
    submission, examples = result.submission, result.manifest.examples
    match weighting:
        case Weighting.EXAMPLES:
            return Weighed(float(examples), {})
        case Weighting.EQUAL:
            return Weighed(1.0, {})
        case Weighting.SCORE:
            if submission.score is None:
                raise NothingMeasured(submission.task, submission.index, "it has no score")
            return Weighed(submission.score / PPM, {})
    from decentralml.validation.scores.weighting import adjusted_weight

    metrics = measured(session, submission)
    counted = float(examples) if weighting is Weighting.ADJUSTED else 1.0
    try:
        return Weighed(adjusted_weight(result.manifest.model_type, counted, metrics), metrics)
    except ValidationError as error:
        raise NothingMeasured(submission.task, submission.index, str(error)) from None
