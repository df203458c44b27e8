"""What serves a chain, as those see it who answer one client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from decentralml.devchain.chain import DevChain
    from decentralml.devchain.rpc.limits import Limits
    from decentralml.devchain.rpc.pool import Watcher
    from decentralml.devchain.rpc.subscriptions import Hub
    from decentralml.devchain.rpc.worker import Worker


class Service(Protocol):
    """One chain file, served: what all connections share."""

    limits: Limits
    hub: Hub
    worker: Worker
    chain: DevChain
    reader: DevChain
    """A second opening of the file: reading need not wait for a block that is being built."""

    async def call(self, method: str, params: Any) -> Any:
        """The result of one request, executed in the worker if it may take long."""

    async def submit(self, extrinsic: bytes, watcher: Watcher | None = None) -> bytes:
        """Have it in a block, or in the pool; its hash."""
