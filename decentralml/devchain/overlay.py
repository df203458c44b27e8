"""Changes on top of a state that are not (yet) part of it, in nested transactions.

The runtime writes here; the state below stays as it is until a block is committed.
Source: ``sp_state_machine::{overlayed_changes, ext}``.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from decentralml.devchain.codec import DecodeError, Reader, compact
from decentralml.devchain.keys import CHILD_STORAGE, DEFAULT_CHILD
from decentralml.devchain.state import MAIN, State
from decentralml.devchain.trie import EMPTY_ROOT
from decentralml.devchain.trie_update import Update

_FEW: Final = 32
"""So many keys are put in order one by one; of more, everything is sorted."""


class _Unset:
    """No entry, where None means "removed"."""


_UNSET: Final = _Unset()


class Appended:
    """A SCALE vector that grows at its end: appending costs no copy of what is there.

    Never changed once made, so that a rollback only has to drop references.
    """

    __slots__ = ("_base", "_count", "_data", "_item")

    def __init__(self, base: Appended | bytes, count: int, item: bytes) -> None:
        self._base = base
        self._count = count
        self._item = item
        self._data: bytes | None = None

    @classmethod
    def to(cls, value: Appended | bytes | None, item: bytes) -> Appended:
        """`value` with `item` at its end; what is no vector is replaced, as ``sp-state-machine``
        does."""
        if isinstance(value, Appended):
            return cls(value, value._count + 1, item)
        if value:
            try:
                reader = Reader(value)
                count = reader.compact()
                return cls(value[reader.offset :], count + 1, item)
            except DecodeError:
                pass
        return cls(b"", 1, item)

    def data(self) -> bytes:
        if self._data is None:
            items: list[bytes] = []
            part: Appended | bytes = self
            while isinstance(part, Appended):
                items.append(part._item)
                part = part._base
            self._data = b"".join((compact(self._count), part, *reversed(items)))
        return self._data


Slot = bytes | Appended | None
"""What a changed key holds; None: removed."""


@dataclass(frozen=True, slots=True)
class Cleared:
    """What a removal by prefix did (``MultiRemovalResults``)."""

    complete: bool
    """Whether nothing with the prefix is left."""
    loops: int
    """Keys of the state below that were looked at: what the host functions report."""


class _Changes:
    """Changes to one trie, and for each open transaction what was there before."""

    def __init__(self, depth: int) -> None:
        self.now: dict[bytes, Slot] = {}
        self.before: list[dict[bytes, Slot | _Unset]] = [{} for _ in range(depth)]
        self._ordered: list[bytes] = []
        self._unordered: set[bytes] = set()

    def put(self, key: bytes, slot: Slot) -> None:
        old = self.now.get(key, _UNSET)
        if self.before:
            self.before[-1].setdefault(key, old)
        if old is _UNSET:
            self._unordered.add(key)
        self.now[key] = slot

    def commit(self) -> None:
        ended = self.before.pop()
        if self.before:
            outer = self.before[-1]
            for key, old in ended.items():
                outer.setdefault(key, old)

    def rollback(self) -> None:
        for key, old in self.before.pop().items():
            if isinstance(old, _Unset):
                self.now.pop(key, None)
            else:
                self.now[key] = old

    def ordered(self) -> list[bytes]:
        """Every key ever put, in order; a rollback may have taken some out of `now` again."""
        if len(self._unordered) > _FEW:
            self._ordered = sorted(self._unordered.union(self._ordered))
        else:
            # A migration asks for the next key and writes it, thousands of times over.
            for key in self._unordered:
                place = bisect_left(self._ordered, key)
                if self._ordered[place : place + 1] != [key]:
                    self._ordered.insert(place, key)
        self._unordered.clear()
        return self._ordered


class Overlay:
    """A state with changes on top. `trie` is :data:`MAIN` or a child trie's name."""

    def __init__(self, base: State) -> None:
        self.base = base
        self._tries: dict[bytes, _Changes] = {MAIN: _Changes(0)}
        self._depth = 0
        self._revision = 0
        self._roots: tuple[int, int, dict[bytes, Update]] | None = None

    # -- keys and values

    def get(self, key: bytes, trie: bytes = MAIN) -> bytes | None:
        changes = self._tries.get(trie)
        slot = _UNSET if changes is None else changes.now.get(key, _UNSET)
        if isinstance(slot, bytes) or slot is None:
            return slot
        if isinstance(slot, Appended):
            return slot.data()
        return self.base.get(trie, key)

    def set(self, key: bytes, value: bytes | None, trie: bytes = MAIN) -> None:
        """None removes. Keys that hold child roots cannot be written: they follow the child."""
        if trie == MAIN and key.startswith(CHILD_STORAGE):
            return
        self._put(trie, key, value)

    def append(self, key: bytes, item: bytes) -> None:
        """Add an encoded item to the vector at `key`."""
        if key.startswith(CHILD_STORAGE):
            return
        slot = self._tries[MAIN].now.get(key, _UNSET)
        held = self.base.get(MAIN, key) if isinstance(slot, _Unset) else slot
        self._put(MAIN, key, Appended.to(held, item))

    def next_key(self, key: bytes, trie: bytes = MAIN) -> bytes | None:
        """The first key after `key`."""
        changes = self._tries.get(trie)
        below = self.base.next_key(trie, key)
        if changes is None:
            return below
        ordered = changes.ordered()
        index = bisect_right(ordered, key)
        while True:
            above = ordered[index] if index < len(ordered) else None
            if above is None or (below is not None and below < above):
                if below is None or changes.now.get(below, _UNSET) is not None:
                    return below
                below = self.base.next_key(trie, below)
                continue
            index += 1
            slot = changes.now.get(above, _UNSET)
            if slot is None and above == below:
                below = self.base.next_key(trie, below)
            elif slot is not None and not isinstance(slot, _Unset):
                return above

    def clear_prefix(self, prefix: bytes, limit: int | None, trie: bytes = MAIN) -> Cleared:
        """Remove the keys with `prefix`: those changed here all, those of the state below up to
        `limit`, which counts also the ones that were removed before."""
        if trie == MAIN and (prefix.startswith(CHILD_STORAGE) or CHILD_STORAGE.startswith(prefix)):
            return Cleared(True, 0)
        changes = self._changes(trie)
        ordered = changes.ordered()
        for index in range(bisect_left(ordered, prefix), len(ordered)):
            if not ordered[index].startswith(prefix):
                break
            if changes.now.get(ordered[index]) is not None:
                self._put(trie, ordered[index], None)
        loops = 0
        for key in self.base.keys(trie, prefix):
            if loops == limit:
                return Cleared(False, loops)
            if changes.now.get(key, _UNSET) is not None:
                self._put(trie, key, None)
            loops += 1
        return Cleared(True, loops)

    def keys(self, prefix: bytes, trie: bytes = MAIN) -> Iterator[bytes]:
        """All keys with `prefix`, in order."""
        if self.get(prefix, trie) is not None:
            yield prefix
        key = self.next_key(prefix, trie)
        while key is not None and key.startswith(prefix):
            yield key
            key = self.next_key(key, trie)

    # -- transactions

    @property
    def depth(self) -> int:
        """How many transactions are open."""
        return self._depth

    def begin(self) -> None:
        self._depth += 1
        for changes in self._tries.values():
            changes.before.append({})

    def commit(self) -> None:
        """Keep what the innermost transaction changed. There must be one."""
        self._end()
        for changes in self._tries.values():
            changes.commit()

    def rollback(self) -> None:
        """Forget what the innermost transaction changed. There must be one."""
        self._end()
        for changes in self._tries.values():
            changes.rollback()
        self._revision += 1

    def _end(self) -> None:
        if self._depth == 0:
            raise ValueError("no transaction is open")
        self._depth -= 1

    # -- roots

    def root(self, layout: int) -> bytes:
        """The root of the state with the changes; those written get `layout`."""
        return self.updates(layout)[MAIN].root

    def child_root(self, trie: bytes, layout: int) -> bytes:
        if trie in self._tries:
            return self.base.update(trie, self.changed(trie), layout).root
        return self.base.get(MAIN, DEFAULT_CHILD + trie) or EMPTY_ROOT

    def updates(self, layout: int) -> dict[bytes, Update]:
        """What the changes do to each trie; the children's new roots are in the main one."""
        if self._roots is None or self._roots[:2] != (self._revision, layout):
            updates = {
                trie: self.base.update(trie, self.changed(trie), layout)
                for trie in self._tries
                if trie != MAIN
            }
            main = dict(self.changed(MAIN))
            main.update(_child_roots(updates))
            updates[MAIN] = self.base.update(MAIN, main, layout)
            self._roots = (self._revision, layout, updates)
        return self._roots[2]

    def changed(self, trie: bytes = MAIN) -> Mapping[bytes, bytes | None]:
        """The changes to one trie, children's roots not among them."""
        changes = self._tries.get(trie)
        if changes is None:
            return {}
        return {
            key: slot.data() if isinstance(slot, Appended) else slot
            for key, slot in changes.now.items()
        }

    def all_changes(self, layout: int) -> dict[bytes, dict[bytes, bytes | None]]:
        """The changes to each trie, children's roots among those to the main one."""
        updates = self.updates(layout)
        everything = {trie: dict(self.changed(trie)) for trie in self._tries}
        everything[MAIN].update(_child_roots(updates))
        return everything

    # -- inside

    def _changes(self, trie: bytes) -> _Changes:
        changes = self._tries.get(trie)
        if changes is None:
            changes = self._tries[trie] = _Changes(self._depth)
        return changes

    def _put(self, trie: bytes, key: bytes, slot: Slot) -> None:
        self._revision += 1
        self._changes(trie).put(key, slot)


def _child_roots(updates: Mapping[bytes, Update]) -> dict[bytes, bytes | None]:
    """By key of the main trie; a child without keys has no root there."""
    return {
        DEFAULT_CHILD + trie: None if done.root == EMPTY_ROOT else done.root
        for trie, done in updates.items()
        if trie != MAIN
    }
