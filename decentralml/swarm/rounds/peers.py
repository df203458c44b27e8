"""Files of this node and of the others: what the rounds need of them, and whom to ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from decentralml.chain.swarm.words import Node, Presence
from decentralml.swarm.files.doubts import doubts
from decentralml.swarm.files.fetch import fetch
from decentralml.swarm.files.pool import Pool
from decentralml.swarm.files.server import FileServer
from decentralml.swarm.files.shelf import Shelf
from decentralml.swarm.identity.members import Members
from decentralml.swarm.identity.own import Identity
from decentralml.types import Address, Cid


class Files(Protocol):
    """The files that this node has, and those that others have."""

    def put(self, path: Path) -> Cid:
        """Take a file in; it must not be written to afterwards. Raises StorageError."""
        ...

    def path(self, cid: Cid) -> Path | None:
        """A file that is here."""
        ...

    def fetch(self, cid: Cid, asked: Sequence[Node], limit_bytes: int, until: float) -> Path:
        """A file, from here or from the first of the nodes that has it.

        Parameters
        ----------
        until : when to give up, in seconds of the steady clock.

        Raises
        ------
        FetchFailed : FileUnavailable, FileDamaged or FileTooLarge.
        """
        ...

    def keep(self, cids: Set[Cid]) -> None:
        """Remove all other files."""
        ...

    def was_sent(self, cid: Cid) -> bool:
        """Whether another node was sent a file from here, since this one was started."""
        ...


class PeerFiles:
    """This node's shelf, its server, and its lines to the others' servers.

    Raises
    ------
    StoreUnwritable
    """

    def __init__(self, identity: Identity, members: Members, folder: Path) -> None:
        self.identity = identity
        self._members = members
        self._shelf = Shelf(folder)
        self._shelf.mend()
        self._pool = Pool(members)
        self._server: FileServer | None = None

    def serve(self, host: str, port: int) -> str:
        """Serve the shelf to the members from now on; the address. Raises CannotServe."""
        server = FileServer(self.identity, self._members, self._shelf, host, port)
        server.start()
        self._server = server
        return server.address

    def use(self, identity: Identity) -> None:
        """Show another certificate from now on."""
        self.identity = identity
        if self._server is not None:
            self._server.use(identity)

    def doubts(self, own: Node, others: Sequence[Node]) -> list[str]:
        """What may keep the others from the shelf, a line each."""
        found = doubts(own, others, self.identity, self._members)
        if damaged := self._shelf.damaged:
            found.append(
                f"{len(damaged)} files on this node's shelf were damaged ({damaged[-1]} was the "
                "last) and are fetched again where they are needed: look at this machine's disk"
            )
        return found

    def told(self) -> dict[str, Any]:
        """Whom it knows, as of when, who got nothing here, and which files its disk damaged: for
        the status of a node."""
        members, server = self._members, self._server
        refused = () if server is None else server.refusals.latest()
        return {
            "members_read": members.read_at,
            "members_fault": members.fault,
            "distrusted": dict(members.refused),
            "refused": [asdict(each) for each in refused],
            "damaged": list(self._shelf.damaged),
        }

    def put(self, path: Path) -> Cid:
        return self._shelf.put(path)

    def path(self, cid: Cid) -> Path | None:
        return self._shelf.path(cid)

    def fetch(self, cid: Cid, asked: Sequence[Node], limit_bytes: int, until: float) -> Path:
        return fetch(
            cid,
            asked,
            self.identity,
            self._members,
            self._shelf,
            limit_bytes=limit_bytes,
            deadline=until,
            pool=self._pool,
        )

    def keep(self, cids: Set[Cid]) -> None:
        self._shelf.keep(cids)

    def was_sent(self, cid: Cid) -> bool:
        return self._server is not None and self._server.was_sent(cid)

    def close(self) -> None:
        if self._server is not None:
            self._server.stop()
        self._pool.close()


def providers(nodes: Mapping[Address, Node], first: Address | None, me: Address) -> list[Node]:
    """Whom to ask for a file: the one that should have it, then all that may be there."""
    others = [node for node in nodes.values() if node.account not in (me, first)]
    others.sort(key=lambda node: (node.presence is Presence.ABSENT, node.account))
    head = [nodes[first]] if first is not None and first != me and first in nodes else []
    return head + others


def parties(nodes: Mapping[Address, Node], number: int) -> list[Node]:
    """Whose updates a round merges: its arrivals, and the snapshots of those that have finished."""
    return [
        node
        for node in sorted(nodes.values(), key=lambda node: node.account)
        if node.cid is not None
        and node.presence is not Presence.INACTIVE
        and (node.round == number or node.presence is Presence.SNAPSHOT)
    ]
