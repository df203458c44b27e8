"""What a node asks of its chain: one look at a round, and calls that any node may race for.

A chain that is away for a while is not an error here but something to wait for: the connection is
dropped, and made anew by the next question (:data:`AWAY` says after which errors). Questions may
come from several threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from threading import RLock
from typing import TypeVar

from decentralml.chain.api import Chain, Receipt
from decentralml.chain.keys import Signer
from decentralml.chain.swarm.calls import SwarmCall
from decentralml.chain.swarm.events import RoundMerged
from decentralml.chain.swarm.words import Node, Round, Swarm, SwarmId
from decentralml.errors import CallRefused, ChainError
from decentralml.service.patience import HOPELESS
from decentralml.types import Address

T = TypeVar("T")

FASTEST, SLOWEST = 0.05, 3.0
"""Seconds between two looks at a round: a fraction of what a call takes to be included."""
SHORTEST_TURN, LONGEST_TURN = 0.4, 20.0
"""Seconds that each node gives the one whose turn it is to send what anyone may send."""
MOST_NODES = 10_000
"""Nodes that are read: as many as a swarm can have."""
STALE = 5.0
"""Seconds after which all nodes are read again, though nothing seems to have changed."""
LOOKED_BACK = 512
"""Blocks that are searched for an event."""
OVERTAKEN = frozenset(
    {
        "NothingDue",
        "WrongRound",
        "StaleBase",
        "AlreadyArrived",
        "AlreadyReady",
        "CollectionOver",
        "NotLeader",
        "NotNewest",
        "NotInRound",
        "AlreadyObjected",
        "StillPresent",
    }
)
"""Refusals which only say that somebody was faster: another look shows what is due now."""


@dataclass(frozen=True, slots=True)
class View:
    """A swarm at one moment, as one node sees it.

    Attributes
    ----------
    me : this node; None if it has none.
    now : the chain's time.
    """

    swarm: Swarm
    round: Round | None
    me: Node | None
    now: int

    @property
    def newest(self) -> int:
        """Round of the newest merged model; 0 if there is none."""
        return 0 if self.swarm.newest is None else self.swarm.newest.round

    @property
    def arrived(self) -> bool:
        """Whether this node has arrived in the round that is open or comes next."""
        return self.me is not None and self.me.cid is not None and self.me.round == self.number

    @property
    def number(self) -> int:
        return self.swarm.round


class Board:
    """One swarm on a chain, for one account.

    Parameters
    ----------
    connect : opens the chain; called again after it was away.
    """

    def __init__(self, connect: Callable[[], Chain], swarm: SwarmId, key: Signer) -> None:
        self.swarm = swarm
        self.key = key
        self.took = SHORTEST_TURN
        """Seconds until the last call was included."""
        self._connect = connect
        self._chain: Chain | None = None
        self._lock = RLock()
        self._nodes: Mapping[Address, Node] = {}
        self._seen: object = None
        self._read = 0.0

    @property
    def me(self) -> Address:
        return self.key.address

    def look(self) -> View:
        """The swarm as it is now. Raises UnknownSwarm, and what is away."""
        found = self.ask(lambda chain: chain.meeting(self.swarm, self.me))
        return View(found.swarm, found.round, found.node, found.now)

    def nodes(self, view: View) -> Mapping[Address, Node]:
        """All nodes, in the order of their addresses: read again whenever the round has moved on,
        and now and then."""
        stands = view.round
        seen = (
            view.swarm.nodes,
            view.swarm.present,
            view.swarm.newest,
            view.number,
            view.me,
            stands and (stands.stage, stands.arrivals, stands.attempt, stands.leader),
        )
        if seen != self._seen or time.monotonic() - self._read > STALE:
            found = self.ask(lambda chain: chain.nodes(self.swarm, MOST_NODES))
            in_order = sorted(found, key=lambda node: node.account)
            self._nodes = {node.account: node for node in in_order}
            self._seen, self._read = seen, time.monotonic()
        return self._nodes

    @property
    def identities(self) -> Mapping[Address, tuple[bytes, str]]:
        """Digest of the certificate and address of each node, as they were last read."""
        return {who: (node.identity, node.address) for who, node in self._nodes.items()}

    def send(self, call: SwarmCall) -> Receipt | None:
        """Send a call; None if another node was faster, or the round has gone on.

        Raises
        ------
        CallRefused : for any other reason.
        """
        started = time.monotonic()
        try:
            receipt = self.ask(lambda chain: chain.submit(call, self.key))
        except CallRefused as error:
            if error.name in OVERTAKEN:
                return None
            raise
        self.took = time.monotonic() - started
        return receipt

    def head(self) -> int:
        """Number of the newest block."""
        return self.ask(lambda chain: chain.info().block)

    def published(self, number: int, since: int) -> RoundMerged | None:
        """How a round's model was published, if that was in a block after ``since``."""

        def found(chain: Chain) -> RoundMerged | None:
            newest = chain.info().block
            for block in range(newest, max(since, newest - LOOKED_BACK), -1):
                for event in chain.events(block):
                    if (
                        isinstance(event, RoundMerged)
                        and event.swarm == self.swarm
                        and event.round == number
                    ):
                        return event
            return None

        return self.ask(found)

    @property
    def pause(self) -> float:
        """Seconds between two looks at a round that is under way."""
        return min(SLOWEST, max(FASTEST, self.took / 2))

    @property
    def turn(self) -> float:
        """Seconds after which what one node was to send is visible, or it did not."""
        return min(LONGEST_TURN, max(SHORTEST_TURN, 2 * self.took))

    def ask(self, question: Callable[[Chain], T]) -> T:
        """Ask the chain; after an error that may be the connection's, the next asks a new one."""
        with self._lock:
            if self._chain is None:
                self._chain = self._connect()
            try:
                return question(self._chain)
            except AWAY as error:
                if not isinstance(error, CallRefused):
                    self._let_go()
                raise

    def close(self) -> None:
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        chain, self._chain = self._chain, None
        if chain is not None:
            with suppress(ChainError, OSError):
                chain.close()


AWAY = (ChainError, OSError)
"""After these it is tried again, but for what :func:`is_away` says no of."""


def is_away(error: BaseException) -> bool:
    """Whether waiting may mend an error of the chain's."""
    return isinstance(error, AWAY) and not isinstance(error, (*HOPELESS, CallRefused))
