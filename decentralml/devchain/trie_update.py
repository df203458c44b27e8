"""A block's changes to a trie, reading only the nodes on the paths that change.

What is kept of a trie is its branches, by *path*: the nibbles from the root to where the node
starts, its own partial not included. Leaves are not kept: a leaf is the only key below its path,
so the state itself is the table of leaves. Children shorter than 32 bytes are inside their
parent. The result must be what :func:`decentralml.devchain.trie.state_root` gives for the whole
new state; tests hold the two against each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from decentralml.devchain.hashes import blake2_256
from decentralml.devchain.trie import (
    EMPTY_ROOT,
    Branch,
    Leaf,
    Node,
    Value,
    common_prefix,
    decode,
    nibbles,
    reference,
)

Item = tuple[bytes, Value | None]
"""A key in nibbles, from the root, and its new value; None removes it."""


class Source(Protocol):
    """The trie before the changes."""

    def branch(self, path: bytes) -> Branch | None:
        """The branch kept at `path`."""

    def leaf(self, path: bytes) -> tuple[bytes, Value] | None:
        """The first key at or below `path` (in nibbles) and its value; None if there is none."""


@dataclass(frozen=True, slots=True)
class Update:
    root: bytes
    branches: dict[bytes, tuple[Branch, bytes]]
    """By path: to be kept, with their encodings."""
    removed: set[bytes]
    """Paths that hold no branch any more."""


def update(source: Source, changes: Mapping[bytes, Value | None]) -> Update:
    """The trie of `source` after `changes` (by key; None removes)."""
    items = sorted((nibbles(key), value) for key, value in changes.items())
    return _Updating(source).run(items)


def merkle_value(source: Source, key: bytes) -> bytes | None:
    """How a parent names the first node at or below `key`; the root by its hash. None when no key
    starts with `key`."""
    found = closest_descendant(source, key)
    return None if found is None else name_of(*found)


def name_of(path: bytes, node: Node) -> bytes:
    """How its parent names a node that starts at `path`; of the root, its hash."""
    encoded = node.encode()
    return reference(encoded) if path else blake2_256(encoded)


def closest_descendant(source: Source, key: bytes) -> tuple[bytes, Node] | None:
    """The first node at or below `key`, after the path where it starts; None when no key starts
    with `key`."""
    wanted, path = nibbles(key), b""
    node = stored_node(source, path)
    while node is not None:
        stem = path + node.partial
        if stem.startswith(wanted):
            return path, node
        if not isinstance(node, Branch) or not wanted.startswith(stem):
            return None
        child = node.children[wanted[len(stem)]]
        if child is None:
            return None
        path = wanted[: len(stem) + 1]
        node = decode(child) if len(child) < 32 else stored_node(source, path)
    return None


def stored_node(source: Source, path: bytes) -> Node | None:
    """The node that starts at `path`, if one does and its parent names it by hash."""
    branch = source.branch(path)
    if branch is not None:
        return branch
    leaf = source.leaf(path)
    return None if leaf is None else Leaf(leaf[0][len(path) :], leaf[1])


class _Updating:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._new: dict[bytes, tuple[Node, bytes]] = {}
        self._loaded: set[bytes] = set()

    def run(self, items: list[Item]) -> Update:
        root = self._apply(b"", self._stored(b""), items)
        encoded = b"\0"
        if root is not None:
            encoded = root.encode()
            self._new[b""] = (root, encoded)
        branches = {
            path: (node, as_bytes)
            for path, (node, as_bytes) in self._new.items()
            if isinstance(node, Branch)
        }
        hashed = EMPTY_ROOT if root is None else blake2_256(encoded)
        return Update(hashed, branches, self._loaded - branches.keys())

    def _stored(self, path: bytes) -> Node | None:
        node = stored_node(self._source, path)
        if isinstance(node, Branch):
            self._loaded.add(path)
        return node

    def _load(self, path: bytes, child: bytes) -> Node:
        """The node at `path` that its parent calls `child`; from here on it is the caller's."""
        if len(child) < 32:
            return decode(child)
        new = self._new.pop(path, None)
        node = self._stored(path) if new is None else new[0]
        assert node is not None, "a child that its parent names is in the state"
        return node

    def _place(self, path: bytes, node: Node | None) -> bytes | None:
        """Keep `node` at `path`; what its parent calls it."""
        if node is None:
            return None
        encoded = node.encode()
        child = reference(encoded)
        if len(child) == 32:
            self._new[path] = (node, encoded)
        return child

    def _apply(self, path: bytes, node: Node | None, items: list[Item]) -> Node | None:
        """What `node`, at `path`, becomes under `items`, all of which are at or below `path`."""
        if not isinstance(node, Branch):
            merged: dict[bytes, Value | None] = {}
            if node is not None:
                merged[path + node.partial] = node.value
            merged.update(items)
            return self._build(path, sorted((k, v) for k, v in merged.items() if v is not None))
        stem = path + node.partial
        outside = [key for key, value in items if value is not None and not key.startswith(stem)]
        if outside:
            node = self._split(path, stem, node, outside)
            stem = path + node.partial
        children, value = list(node.children), node.value
        below: dict[int, list[Item]] = {}
        for key, new in items:
            if not key.startswith(stem):
                continue  # removing what is not there
            if len(key) == len(stem):
                value = new
            else:
                below.setdefault(key[len(stem)], []).append((key, new))
        for nibble, group in below.items():
            child_path = stem + bytes((nibble,))
            child = children[nibble]
            old = None if child is None else self._load(child_path, child)
            children[nibble] = self._place(child_path, self._apply(child_path, old, group))
        return self._branch(path, stem, children, value)

    def _split(self, path: bytes, stem: bytes, node: Branch, outside: list[bytes]) -> Branch:
        """A branch above `node`, as high as the keys that leave its stem ask for."""
        shared = min(common_prefix(stem, key) for key in outside)
        children: list[bytes | None] = [None] * 16
        lower = replace(node, partial=stem[shared + 1 :])
        children[stem[shared]] = self._place(stem[: shared + 1], lower)
        return Branch(stem[len(path) : shared], tuple(children))

    def _branch(
        self, path: bytes, stem: bytes, children: list[bytes | None], value: Value | None
    ) -> Node | None:
        """The least node with this content: a branch, or what is left where none is needed."""
        partial = stem[len(path) :]
        present = [nibble for nibble, child in enumerate(children) if child is not None]
        if not present:
            return None if value is None else Leaf(partial, value)
        if len(present) == 1 and value is None:
            step = bytes((present[0],))
            child = self._load(stem + step, children[present[0]] or b"")
            return replace(child, partial=partial + step + child.partial)
        return Branch(partial, tuple(children), value)

    def _build(self, path: bytes, items: list[tuple[bytes, Value]]) -> Node | None:
        """A node at `path` over sorted `items`."""
        if not items:
            return None
        first, last = items[0][0], items[-1][0]
        if len(items) == 1:
            return Leaf(first[len(path) :], items[0][1])
        shared = common_prefix(first, last)
        value = items[0][1] if len(first) == shared else None
        children: list[bytes | None] = [None] * 16
        start = 0 if value is None else 1
        while start < len(items):
            end, nibble = start, items[start][0][shared]
            while end < len(items) and items[end][0][shared] == nibble:
                end += 1
            child_path = first[:shared] + bytes((nibble,))
            children[nibble] = self._place(child_path, self._build(child_path, items[start:end]))
            start = end
        return Branch(first[len(path) : shared], tuple(children), value)
