"""``validate-task-results``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from decentralml.cli.options import EXISTING_FOLDER, Settings, common, examples, pass_settings
from decentralml.cli.output import document, named, printable
from decentralml.cli.staying import WaitingLine
from decentralml.cli.units import format_metric, format_proportion
from decentralml.cli.wording import lapse_told, people, waiting
from decentralml.types import Address, Phase, TaskId, Verdict

if TYPE_CHECKING:
    from decentralml.market.contributing.rehearsal import Rehearsal
    from decentralml.market.judging.panel import Duty
    from decentralml.market.judging.review import Review, Validation


@click.command(
    epilog=examples(
        "decentralml validate-task-results 3 --as ann",
        "decentralml validate-task-results 3 --wait --as ann",
        "decentralml validate-task-results 3 --index 1 --as hospital",
        "decentralml validate-task-results 3 --dry-run --as bob",
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
@click.option(
    "--crashed",
    is_flag=True,
    help="Say that this machine cannot judge what it cannot; else that is left for later.",
)
@click.option(
    "--wait",
    is_flag=True,
    help="As a member, stay until all results have ended, and do what becomes due.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Judge your own result as a committee would, before you send it.",
)
@click.option(
    "--result-path",
    type=EXISTING_FOLDER,
    help="With --dry-run: folder with the result; else what run-task left.",
)
@common
@pass_settings
def validate_task_results(
    settings: Settings,
    task: int,
    indices: tuple[int, ...],
    validation_path: Path | None,
    fail_unavailable: bool,
    crashed: bool,
    wait: bool,
    dry_run: bool,
    result_path: Path | None,
) -> None:
    """Validate the results of a task under its policy.

    A member of a panel judges each result that it has a seat for and commits to its finding. Run
    again once all have committed, it reveals it; and again, it releases the keys of what was
    accepted. What remains, and until when, is printed; with --wait it stays and does all of that by
    itself. Anybody else sees what the panels found, and measures the results that are not sealed to
    it.
    """
    if result_path is not None and not dry_run:
        raise click.UsageError("--result-path goes with --dry-run")
    if dry_run and wait:
        raise click.UsageError("--dry-run has nothing to --wait for")
    if dry_run:
        _dry_run(settings, TaskId(task), result_path, validation_path)
        return
    options: dict[str, Any] = {
        "validation_path": validation_path,
        "fail_unavailable": fail_unavailable,
        "crashed": crashed,
    }
    if wait:
        _stay(settings, TaskId(task), indices, options)
        return
    from decentralml.market.judging.review import validate_task_results as validate

    with settings.session() as session:
        found = validate(session, TaskId(task), indices, **options)
        names, now = session.names, session.chain.now()
    if settings.json:
        document(found)
        return
    _tell(settings, found)
    if found.shared:
        _say(f"gave the key of the validation set to {people(found.shared, names)}")
    for duty in found.duties:
        _print_duty(duty, names, now)
    for review in found.reviews:
        _print_review(review, names, now)
    if any(duty.seated and duty.awaited for duty in found.duties):
        _say(
            f"next: decentralml validate-task-results {task} (again, to reveal and to release; "
            "or stay, with --wait)"
        )
    if not (found.duties or found.reviews):
        click.echo(f"nothing of task {task} is to be validated")


def _stay(
    settings: Settings, task: TaskId, indices: tuple[int, ...], options: dict[str, Any]
) -> None:
    """Visit until nothing can become due any more; what a visit did not change is not repeated."""
    from decentralml.market.judging.review import Validation, joined, stay_with_results

    whole = Validation(task)
    told: dict[int, tuple[object, ...]] = {}
    with settings.session() as session:
        line = WaitingLine(session.names, settings.json)
        for found in stay_with_results(session, task, indices, line, **options):
            whole = joined(whole, found)
            if settings.json:
                continue
            now = session.chain.now()
            _tell(settings, found)
            if found.shared:
                people_ = people(found.shared, session.names)
                _say(f"gave the key of the validation set to {people_}")
            for duty in found.duties:
                state = (duty.status, duty.phase, duty.note)
                if duty.done or told.get(duty.index) != state:
                    _print_duty(duty, session.names, now)
                told[duty.index] = state
    if settings.json:
        document(whole)
    else:
        click.echo(f"nothing of task {task} is left to do")


def _tell(settings: Settings, found: Validation) -> None:
    for lapse in found.lapses:
        settings.terminal.warn(lapse_told(lapse))


def _dry_run(
    settings: Settings, task: TaskId, result_path: Path | None, validation_path: Path | None
) -> None:
    from decentralml.market.contributing.rehearsal import rehearse

    with settings.session() as session:
        found = rehearse(session, task, result_path, validation_path)
    if settings.json:
        document(found)
        return
    _say(f"{found.result}: {_prospect(found)}")
    for reason in (*found.finding.reasons, found.note):
        _say(f"  {reason}" if reason else None)


def _prospect(found: Rehearsal) -> str:
    """What would become of a result: nobody has judged it yet."""
    if not found.certain:
        return "nothing speaks against it, but whether it would pass cannot be known here"
    match found.finding.verdict:
        case Verdict.PASS:
            return f"would pass, score {format_proportion(found.finding.score)}"
        case Verdict.FAIL:
            return "would fail, and cost you the committee's fees"
        case _:
            return "a committee would come to no verdict"


def _print_duty(duty: Duty, names: Mapping[Address, str], now: int) -> None:
    deeds = f"; {', '.join(duty.done)}" if duty.done else ""
    if duty.verdict is None:
        _say(f"result {duty.index}: {duty.status}{deeds}")
    else:
        _say(f"result {duty.index}: {_finding(duty.verdict, duty.score)}{deeds}")
    for reason in (*duty.reasons, duty.note):
        _say(f"  {named(reason, names)}" if reason else None)
    if duty.note and duty.seated and duty.phase is Phase.COMMITTING:
        _say("  if that cannot be mended in time, --crashed says so and keeps your bond")
    _say(f"  {waiting(duty.awaited, names, now)}" if duty.awaited else None)
    if duty.verdict is not None and duty.awaited is None:
        _say(f"  the result is now {duty.status}")


def _print_review(review: Review, names: Mapping[Address, str], now: int) -> None:
    contributor = names.get(review.contributor, review.contributor)
    _say(f"result {review.index} of {contributor}: {review.status}")
    if review.verdict is not None:
        _say(f"  the committee: {_finding(review.verdict, review.score)}")
    for opinion in review.opinions:
        said = "has revealed nothing"
        if opinion.verdict is not None:
            said = _finding(opinion.verdict, opinion.score) + _metrics(opinion.metrics)
        _say(f"  {names.get(opinion.member, opinion.member)}: {said}")
        for reason in (*opinion.reasons, opinion.problem):
            _say(f"    {named(reason, names)}" if reason else None)
    if review.own is not None:
        own = review.own
        _say(f"  measured here: {_finding(own.verdict, own.score)}{_metrics(own.metrics)}")
        for reason in own.reasons:
            _say(f"    {named(reason, names)}")
    _say(f"  {named(review.alike, names)}" if review.alike else None)
    _say(f"  fetched to {review.folder}" if review.folder else None)
    _say(f"  {named(review.note, names)}" if review.note else None)
    _say(f"  {waiting(review.awaited, names, now)}" if review.awaited else None)


def _say(text: str | None) -> None:
    """Print a line, parts of which strangers wrote."""
    if text is not None:
        click.echo(printable(text))


def _finding(verdict: Verdict, score: int | None) -> str:
    if verdict in (Verdict.INCONCLUSIVE, Verdict.CRASHED):
        return verdict  # Nothing was measured: its score is no measurement of zero.
    return f"{verdict}, score {format_proportion(score or 0)}"


def _metrics(metrics: Mapping[str, float]) -> str:
    shown = ", ".join(f"{name} {format_metric(value)}" for name, value in metrics.items())
    return f" ({shown})" if shown else ""
