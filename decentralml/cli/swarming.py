"""What several commands of ``swarm`` need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from decentralml.cli.options import Settings
from decentralml.cli.output import document
from decentralml.cli.units import format_amount

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from decentralml.chain.api import Receipt
    from decentralml.chain.swarm.words import SwarmTerms
    from decentralml.market.session import Session
    from decentralml.swarm.node.home import NodeHome

SWARM = click.IntRange(0, 2**32 - 1)


def node_home(session: Session, swarm: int) -> NodeHome:
    """The folders of the chosen key's node."""
    from decentralml.chain.swarm.words import SwarmId
    from decentralml.swarm.node.home import NodeHome

    return NodeHome.of(session.config.home, session.genesis, SwarmId(swarm), session.address)


@contextmanager
def opened(session: Session) -> Iterator[tuple[Connection, int]]:
    """The index, brought up to date, and the chain's number in it."""
    from decentralml.market.indexing import fresh_index

    with fresh_index(session) as index:
        chain = index.number()
        assert chain is not None, "it has just been brought up to date"
        with index.database.reading() as connection:
            yield connection, chain


def admission_of(terms: SwarmTerms) -> str:
    """How seats are had: ``Open``, ``Sale, 2.5``."""
    price = f", {format_amount(terms.price)}" if terms.price else ""
    return f"{terms.admission}{price}"


def tell(settings: Settings, text: str, receipt: Receipt, **facts: Any) -> None:
    """What a call did, and what it cost."""
    if settings.json:
        document({**facts, "block": receipt.block, "fee": receipt.fee})
    else:
        click.echo(f"{text} (fee {format_amount(receipt.fee)})")
