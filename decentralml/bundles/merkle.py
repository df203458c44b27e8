"""Merkle trees over a list of leaves: one root commits to all of them, in their order.

As in RFC 6962, leaves and nodes are hashed in domains of their own, so that no node passes for a
leaf, and a tree of ``n`` leaves splits at the largest power of two below ``n``::

    leaf(data)  = SHA-256(0x00 ‖ data)
    node(l, r)  = SHA-256(0x01 ‖ l ‖ r)

           node(h0123, h4)          5 leaves, depth 3
          /               \\
    node(h01, h23)         h4
     /          \\
    h01          h23

Source: https://www.rfc-editor.org/rfc/rfc6962#section-2.1
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from decentralml.errors import TreeInvalid

HASH_BYTES = 32


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node with these two children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def depth(leaves: int) -> int:
    """Nodes on the way from the root to the deepest leaf: 0 for one leaf, 3 for five."""
    return (leaves - 1).bit_length()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root of the tree over these leaves (their data, not their hashes), at least one."""
    return _root([leaf_hash(leaf) for leaf in leaves])


def proof(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """What must be known besides leaf ``index`` to find the root: siblings, deepest first."""
    return tuple(_path([leaf_hash(leaf) for leaf in leaves], index))


def verify(root: bytes, leaf: bytes, index: int, leaves: int, proof: Sequence[bytes]) -> None:
    """Check that ``leaf`` is number ``index`` of the ``leaves`` under ``root``.

    Raises
    ------
    TreeInvalid : the index lies outside, the proof is of a tree of another depth, or it leads to
        another root.
    """
    if not 0 <= index < leaves:
        raise TreeInvalid(f"there is no leaf {index} among {leaves}")
    sides = _sides(index, leaves)
    if len(proof) != len(sides):
        raise TreeInvalid(
            f"leaf {index} of {leaves} lies {len(sides)} deep, and its proof is {len(proof)} deep"
        )
    found = leaf_hash(leaf)
    for sibling, is_right in zip(proof, sides, strict=True):
        found = node_hash(sibling, found) if is_right else node_hash(found, sibling)
    if found != root:
        raise TreeInvalid(f"leaf {index} leads to the root 0x{found.hex()}, not 0x{root.hex()}")


def _split(count: int) -> int:
    """The largest power of two below ``count``, which is at least 2."""
    return 1 << (count - 1).bit_length() - 1


def _root(hashes: Sequence[bytes]) -> bytes:
    if len(hashes) == 1:
        return hashes[0]
    at = _split(len(hashes))
    return node_hash(_root(hashes[:at]), _root(hashes[at:]))


def _path(hashes: Sequence[bytes], index: int) -> list[bytes]:
    if len(hashes) == 1:
        return []
    at = _split(len(hashes))
    if index < at:
        return [*_path(hashes[:at], index), _root(hashes[at:])]
    return [*_path(hashes[at:], index - at), _root(hashes[:at])]


def _sides(index: int, count: int) -> list[bool]:
    """For each node on the way up from a leaf: does the leaf lie on its right?"""
    sides = []
    while count > 1:
        at = _split(count)
        is_right = index >= at
        sides.append(is_right)
        index, count = (index - at, count - at) if is_right else (index, at)
    return sides[::-1]
