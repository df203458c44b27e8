"""Proofs: the nodes of a trie that show, to whoever knows its root, what a key holds.

A proof is a bag of encoded nodes, and of values that a node names by hash, in any order: each is
found by its own BLAKE2b-256. It holds every node from the root down to where a key's path ends, so
it shows also that a key holds nothing. Source: ``sp_trie::StorageProof``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from decentralml.devchain.codec import compact
from decentralml.devchain.hashes import blake2_256
from decentralml.devchain.trie import (
    EMPTY_ROOT,
    Branch,
    Value,
    decode,
    nibbles,
    ordered_root,
    stored,
)
from decentralml.devchain.trie_update import Source, stored_node, update


def prove(
    source: Source, value: Callable[[bytes], bytes | None], keys: Iterable[bytes]
) -> list[bytes]:
    """The proof of what a trie holds under `keys`; `value` gives the plain value of a key."""
    found: dict[bytes, None] = {}
    for key in keys:
        wanted, path = nibbles(key), b""
        node = stored_node(source, path)
        inline = False
        while node is not None:
            if not inline:
                found[node.encode()] = None
            stem = path + node.partial
            if stem == wanted:
                if node.value is not None and node.value.hashed:
                    plain = value(key)
                    assert plain is not None, "a key in the trie has a value"
                    found[plain] = None
                break
            if not isinstance(node, Branch) or not wanted.startswith(stem):
                break
            child = node.children[wanted[len(stem)]]
            if child is None:
                break
            path = wanted[: len(stem) + 1]
            inline = len(child) < 32
            node = decode(child) if inline else stored_node(source, path)
    return list(found)


def read(take: Callable[[bytes], bytes], root: bytes, key: bytes) -> bytes | None:
    """What the trie of `root` holds under `key`, by a proof; None: nothing.

    `take` gives the node, or value, of a hash and raises what it likes where there is none.
    :class:`~decentralml.devchain.codec.DecodeError`: a node that is none.
    """
    if root == EMPTY_ROOT:
        return None
    wanted, at, name = nibbles(key), 0, root
    while True:
        node = decode(name if len(name) < 32 else take(name))
        at += len(node.partial)
        if wanted[at - len(node.partial) : at] != node.partial:
            return None
        if at == len(wanted):
            if node.value is None:
                return None
            return take(node.value.data) if node.value.hashed else node.value.data
        child = node.children[wanted[at]] if isinstance(node, Branch) else None
        if child is None:
            return None
        at, name = at + 1, child


def by_hash(proof: Iterable[bytes]) -> dict[bytes, bytes]:
    return {blake2_256(node): node for node in proof}


def prove_item(values: Sequence[bytes], position: int, root: bytes) -> list[bytes]:
    """The proof that a list with the ordered root `root` (see
    :func:`~decentralml.devchain.trie.ordered_root`) has its item at `position`.

    ValueError: the list has another root.
    """
    for layout in (0, 1):
        if ordered_root(values, layout) == root:
            items = {compact(index): value for index, value in enumerate(values)}
            return prove(_Whole(items, layout), items.get, [compact(position)])
    raise ValueError("the list is not the one of this root")


@dataclass(frozen=True, slots=True)
class _Nothing:
    """The empty trie."""

    def branch(self, path: bytes) -> Branch | None:
        return None

    def leaf(self, path: bytes) -> tuple[bytes, Value] | None:
        return None


class _Whole:
    """A trie made of all its items, as a :class:`Source`."""

    def __init__(self, items: Mapping[bytes, bytes], layout: int) -> None:
        values = {key: stored(value, layout) for key, value in items.items()}
        self._branches = update(_Nothing(), values).branches
        self._leaves = sorted((nibbles(key), value) for key, value in values.items())

    def branch(self, path: bytes) -> Branch | None:
        found = self._branches.get(path)
        return None if found is None else found[0]

    def leaf(self, path: bytes) -> tuple[bytes, Value] | None:
        return next((leaf for leaf in self._leaves if leaf[0] >= path), None)
