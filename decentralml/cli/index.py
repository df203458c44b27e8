"""``index status``, ``index sync``, ``index rebuild``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from decentralml.cli.options import Settings, common, examples, pass_settings
from decentralml.cli.output import details, document

if TYPE_CHECKING:
    from decentralml.db.index import Synced


@click.group()
def index() -> None:
    """The database that makes the chain searchable; the chain itself stays the truth.

    Filters of list-tasks bring it up to date by themselves. It is a file in the home folder, or
    what DECENTRALML_DATABASE names (postgresql://USER:PASSWORD@HOST/NAME).
    """


@index.command(epilog=examples("decentralml index status"))
@common
@pass_settings
def status(settings: Settings) -> None:
    """Say how far the index is, and which other chains the database has."""
    from decentralml.market.indexing import opened_index

    with settings.session() as session, opened_index(session) as opened:
        found, others = opened.status(), opened.others()
        head, shown = session.info.block, opened.database.shown
        revision = opened.database.revision()
    if settings.json:
        facts = {"database": shown, "schema": revision, "head": head}
        document(facts | {"index": found, "others": others})
        return
    behind = "never made; run: decentralml index sync"
    if found is not None:
        blocks = head - found.block
        behind = f"block {found.block}, {f'{blocks} behind' if blocks else 'up to date'}"
        if blocks < 0:
            behind = f"block {found.block}, which the chain does not have; run: index sync"
    details(
        [
            ("database", shown),
            ("schema", revision),
            ("index", behind),
            ("tasks", None if found is None else found.tasks),
            ("results", None if found is None else found.submissions),
            ("swarms", None if found is None else found.swarms),
            ("events", None if found is None else found.events),
            *(
                ("other chain", f"{each.name} ({each.genesis[:10]}…), {each.tasks} tasks")
                for each in others
            ),
        ]
    )


@index.command(epilog=examples("decentralml index sync"))
@common
@pass_settings
def sync(settings: Settings) -> None:
    """Take in the chain's blocks since the last time; an interrupted sync goes on."""
    from decentralml.market.indexing import bring_up_to_date, opened_index

    with settings.session() as session, opened_index(session) as opened:
        synced = bring_up_to_date(session, opened)
    _tell(settings, synced)


@index.command(epilog=examples("decentralml index rebuild"))
@common
@pass_settings
def rebuild(settings: Settings) -> None:
    """Make the index of this chain anew from its blocks. Sessions and models of training stay."""
    from decentralml.market.indexing import bring_up_to_date, opened_index

    with settings.session() as session, opened_index(session) as opened:
        opened.reset()
        synced = bring_up_to_date(session, opened)
    _tell(settings, synced)


def _tell(settings: Settings, synced: Synced) -> None:
    if settings.json:
        document(synced)
    else:
        click.echo(
            f"the index is at block {synced.block}: {synced.blocks} blocks, "
            f"{synced.events} events of the marketplace, {len(synced.created)} new tasks"
        )
