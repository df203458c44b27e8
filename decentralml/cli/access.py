"""``invite`` and ``uninvite``."""

from __future__ import annotations

import click

from decentralml.cli.options import Settings, common, examples, pass_settings
from decentralml.cli.output import document
from decentralml.types import TaskId


@click.command(epilog=examples("decentralml invite 3 bob carol --as hospital"))
@click.argument("task", type=click.IntRange(0))
@click.argument("accounts", nargs=-1, required=True, metavar="ACCOUNT...")
@common
@pass_settings
def invite(settings: Settings, task: int, accounts: tuple[str, ...]) -> None:
    """Let ACCOUNTS (names or addresses) take slots of a task that only the invited may.

    Each invitation takes a deposit, which returns when it is taken back or cleared.
    """
    from decentralml.market.creating.access import invite as admit

    with settings.session() as session:
        receipt = admit(session, TaskId(task), [session.resolve(name) for name in accounts])
    if settings.json:
        document({"task": task, "invited": accounts, "block": receipt and receipt.block})
    else:
        click.echo(f"invited to task {task}: {', '.join(accounts)}")


@click.command(epilog=examples("decentralml uninvite 3 bob --as hospital"))
@click.argument("task", type=click.IntRange(0))
@click.argument("accounts", nargs=-1, required=True, metavar="ACCOUNT...")
@common
@pass_settings
def uninvite(settings: Settings, task: int, accounts: tuple[str, ...]) -> None:
    """Take invitations back; work that was begun goes on."""
    from decentralml.market.creating.access import uninvite as shut_out

    with settings.session() as session:
        receipt = shut_out(session, TaskId(task), [session.resolve(name) for name in accounts])
    if settings.json:
        document({"task": task, "uninvited": accounts, "block": receipt and receipt.block})
    else:
        click.echo(f"not invited to task {task} any more: {', '.join(accounts)}")
