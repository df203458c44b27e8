"""``chain``: serve, status, advance, upgrade, reset, export-spec."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from decentralml.cli.options import FILE, Settings, common, examples, pass_settings
from decentralml.cli.output import details, document
from decentralml.cli.units import DURATION, format_amount, format_time
from decentralml.errors import NothingToUpgrade

if TYPE_CHECKING:
    from decentralml.chain.substrate.upgrade import Upgraded


@click.group()
def chain() -> None:
    """The chain: how it stands, and the embedded one's own commands."""


@chain.command(epilog=examples("decentralml chain status", "decentralml chain status --json"))
@common
@pass_settings
def status(settings: Settings) -> None:
    """Show height, time, genesis, tasks, tokens and the size of the file."""
    from decentralml.market.node import chain_status

    with settings.session() as session:
        found = chain_status(session)
    if settings.json:
        document(found)
        return
    details(
        [
            ("chain", f"{found.name} ({found.kind}: {found.address})"),
            ("genesis", found.genesis),
            ("runtime", found.runtime),
            ("block", found.block),
            ("time", format_time(found.now)),
            ("tasks", found.tasks),
            ("tokens", format_amount(found.total_issuance)),
            ("next election", f"block {found.next_election}"),
            ("development", "yes: //Alice and the others may sign" if found.development else "no"),
            ("file", None if found.bytes is None else f"{found.bytes / 2**20:.1f} MiB"),
        ]
    )


@chain.command(
    epilog=examples(
        "decentralml chain advance --time 2h",
        "decentralml chain advance --blocks 10",
        "decentralml chain advance --to-election",
    )
)
@click.option("--time", "milliseconds", type=DURATION, default="0s", help="Move the clock.")
@click.option("--seconds", type=click.IntRange(0), default=0, help="The same in seconds.")
@click.option("--blocks", type=click.IntRange(0), default=0, help="Seal empty blocks.")
@click.option("--to-election", is_flag=True, help="Seal blocks until the next election is over.")
@common
@pass_settings
def advance(
    settings: Settings, milliseconds: int, seconds: int, blocks: int, to_election: bool
) -> None:
    """Move the embedded chain's clock and blocks on, for tests and demonstrations."""
    from decentralml.market.node import advance as move

    if not (milliseconds or seconds or blocks or to_election):
        raise click.UsageError("say how far: --time, --seconds, --blocks or --to-election")
    with settings.session() as session:
        number = move(session, blocks, milliseconds + 1000 * seconds, to_election)
        now = session.chain.now()
    if settings.json:
        document({"block": number, "now": now})
    else:
        click.echo(f"block {number}, {format_time(now)}")


@chain.command(
    epilog=examples(
        "decentralml chain serve --port 9944",
        "decentralml list-tasks --chain ws://127.0.0.1:9944",
    )
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=9944,
    show_default=True,
    help="0 picks a free one and prints it.",
)
@click.option(
    "--block-time",
    type=DURATION,
    default="6s",
    show_default=True,
    help="Seal an empty block when there was none for so long; 0s: only transactions make blocks.",
)
@common
@pass_settings
def serve(settings: Settings, port: int, block_time: int) -> None:
    """Serve the embedded chain to polkadot.js and others on 127.0.0.1 (JSON-RPC), until Ctrl-C.

    Whoever waits for a committee to be drawn needs blocks, so that empty ones are sealed too.
    """
    from decentralml.market.node import serve as run

    def ready(url: str) -> None:
        if settings.json:
            document({"url": url})
        else:
            click.echo(f"listening on {url} (Ctrl-C ends)")

    run(settings.config(), port, ready, block_time / 1000 or None)


@chain.command(
    epilog=examples(
        "decentralml chain upgrade",
        "decentralml chain upgrade --chain ws://127.0.0.1:9944 --as operator",
    )
)
@common
@pass_settings
def upgrade(settings: Settings) -> None:
    """Bring an older chain to the runtime that this program ships; all goes on where it was.

    The sudo key signs: //Alice on a development chain, unless --as names another.
    """
    from decentralml.market.node import upgrade as bring

    done: Upgraded | None = None
    with settings.session() as session:
        try:
            done = bring(session)
        except NothingToUpgrade as error:
            if error.running != error.shipped:
                raise
            nothing = error
    if settings.json:
        document(done or {"before": nothing.running, "after": nothing.running, "block": None})
    elif done is None:
        click.echo(str(nothing))
    else:
        click.echo(f"from version {done.before} to {done.after}, as of block {done.block}")


@chain.command(epilog=examples("decentralml chain reset --yes"))
@common
@pass_settings
def reset(settings: Settings) -> None:
    """Remove the embedded chain: every task and balance. Keys and content stay."""
    from decentralml.market.node import require_embedded
    from decentralml.market.node import reset as remove

    config = settings.config()
    require_embedded(config, "be reset")
    if not settings.confirm(f"Remove {config.chain_file} with all its tasks and balances?"):
        raise click.ClickException("the chain stays; pass --yes to remove it unasked")
    removed = remove(config)
    if settings.json:
        document({"removed": removed})
    else:
        click.echo(f"removed {config.chain_file}" if removed else "there was no chain")


@chain.command("export-spec", epilog=examples("decentralml chain export-spec --out spec.json"))
@click.option("--out", type=FILE, required=True, help="File to write.")
@common
@pass_settings
def export_spec(settings: Settings, out: Path) -> None:
    """Write the chain's raw specification: a real node started on it has the same genesis."""
    from decentralml.market.node import export_spec as write

    write(settings.config(), out)
    if settings.json:
        document({"file": out})
    else:
        click.echo(f"wrote {out}; start a node with: polkadot-omni-node --chain {out} --dev")
