"""``doctor``: what works here, and how to mend what does not."""

from __future__ import annotations

import click

from decentralml.cli.options import Settings, common, examples, pass_settings
from decentralml.cli.output import document, table


@click.command(epilog=examples("decentralml doctor", "decentralml doctor --json"))
@common
@click.pass_context
@pass_settings
def doctor(settings: Settings, ctx: click.Context) -> None:
    """Look at Python, packages, home, disk, keys, sandbox, runtime, chain and storage.

    Ends with exit code 1 if something that everybody needs does not work.
    """
    from decentralml.market.doctor import checkup

    checks = checkup(settings.config())
    broken = [check for check in checks if not check.ok and check.needed]
    if settings.json:
        document({"ok": not broken, "checks": checks})
    else:
        table(
            ("", "what", "found"),
            [
                ("ok" if check.ok else "BAD" if check.needed else "-", check.name, check.found)
                for check in checks
            ],
        )
        for check in checks:
            if not check.ok:
                click.echo(f"{check.name}: {check.remedy}")
    if broken:
        ctx.exit(1)
