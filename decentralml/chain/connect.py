"""From settings to a chain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from decentralml.chain.api import Chain
from decentralml.chain.substrate.client import SubstrateChain
from decentralml.config import EMBEDDED, Config
from decentralml.errors import ChainFileExists, ConfigError

if TYPE_CHECKING:
    from decentralml.devchain.chain import DevChain

PROPERTIES: dict[str, Any] = {"tokenSymbol": "DML", "tokenDecimals": 12, "ss58Format": 42}
"""What wallets show of the embedded chain."""


def connect(config: Config) -> Chain:
    """The chain of the settings; the embedded one is made when it is first used.

    Raises
    ------
    ConfigError : neither ``embedded`` nor the address of a WebSocket.
    NodeUnreachable, NodeTimeout, WrongGenesis, RuntimeMismatch
    and what opening a chain file can raise (:class:`~decentralml.devchain.chain.DevChain`).
    """
    if config.chain == EMBEDDED:
        from decentralml.chain.substrate.embedded import EmbeddedTransport

        file = config.chain_file
        return SubstrateChain(
            EmbeddedTransport(open_embedded(file, config.cache), str(file)),
            config.genesis,
            config.journal,
        )
    if config.chain.startswith(("ws://", "wss://")):
        from decentralml.chain.substrate.remote import RemoteTransport

        return SubstrateChain(RemoteTransport(config.chain), config.genesis, config.journal)
    raise ConfigError(
        f"{config.chain!r} names no chain; use `embedded`, or a node's WebSocket address such as "
        "ws://127.0.0.1:9944"
    )


def open_embedded(file: Path, cache: Path) -> DevChain:
    """The chain in a file, made from the shipped runtime where there is none."""
    from decentralml.devchain.chain import DevChain

    if not file.exists():
        from decentralml.runtime import blob

        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            return DevChain.create(file, blob(), properties=PROPERTIES, cache=cache)
        except ChainFileExists:
            pass  # Another process was faster.
    return DevChain.open(file, cache=cache)
