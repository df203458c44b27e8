"""``list-task-results``, ``accept-task-results``, ``reject-task-results``."""

from __future__ import annotations

from collections.abc import Mapping

import click

from decentralml.cli.options import Settings, common, examples, pass_settings
from decentralml.cli.output import document, table
from decentralml.cli.units import format_duration, format_proportion
from decentralml.types import Address, Submission, TaskId


@click.command(epilog=examples("decentralml list-task-results 3"))
@click.argument("task", type=click.IntRange(0))
@common
@pass_settings
def list_task_results(settings: Settings, task: int) -> None:
    """List the results of a task: whose, in which state, with which finding."""
    from decentralml.market.tasks import list_task_results as find

    with settings.session() as session:
        found = find(session, TaskId(task))
        now = session.chain.now()
        names = session.names
    if settings.json:
        document(found)
    elif found:
        table(
            ("index", "contributor", "status", "verdict", "score", "attested", "due", "reason"),
            [_row(submission, now, names) for submission in found],
            right="index score attested",
        )
    else:
        click.echo(f"task {task} has no results yet")


def _row(found: Submission, now: int, names: Mapping[Address, str]) -> tuple[object, ...]:
    attested = sum(seat.attestation is not None for seat in found.committee)
    due = found.deadline
    return (
        found.index,
        names.get(found.contributor, found.contributor),
        found.status,
        found.verdict or "",
        "" if found.score is None else format_proportion(found.score),
        f"{attested}/{len(found.committee)}" if found.committee else "",
        "" if due is None else f"in {format_duration(due - now)}" if due > now else "over",
        found.reason or "",
    )


@click.command(epilog=examples("decentralml accept-task-results 3 0 2 --as hospital"))
@click.argument("task", type=click.IntRange(0))
@click.argument("indices", type=click.IntRange(0), nargs=-1, required=True, metavar="INDEX...")
@common
@pass_settings
def accept_task_results(settings: Settings, task: int, indices: tuple[int, ...]) -> None:
    """Accept results of a ManualAccept task: each is paid at once, from escrow."""
    from decentralml.market.creator import accept_task_results as accept

    with settings.session() as session:
        receipt = accept(session, TaskId(task), indices)
    if settings.json:
        document({"task": task, "accepted": indices, "block": receipt and receipt.block})
    else:
        click.echo(f"accepted and paid: {', '.join(map(str, indices))}")


@click.command(
    epilog=examples("decentralml reject-task-results 3 1 --reason 'labels are shifted by one'")
)
@click.argument("task", type=click.IntRange(0))
@click.argument("indices", type=click.IntRange(0), nargs=-1, required=True, metavar="INDEX...")
@click.option("--reason", required=True, help="What everybody will read on the chain.")
@common
@pass_settings
def reject_task_results(
    settings: Settings, task: int, indices: tuple[int, ...], reason: str
) -> None:
    """Reject results of a ManualAccept task, with a reason.

    Against a passing verdict the committee's fees come from your escrow, which is filled up again
    from your balance so that the slot can be given to another contributor.
    """
    from decentralml.market.creator import reject_task_results as reject

    with settings.session() as session:
        receipt = reject(session, TaskId(task), indices, reason)
    if settings.json:
        document(
            {
                "task": task,
                "rejected": indices,
                "reason": reason,
                "block": receipt and receipt.block,
            }
        )
    else:
        click.echo(f"rejected: {', '.join(map(str, indices))}")
