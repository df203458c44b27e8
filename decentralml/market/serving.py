"""The embedded chain behind JSON-RPC, for wallets, explorers and other machines' programs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from decentralml.chain.connect import open_embedded
from decentralml.config import Config
from decentralml.market.node import require_embedded

HOST = "127.0.0.1"


def serve(config: Config, port: int, ready: Callable[[str], None]) -> None:
    """Serve the embedded chain on ``127.0.0.1:port`` until SIGINT or SIGTERM.

    Parameters
    ----------
    port : 0 picks a free one.
    ready : called with the address once connections are accepted.

    Raises
    ------
    EmbeddedOnly, PortTaken, and what opening the chain's file can raise.
    """
    require_embedded(config, "be served from here")
    with open_embedded(config.chain_file, config.cache) as chain:
        asyncio.run(_until_signalled(chain, port, ready))
