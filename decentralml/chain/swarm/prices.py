"""Whose the price of a seat is: the rules of the pallet ``swarm``, as pure functions.

It is on hold from the buyer until ``Seat.due``; from then on it is the owner's. What counts in a
closed swarm is the time at which it was closed: an owner that closes too early does not win by
waiting.
"""

from __future__ import annotations

from decentralml.chain.swarm.words import Seat, Swarm


def is_due(swarm: Swarm, seat: Seat, now: int) -> bool:
    """Whether a price is on hold that is the owner's at a time of the chain."""
    return seat.due is not None and seat.due <= (now if swarm.closed is None else swarm.closed)


def comes_back(swarm: Swarm, seat: Seat) -> bool:
    """Whether a price is on hold that comes back to the holder when the seat ends."""
    return seat.due is not None and swarm.closed is not None and swarm.closed < seat.due
