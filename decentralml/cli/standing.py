"""``reputation``."""

from __future__ import annotations

import click

from decentralml.cli.options import Settings, common, examples, pass_settings
from decentralml.cli.output import document, table
from decentralml.cli.units import format_amount, format_proportion


@click.command(epilog=examples("decentralml reputation", "decentralml reputation bob"))
@click.argument("account", required=False)
@common
@pass_settings
def reputation(settings: Settings, account: str | None) -> None:
    """Show how an account has kept to the rules, in each role: its deeds of late and its standing.

    Deeds count half after the chain's half-life. A standing is the share of good ones: 50% with
    none, 75% after one good deed, 25% after one that was not.
    """
    from decentralml.market.standings import reputation as look

    with settings.session() as session:
        address = session.resolve(account) if account else session.address
        records = look(session, address)
    if settings.json:
        document({"account": address, "records": records})
        return
    click.echo(address)
    table(
        ("role", "standing", "accepted", "rejected", "expired", "overturned", "earned"),
        [
            (
                record.role,
                format_proportion(record.standing),
                *(
                    f"{count / 1000:.2f}"
                    for count in (
                        record.accepted,
                        record.rejected,
                        record.expired,
                        record.overturned,
                    )
                ),
                format_amount(record.earned),
            )
            for record in records
        ],
        right="standing accepted rejected expired overturned earned",
    )
