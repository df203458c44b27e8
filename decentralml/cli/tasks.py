"""``list-tasks``, ``show-task``, ``withdraw-task``, ``settle``, ``clear``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from decentralml.cli.options import Settings, choice, common, examples, pass_settings
from decentralml.cli.output import details, document, named, table
from decentralml.cli.units import format_amount, format_duration, format_proportion, format_time
from decentralml.cli.wording import asset_amount, left, status_of, waiting
from decentralml.types import (
    Access,
    ModelType,
    Role,
    TaskId,
    TaskStatus,
    TaskType,
    ValidationStrategy,
)

if TYPE_CHECKING:
    from decentralml.market.creating.pinned import Pinned
    from decentralml.market.session import Session
    from decentralml.market.show import TaskView


@click.command(
    epilog=examples(
        "decentralml list-tasks",
        "decentralml list-tasks --open --limit 5",
        "decentralml list-tasks --model-type Vision --min-reward 2.5 --open",
        "decentralml list-tasks --search 'lung scans' --after 120 --json",
    )
)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option(
    "--after", "--before", "after", type=click.IntRange(0), help="Go on after this task's number."
)
@click.option("--open", "open_only", is_flag=True, help="Only tasks with a slot to accept now.")
@click.option("--type", "types", type=choice(TaskType), multiple=True, help="Kind of work.")
@click.option(
    "--model-type", "model_types", type=choice(ModelType), multiple=True, help="Type of model."
)
@click.option(
    "--status", "statuses", type=choice(TaskStatus), multiple=True, help="These three: repeatable."
)
@click.option("--creator", metavar="ACCOUNT", help="Who posted it.")
@click.option("--asset", help="Asset of the reward: its number, or 'native'.")
@click.option("--min-reward", metavar="AMOUNT", help="Least reward, in its asset's units.")
@click.option("--max-reward", metavar="AMOUNT", help="Highest reward.")
@click.option("--search", metavar="WORDS", help="Words, or beginnings of words, or a CID.")
@common
@pass_settings
def list_tasks(
    settings: Settings, /, limit: int, after: int | None, open_only: bool, **chosen: Any
) -> None:
    """List tasks, newest first, with the standing of their creators.

    Filters ask the index (see: decentralml index --help), which also knows tasks that the chain
    has cleared. Searched are kinds, types, bundles, and the names of bundles that are here.
    """
    from decentralml.market.standings import standings
    from decentralml.market.tasks import list_tasks as find

    before = None if after is None else TaskId(after)
    cleared: set[TaskId] = set()
    with settings.session() as session:
        if any(value not in (None, ()) for value in chosen.values()):
            from decentralml.cli.filters import wanted_tasks
            from decentralml.market.indexing import find_tasks

            wanted = wanted_tasks(session, open_only, **chosen)
            matching = find_tasks(session, wanted, limit, before)
            found = [each.task for each in matching]
            cleared = {each.task.id for each in matching if each.cleared_in is not None}
        else:
            found = find(session, limit, before, open_only)
        if settings.json:
            document(found)
            return
        now = session.chain.now()
        standing = standings(session, (task.creator for task in found), Role.CREATOR)
        rows = [
            (
                task.id,
                task.terms.task_type,
                task.terms.model_type,
                task.terms.strategy,
                asset_amount(session, task.terms.asset, task.terms.reward),
                f"{task.open_slots}/{task.terms.slots}",
                f"{task.status}, cleared" if task.id in cleared else task.status,
                left(task.terms.expires_at, now) if task.open_slots else "",
                session.called(task.creator),
                format_proportion(standing[task.creator]),
            )
            for task in found
        ]
    if rows:
        table(
            (
                *("task", "work", "model", "policy", "reward", "open", "status", "expires"),
                *("creator", "standing"),
            ),
            rows,
            right="task reward open standing",
        )
    else:
        click.echo("no tasks")


@click.command(epilog=examples("decentralml show-task 3", "decentralml show-task 3 --as bob"))
@click.argument("task", type=click.IntRange(0))
@common
@pass_settings
def show_task(settings: Settings, task: int) -> None:
    """Show a task: its terms, what its results wait for, and your own work on it."""
    from decentralml.market.show import show_task as look

    with settings.session() as session:
        view = look(session, TaskId(task))
        if settings.json:
            document(view)
            return
        details([*_terms(session, view), *_state(session, view), *_work(view)])


def _terms(session: Session, view: TaskView) -> list[tuple[str, object]]:
    terms = view.task.terms
    replay, challenge = terms.replay, terms.challenge_time
    standing = format_proportion(view.creator_standing)
    return [
        ("task", view.task.id),
        ("status", view.task.status),
        ("creator", f"{session.called(view.task.creator)}, standing {standing}"),
        ("kind", f"{terms.task_type}, {terms.model_type}"),
        ("policy", terms.strategy),
        ("bundle", f"{terms.bundle} ({terms.storage})"),
        ("reward", asset_amount(session, terms.asset, terms.reward)),
        (
            "committee",
            f"{terms.committee_size}, each for {format_amount(terms.fee)}; scores within "
            f"{format_proportion(terms.tolerance)} agree",
        ),
        ("asked for", view.criteria or "not known here before accept-task has fetched the bundle"),
        *_pinned(view.pinned),
        ("bond", format_amount(terms.bond)),
        ("access", "invited accounts only" if terms.access is Access.INVITED else None),
        (
            "standing",
            f"at least {format_proportion(terms.minimum_reputation)} as a contributor"
            if terms.minimum_reputation
            else None,
        ),
        (
            "replay",
            replay and f"{replay.segments} of {replay.checkpoints - 1} segments, drawn by lot",
        ),
        ("expires", f"{format_time(terms.expires_at)} ({_remaining(view)})"),
        ("working time", format_duration(terms.working_time)),
        (
            "review time",
            format_duration(terms.review_time)
            if terms.strategy is ValidationStrategy.MANUAL_ACCEPT
            else None,
        ),
        ("time to appeal", format_duration(challenge) if challenge else "none"),
        ("continues", None if terms.parent is None else f"task {terms.parent}"),
    ]


def _pinned(pinned: Pinned | None) -> list[tuple[str, object]]:
    from decentralml.market.creating.pinned import (
        attempts_in_words,
        merge_in_words,
        meta_in_words,
        training_in_words,
    )

    if pinned is None:
        return []
    return [
        ("training", (pinned.training and training_in_words(pinned.training)) or None),
        ("meta", pinned.meta and meta_in_words(pinned.meta)),
        ("travels", pinned.coding and f"{pinned.coding} of what changed"),
        ("merge", pinned.merge and merge_in_words(pinned.merge)),
        ("merged", attempts_in_words(pinned.attempts)),
    ]


def _remaining(view: TaskView) -> str:
    """How long slots can be taken; and, once that is over, how those nobody took are refunded."""
    task, until = view.task, view.task.terms.expires_at
    if task.open_slots and until < view.now:
        return f"over; its open slots are refunded by: decentralml settle {task.id}"
    return left(until, view.now)


def _state(session: Session, view: TaskView) -> list[tuple[str, object]]:
    found = view.task
    counts = ", ".join(f"{count} {status}" for status, count in view.results.items())
    waits = [
        (
            f"  result {result.submission.index}",
            f"{status_of(result.submission)}: {waiting(result.awaited, session.names, view.now)}",
        )
        for result in view.open_results
        if result.awaited is not None
    ]
    return [
        (
            "slots",
            f"{found.accepted} accepted of {found.terms.slots}; {found.open_slots} open, "
            f"{found.active} active",
        ),
        ("results", counts or "none"),
        *waits,
        ("next model", found.published),
    ]


def _work(view: TaskView) -> list[tuple[str, object]]:
    work = view.work
    if work is None:
        return []
    return [
        ("your work", f"result {work.index}, {work.status}"),
        (
            "  deadline",
            work.deadline and f"{format_time(work.deadline)} ({left(work.deadline, view.now)})",
        ),
        ("  bundle", work.bundle),
        ("  result", work.result),
        ("  log", work.log),
    ]


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
    absent aggregators are replaced, a time to appeal ends, an expired task is refunded.
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
        click.echo(f"not settled: {named(line, settings.names())}")
    if not (moved.submissions or moved.expired or moved.refused):
        click.echo(f"nothing of task {task} is due")


@click.command(epilog=examples("decentralml clear 3", "decentralml clear 3 0"))
@click.argument("task", type=click.IntRange(0))
@click.argument("index", type=click.IntRange(0), required=False)
@common
@pass_settings
def clear(settings: Settings, task: int, index: int | None) -> None:
    """Remove what has ended from the chain's storage; its deposits return to who paid them.

    Anyone may, once the chain has kept it for its time: one result, or all of a task and then the
    task itself. The history stays in the chain's events.
    """
    from decentralml.market.creating.clearing import clear as remove

    with settings.session() as session:
        cleared = remove(session, TaskId(task), index)
    if settings.json:
        document(cleared)
        return
    for number in cleared.submissions:
        click.echo(f"cleared result {number} of task {task}")
    if cleared.access:
        click.echo(f"cleared the invitations and shares of {cleared.access} accounts")
    if cleared.whole:
        click.echo(f"cleared task {task}")
    for line in cleared.refused:
        click.echo(f"not cleared: {named(line, settings.names())}")
    if not (cleared.submissions or cleared.access or cleared.whole or cleared.refused):
        click.echo(f"nothing of task {task} has ended")
