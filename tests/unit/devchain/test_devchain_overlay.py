"""Changes on top of a state, against a model that copies everything."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from decentralml.devchain.codec import compact
from decentralml.devchain.keys import DEFAULT_CHILD
from decentralml.devchain.overlay import Appended, Cleared, Overlay
from decentralml.devchain.state import MAIN, MemoryState
from decentralml.devchain.trie import EMPTY_ROOT, root_of

KEYS = st.lists(st.sampled_from(b"ab"), min_size=1, max_size=4).map(bytes)
VALUES = st.binary(min_size=1, max_size=40)
TRIES = st.sampled_from([MAIN, b"child"])


CHILD = b"child"
ROOT_KEY = DEFAULT_CHILD + CHILD


@dataclass
class Layer:
    """A state as it should look, and the keys written since the state below."""

    items: dict[bytes, dict[bytes, bytes]]
    written: set[tuple[bytes, bytes]]

    def copy(self) -> Layer:
        return Layer({name: dict(held) for name, held in self.items.items()}, set(self.written))


class OverlayAgainstCopies(RuleBasedStateMachine):
    """One whole copy for each open transaction."""

    @initialize(
        main=st.dictionaries(KEYS, VALUES, max_size=8),
        child=st.dictionaries(KEYS, VALUES, min_size=1, max_size=8),
    )
    def start(self, main: dict[bytes, bytes], child: dict[bytes, bytes]) -> None:
        self.base = {MAIN: {**main, ROOT_KEY: root_of(child, 1)}, CHILD: child}
        self.overlay = Overlay(MemoryState(self.base, 1))
        self.layers = [Layer(self.base, set()).copy()]

    @property
    def now(self) -> Layer:
        return self.layers[-1]

    @rule(trie=TRIES, key=KEYS, value=VALUES)
    def put(self, trie: bytes, key: bytes, value: bytes) -> None:
        self.overlay.set(key, value, trie)
        self.now.items[trie][key] = value
        self.now.written.add((trie, key))

    @rule(trie=TRIES, key=KEYS)
    def remove(self, trie: bytes, key: bytes) -> None:
        self.overlay.set(key, None, trie)
        self.now.items[trie].pop(key, None)
        self.now.written.add((trie, key))

    @rule(key=KEYS, item=st.binary(min_size=1, max_size=3))
    def append(self, key: bytes, item: bytes) -> None:
        self.overlay.append(key, item)
        held = self.now.items[MAIN].get(key)
        self.now.items[MAIN][key] = Appended.to(held, item).data()
        self.now.written.add((MAIN, key))

    @rule(trie=TRIES, prefix=KEYS, limit=st.one_of(st.none(), st.integers(0, 4)))
    def clear_prefix(self, trie: bytes, prefix: bytes, limit: int | None) -> None:
        below = sorted(key for key in self.base[trie] if key.startswith(prefix))
        cleared = below[:limit]
        done = self.overlay.clear_prefix(prefix, limit, trie)
        assert done == Cleared(cleared == below, len(cleared))
        written = {key for name, key in self.now.written if name == trie}
        for key in {key for key in written if key.startswith(prefix)}.union(cleared):
            self.now.items[trie].pop(key, None)
            self.now.written.add((trie, key))

    @rule()
    def begin(self) -> None:
        self.overlay.begin()
        self.layers.append(self.now.copy())

    @precondition(lambda self: len(self.layers) > 1)
    @rule()
    def commit(self) -> None:
        self.overlay.commit()
        self.layers[-2:] = [self.now]

    @precondition(lambda self: len(self.layers) > 1)
    @rule()
    def rollback(self) -> None:
        self.overlay.rollback()
        self.layers.pop()

    @invariant()
    def everything_reads_as_in_the_model(self) -> None:
        for trie, items in self.now.items.items():
            assert {key: self.overlay.get(key, trie) for key in items} == items
            assert list(self.overlay.keys(b"", trie)) == sorted(items)
            for key in (b"a", b"ab", b"ba", b"b"):
                after = [other for other in sorted(items) if other > key]
                assert self.overlay.next_key(key, trie) == (after[0] if after else None)
                assert (self.overlay.get(key, trie) is None) == (key not in items)
        assert self.overlay.depth == len(self.layers) - 1

    @invariant()
    def the_root_is_that_of_the_whole(self) -> None:
        child = root_of(self.now.items[CHILD], 1)
        main = dict(self.now.items[MAIN])
        del main[ROOT_KEY]
        if child != EMPTY_ROOT:
            main[ROOT_KEY] = child
        assert self.overlay.root(1) == root_of(main, 1)
        assert self.overlay.child_root(CHILD, 1) == child


TestOverlayAgainstCopies = OverlayAgainstCopies.TestCase
TestOverlayAgainstCopies.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_removal_by_prefix_counts_only_the_keys_of_the_state_below() -> None:
    overlay = Overlay(MemoryState({MAIN: {b"pa": b"1", b"pb": b"1", b"pc": b"1", b"q": b"1"}}))
    overlay.set(b"px", b"2")
    overlay.set(b"pa", None)
    assert overlay.clear_prefix(b"p", 2) == Cleared(False, 2)
    assert list(overlay.keys(b"")) == [b"pc", b"q"]
    # Not cumulative: it starts from the first key below again.
    assert overlay.clear_prefix(b"p", 2) == Cleared(False, 2)
    assert overlay.clear_prefix(b"p", 3) == Cleared(True, 3)
    assert list(overlay.keys(b"")) == [b"q"]


def test_keys_of_child_roots_cannot_be_written() -> None:
    overlay = Overlay(MemoryState({}))
    overlay.set(DEFAULT_CHILD + b"x", b"forged")
    overlay.append(DEFAULT_CHILD + b"x", b"forged")
    overlay.set(b"k", b"v", b"x")
    assert overlay.clear_prefix(b":child_sto", None) == Cleared(True, 0)
    assert overlay.all_changes(1)[MAIN] == {DEFAULT_CHILD + b"x": root_of({b"k": b"v"}, 1)}


def test_a_child_that_became_empty_has_no_root_in_the_main_trie() -> None:
    base = {MAIN: {DEFAULT_CHILD + b"x": root_of({b"k": b"v"}, 1)}, b"x": {b"k": b"v"}}
    overlay = Overlay(MemoryState(base))
    overlay.set(b"k", None, b"x")
    assert overlay.child_root(b"x", 1) == EMPTY_ROOT
    assert overlay.root(1) == EMPTY_ROOT


def test_appending_to_what_is_no_vector_replaces_it() -> None:
    overlay = Overlay(MemoryState({MAIN: {b"k": b"\x03"}}))
    overlay.append(b"k", b"item")
    assert overlay.get(b"k") == b"\x04item"


def test_appending_many_items_is_not_quadratic_and_rolls_back() -> None:
    overlay = Overlay(MemoryState({}))
    item = bytes(100)
    for _ in range(20_000):
        overlay.append(b"k", item)
    overlay.begin()
    overlay.append(b"k", item)
    overlay.rollback()
    assert overlay.get(b"k") == compact(20_000) + item * 20_000
