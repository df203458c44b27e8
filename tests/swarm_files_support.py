"""Nodes of one swarm with identities, shelves and file servers on this machine's loopback."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from decentralml.chain.swarm.words import SwarmId
from decentralml.swarm.files.fetch import fetch
from decentralml.swarm.files.limits import Limits
from decentralml.swarm.files.pool import Pool
from decentralml.swarm.files.server import FileServer
from decentralml.swarm.files.shelf import Shelf
from decentralml.swarm.identity.certificate import Scope
from decentralml.swarm.identity.members import Member, Members
from decentralml.swarm.identity.own import Identity, make_identity
from decentralml.types import Address, Cid

GENESIS = "0x" + "ab" * 32
SWARM = SwarmId(7)
SCOPE = Scope(GENESIS, SWARM)


def new_identity(folder: Path, account: str, swarm: SwarmId = SWARM, days: int = 365) -> Identity:
    return make_identity(folder, genesis=GENESIS, swarm=swarm, account=Address(account), days=days)


@dataclass
class Peer:
    """One node; ``address`` and ``account`` make it a provider."""

    account: Address
    identity: Identity
    members: Members
    shelf: Shelf
    server: FileServer
    pool: Pool

    @property
    def address(self) -> str:
        return self.server.address

    def member(self) -> Member:
        return Member(self.account, self.identity.certificate)

    def fetch(
        self, cid: Cid, *providers: object, limit: int = 1 << 30, seconds: float = 20.0
    ) -> Path:
        return fetch(
            cid,
            providers,  # type: ignore[arg-type]
            self.identity,
            self.members,
            self.shelf,
            limit_bytes=limit,
            deadline=time.monotonic() + seconds,
            pool=self.pool,
        )


@dataclass
class Register:
    """What the chain would say; the nodes read it."""

    folder: Path
    peers: dict[str, Peer] = field(default_factory=dict)
    others: list[Member] = field(default_factory=list)
    removed: set[str] = field(default_factory=set)

    def read(self) -> list[Member]:
        here = [peer.member() for name, peer in self.peers.items() if name not in self.removed]
        return here + self.others

    def join(self, name: str, limits: Limits | None = None, host: str = "127.0.0.1") -> Peer:
        """A new node, registered and serving; the others learn of it."""
        folder = self.folder / name
        account = Address(f"5{name}")
        identity = new_identity(folder / "identity", account)
        members = Members(self.read, SCOPE, at_most_every=0.1)
        shelf = Shelf(folder / "shelf")
        server = FileServer(identity, members, shelf, host, 0, limits)
        server.start()
        peer = Peer(account, identity, members, shelf, server, Pool(members))
        self.peers[name] = peer
        self.renew()
        return peer

    def renew(self) -> None:
        for peer in self.peers.values():
            peer.members.refresh()

    def close(self) -> None:
        for peer in self.peers.values():
            peer.pool.close()
            peer.server.stop()
            peer.members.close()


def write_file(path: Path, size: int) -> Path:
    """A file whose every chunk differs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(i.to_bytes(8, "big") for i in range(size // 8 + 1))[:size])
    return path
