"""Merkle values of older states, from a chain file that keeps the newest trie only."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from decentralml.devchain.state import MAIN
from decentralml.devchain.states import HeadState, past_merkle_value
from decentralml.devchain.store import Block, NewBlock, Store
from decentralml.devchain.trie import Branch, Value, nibbles, stored
from decentralml.devchain.trie_update import merkle_value, update

# Few letters, so that keys share prefixes and are prefixes of each other; some end in 0xff.
KEYS = st.lists(st.sampled_from([0x00, 0x01, 0x10, 0x11, 0xFF]), max_size=4).map(bytes)
VALUES = st.one_of(st.binary(max_size=3), st.binary(min_size=30, max_size=36))
CHANGES = st.dictionaries(KEYS, st.one_of(st.none(), VALUES), max_size=8)


class Whole:
    """A whole state in memory, and its branches."""

    def __init__(self, values: dict[bytes, Value]) -> None:
        self._leaves: list[tuple[bytes, Value]] = []
        self._branches: dict[bytes, Branch] = {}
        done = update(self, values)
        self._leaves = sorted((nibbles(key), value) for key, value in values.items())
        self._branches = {path: branch for path, (branch, _) in done.branches.items()}

    def branch(self, path: bytes) -> Branch | None:
        return self._branches.get(path)

    def leaf(self, path: bytes) -> tuple[bytes, Value] | None:
        return next(((key, value) for key, value in self._leaves if key >= path), None)


def add(store: Store, state: HeadState, number: int, changes: dict[bytes, bytes | None]) -> None:
    real = state.real_changes(MAIN, changes, 1)
    done = state.update(MAIN, real, 1)
    block = Block(number, bytes([number]) * 32, b"", ())
    with store.writing():
        store.add(NewBlock(block, {MAIN: real}, {MAIN: done}, 1, None))


@settings(max_examples=50, deadline=None)
@given(st.lists(CHANGES, min_size=1, max_size=6), KEYS)
def test_what_names_a_prefix_after_an_older_block_is_what_the_whole_state_of_then_gives(
    blocks: list[dict[bytes, bytes | None]], asked: bytes
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store.create(Path(folder, "chain.sqlite"))
        values: dict[bytes, bytes] = {}
        states: list[dict[bytes, bytes]] = []
        for number, changes in enumerate(blocks):
            add(store, HeadState(store), number, changes)
            values |= {key: value for key, value in changes.items() if value is not None}
            values = {
                key: value for key, value in values.items() if changes.get(key, b"") is not None
            }
            states.append(dict(values))
        head = HeadState(store)
        for number, then in enumerate(states):
            whole = Whole({key: stored(value, 1) for key, value in then.items()})
            for prefix in {asked, b"", *values, *then}:
                found = past_merkle_value(store, head, MAIN, prefix, number)
                assert found == merkle_value(whole, prefix), (number, prefix)
        store.close()
