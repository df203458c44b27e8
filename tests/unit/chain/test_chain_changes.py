"""Blocks in which something changed are found without reading those between."""

from __future__ import annotations

from bisect import bisect_right

from hypothesis import given
from hypothesis import strategies as st

from decentralml.chain.substrate.changes import changes, first_that

BLOCKS = st.sets(st.integers(1, 5_000), max_size=20)


class Counting:
    """Something that changes in some blocks, and how often it was looked at."""

    def __init__(self, changed: set[int]) -> None:
        self.changed = sorted(changed)
        self.read_at: set[int] = set()

    def read(self, block: int) -> int:
        self.read_at.add(block)
        return bisect_right(self.changed, block)


@given(BLOCKS, st.integers(0, 100), st.integers(0, 4_000))
def test_every_change_in_a_stretch_is_found(changed: set[int], first: int, length: int) -> None:
    last = first + length
    expected = [block for block in sorted(changed) if first < block <= last]
    assert changes(Counting(changed).read, first, last) == expected


@given(BLOCKS)
def test_the_cost_grows_with_the_changes_and_not_with_the_blocks(changed: set[int]) -> None:
    long_since = {block * 1_000_000 for block in changed}
    counting = Counting(long_since)
    assert changes(counting.read, 0, 5_000_000_000) == sorted(long_since)
    assert len(counting.read_at) <= 2 + 2 * 34 * len(changed)


@given(BLOCKS, st.data())
def test_what_is_known_is_only_looked_at_again(changed: set[int], data: st.DataObject) -> None:
    counting = Counting(changed)
    assert changes(counting.read, 0, 6_000, sorted(changed)) == sorted(changed)
    ends = {0, 6_000}
    assert counting.read_at == ends | changed | {block - 1 for block in changed}
    if changed:
        known = set(data.draw(st.lists(st.sampled_from(sorted(changed)))))
        assert changes(counting.read, 0, 6_000, known) == sorted(changed), "what is not, is found"


@given(st.integers(0, 1_000), st.integers(0, 1_000))
def test_the_first_block_of_which_something_holds_is_found(start: int, length: int) -> None:
    end = start + length
    for first in (start, end, (start + end) // 2):
        assert first_that(lambda block, first=first: block >= first, start, end) == first
    assert first_that(lambda block: False, start, end) == end
