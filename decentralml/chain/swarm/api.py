"""What the rest of the project asks of a chain about its swarms: a part of ``Chain``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from decentralml.chain.swarm.words import Meeting, Node, Round, Seat, Swarm, SwarmId
from decentralml.types import Address


@dataclass(frozen=True, slots=True)
class SwarmConstants:
    """The limits and prices of swarms. Times are milliseconds."""

    deposit_base: int
    """Planck held for each thing stored."""
    deposit_per_byte: int
    """Planck held besides for each byte that it can be long."""
    minimum_wait: int
    """The least that a round waits for stragglers, and that terms can set."""
    maximum_wait: int
    """The most that terms can set."""
    max_peers: int
    """Most seats."""
    price_wait: int
    """For how long the price of a seat is on hold before it is the owner's."""


class SwarmChain(Protocol):
    """One chain's swarms. Every method raises :class:`~decentralml.errors.ChainError` subclasses;
    of a chain whose runtime knows no swarms, ``RuntimeOutdated``."""

    def swarm(self, swarm: SwarmId) -> Swarm:
        """One swarm.

        Raises
        ------
        UnknownSwarm : the chain has none of that number.
        """
        ...

    def swarms(self, limit: int = 20, before: SwarmId | None = None) -> list[Swarm]:
        """Swarms, newest first, with numbers below ``before``."""
        ...

    def seat(self, swarm: SwarmId, who: Address) -> Seat | None:
        """The account's seat, or None if it has none."""
        ...

    def seats(self, swarm: SwarmId, limit: int = 1000) -> list[Seat]:
        """A swarm's seats, in no particular order; none of one that does not exist."""
        ...

    def node(self, swarm: SwarmId, who: Address) -> Node | None:
        """The account's node, or None if it has registered none."""
        ...

    def nodes(self, swarm: SwarmId, limit: int = 1000) -> list[Node]:
        """A swarm's nodes, in no particular order; none of one that does not exist."""
        ...

    def certificate(self, swarm: SwarmId, who: Address) -> bytes | None:
        """The certificate (X.509, DER) of the account's node, or None if it has no node."""
        ...

    def round(self, swarm: SwarmId) -> Round | None:
        """The swarm's round that is under way, or None."""
        ...

    def meeting(self, swarm: SwarmId, who: Address) -> Meeting:
        """A swarm, its round and the account's node, in one look.

        Raises
        ------
        UnknownSwarm : the chain has none of that number.
        """
        ...
