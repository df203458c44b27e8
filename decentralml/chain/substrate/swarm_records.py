"""What the pallet ``swarm`` stores, as the project's own words; see :mod:`.records`."""

from __future__ import annotations

from typing import Any

from decentralml.chain import ss58
from decentralml.chain.substrate.records import cid, text
from decentralml.chain.swarm.words import (
    Admission,
    Merged,
    MergeMethod,
    Node,
    Presence,
    Round,
    Seat,
    Stage,
    Swarm,
    SwarmId,
    SwarmTerms,
)


def swarm(number: int, value: dict[str, Any]) -> Swarm:
    """``Swarm.Swarms``."""
    return Swarm(
        id=SwarmId(number),
        owner=ss58.encode(value["owner"]),
        terms=terms(value["terms"]),
        seats=value["seats"],
        nodes=value["nodes"],
        present=value["present"],
        snapshots=value["snapshots"],
        round=value["round"],
        newest=None if value["newest"] is None else merged(value["newest"]),
        previous=None if value["previous"] is None else merged(value["previous"]),
        since=value["since"],
        turn=value["turn"],
        objections=value["objections"],
        others=value["others"],
        closed=value["closed"],
        deposit=value["deposit"],
    )


def terms(value: dict[str, Any]) -> SwarmTerms:
    return SwarmTerms(
        config=cid(value["config"]),
        merge=MergeMethod(value["merge"].name),
        min_peers=value["min_peers"],
        max_peers=value["max_peers"],
        admission=Admission(value["admission"].name),
        price=value["price"],
        quorum_wait=value["quorum_wait"],
        leader_timeout=value["leader_timeout"],
        spread=value["spread"],
        max_weightage=value["max_weightage"],
    )


def merged(value: dict[str, Any]) -> Merged:
    return Merged(
        value["round"], cid(value["cid"]), ss58.encode(value["leader"]), value["arrivals"]
    )


def seat(holder: bytes, value: dict[str, Any]) -> Seat:
    """``Swarm.Seats``."""
    return Seat(
        holder=ss58.encode(holder),
        paid=value["paid"],
        due=value["due"],
        deposit=value["deposit"],
        payer=ss58.encode(value["payer"]),
    )


def node(account: bytes, value: dict[str, Any]) -> Node:
    """``Swarm.Nodes``."""
    return Node(
        account=ss58.encode(account),
        identity=value["identity"],
        address=text(value["address"]),
        weightage=value["weightage"],
        willing=value["willing"],
        barred=value["barred"],
        presence=Presence(value["presence"].name),
        round=value["round"],
        cid=None if value["cid"] is None else cid(value["cid"]),
        arrived=value["arrived"],
        seen=value["seen"],
        objected=value["objected"],
        deposit=value["deposit"],
    )


def round_of(value: dict[str, Any]) -> Round:
    """``Swarm.Rounds``."""
    stage = value["stage"]
    held = stage.value or {}
    leader = held.get("leader")
    return Round(
        number=value["number"],
        stage=Stage(stage.name),
        opened=value["opened"],
        arrivals=value["arrivals"],
        waiting=value["waiting"],
        snapshots=value["snapshots"],
        candidates=value["candidates"],
        deadline=held.get("deadline"),
        anchor=held.get("anchor"),
        leader=None if leader is None else ss58.encode(leader),
        attempt=value["attempt"],
    )
