"""What may keep the others from this node's files, looked at from the node itself."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from ipaddress import ip_address

from decentralml.errors import EndpointInvalid
from decentralml.swarm.files.endpoint import parse_endpoint
from decentralml.swarm.files.pool import CannotConnect, Pool, Provider, explain_tls
from decentralml.swarm.files.wire import WireError, format_head
from decentralml.swarm.identity.members import Members
from decentralml.swarm.identity.own import Identity

REACH_SECONDS = 5.0


def doubts(
    own: Provider, others: Sequence[Provider], identity: Identity, members: Members
) -> list[str]:
    """One line, with what to do, for each thing that may be wrong; none if all seems well.

    The node's server must be running: its registered address is asked as another node would ask
    it, which does not prove that others can reach it, but finds what is wrong with most that
    cannot be reached.

    Parameters
    ----------
    own : this node, as the chain has it.
    """
    found = []
    join = f"decentralml swarm join {members.scope.swarm} --address HOST:PORT"
    if members.fault is not None:
        found.append(f"the chain cannot be read ({members.fault}); members are those of before")
    if (reason := members.distrust(own.account)) is not None:
        return [*found, f"no other node takes this one's certificate: {reason}"]
    if (warning := identity.facts.warning()) is not None:
        found.append(warning)
    if (reason := _narrowness(own.address)) and any(not _narrowness(o.address) for o in others):
        found.append(
            f"the registered address {own.address} is {reason}: nodes elsewhere cannot reach it; "
            f"register one that they can: {join}"
        )
    if (reason := _unreachable(own, identity, members)) is not None:
        found.append(
            f"asked from here, this node's file server does not answer at {own.address}: {reason}; "
            "unless only this network keeps it from itself, nobody can fetch from it: register its "
            f"address ({join}) and open its port"
        )
    return found


def _narrowness(address: str) -> str | None:
    """Why an address can be reached from this machine, or this network, only."""
    try:
        host = parse_endpoint(address)[0]
        place = ip_address("127.0.0.1" if host == "localhost" else host)
    except (EndpointInvalid, ValueError):  # a name may be anywhere
        return None
    if place.is_unspecified:
        return "none that can be asked"
    if place.is_loopback:
        return "of this machine only"
    return "of this network only" if place.is_link_local else None


def _unreachable(own: Provider, identity: Identity, members: Members) -> str | None:
    """Why a request to the node's own address is not answered by it."""
    until = time.monotonic() + REACH_SECONDS
    with closing(Pool(members)) as pool:
        try:
            line = pool.line(own, identity, until)
        except CannotConnect as error:
            return str(error)
        try:
            line.wire.send(format_head("HEAD / HTTP/1.1", {"Host": own.address}), REACH_SECONDS)
            line.wire.head(until)
        except (OSError, WireError) as error:
            return explain_tls(error) if isinstance(error, OSError) else str(error)
        finally:
            line.close()
    return None
