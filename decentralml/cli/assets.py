"""``assets``: tokens of one's own, in which rewards can be paid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from decentralml.cli.options import Settings, common, examples, pass_settings
from decentralml.cli.output import details, document, table
from decentralml.cli.units import format_amount, parse_amount

if TYPE_CHECKING:
    from decentralml.chain.api import AssetInfo


@click.group()
def assets() -> None:
    """Tokens of your own, in which you can pay rewards (`create-task --asset`)."""


@assets.command("list", epilog=examples("decentralml assets list"))
@common
@pass_settings
def list_(settings: Settings) -> None:
    """List the chain's assets."""
    with settings.session() as session:
        found = sorted(session.chain.assets(), key=lambda asset: asset.id)
        names = session.names
    if settings.json:
        document(found)
    elif found:
        table(
            ("asset", "symbol", "name", "owner", "supply", "minimum"),
            [
                (
                    asset.id,
                    asset.symbol,
                    asset.name,
                    names.get(asset.owner, asset.owner),
                    format_amount(asset.supply, asset.decimals),
                    format_amount(asset.minimum, asset.decimals),
                )
                for asset in found
            ],
            right="asset supply minimum",
        )
    else:
        click.echo("no assets; make one with: decentralml assets create")


@assets.command(
    epilog=examples(
        "decentralml assets create 7 --symbol MED --name 'Medical credit' --as hospital"
    )
)
@click.argument("asset", type=click.IntRange(0, 2**32 - 1))
@click.option("--symbol", required=True, help="A few letters, such as MED.")
@click.option("--name", required=True)
@click.option("--decimals", type=click.IntRange(0, 24), default=12, show_default=True)
@click.option("--minimum", default="0.001", show_default=True, help="Least that an account has.")
@common
@pass_settings
def create(
    settings: Settings, asset: int, symbol: str, name: str, decimals: int, minimum: str
) -> None:
    """Make an asset with the free number ASSET; you alone can mint it."""
    from decentralml.market.assets import create_asset

    try:
        least = parse_amount(minimum, decimals)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--minimum") from None
    with settings.session() as session:
        made = create_asset(session, asset, name, symbol, decimals, least)
    if settings.json:
        document(made)
    else:
        click.echo(f"asset {asset} ({symbol}) is yours; mint it with: decentralml assets mint")


@assets.command(epilog=examples("decentralml assets mint 7 hospital 1000 --as hospital"))
@click.argument("asset", type=click.IntRange(0))
@click.argument("to")
@click.argument("amount")
@common
@pass_settings
def mint(settings: Settings, asset: int, to: str, amount: str) -> None:
    """Make AMOUNT of an asset that is yours, for an account."""
    from decentralml.market.assets import find_asset, mint_asset

    with settings.session() as session:
        info = find_asset(session, asset)
        receipt = mint_asset(session, asset, session.resolve(to), _units(amount, info))
    if settings.json:
        document({"asset": asset, "to": to, "block": receipt.block})
    else:
        click.echo(f"{amount} {info.symbol} minted for {to}")


@assets.command(epilog=examples("decentralml assets transfer 7 bob 2.5 --as hospital"))
@click.argument("asset", type=click.IntRange(0))
@click.argument("to")
@click.argument("amount")
@common
@pass_settings
def transfer(settings: Settings, asset: int, to: str, amount: str) -> None:
    """Send AMOUNT of an asset to an account."""
    from decentralml.market.assets import find_asset, transfer_asset

    with settings.session() as session:
        info = find_asset(session, asset)
        receipt = transfer_asset(session, asset, session.resolve(to), _units(amount, info))
    if settings.json:
        document({"asset": asset, "to": to, "block": receipt.block})
    else:
        click.echo(f"sent {amount} {info.symbol} to {to}")


@assets.command(epilog=examples("decentralml assets balance 7 bob"))
@click.argument("asset", type=click.IntRange(0))
@click.argument("account", required=False)
@common
@pass_settings
def balance(settings: Settings, asset: int, account: str | None) -> None:
    """Show what an account has of an asset."""
    from decentralml.market.assets import find_asset

    with settings.session() as session:
        address = session.resolve(account) if account else session.address
        info = find_asset(session, asset)
        found = session.chain.asset_balance(asset, address)
    if settings.json:
        document({"account": address, "asset": asset, "balance": found})
        return
    held = [
        (f"held, {reason}", format_amount(amount, info.decimals))
        for reason, amount in found.held.items()
    ]
    details(
        [
            ("account", address),
            ("asset", f"{asset} ({info.symbol})"),
            ("free", format_amount(found.free, info.decimals)),
            *held,
            ("frozen", "yes" if found.frozen else None),
        ]
    )


def _units(amount: str, asset: AssetInfo) -> int:
    try:
        return parse_amount(amount, asset.decimals)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="AMOUNT") from None
