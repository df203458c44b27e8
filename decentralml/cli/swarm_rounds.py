"""``swarm rounds``: what happened in a swarm, from the index."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from decentralml.cli.options import Settings, common, examples, pass_settings
from decentralml.cli.output import document, table
from decentralml.cli.swarming import SWARM
from decentralml.cli.units import format_duration, format_time

if TYPE_CHECKING:
    from decentralml.db.swarms import PastRound
    from decentralml.types import Address


@click.command(
    epilog=examples(
        "decentralml swarm rounds 3", "decentralml swarm rounds 3 --before 120 --limit 50 --json"
    )
)
@click.argument("swarm_id", metavar="SWARM", type=SWARM)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--before", type=click.IntRange(1), help="Only rounds with lower numbers.")
@common
@pass_settings
def rounds(settings: Settings, swarm_id: int, limit: int, before: int | None) -> None:
    """List a swarm's rounds, newest first: who arrived, who merged, how long it took.

    They are read from the index, which takes in the chain's newest blocks first; rounds of a swarm
    that was removed are there, too.
    """
    from decentralml.chain.swarm.words import SwarmId
    from decentralml.db.swarms import past_rounds
    from decentralml.market.indexing import fresh_index

    with settings.session() as session:
        called = session.called
        with fresh_index(session) as index:
            chain = index.number()
            with index.database.reading() as connection:
                found = past_rounds(connection, chain or 0, SwarmId(swarm_id), limit, before)
        if not found and before is None:
            session.chain.swarm(SwarmId(swarm_id))  # Says so if there is none.
    if settings.json:
        document(found)
    elif found:
        rows = [_row(each, called) for each in found]
        columns = ("round", "opened", "took", "arrived", "merged", "leader", "model", "left out")
        table(columns, rows, right="round took arrived merged")
    else:
        click.echo(f"no rounds of swarm {swarm_id} yet")


def _row(found: PastRound, called: Callable[[Address], str]) -> tuple[object, ...]:
    model = found.model
    leader = model.leader if model else found.leaders[-1] if found.leaders else None
    left_out = model.left_out if model else ()
    return (
        found.number,
        "" if found.opened is None else format_time(found.opened),
        "" if found.lasted is None else format_duration(found.lasted),
        len(found.arrivals),
        "" if model is None else model.merged,
        "" if leader is None else called(leader),
        _outcome(found),
        ", ".join(f"{called(who)}: {fault}" for who, fault in left_out),
    )


def _outcome(found: PastRound) -> str:
    if found.model is not None:
        return f"{found.model.cid}{' (overturned)' if found.overturned else ''}"
    return "under way" if found.ended is None else "void"
