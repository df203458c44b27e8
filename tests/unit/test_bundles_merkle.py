"""Merkle trees: RFC 6962's own vectors, proofs of every leaf, and what they refuse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decentralml.bundles import merkle
from decentralml.errors import TreeInvalid

LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("count", range(1, 9))
def test_roots_are_those_of_certificate_transparency(count: int) -> None:
    assert merkle.root(LEAVES[:count]).hex() == ROOTS[count - 1]


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=40), st.data())
def test_every_leaf_has_a_proof_and_no_other_leaf_fits_it(
    leaves: list[bytes], data: st.DataObject
) -> None:
    root = merkle.root(leaves)
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof = merkle.proof(leaves, index)
    assert len(proof) <= merkle.depth(len(leaves))
    merkle.verify(root, leaves[index], index, len(leaves), proof)
    with pytest.raises(TreeInvalid, match="leads to the root"):
        merkle.verify(root, leaves[index] + b"!", index, len(leaves), proof)


def test_a_proof_of_a_tree_of_another_depth_is_refused() -> None:
    root, proof = merkle.root(LEAVES[:5]), merkle.proof(LEAVES[:5], 3)
    with pytest.raises(TreeInvalid, match=r"3 of 5 lies 3 deep.* 2 deep"):
        merkle.verify(root, LEAVES[3], 3, 5, proof[:2])
    with pytest.raises(TreeInvalid, match="deep"):
        merkle.verify(root, LEAVES[3], 3, 9, proof)
    with pytest.raises(TreeInvalid, match="no leaf 5 among 5"):
        merkle.verify(root, LEAVES[3], 5, 5, proof)


def test_a_node_does_not_pass_for_a_leaf() -> None:
    left, right = map(merkle.leaf_hash, LEAVES[:2])
    assert merkle.root([left + right]) != merkle.root(LEAVES[:2])


def test_the_order_of_the_leaves_is_part_of_the_root() -> None:
    assert merkle.root(LEAVES[:3]) != merkle.root(LEAVES[2::-1])


@pytest.mark.parametrize(("leaves", "depth"), [(1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (4096, 12)])
def test_depth(leaves: int, depth: int) -> None:
    assert merkle.depth(leaves) == depth
