"""The trie: the clear functions, and the fast ones against them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decentralml.devchain.codec import DecodeError, compact
from decentralml.devchain.trie import (
    EMPTY_ROOT,
    Branch,
    Leaf,
    Value,
    _build,
    decode,
    nibbles,
    ordered_root,
    pack,
    reference,
    root_of,
    state_root,
    stored,
)
from decentralml.devchain.trie_update import Update, merkle_value, update

# Few letters, so that keys share prefixes and are prefixes of each other.
KEYS = st.lists(st.sampled_from([0x00, 0x01, 0x10, 0x11, 0xF0]), max_size=5).map(bytes)
VALUES = st.one_of(st.binary(max_size=3), st.binary(min_size=30, max_size=36))
LAYOUTS = st.integers(0, 1)
CHANGES = st.dictionaries(KEYS, st.one_of(st.none(), VALUES), max_size=12)


@dataclass
class Kept:
    """A trie as the chain file keeps it: its leaves and its branches by path."""

    leaves: dict[bytes, Value] = field(default_factory=dict)
    branches: dict[bytes, Branch] = field(default_factory=dict)

    def branch(self, path: bytes) -> Branch | None:
        return self.branches.get(path)

    def leaf(self, path: bytes) -> tuple[bytes, Value] | None:
        below = sorted(k for k in map(nibbles, self.leaves) if k >= path)
        if not below:
            return None
        return below[0], {nibbles(k): v for k, v in self.leaves.items()}[below[0]]

    def apply(self, changes: dict[bytes, Value | None]) -> Update:
        done = update(self, changes)
        for key, value in changes.items():
            if value is None:
                self.leaves.pop(key, None)
            else:
                self.leaves[key] = value
        for path in done.removed:
            self.branches.pop(path, None)
        for path, (branch, encoded) in done.branches.items():
            assert decode(encoded) == branch
            self.branches[path] = branch
        return done


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(CHANGES, LAYOUTS), max_size=8))
def test_updates_give_the_root_of_the_whole_new_state(
    blocks: list[tuple[dict[bytes, bytes | None], int]],
) -> None:
    trie = Kept()
    for changes, layout in blocks:
        done = trie.apply({k: None if v is None else stored(v, layout) for k, v in changes.items()})
        assert done.root == state_root(trie.leaves)
        fresh = Kept()
        fresh.apply(dict(trie.leaves))
        assert trie.branches == fresh.branches, "exactly the branches of the new trie are kept"


def named(items: dict[bytes, Value], key: bytes) -> bytes | None:
    """Oracle of :func:`merkle_value`: makes the whole trie on the way down."""
    wanted, path = nibbles(key), b""
    part = sorted((nibbles(k), v) for k, v in items.items())
    while part:
        node = _build(part)
        stem = path + node.partial
        if stem.startswith(wanted):
            return reference(node.encode()) if path else state_root(items)
        if not wanted.startswith(stem):
            return None
        depth, nibble = len(node.partial), wanted[len(stem)]
        below = [(k, v) for k, v in part if len(k) > depth and k[depth] == nibble]
        part = [(k[depth + 1 :], v) for k, v in below]
        path = wanted[: len(stem) + 1]
    return None


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=12), LAYOUTS, KEYS)
def test_what_names_a_prefix_is_found_from_its_path_alone(
    items: dict[bytes, bytes], layout: int, key: bytes
) -> None:
    trie = Kept()
    trie.apply({k: stored(v, layout) for k, v in items.items()})
    for prefix in (key, *items, b""):
        assert merkle_value(trie, prefix) == named(trie.leaves, prefix)


def test_updates_read_only_the_paths_that_change() -> None:
    trie = Kept()
    keys = [blake2b(str(n).encode(), digest_size=32).digest() for n in range(2000)]
    trie.apply({key: Value(b"before") for key in keys})
    read: list[bytes] = []
    branch = trie.branch
    trie.branch = lambda path: (read.append(path), branch(path))[1]  # type: ignore[method-assign]
    done = update(trie, {keys[7]: Value(b"after")})
    assert len(read) <= 6 and all(nibbles(keys[7]).startswith(path) for path in read)
    assert len(done.branches) <= 4


@given(st.dictionaries(KEYS, VALUES, max_size=20), LAYOUTS, st.randoms())
def test_the_root_does_not_depend_on_the_order(items, layout, random) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(items.items())
    random.shuffle(shuffled)
    assert root_of(dict(shuffled), layout) == root_of(items, layout)


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=20), st.data())
def test_any_other_state_has_another_root(items: dict[bytes, bytes], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(items)))
    other = dict(items)
    other[key] = items[key] + b"!"
    less = {k: v for k, v in items.items() if k != key}
    assert len({root_of(items, 1), root_of(other, 1), root_of(less, 1)}) == 3


def test_the_root_of_nothing_is_the_hash_of_a_zero() -> None:
    assert root_of({}, 0) == root_of({}, 1) == EMPTY_ROOT == ordered_root([], 1)
    assert EMPTY_ROOT.hex() == "03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314"


def test_small_tries_have_the_encodings_of_the_specification() -> None:
    # One key: a leaf whose partial is the whole key, value inline.
    leaf = b"\x44\xaa\xbb" + b"\x08\x01\x02"
    assert root_of({b"\xaa\xbb": b"\1\2"}, 0) == blake2b(leaf, digest_size=32).digest()
    # Two keys that part at the third nibble: a branch over two inline leaves of one nibble each.
    children = b"".join(compact(len(c)) + c for c in (b"\x41\x0b\x04\x01", b"\x41\x0c\x04\x02"))
    branch = b"\x82\xaa" + (1 << 1 | 1 << 2).to_bytes(2, "little") + children
    assert (
        root_of({b"\xaa\x1b": b"\1", b"\xaa\x2c": b"\2"}, 0)
        == blake2b(branch, digest_size=32).digest()
    )


def test_layout_one_hashes_values_from_33_bytes_on() -> None:
    short, long = b"v" * 32, b"v" * 33
    assert root_of({b"k": short}, 0) == root_of({b"k": short}, 1)
    assert root_of({b"k": long}, 0) != root_of({b"k": long}, 1)
    hashed = b"\x22" + b"k" + blake2b(long, digest_size=32).digest()
    assert root_of({b"k": long}, 1) == blake2b(hashed, digest_size=32).digest()


@pytest.mark.parametrize("length", [0, 1, 14, 15, 16, 30, 31, 62, 63, 64, 317, 318, 319, 600])
@pytest.mark.parametrize("hashed", [False, True])
def test_nodes_come_back_whatever_the_length_of_their_partial(length: int, hashed: bool) -> None:
    partial = bytes(n % 16 for n in range(length))
    value = Value(b"h" * 32, True) if hashed else Value(b"value")
    children = (b"x" * 32, None, b"inline") + (None,) * 13
    for node in (
        Leaf(partial, value),
        Branch(partial, children, value),
        Branch(partial, children, None),
    ):
        assert decode(node.encode()) == node


@given(st.binary(max_size=80))
def test_decoding_any_bytes_gives_a_node_or_an_error(data: bytes) -> None:
    with suppress(DecodeError):
        decode(data)


@given(st.binary(max_size=20))
def test_nibbles_come_back(key: bytes) -> None:
    assert pack(nibbles(key)) == key
    assert pack(nibbles(key)[1:])[:1] in (b"", bytes((key[0] & 15,)) if key else b"")


def test_an_ordered_root_has_compact_indices_for_keys() -> None:
    values = [str(n).encode() for n in range(70)]
    expected = root_of({compact(n): value for n, value in enumerate(values)}, 0)
    assert ordered_root(values, 0) == expected
