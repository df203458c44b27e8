"""What the chain says of swarms, as rows of the index."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from decentralml.chain.swarm import events
from decentralml.chain.swarm.words import Node, Seat, Swarm, SwarmId
from decentralml.db.columns import clean
from decentralml.db.models import OfEvent
from decentralml.db.swarm_models import ArrivalRow, MergeRow, StepRow
from decentralml.types import Address

Values = dict[str, Any]
OPENED, COLLECTED, DRAWN, REPLACED, VOIDED, OBJECTED, OVERTURNED = (
    *("Opened", "Collected", "Drawn", "Replaced", "Voided", "Objected", "Overturned"),
)


def told(event: Any) -> tuple[type[OfEvent], Values] | None:
    """The row that an event of a round has, but for its place."""
    make = _TOLD.get(type(event))
    return None if make is None else make(event)


def _step(step: str) -> Callable[[Any], tuple[type[OfEvent], Values]]:
    def make(event: Any) -> tuple[type[OfEvent], Values]:
        account = getattr(event, "leader", None) or getattr(event, "who", None)
        row = {"swarm": event.swarm, "round": event.round, "step": step, "account": account}
        return StepRow, row

    return make


def _arrival(event: events.Arrived) -> tuple[type[OfEvent], Values]:
    return ArrivalRow, {
        "swarm": event.swarm,
        "round": event.round,
        "account": event.who,
        "cid": clean(event.cid),
    }


def _merge(event: events.RoundMerged) -> tuple[type[OfEvent], Values]:
    return MergeRow, {
        "swarm": event.swarm,
        "round": event.round,
        "leader": event.leader,
        "cid": clean(event.cid),
        "merged": event.merged,
        "left_out": [[account, fault.value] for account, fault in event.left_out],
    }


_TOLD: Mapping[type, Callable[[Any], tuple[type[OfEvent], Values]]] = {
    events.Arrived: _arrival,
    events.RoundMerged: _merge,
    events.RoundOpened: _step(OPENED),
    events.RoundCollected: _step(COLLECTED),
    events.LeaderDrawn: _step(DRAWN),
    events.LeaderReplaced: _step(REPLACED),
    events.RoundVoided: _step(VOIDED),
    events.Objected: _step(OBJECTED),
    events.MergedOverturned: _step(OVERTURNED),
}


def swarm_row(swarm: SwarmId, found: Swarm) -> Values:
    """A swarm's row, but for the chain and the blocks it changed in."""
    terms, newest = found.terms, found.newest
    return {
        "id": swarm,
        "owner": found.owner,
        "config": clean(terms.config),
        "merge": terms.merge.value,
        "min_peers": terms.min_peers,
        "max_peers": terms.max_peers,
        "admission": terms.admission.value,
        "price": terms.price,
        "quorum_wait": terms.quorum_wait,
        "leader_timeout": terms.leader_timeout,
        "spread": terms.spread,
        "max_weightage": terms.max_weightage,
        "seats": found.seats,
        "nodes": found.nodes,
        "present": found.present,
        "snapshots": found.snapshots,
        "round": found.round,
        "newest_round": None if newest is None else newest.round,
        "newest_cid": None if newest is None else clean(newest.cid),
        "newest_leader": None if newest is None else newest.leader,
        "objections": found.objections,
        "others": found.others,
        "closed": found.closed,
        "deposit": found.deposit,
    }


def seat_row(key: tuple[SwarmId, Address], found: Seat) -> Values:
    """A seat's row, likewise."""
    swarm, account = key
    return {
        "swarm": swarm,
        "account": account,
        "paid": found.paid,
        "due": found.due,
        "deposit": found.deposit,
        "payer": found.payer,
    }


def node_row(key: tuple[SwarmId, Address], found: Node) -> Values:
    """A node's row, likewise."""
    swarm, account = key
    return {
        "swarm": swarm,
        "account": account,
        "identity": found.identity,
        "address": clean(found.address),
        "weightage": found.weightage,
        "willing": found.willing,
        "barred": found.barred,
        "presence": found.presence.value,
        "round": found.round,
        "cid": None if found.cid is None else clean(found.cid),
        "arrived": found.arrived,
        "deposit": found.deposit,
    }
