"""``swarm rounds``: what happened in a swarm, from the index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from decentralml.cli.options import Settings, common, examples, pass_settings
from decentralml.cli.output import document, table
from decentralml.cli.swarming import SWARM, opened
from decentralml.cli.units import format_duration, format_time

if TYPE_CHECKING:
    from decentralml.db.swarms import PastRound
    from decentralml.types import Address


@click.command(
    epilog=examples(
        "decentralml swarm rounds 3",
        "decentralml swarm rounds 3 --before 120 --limit 50 --json",
        "decentralml swarm rounds --model bafkreih…",
    )
)
@click.argument("swarm_id", metavar="[SWARM]", type=SWARM, required=False)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--before", type=click.IntRange(1), help="Only rounds with lower numbers.")
@click.option("--model", metavar="CID", help="The round, of any swarm, that led to this model.")
@common
@pass_settings
def rounds(
    settings: Settings, swarm_id: int | None, limit: int, before: int | None, model: str | None
) -> None:
    """List a swarm's rounds, newest first: who arrived, who merged, how long it took.

    They are read from the index, which takes in the chain's newest blocks first; rounds of a swarm
    that was removed are there, too. A model goes by its CID or the beginning of it.
    """
    from decentralml.chain.swarm.words import SwarmId
    from decentralml.db.swarms import past_rounds, rounds_of_model

    if (swarm_id is None) == (model is None):
        raise click.UsageError("name either a SWARM or a --model")
    with settings.session() as session:
        called = session.called
        with opened(session) as (connection, chain):
            if model is not None:
                found = rounds_of_model(connection, chain, model, limit)
            else:
                number = SwarmId(swarm_id or 0)
                past = past_rounds(connection, chain, number, limit, before)
                found = [(number, each) for each in past]
        if not found and swarm_id is not None and before is None:
            session.chain.swarm(SwarmId(swarm_id))  # Says so if there is none.
    if settings.json:
        document(
            [{"swarm": number, **asdict(each), "lasted": each.lasted} for number, each in found]
        )
    elif found:
        rows = [(number, *_row(each, called)) for number, each in found]
        columns = ("round", "opened", "took", "arrived", "merged", "leader", "model", "left out")
        table(("swarm", *columns), rows, right="swarm round took arrived merged")
    else:
        click.echo("no such rounds yet")


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
