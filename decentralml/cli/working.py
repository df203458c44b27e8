"""``accept-task``, ``run-task``, ``send-results``, ``abandon-task``: a contributor's commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from decentralml.cli.options import EXISTING_FOLDER, Settings, common, examples, pass_settings
from decentralml.cli.output import document, named, printable
from decentralml.cli.staying import WaitingLine
from decentralml.cli.units import DURATION, format_amount, format_time
from decentralml.cli.wording import status_of, waiting
from decentralml.types import Outcome, TaskId, Window

if TYPE_CHECKING:
    from decentralml.market.contributing.sending import Sent
    from decentralml.market.session import Session


@click.command(epilog=examples("decentralml accept-task 3 --as bob"))
@click.argument("task", type=click.IntRange(0))
@common
@pass_settings
def accept_task(settings: Settings, task: int) -> None:
    """Take a slot of a task: fetch and verify its bundle, then bind the bond.

    Run again after an interruption, it fetches what is missing and binds nothing twice.
    """
    from decentralml.market.contributing.contributor import accept_task as accept

    with settings.session() as session:
        accepted = accept(session, TaskId(task))
    if settings.json:
        document(accepted)
        return
    state = "is yours already" if accepted.resumed else "is yours"
    click.echo(
        f"task {task}, result {accepted.index}, {state}: bond {format_amount(accepted.bond)}, "
        f"due {format_time(accepted.deadline)}"
    )
    click.echo(f"bundle: {accepted.bundle}")
    setup = f" (it has a {accepted.setup}; read it, then --trust-setup)" if accepted.setup else ""
    data = " --data DIR" if accepted.own_data else ""
    click.echo(f"next: decentralml run-task {task}{data}{setup}")


@click.command(
    epilog=examples(
        "decentralml run-task 3 --data ~/scans --as bob",
        "decentralml run-task 3 --data ~/scans --trust-setup --time-limit 2h",
    )
)
@click.argument("task", type=click.IntRange(0))
@click.option("--data", type=EXISTING_FOLDER, help="Your data: mounted read-only at /data.")
@click.option(
    "--trust-setup", is_flag=True, help="Run the bundle's set-up script first, OUTSIDE the sandbox."
)
@click.option(
    "--no-sandbox", is_flag=True, help="Run the script with all your rights: only if you trust it."
)
@click.option("--time-limit", type=DURATION, default="1h", show_default=True)
@click.option(
    "--memory",
    type=click.IntRange(64),
    default=4096,
    show_default=True,
    metavar="MIB",
    help="Memory of all its processes together.",
)
@common
@pass_settings
def run_task(
    settings: Settings,
    task: int,
    data: Path | None,
    trust_setup: bool,
    no_sandbox: bool,
    time_limit: int,
    memory: int,
) -> None:
    """Run an accepted task's script in the sandbox, on your data.

    It sees the bundle, the data and the base model read-only, one output folder, and no network.
    """
    from decentralml.market.contributing.running import run_task as run

    settings.anew = True
    with settings.session() as session:
        done = run(
            session,
            TaskId(task),
            data,
            trust_setup=trust_setup,
            sandboxed=not no_sandbox,
            seconds=time_limit / 1000,
            memory=memory << 20,
        )
    if settings.json:
        document(done)
        return
    click.echo(f"finished in {done.seconds:.1f} s; result: {done.result}")
    click.echo(f"next: decentralml send-results {task}")


@click.command(
    epilog=examples(
        "decentralml send-results 3 --as bob",
        "decentralml send-results 3 --wait --as bob",
        "decentralml send-results 3 --result-path my-results/digits_bob",
    )
)
@click.argument("task", type=click.IntRange(0))
@click.option(
    "--result-path",
    type=click.Path(path_type=Path),
    help="Folder with the result; else what run-task left.",
)
@click.option(
    "--wait", is_flag=True, help="Stay until the result has ended, and do what becomes due."
)
@common
@pass_settings
def send_results(settings: Settings, task: int, result_path: Path | None, wait: bool) -> None:
    """Check, sign, seal and send the result of an accepted task, and hand its key to the committee.

    What the committee would check first is checked here before any fee is paid. Run again, without
    --result-path, it does what has become due: it hands the key to members that came later or to
    the jury of an appeal, and releases it once the result is accepted, if no member has. With
    --wait it stays and does that by itself.
    """
    from decentralml.market.contributing.sending import send_results as send
    from decentralml.market.contributing.sending import stay_with_result

    with settings.session() as session:
        if not wait:
            sent = send(session, TaskId(task), result_path)
            if not settings.json:
                _print_sent(session, sent)
        else:
            line = WaitingLine(session.names, settings.json)
            for sent in stay_with_result(session, TaskId(task), result_path, line):
                if not settings.json:
                    _print_sent(session, sent, waits=True)
    if settings.json:
        document(sent)


def _print_sent(session: Session, sent: Sent, waits: bool = False) -> None:
    """What a visit did, and what to do next; with ``waits`` that is told by the waiting line."""
    task, index = sent.task, sent.index
    if not sent.resumed:
        click.echo(f"result {index} of task {task} is sent: {sent.cid}")
    elif not waits:
        click.echo(f"result {index} of task {task} was sent before: {sent.cid}")
    for deed in sent.done:
        click.echo(f"  {deed}")
    if sent.note is not None:
        click.echo(f"  {printable(named(sent.note, session.names))}")
    found = session.chain.submission(task, index)
    if sent.awaited is None:
        click.echo(f"  {status_of(found)}; why: decentralml explain {task} {index}")
        return
    if found.window is Window.CHALLENGE and found.outcome is not Outcome.ACCEPTED:
        click.echo(f"  {status_of(found)}; if that is wrong: decentralml appeal {task} {index}")
    if not waits:
        click.echo(f"  {waiting(sent.awaited, session.names, session.chain.now())}")
        click.echo(
            f"  next: decentralml send-results {task} --wait (or again, each time it waits for its "
            "key from you: a member that is replaced, or a jury, must get it, or your bond is lost)"
        )


@click.command(epilog=examples("decentralml abandon-task 3 --as bob"))
@click.argument("task", type=click.IntRange(0))
@common
@pass_settings
def abandon_task(settings: Settings, task: int) -> None:
    """Give an accepted slot back before its deadline.

    The bond returns, but for the part of the working time that has passed.
    """
    from decentralml.chain.events import AssignmentAbandoned
    from decentralml.market.contributing.contributor import abandon_task as abandon

    with settings.session() as session:
        receipt = abandon(session, TaskId(task))
    if settings.json:
        document({"task": task, "block": receipt.block})
    else:
        event = receipt.find(AssignmentAbandoned)
        kept = f", but for {format_amount(event.forfeited)}" if event and event.forfeited else ""
        click.echo(f"the slot of task {task} is free again, the bond is back{kept}")
