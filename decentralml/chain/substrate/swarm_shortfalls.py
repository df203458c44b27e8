"""Numbers for refusals of swarms: what a call would have held, and what bounds it is beyond."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from decentralml.chain.errors.swarm import (
    BadMaxPeers,
    BadMinPeers,
    BadSpread,
    BadTimeout,
    BadWait,
    BadWeightage,
    PriceNotDue,
    PriceTooHigh,
)
from decentralml.chain.substrate.swarm_reader import SwarmReader
from decentralml.chain.swarm import calls
from decentralml.chain.swarm.words import MAX_SPREAD, MAX_WEIGHTAGE, SwarmTerms
from decentralml.errors import CallRefused
from decentralml.types import Address

Constant = Callable[[str], int]
"""A constant of the pallet by its name."""


def numbers(
    error: CallRefused, call: calls.SwarmCall, reader: SwarmReader, constant: Constant
) -> dict[str, Any]:
    """What the message of a refusal can say of bounds."""
    match call:
        case calls.CreateSwarm(terms) | calls.SetSwarmTerms(_, terms):
            return _bounds(error, terms, constant)
        case calls.TakeSeat(swarm, at_most) if isinstance(error, PriceTooHigh):
            return {"least": reader.swarm(swarm).terms.price, "given": at_most}
        case calls.RegisterNode(swarm) if isinstance(error, BadWeightage):
            return _outside(1, reader.swarm(swarm).terms.max_weightage, call.weightage)
        case calls.CollectPrice(swarm, who) if isinstance(error, PriceNotDue):
            seat = reader.seat(swarm, who)
            due = None if seat is None else seat.due
            return {"due": due, "closed": reader.swarm(swarm).closed}
    return {}


def taken(call: calls.SwarmCall, signer: Address, reader: SwarmReader, constant: Constant) -> int:
    """Planck that a call holds or moves of its signer's. All of a kind pay the same deposit, so one
    that is there knows."""
    base = constant("DepositBase")
    match call:
        case calls.CreateSwarm():
            newest = reader.swarms(1, None)
            return newest[0].deposit if newest else base
        case calls.GrantSeat(swarm) | calls.TakeSeat(swarm):
            seats = reader.seats(swarm, 1)
            price = reader.swarm(swarm).terms.price if isinstance(call, calls.TakeSeat) else 0
            return price + (seats[0].deposit if seats else base)
        case calls.RegisterNode(swarm) if reader.node(swarm, signer) is None:
            nodes = reader.nodes(swarm, 1)
            return nodes[0].deposit if nodes else base
        case calls.RevokeSeat(swarm, who):
            seat = reader.seat(swarm, who)
            return 0 if seat is None or seat.due is not None else seat.paid
    return 0


def _bounds(error: CallRefused, terms: SwarmTerms, constant: Constant) -> dict[str, Any]:
    match error:
        case BadMaxPeers():
            return _outside(1, constant("MaxPeers"), terms.max_peers)
        case BadMinPeers() if terms.max_peers > 0:
            return _outside(1, terms.max_peers, terms.min_peers)
        case BadWait():
            least, most = constant("MinimumWait"), constant("MaximumWait")
            return _outside(least, most, terms.quorum_wait)
        case BadTimeout():
            least, most = constant("MinimumWait"), constant("MaximumWait")
            return _outside(least, most, terms.leader_timeout)
        case BadSpread():
            return _outside(0, MAX_SPREAD, terms.spread)
        case BadWeightage():
            return _outside(1, MAX_WEIGHTAGE, terms.max_weightage)
    return {}


def _outside(least: int, most: int, given: int) -> dict[str, Any]:
    return {"least": least, "most": most, "given": given}
