"""``list-task-results``, ``accept-task-results``, ``reject-task-results``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from decentralml.cli.options import Settings, common, examples, pass_settings
from decentralml.cli.output import document, table, to_plain
from decentralml.cli.units import format_amount, format_proportion
from decentralml.cli.wording import asset_amount, left, people, status_of
from decentralml.types import Address, TaskId, Verdict

if TYPE_CHECKING:
    from decentralml.market.creating.deciding import Objection
    from decentralml.market.show import ResultView


@click.command(epilog=examples("decentralml list-task-results 3"))
@click.argument("task", type=click.IntRange(0))
@common
@pass_settings
def list_task_results(settings: Settings, task: int) -> None:
    """List the results of a task: whose, in which state, with which finding, what is awaited."""
    from decentralml.market.show import view_results

    with settings.session() as session:
        found = view_results(session, TaskId(task))
        now = session.chain.now()
        names = session.names
    if settings.json:
        document(
            [
                to_plain(view.submission)
                | {
                    "verdict": view.submission.verdict,
                    "score": view.submission.score,
                    "awaited": view.awaited,
                    "standing": view.standing,
                }
                for view in found
            ]
        )
    elif found:
        table(
            (
                *("result", "contributor", "standing", "status", "verdict", "score"),
                *("waits for", "from", "due", "reason"),
            ),
            [_row(view, now, names) for view in found],
            right="result standing score",
            spare=("standing", "from", "verdict", "reason"),
        )
    else:
        click.echo(f"task {task} has no results yet")


def _row(view: ResultView, now: int, names: Mapping[Address, str]) -> tuple[object, ...]:
    found, awaited = view.submission, view.awaited
    until = awaited.until if awaited else None
    return (
        found.index,
        names.get(found.contributor, found.contributor),
        format_proportion(view.standing),
        status_of(found),
        found.verdict or "",
        "" if found.score is None else format_proportion(found.score),
        awaited.what if awaited else "",
        people(awaited.who, names) if awaited else "",
        "" if until is None else left(until, now),
        found.reason or "",
    )


@click.command(epilog=examples("decentralml accept-task-results 3 0 2 --as hospital"))
@click.argument("task", type=click.IntRange(0))
@click.argument("indices", type=click.IntRange(0), nargs=-1, required=True, metavar="INDEX...")
@common
@pass_settings
def accept_task_results(settings: Settings, task: int, indices: tuple[int, ...]) -> None:
    """Accept results of a ManualAccept task, or waive the time to challenge results that passed.

    Each is paid from escrow in the moment in which its key is released to you. What the committee
    did not pass you can accept, too: on a terminal you are asked first.
    """
    from decentralml.market.creating.deciding import accept_task_results as accept
    from decentralml.market.creating.deciding import objections

    with settings.session() as session:
        terms = session.chain.task(TaskId(task)).terms
        against = objections(session, TaskId(task), indices)
        for each in against:
            reward = asset_amount(session, terms.asset, terms.reward)
            settings.terminal.warn(_against(each, reward))
        if against and settings.interactive and not settings.confirm("Accept nevertheless?"):
            raise click.ClickException("nothing is accepted; pass --yes to accept unasked")
        receipt = accept(session, TaskId(task), indices)
    if settings.json:
        block = receipt and receipt.block
        document({"task": task, "accepted": indices, "against": against, "block": block})
    else:
        click.echo(
            f"accepted: {', '.join(map(str, indices))}; paid once the committee or the contributor "
            "releases the key"
        )


def _against(found: Objection, reward: str) -> str:
    """What accepting means where the committee did not pass a result."""
    if found.verdict is Verdict.FAIL:
        said = f"fails (score {format_proportion(found.score)})"
        return (
            f"the committee found that result {found.index} {said}: accepting it pays the reward "
            f"of {reward} all the same, returns its bond, and has you pay the committee's fees, "
            "which its bond would have paid"
        )
    return (
        f"the committee came to no verdict on result {found.index}: accepting it pays the reward "
        f"of {reward} for what nobody has measured"
    )


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

    Against a passing verdict, a counter-deposit is held while the contributor can appeal; if it
    wins, you pay for the appeal and the result. If it does not, the committee's fees come from your
    escrow, which is filled up again from your balance so that the slot can be given away again.
    """
    from decentralml.market.creating.deciding import reject_task_results as reject

    with settings.session() as session:
        rejected = reject(session, TaskId(task), indices, reason)
    if settings.json:
        document(
            {
                "task": task,
                "rejected": indices,
                "reason": reason,
                "counters": rejected.counters,
                "block": rejected.receipt and rejected.receipt.block,
            }
        )
        return
    click.echo(f"rejected: {', '.join(map(str, indices))}")
    for index, counter in rejected.counters.items():
        click.echo(
            f"result {index} had passed: {format_amount(counter)} are held from you until the time "
            "to appeal is over"
        )
