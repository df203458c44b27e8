"""An embedded chain whose clock a test sets, and what is read off it."""

from __future__ import annotations

from devchain_support import (
    UNIT,
    account,
    nonce,
    signed,
    transfer,
)

from decentralml.devchain.block import Header
from decentralml.devchain.chain import DevChain
from decentralml.devchain.hashes import storage_prefix
from decentralml.devchain.state import MAIN
from decentralml.devchain.trie import state_root, stored

ALICE, BOB = account("Alice"), account("Bob")
START = 1_800_000_000_000
DONE = b"\0\0"
EVENTS = storage_prefix("System", "Events")


class Clock:
    """Milliseconds that the test sets."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now


def pay(chain: DevChain, amount: int = UNIT, to: bytes = BOB.public) -> bytes:
    return signed(chain, ALICE, nonce(chain, ALICE.public), transfer(to, amount))


def whole_root(chain: DevChain) -> bytes:
    """The state root computed from all keys and values, by the clear functions."""
    keys = chain.keys(b"", 1_000_000)
    values = {key: chain._store.value(MAIN, key) for key in keys}
    return state_root({key: stored(*value) for key, value in values.items() if value})


def header(chain: DevChain) -> Header:
    return Header.decode(chain.header() or b"")
