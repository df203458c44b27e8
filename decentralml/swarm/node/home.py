"""Where a node keeps its things: one folder for each account in each swarm of each chain."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from decentralml.chain.swarm.words import SwarmId
from decentralml.types import Address


@dataclass(frozen=True, slots=True)
class NodeHome:
    """The folders of one node; only its owner may look into them."""

    folder: Path

    @classmethod
    def of(cls, home: Path, genesis: bytes, swarm: SwarmId, account: Address) -> NodeHome:
        """In the folder of settings; ``genesis`` is the chain's, 32 bytes."""
        return cls(home / "swarm" / genesis.hex()[:8] / str(swarm) / account)

    @property
    def identities(self) -> Path:
        """Certificates and their keys."""
        return self.folder / "identity"

    @property
    def shelf(self) -> Path:
        """Files by CID, which members of the swarm may fetch."""
        return self.folder / "shelf"

    @property
    def updates(self) -> Path:
        """What a training process writes for its node."""
        return self.folder / "updates"

    @property
    def scratch(self) -> Path:
        """What is being merged."""
        return self.folder / "merging"

    @property
    def socket(self) -> Path:
        """Of the link to the training process."""
        return self.folder / "node.sock"

    @property
    def training(self) -> Path:
        """Which process a node started."""
        return self.folder / "training.json"

    def make(self) -> None:
        """Have the folders be there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        self.updates.mkdir(mode=0o700, exist_ok=True)
