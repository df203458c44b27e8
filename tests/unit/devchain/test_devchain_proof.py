"""Proofs: what they show, and that nothing can be changed in them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decentralml.devchain.codec import compact
from decentralml.devchain.proof import _Whole, by_hash, prove, prove_item, read
from decentralml.devchain.trie import EMPTY_ROOT, ordered_root, root_of

# Few letters, so that keys share prefixes and are prefixes of each other.
KEYS = st.lists(st.sampled_from([0x00, 0x01, 0x10, 0x11, 0xF0]), max_size=5).map(bytes)
VALUES = st.one_of(st.binary(max_size=3), st.binary(min_size=30, max_size=36))


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=12), st.lists(KEYS, max_size=4), st.integers(0, 1))
def test_a_proof_shows_what_keys_hold_and_that_others_hold_nothing(
    items: dict[bytes, bytes], others: list[bytes], layout: int
) -> None:
    keys = [*items, *others]
    nodes = by_hash(prove(_Whole(items, layout), items.get, keys))
    root = root_of(items, layout)
    taken = set()

    def take(name: bytes) -> bytes:
        taken.add(name)
        return nodes[name]

    for key in keys:
        assert read(take, root, key) == items.get(key)
    assert taken == (nodes.keys() if items else set()), "no node is in it for nothing"


def test_the_empty_trie_holds_nothing() -> None:
    assert read({}.__getitem__, EMPTY_ROOT, b"key") is None


def test_a_proof_without_one_of_its_nodes_shows_nothing() -> None:
    items = {bytes((first, second)): bytes(40) for first in range(5) for second in range(5)}
    proof = prove(_Whole(items, 1), items.get, [b"\2\3"])
    assert len(proof) > 2
    for left_out in proof:
        nodes = by_hash(node for node in proof if node != left_out)
        with pytest.raises(KeyError):
            read(nodes.__getitem__, root_of(items, 1), b"\2\3")


@pytest.mark.parametrize("layout", [0, 1])
@pytest.mark.parametrize("count", [1, 2, 70])
def test_each_item_of_a_list_is_shown_to_be_at_its_place(count: int, layout: int) -> None:
    values = [b"item %d " % place * (place % 9) for place in range(count)]
    root = ordered_root(values, layout)
    for place, value in enumerate(values):
        nodes = by_hash(prove_item(values, place, root))
        assert read(nodes.__getitem__, root, compact(place)) == value
    beyond = by_hash(prove_item(values, count, root))
    assert read(beyond.__getitem__, root, compact(count)) is None


def test_a_list_of_another_root_is_refused() -> None:
    with pytest.raises(ValueError, match="not the one"):
        prove_item([b"a"], 0, ordered_root([b"b"], 0))
