"""``balance`` and ``transfer``."""

from __future__ import annotations

import click

from decentralml.cli.options import Settings, common, examples, pass_settings
from decentralml.cli.output import details, document
from decentralml.cli.units import AMOUNT, format_amount

HOW_BACK = {
    "market.Deposit": " (for storage; back by decentralml clear TASK, a while after its end)",
    "swarm.Price": " (of seats; whose it becomes says decentralml swarm status SWARM)",
}
"""Where nothing else tells it: how to get back what is held for a reason."""


@click.command(
    epilog=examples(
        "decentralml balance",
        "decentralml balance alice",
        "decentralml balance treasury --json",
    )
)
@click.argument("account", required=False)
@common
@pass_settings
def balance(settings: Settings, account: str | None) -> None:
    """Show what an account has: to spend, held by reason, and in all.

    ACCOUNT is a key's name, an address, //Name on a development chain, or 'treasury'; without one
    it is the key chosen by --as.
    """
    with settings.session() as session:
        address = session.resolve(account) if account else session.address
        found = session.chain.balance(address)
    if settings.json:
        document(
            {
                "address": address,
                "free": found.free,
                "held": found.held,
                "locked": found.locked,
                "total": found.total,
            }
        )
        return
    held = [
        (f"held, {reason}", format_amount(amount) + HOW_BACK.get(reason, ""))
        for reason, amount in found.held.items()
    ]
    details(
        [
            ("account", address),
            ("free", format_amount(found.free)),
            *held,
            ("total", format_amount(found.total)),
            ("locked by votes", format_amount(found.locked) if found.locked else None),
        ]
    )


@click.command(epilog=examples("decentralml transfer bob 2.5 --as alice"))
@click.argument("to")
@click.argument("amount", type=AMOUNT)
@common
@pass_settings
def transfer(settings: Settings, to: str, amount: int) -> None:
    """Send AMOUNT tokens to an account: a key's name or an address."""
    from decentralml.market.tokens import transfer as send

    with settings.session() as session:
        address = session.resolve(to)
        receipt = send(session, address, amount)
    if settings.json:
        document({"to": address, "amount": amount, "block": receipt.block, "fee": receipt.fee})
    else:
        click.echo(
            f"sent {format_amount(amount)} to {session.called(address)} "
            f"(block {receipt.block}, fee {format_amount(receipt.fee)})"
        )
