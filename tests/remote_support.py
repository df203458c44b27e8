"""A client of a node that may be absent, mute, slow, or die."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chain_support import BOB
from fake_node_support import (
    FakeNode,
    HangUp,
    Silence,
)

from decentralml.chain.substrate.client import SubstrateChain
from decentralml.chain.substrate.node import Node
from decentralml.chain.substrate.remote import RemoteTransport


@contextmanager
def client(
    node: FakeNode, request_seconds: float = 5, patience: float = 5, submit_seconds: float = 10
) -> Iterator[SubstrateChain]:
    wire = Node(node.url, request_seconds=request_seconds, patience_seconds=patience)
    with SubstrateChain(RemoteTransport(node.url, wire, submit_seconds)) as chain:
        yield chain


def bobs_balance(node: FakeNode) -> int:
    with client(node) as chain:
        return chain.balance(BOB.address).free


def silent(params: list[Any]) -> Any:
    raise Silence


def hang_up(params: list[Any]) -> Any:
    raise HangUp


@contextmanager
def listening(behave: Any) -> Iterator[str]:
    """Someone on a port who behaves in a way of his own."""
    over = threading.Event()

    def serve() -> None:
        peer, _ = listener.accept()
        with peer:
            try:
                behave(peer)
                over.wait(20)
            except (OSError, EOFError):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}"
        over.set()
