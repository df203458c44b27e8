"""What ``swarm status`` shows of the node that runs on this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from decentralml.cli.output import table
from decentralml.cli.units import format_time
from decentralml.types import Address

if TYPE_CHECKING:
    from decentralml.swarm.node.home import NodeHome

MOST_REFUSED = 8
"""Of those that were refused, so many lines are printed."""

Called = Callable[[Address], str]


def ask_own(home: NodeHome) -> dict[str, Any] | None:
    """What this machine's own node says of itself; None if there is none."""
    from decentralml.errors import NodeAway, NodeRefused
    from decentralml.swarm.link import Link

    if not home.folder.is_dir():
        return None
    try:
        with Link.connect(home.socket, 0.0) as link:
            return link.status()
    except (NodeAway, NodeRefused) as error:
        return {"problem": "does not run here", "reason": str(error)}


def own_details(own: Mapping[str, Any] | None, called: Called) -> Sequence[tuple[str, str | None]]:
    """Lines of the node itself; None where there is nothing to say."""
    if own is None:
        return ()
    fault, read = own.get("members_fault"), own.get("members_read")
    since = "" if read is None else f"members as of {format_time(read)}: "
    damaged = own.get("damaged", ())
    distrusted = [f"{called(who)}: {why}" for who, why in own.get("distrusted", {}).items()]
    return (
        ("own node", own.get("waits") or own.get("problem")),
        ("own model", own.get("model")),
        ("lets in", f"{since}the chain cannot be read ({fault})" if fault else None),
        ("distrusts", "; ".join(distrusted) or None),
        ("disk", f"damaged {', '.join(damaged)}" if damaged else None),
    )


def show_refused(own: Mapping[str, Any] | None, called: Called) -> None:
    """Who got nothing from the node's file server, the latest first."""
    found = [] if own is None else own.get("refused", [])
    if not found:
        return
    click.echo()
    rows = [
        (called(each["who"]), each["times"], format_time(each["last"]), each["reason"])
        for each in found[:MOST_REFUSED]
    ]
    table(("got no file here", "times", "last", "because"), rows, right="times")
    if len(found) > MOST_REFUSED:
        click.echo(f"and {len(found) - MOST_REFUSED} more: --json has them")
