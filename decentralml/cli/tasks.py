"""``list-tasks``, ``show-task``, ``withdraw-task``, ``settle``."""

from __future__ import annotations

import click

from decentralml.cli.options import Settings, common, examples, pass_settings
from decentralml.cli.output import details, document, table
from decentralml.cli.units import format_amount, format_duration, format_time
from decentralml.types import TaskId


@click.command(
    epilog=examples(
        "decentralml list-tasks",
        "decentralml list-tasks --open --limit 5",
        "decentralml list-tasks --json",
    )
)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--before", type=click.IntRange(0), help="Only tasks with lower numbers.")
@click.option("--open", "open_only", is_flag=True, help="Only tasks with a slot to accept now.")
@common
@pass_settings
def list_tasks(settings: Settings, limit: int, before: int | None, open_only: bool) -> None:
    """List tasks, newest first."""
    from decentralml.market.tasks import list_tasks as find

    with settings.session() as session:
        found = find(session, limit, None if before is None else TaskId(before), open_only)
        now = session.chain.now()
    if settings.json:
        document(found)
    elif found:
        table(
            ("task", "work", "model", "policy", "reward", "open", "status", "expires"),
            [
                (
                    task.id,
                    task.terms.task_type,
                    task.terms.model_type,
                    task.terms.strategy,
                    format_amount(task.terms.reward),
                    f"{task.open_slots}/{task.terms.slots}",
                    task.status,
                    _left(task.terms.expires_at, now) if task.open_slots else "",
                )
                for task in found
            ],
            right="task reward open",
        )
    else:
        click.echo("no tasks")


def _left(until: int, now: int) -> str:
    return f"in {format_duration(until - now)}" if until > now else "over"


@click.command(epilog=examples("decentralml show-task 3", "decentralml show-task 3 --as bob"))
@click.argument("task", type=click.IntRange(0))
@common
@pass_settings
def show_task(settings: Settings, task: int) -> None:
    """Show a task: its terms, its state, and your own work on it."""
    from decentralml.market.show import show_task as look

    with settings.session() as session:
        view = look(session, TaskId(task))
        names = session.names
    if settings.json:
        document(view)
        return
    found, terms, work = view.task, view.task.terms, view.work
    results = ", ".join(f"{count} {status}" for status, count in view.results.items())
    details(
        [
            ("task", found.id),
            ("status", found.status),
            ("creator", names.get(found.creator, found.creator)),
            ("kind", f"{terms.task_type}, {terms.model_type}"),
            ("policy", terms.strategy),
            ("bundle", f"{terms.bundle} ({terms.storage})"),
            ("reward", format_amount(terms.reward)),
            ("committee", f"{terms.committee_size}, each for {format_amount(terms.fee)}"),
            (
                "results",
                f"{found.accepted} accepted of {terms.slots}; {found.open_slots} open, "
                f"{found.active} active",
            ),
            ("submissions", results or "none"),
            ("expires", f"{format_time(terms.expires_at)} ({_left(terms.expires_at, view.now)})"),
            ("working time", format_duration(terms.working_time)),
            ("review time", format_duration(terms.review_time)),
            ("continues", None if terms.parent is None else f"task {terms.parent}"),
            ("next model", found.published),
            ("your work", work and f"submission {work.index}, {work.status}"),
            (
                "  deadline",
                work
                and work.deadline
                and f"{format_time(work.deadline)} ({_left(work.deadline, view.now)})",
            ),
            ("  bundle", work and work.bundle),
            ("  result", work and work.result),
            ("  log", work and work.log),
        ]
    )


@click.command(epilog=examples("decentralml withdraw-task 3 --as hospital"))
@click.argument("task", type=click.IntRange(0))
@common
@pass_settings
def withdraw_task(settings: Settings, task: int) -> None:
    """Take back the slots that nobody works on; work in progress goes on to its end."""
    from decentralml.market.tasks import withdraw_task as withdraw

    with settings.session() as session:
        receipt = withdraw(session, TaskId(task))
    if settings.json:
        document({"task": task, "block": receipt and receipt.block})
    else:
        click.echo(f"task {task} is withdrawn, its open slots are refunded")


@click.command(epilog=examples("decentralml settle 3", "decentralml settle 3 0"))
@click.argument("task", type=click.IntRange(0))
@click.argument("index", type=click.IntRange(0), required=False)
@common
@pass_settings
def settle(settings: Settings, task: int, index: int | None) -> None:
    """Move on what a deadline has ended: one result, or everything of a task that is due.

    Anyone may: an expired assignment frees its slot, a silent creator lets the verdict decide,
    absent aggregators are replaced, an expired task is refunded.
    """
    from decentralml.market.tasks import settle as move

    with settings.session() as session:
        moved = move(session, TaskId(task), index)
    if settings.json:
        document(moved)
        return
    for number in moved.submissions:
        click.echo(f"settled result {number} of task {task}")
    if moved.expired:
        click.echo(f"task {task} has expired; its open slots are refunded")
    for line in moved.refused:
        click.echo(f"not settled: {line}")
    if not (moved.submissions or moved.expired or moved.refused):
        click.echo(f"nothing of task {task} is due")
