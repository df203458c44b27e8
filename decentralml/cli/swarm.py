"""``swarm``: learning together without a centre; here is looking at swarms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from decentralml.cli.options import Settings, common, examples, pass_settings
from decentralml.cli.output import details, document, table
from decentralml.cli.swarm_member import buy, finish, identity, join, leave, ready
from decentralml.cli.swarm_node import run
from decentralml.cli.swarm_own import ask_own, own_details, show_refused
from decentralml.cli.swarm_owner import change, clear, close, create, grant, revoke
from decentralml.cli.swarm_prices import collect, of_own, of_owner
from decentralml.cli.swarm_rounds import rounds
from decentralml.cli.swarming import SWARM, admission_of, node_home, opened
from decentralml.cli.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from decentralml.chain.swarm.words import Node, Swarm, SwarmTerms
    from decentralml.market.session import Session
    from decentralml.swarm.board import View
    from decentralml.swarm.rounds.status import Standing
    from decentralml.types import Address


@click.group()
def swarm() -> None:
    """Train one model together, without a centre: nodes meet in rounds, and lead in turn.

    \b
    The owner:   create, grant, revoke, change, collect, close, clear
    A member:    buy, join, identity, run; ready, finish, leave
    Anybody:     list, status, rounds
    """


for command in (
    create, grant, revoke, change, collect, close, clear, buy, identity, join, ready, run, finish,
    leave, rounds,
):  # fmt: skip
    swarm.add_command(command)


@swarm.command("list", epilog=examples("decentralml swarm list", "decentralml swarm list --mine"))
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--mine", is_flag=True, help="Only those that you own or have a seat in.")
@common
@pass_settings
def list_(settings: Settings, limit: int, mine: bool) -> None:
    """List swarms, newest first."""
    with settings.session() as session:
        found = _of_signer(session, limit) if mine else session.chain.swarms(limit)
        names = session.names
    if settings.json:
        document(found)
        return
    rows = [
        (
            each.id,
            names.get(each.owner, each.owner),
            each.terms.merge,
            admission_of(each.terms),
            f"{each.seats}/{each.terms.max_peers}",
            each.present,
            each.terms.min_peers,
            "closed" if each.closed else f"round {each.round}",
        )
        for each in found
    ]
    if rows:
        columns = ("swarm", "owner", "merge", "seats by", "seats", "ready", "needed", "stands at")
        table(columns, rows, right="swarm seats ready needed")
    else:
        click.echo("no swarms; make one with: decentralml swarm create")


def _of_signer(session: Session, limit: int) -> list[Swarm]:
    """The chain has seats by swarm; by account they are in the index."""
    from decentralml.db.swarms import swarms_of

    with opened(session) as (connection, chain):
        numbers = swarms_of(connection, chain, session.address, limit)
    return [session.chain.swarm(number) for number in numbers]


@swarm.command(
    epilog=examples("decentralml swarm status 3", "decentralml swarm status 3 --json --as bob")
)
@click.argument("swarm_id", metavar="SWARM", type=SWARM)
@common
@pass_settings
def status(settings: Settings, swarm_id: int) -> None:
    """Say where a swarm stands, who is waited for, and why.

    With a node of one's own that runs on this machine (--as), also what that one waits for, whom it
    refused files and why, and whether it still knows who is a member.
    """
    from decentralml.chain.swarm.words import SwarmId
    from decentralml.errors import KeysError, MarketError
    from decentralml.swarm.board import MOST_NODES, View
    from decentralml.swarm.rounds.status import standing, tally

    with settings.session() as session:
        me = None
        try:
            me = session.address
        except (KeysError, MarketError):
            if settings.key:
                raise
        chain = session.chain
        found = chain.meeting(SwarmId(swarm_id), me or chain.swarm(SwarmId(swarm_id)).owner)
        nodes = {
            node.account: node
            for node in sorted(chain.nodes(SwarmId(swarm_id), MOST_NODES), key=lambda n: n.account)
        }
        called, own = session.called, None
        if me is not None and me in nodes:
            own = ask_own(node_home(session, swarm_id))
        view = View(found.swarm, found.round, found.node if me else None, found.now)
        stands = standing(view, nodes, called)
        seat = None if me is None else chain.seat(found.swarm.id, me)
        prices = of_owner(chain, found.swarm) if me == found.swarm.owner else None
    if settings.json:
        document(_status_document(view, stands, nodes, own) | {"seat": seat})
        return
    terms, newest = found.swarm.terms, found.swarm.newest
    details(
        [
            ("swarm", f"{swarm_id} of {called(found.swarm.owner)}"),
            ("stands", stands.text),
            ("nodes", tally(nodes) or "none"),
            ("needed", f"{terms.min_peers} of at most {terms.max_peers}"),
            ("merge", f"{terms.merge}, weights up to {terms.max_weightage}"),
            ("seats", admission_of(terms)),
            (
                "waits",
                f"{format_duration(terms.quorum_wait)} for stragglers at most, "
                f"{format_duration(terms.leader_timeout)} for a leader",
            ),
            (
                "newest",
                None
                if newest is None
                else f"{newest.cid} of round {newest.round}, by {called(newest.leader)}",
            ),
            ("objections", _objections(found.swarm)),
            ("prices", prices),
            ("own seat", of_own(found.swarm, seat, found.now)),
            *own_details(own, called),
        ]
    )
    if nodes:
        click.echo()
        rows = [
            (
                called(node.account),
                node.presence,
                node.round or "",
                _weight(terms, node),
                _leads(node),
                node.address,
            )
            for node in nodes.values()
        ]
        table(
            ("node", "stands", "last round", "weight", "leads", "address"),
            rows,
            right="weight",
        )
    show_refused(own, called)


def _weight(terms: SwarmTerms, node: Node) -> str:
    """``3``; ``10 (says 50)`` where the terms allow less than the node said."""
    weight = terms.weight(node)
    return str(weight) if weight == node.weightage else f"{weight} (says {node.weightage})"


def _leads(node: Node) -> str:
    """``barred``: a model of its was overturned."""
    if node.barred:
        return "barred"
    return "yes" if node.willing else "no"


def _status_document(
    view: View, stands: Standing, nodes: Mapping[Address, Node], own: dict[str, Any] | None
) -> dict[str, Any]:
    found = view.swarm
    return {
        "swarm": found.id,
        "owner": found.owner,
        "now": view.now,
        "round": stands.round,
        "stage": stands.stage,
        "text": stands.text,
        "waits_for": stands.waits_for,
        "needed": stands.needed,
        "arrived": stands.arrived,
        "snapshots": stands.snapshots,
        "until": stands.until,
        "due": stands.due,
        "leader": None if view.round is None else view.round.leader,
        "attempt": 0 if view.round is None else view.round.attempt,
        "newest": found.newest,
        "objections": found.objections,
        "others": found.others,
        "closed": found.closed,
        "terms": found.terms,
        "nodes": list(nodes.values()),
        "own": own,
    }


def _objections(found: Swarm) -> str | None:
    """``2, and 1 of nodes that were not in its round``."""
    if not found.objections and not found.others:
        return None
    late = f", and {found.others} of nodes that were not in its round" if found.others else ""
    return f"{found.objections}{late}"
