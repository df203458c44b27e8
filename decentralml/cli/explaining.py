"""``explain``, ``verify-receipt``: why a result was paid, or not, and the proof of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from decentralml.cli.options import (
    EXISTING_FILE,
    FILE,
    Settings,
    common,
    examples,
    pass_settings,
)
from decentralml.cli.output import details, document, printable, table
from decentralml.cli.units import format_amount, format_metric, format_proportion, format_time
from decentralml.cli.wording import asset_amount
from decentralml.types import Address, TaskId

if TYPE_CHECKING:
    from decentralml.chain.history import Step
    from decentralml.cli.telling import Amount, Called
    from decentralml.market.explaining.explain import Explanation, TaskExplanation
    from decentralml.market.explaining.judges import Judge
    from decentralml.market.explaining.sums import Sum
    from decentralml.market.reports import Opinion
    from decentralml.market.session import Session


@click.command(
    epilog=examples(
        "decentralml explain 3 0",
        "decentralml explain 3",
        "decentralml explain 3 0 --receipt result-3-0.json",
    )
)
@click.argument("task", type=click.IntRange(0))
@click.argument("index", type=click.IntRange(0), required=False)
@click.option("--receipt", type=FILE, help="Write what is said, with its proof, to this file.")
@common
@pass_settings
def explain(settings: Settings, task: int, index: int | None, receipt: Path | None) -> None:
    """Explain why a result was paid, or was not; without INDEX, where a task's money went.

    Everything is read from the chain, with times, blocks and transactions, also of what was cleared
    from its storage long ago. Whoever has the receipt can check it with `verify-receipt` against
    any node, without believing you or that node's past.
    """
    from decentralml.market.explaining.explain import explain as find_out
    from decentralml.market.explaining.explain import explain_task
    from decentralml.market.explaining.receipts import write_receipt
    from decentralml.market.explaining.statements import as_document

    if receipt is not None and index is None:
        raise click.UsageError("a receipt is of one result: say its INDEX, too")
    found: Explanation | TaskExplanation
    with settings.session() as session:
        settings.terminal.step(f"looking for what happened to task {task}")
        if index is None:
            found = explain_task(session, TaskId(task))
        else:
            found = find_out(session, TaskId(task), index)
        if receipt is not None:
            write_receipt(session, found.history, receipt)
        if settings.json:
            document(as_document(found))
        else:
            _print(session, found)
    if receipt is not None and not settings.json:
        click.echo(f"\nreceipt: {receipt}; check it with: decentralml verify-receipt {receipt}")


@click.command(epilog=examples("decentralml verify-receipt result-3-0.json"))
@click.argument("file", type=EXISTING_FILE)
@common
@pass_settings
def verify_receipt(settings: Settings, file: Path) -> None:
    """Check a receipt against a chain; exit with 1, and the first statement that is not so.

    Of the node only the hashes of blocks are asked: it need not keep old states, nor be trusted for
    anything else. All that the receipt says is worked out again from its proofs.
    """
    from decentralml.cli.telling import answer
    from decentralml.market.explaining.receipts import verify_receipt as verify

    with settings.session() as session:
        found = verify(session, file)
        told, of = found.explanation, found.explanation.history
        said = answer(told, session.called, _amounts(session))
        genesis = session.info.genesis
    if settings.json:
        document(
            {
                "file": file,
                "valid": True,
                "task": told.task,
                "index": told.index,
                "until": of.until,
                "blocks": found.blocks,
                "changes": found.changes,
                "transactions": found.transactions,
                "events": found.events,
                "nodes": found.nodes,
            }
        )
        return
    for line in (
        f"{file}: as it was written",
        f"{found.blocks} blocks are of this chain ({genesis}), up to {of.until}",
        f"{found.changes} of them changed the result's storage, and none is left out",
        f"{found.transactions} transactions and {found.events} events are in them: "
        f"{found.nodes} nodes of their tries show it",
        "every statement follows from them"
        + ("; the sums add up" if all(each.adds_up for each in told.sums) else ""),
    ):
        click.echo(f"✓ {printable(line)}")
    click.echo(f"result {told.index} of task {told.task}: {printable(said)}")


def _amounts(session: Session) -> Amount:
    return lambda asset, amount: asset_amount(session, asset, amount)


def _print(session: Session, found: Explanation | TaskExplanation) -> None:
    from decentralml.cli.telling import answer
    from decentralml.market.explaining.explain import Explanation

    called, amount = session.called, _amounts(session)
    if isinstance(found, Explanation):
        click.echo(printable(answer(found, called, amount)) + "\n")
        _print_result(found, called)
    else:
        _print_task(found, called, amount)
    click.echo()
    _print_steps(found.history.steps, called, amount)
    for each in found.sums:
        _print_sum(each, called, amount)
    if isinstance(found, Explanation):
        for lost in found.forfeited:
            click.echo(
                f"{format_amount(lost.amount)} of this went to the treasury: the account that was "
                "to get it would have stayed below the least that an account can have"
            )


def _print_result(found: Explanation, called: Called) -> None:
    judged = found.jury or found.finding
    details(
        [
            ("result", f"{found.index} of task {found.task}, by {called(found.contributor)}"),
            ("content", found.result),
            ("status", found.status or "given back"),
            ("finding", judged and f"{judged.verdict}, score {format_proportion(judged.score)}"),
            ("tolerance", format_proportion(found.terms.tolerance)),
            (
                "segments",
                ", ".join(map(str, found.segments)) + " replayed" if found.segments else None,
            ),
            ("reason", found.reason),
            ("storage", None if found.history.stored else "cleared"),
            ("as of", f"block {found.history.until}"),
        ]
    )
    if found.judges:
        click.echo()
        table(
            ("panel", "member", "verdict", "score", "within", "fee", "slashed", "did"),
            [_judge(judge, called) for judge in found.judges],
            right="score fee slashed",
        )
        _print_reports(found.judges, called)


def _judge(judge: Judge, called: Called) -> tuple[object, ...]:
    did = "judged" if judge.verdict else "committed" if judge.committed else "nothing yet"
    if judge.absent:
        did = "was absent"
    elif judge.unrevealed:
        did = "did not reveal"
    return (
        "jury" if judge.jury else "committee",
        called(judge.member),
        judge.verdict or "",
        "" if judge.score is None else format_proportion(judge.score),
        "" if judge.within is None else "yes" if judge.within else "no",
        format_amount(judge.fee) if judge.fee else "",
        format_amount(judge.slashed) if judge.slashed else "",
        did,
    )


def _print_reports(judges: Sequence[Judge], called: Called) -> None:
    """What the reports say: one that several members wrote, word for word, only once."""
    whose: dict[tuple[str, ...], dict[str, None]] = {}
    for judge in judges:
        if judge.opinion is not None:
            whose.setdefault(_told(judge.opinion), {})[called(judge.member)] = None
    for (report, *said), members in whose.items():
        click.echo(printable(f"{', '.join(members)}: report {report}"))
        for line in said:
            click.echo(f"  {printable(line)}")


def _told(opinion: Opinion) -> tuple[str, ...]:
    measured = ", ".join(f"{name} {format_metric(x)}" for name, x in opinion.metrics.items())
    said = (measured, *opinion.reasons, opinion.problem)
    return (str(opinion.report), *(line for line in said if line))


def _print_task(found: TaskExplanation, called: Called, amount: Amount) -> None:
    details(
        [
            ("task", f"{found.task}, by {called(found.creator)}"),
            ("status", found.status),
            ("storage", None if found.history.stored else "cleared"),
            ("as of", f"block {found.history.until}"),
        ]
    )
    if found.ended:
        click.echo()
        table(
            ("result", "contributor", "ended", "reward", "fees"),
            [
                (
                    ended.index,
                    called(ended.contributor),
                    ended.how,
                    amount(found.terms.asset, ended.reward) if ended.reward else "",
                    format_amount(ended.fees) if ended.fees else "",
                )
                for ended in found.ended
            ],
            right="result reward fees",
        )
        click.echo(f"(more on one of them: decentralml explain {found.task} INDEX)")


def _print_steps(steps: Sequence[Step], called: Called, amount: Amount) -> None:
    from decentralml.cli.telling import tell

    for step in steps:
        signer = "" if step.signer is None else f"  signed by {called(step.signer)}"
        head = (
            f"{format_time(step.time)}  block {step.block}  {step.transaction or 'no transaction'}"
        )
        click.echo(printable(head + signer))
        for event in step.events:
            said = tell(event, called, amount)
            if said is not None:
                click.echo(f"  {printable(said)}")


def _print_sum(found: Sum, called: Called, amount: Amount) -> None:
    from decentralml.market.explaining.sums import Line

    click.echo(f"\n{found.name}:")
    rows = [
        *(("+", f"{line.what}{_whose('from', line.who, called)}", line) for line in found.held),
        *(("-", f"{line.what}{_whose('to', line.who, called)}", line) for line in found.went),
    ]
    if found.still:
        rows.append(("·", "still held", Line("", None, found.still)))
    shown = [(sign, amount(found.asset, line.amount), said) for sign, said, line in rows]
    width = max(len(value) for _, value, _ in shown)
    for sign, value, said in shown:
        click.echo(printable(f"  {sign} {value.rjust(width)}  {said}"))
    out = found.total if found.adds_up else sum(line.amount for line in found.went) + found.still
    verdict = "it adds up" if found.adds_up else "IT DOES NOT ADD UP: report this"
    held, left = amount(found.asset, found.total), amount(found.asset, out)
    click.echo(f"  = {held} held, {left} accounted for: {verdict}")


def _whose(word: str, who: Address | None, called: Called) -> str:
    return "" if who is None else f" {word} {called(who)}"
