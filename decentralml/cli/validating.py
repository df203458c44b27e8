"""``validate-task-results``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from decentralml.cli.options import EXISTING_FOLDER, Settings, common, examples, pass_settings
from decentralml.cli.output import document, printable
from decentralml.cli.units import format_metric, format_proportion
from decentralml.types import Address, TaskId, Verdict

if TYPE_CHECKING:
    from decentralml.market.aggregator import Duty
    from decentralml.market.review import Review


@click.command(
    epilog=examples(
        "decentralml validate-task-results 3 --as ann",
        "decentralml validate-task-results 3 --index 1 --as hospital",
        "decentralml validate-task-results 3 --validation-path data/validation",
    )
)
@click.argument("task", type=click.IntRange(0))
@click.option(
    "--index",
    "indices",
    type=click.IntRange(0),
    multiple=True,
    help="Only this result; may be repeated.",
)
@click.option(
    "--validation-path",
    type=EXISTING_FOLDER,
    help="Your own copy of the validation set, instead of the sealed one.",
)
@click.option(
    "--fail-unavailable",
    is_flag=True,
    help="Fail a result that the store does not have; else it is left for later.",
)
@common
@pass_settings
def validate_task_results(
    settings: Settings,
    task: int,
    indices: tuple[int, ...],
    validation_path: Path | None,
    fail_unavailable: bool,
) -> None:
    """Validate the results of a task under its policy.

    An aggregator draws the committees that can be drawn, judges each result that it has a seat for,
    and attests. Anybody else (the creator of a ManualAccept task, say) sees what the committee
    found, fetches the results, and measures them if the validation set can be opened.
    """
    from decentralml.market.review import validate_task_results as validate

    with settings.session() as session:
        found = validate(
            session,
            TaskId(task),
            indices,
            validation_path=validation_path,
            fail_unavailable=fail_unavailable,
        )
        names = session.names
    if settings.json:
        document(found)
        return
    for duty in found.duties:
        _print_duty(duty)
    for review in found.reviews:
        _print_review(review, names)
    if not (found.duties or found.reviews):
        click.echo(f"nothing of task {task} is to be validated")


def _print_duty(duty: Duty) -> None:
    if duty.verdict is None:
        _say(f"result {duty.index}: {duty.status}; {duty.note}")
        return
    state = "attested" if duty.attested else f"NOT attested: {duty.note}"
    _say(f"result {duty.index}: {_finding(duty.verdict, duty.score)}; {state}")
    for reason in duty.reasons:
        _say(f"  {reason}")
    _say(f"  the result is now {duty.status}")


def _print_review(review: Review, names: Mapping[Address, str]) -> None:
    contributor = names.get(review.contributor, review.contributor)
    _say(f"result {review.index} of {contributor}: {review.status}")
    if review.verdict is not None:
        _say(f"  the committee: {_finding(review.verdict, review.score)}")
    for opinion in review.opinions:
        said = "has not attested"
        if opinion.verdict is not None:
            said = _finding(opinion.verdict, opinion.score) + _metrics(opinion.metrics)
        _say(f"  {names.get(opinion.member, opinion.member)}: {said}")
        for reason in (*opinion.reasons, opinion.problem):
            _say(f"    {reason}" if reason else None)
    if review.own is not None:
        own = review.own
        _say(f"  measured here: {_finding(own.verdict, own.score)}{_metrics(own.metrics)}")
        for reason in own.reasons:
            _say(f"    {reason}")
    _say(f"  fetched to {review.folder}" if review.folder else None)
    _say(f"  {review.note}" if review.note else None)


def _say(text: str | None) -> None:
    """Print a line, parts of which strangers wrote."""
    if text is not None:
        click.echo(printable(text))


def _finding(verdict: Verdict, score: int | None) -> str:
    return f"{verdict}, score {format_proportion(score or 0)}"


def _metrics(metrics: Mapping[str, float]) -> str:
    shown = ", ".join(f"{name} {format_metric(value)}" for name, value in metrics.items())
    return f" ({shown})" if shown else ""
