"""What subscribers are told when blocks come, whichever process made them.

Everything here runs in the event loop and only reads the chain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from decentralml.devchain.block import Header
from decentralml.devchain.rpc.jsonrpc import dumps
from decentralml.devchain.rpc.subscription_methods import RUNTIME_VERSION, STORAGE
from decentralml.devchain.rpc.views import header_json, maybe_hex, to_hex, version_json

if TYPE_CHECKING:
    from decentralml.devchain.chain import DevChain

Notify = Callable[[str], None]
"""Given the notification's ``result`` as JSON text. Must not wait and must not raise."""

CATCH_UP = 256
"""Blocks that subscribers are told of at once; of more, the last ones (a client that wants all
reads them by number)."""


@dataclass(eq=False, slots=True)
class Subscription:
    """One client's interest in one kind of notification."""

    kind: str
    notify: Notify
    keys: list[bytes] = field(default_factory=list)
    """Of storage; with their last known values in `values`."""
    values: list[bytes | None] = field(default_factory=list)


class Follower(Protocol):
    """Somebody who wants every block, in order."""

    def block_added(self, block: bytes, header: Header) -> None:
        """Must not wait and must not raise. Blocks may be missing before this one."""


class Hub:
    """All subscriptions to blocks and what is in them."""

    def __init__(self, reader: DevChain) -> None:
        self._reader = reader
        self._subscriptions: set[Subscription] = set()
        self._followers: set[Follower] = set()
        self._height = reader.height
        self._version = ""

    def add(self, subscription: Subscription) -> None:
        """Tell it how things stand, and from then on what changes."""
        self._catch_up()
        self._subscriptions.add(subscription)
        if subscription.kind == STORAGE:
            head = self._reader.head
            subscription.values = [value for _, value in self._query(subscription, head)]
            pairs = list(zip(subscription.keys, subscription.values, strict=True))
            subscription.notify(_change_set(head, pairs))
        elif subscription.kind == RUNTIME_VERSION:
            subscription.notify(self._version)
        else:
            header = self._reader.header()
            assert header is not None, "a chain has a head"
            subscription.notify(dumps(header_json(header)))

    def discard(self, subscription: Subscription) -> None:
        self._subscriptions.discard(subscription)

    def follow(self, follower: Follower) -> None:
        """Tell it of every block after the head."""
        self._catch_up()
        self._followers.add(follower)

    def unfollow(self, follower: Follower) -> None:
        self._followers.discard(follower)

    def _catch_up(self) -> None:
        self.announce()
        if not self._subscriptions and not self._followers:
            self._height, self._version = self._reader.height, self._version_text()

    def announce(self) -> bool:
        """Tell subscribers of blocks that came since the last time; whether any did."""
        if not self._reader.changed():
            return False
        if not self._subscriptions and not self._followers:
            return True
        height = self._reader.height
        for number in range(max(self._height + 1, height - CATCH_UP + 1), height + 1):
            self._announce_block(number)
        self._height = height
        self._announce_version()
        return True

    def _announce_block(self, number: int) -> None:
        block = self._reader.block_hash(number)
        header = None if block is None else self._reader.header(block)
        if block is None or header is None:
            return  # the file was replaced by a shorter chain
        text = dumps(header_json(header))
        for subscription in list(self._subscriptions):
            if subscription.kind == STORAGE:
                self._announce_storage(subscription, block)
            elif subscription.kind != RUNTIME_VERSION:
                subscription.notify(text)
        for follower in list(self._followers):
            follower.block_added(block, Header.decode(header))

    def _announce_storage(self, subscription: Subscription, block: bytes) -> None:
        now = self._query(subscription, block)
        changed = [
            pair for pair, old in zip(now, subscription.values, strict=True) if pair[1] != old
        ]
        subscription.values = [value for _, value in now]
        if changed:
            subscription.notify(_change_set(block, changed))

    def _announce_version(self) -> None:
        version = self._version_text()
        if version == self._version:
            return
        self._version = version
        for subscription in list(self._subscriptions):
            if subscription.kind == RUNTIME_VERSION:
                subscription.notify(version)

    def _version_text(self) -> str:
        return dumps(version_json(self._reader.runtime_version))

    def _query(self, subscription: Subscription, block: bytes) -> list[tuple[bytes, bytes | None]]:
        return self._reader.query(subscription.keys, block)


def _change_set(block: bytes, pairs: list[tuple[bytes, bytes | None]]) -> str:
    changes: list[Any] = [[to_hex(key), maybe_hex(value)] for key, value in pairs]
    return dumps({"block": to_hex(block), "changes": changes})
