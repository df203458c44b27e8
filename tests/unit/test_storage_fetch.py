"""Fetching from a source that may be cut off, empty-handed, or dishonest."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from decentralml.errors import BlockMismatch, CarInvalid, ObjectNotFound, ObjectTooLarge
from decentralml.storage import car
from decentralml.storage import cid as cids
from decentralml.storage.dag import Limits
from decentralml.storage.dagpb import varint
from decentralml.storage.fetch import fetch, missing
from decentralml.storage.local import BlockStore
from decentralml.storage.objects import Objects
from decentralml.storage.unixfs import CHUNK


class Source:
    """Serves another store, and writes down what it was asked."""

    name = "the source"

    def __init__(self, store: BlockStore) -> None:
        self.store = store
        self.exports: list[bytes] = []
        self.blocks: list[bytes] = []
        self.tamper: Callable[[Iterator[bytes]], Iterator[bytes]] = lambda pieces: pieces

    def export(self, cid: bytes) -> Iterator[bytes]:
        self.exports.append(cid)
        return self.tamper(car.write(self.store.get, cid))

    def block(self, cid: bytes) -> bytes:
        self.blocks.append(cid)
        return self.store.get(cid)


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Source]:
    with BlockStore(tmp_path / "source") as store:
        yield Source(store)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[BlockStore]:
    with BlockStore(tmp_path / "store") as store:
        yield store


@pytest.fixture
def root(source: Source, tmp_path: Path) -> bytes:
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "big").write_bytes(os.urandom(5 * CHUNK + 1))
    (folder / "sub/a").write_bytes(os.urandom(100))
    (folder / "sub/b").write_bytes(os.urandom(100))
    return cids.parse(Objects(source.store).add(folder))


def test_everything_is_fetched_in_one_car(source: Source, store: BlockStore, root: bytes) -> None:
    steps: list[tuple[int, int | None]] = []
    fetch(store, source, root, Limits(), lambda *step: steps.append(step))
    assert missing(store, root) == []
    assert (source.exports, source.blocks) == ([root], [])
    assert steps[-1][0] == steps[-1][1]


def test_what_is_complete_is_not_asked_for(source: Source, store: BlockStore, root: bytes) -> None:
    fetch(store, source, root, Limits())
    source.exports.clear()
    fetch(store, source, root, Limits())
    assert (source.exports, source.blocks) == ([], [])


@pytest.mark.parametrize("count", range(1, 9))
def test_a_car_that_ends_early_is_followed_by_the_missing_blocks_only(
    source: Source, store: BlockStore, root: bytes, count: int
) -> None:
    """As when Kubo meets an error: the CAR just ends, between two blocks."""
    in_order = [cid for cid, _ in car.Reader(car.Stream(car.write(source.store.get, root)), "")]

    def cut_once(pieces: Iterator[bytes]) -> Iterator[bytes]:
        source.tamper = lambda pieces: pieces
        return islice(pieces, 1 + 2 * count)  # the header, then two pieces a block

    source.tamper = cut_once
    fetch(store, source, root, Limits())
    assert missing(store, root) == []
    asked = set(source.exports[1:] + source.blocks)
    assert asked.isdisjoint(in_order[:count])
    assert asked or count == len(in_order)


def test_a_source_without_it_is_named(source: Source, store: BlockStore) -> None:
    absent = cids.make(cids.DAG_PB, bytes(32))
    with pytest.raises(ObjectNotFound, match=cids.text(absent)):
        fetch(store, source, absent, Limits())


def test_a_car_without_blocks_ends_the_attempt(
    source: Source, store: BlockStore, root: bytes
) -> None:
    source.tamper = lambda car: islice(car, 1)
    with pytest.raises(ObjectNotFound, match="the source"):
        fetch(store, source, root, Limits())


def test_another_dag_is_refused(source: Source, store: BlockStore, root: bytes) -> None:
    other = cids.parse(Objects(source.store).put_bytes(b"something else"))
    source.tamper = lambda pieces: car.write(source.store.get, other)
    with pytest.raises(BlockMismatch):
        fetch(store, source, root, Limits())
    assert not store.has(other)


def test_a_block_that_nothing_links_to_is_refused(
    source: Source, store: BlockStore, root: bytes
) -> None:
    """Else a source could fill the disk with blocks that are sound and not wanted."""
    junk = os.urandom(1000)
    cid = cids.make(cids.RAW, hashlib.sha256(junk).digest())

    def smuggle(pieces: Iterator[bytes]) -> Iterator[bytes]:
        yield from pieces
        yield varint(len(cid) + len(junk)) + cid + junk

    source.tamper = smuggle
    with pytest.raises(BlockMismatch):
        fetch(store, source, root, Limits())
    assert not store.has(cid)


def test_a_damaged_block_is_refused_and_what_came_before_is_kept(
    source: Source, store: BlockStore, root: bytes
) -> None:
    def damage(pieces: Iterator[bytes]) -> Iterator[bytes]:
        for number, piece in enumerate(pieces):
            yield piece if number != 6 else bytes(len(piece))

    source.tamper = damage
    with pytest.raises(BlockMismatch, match="the source"):
        fetch(store, source, root, Limits())
    source.tamper = lambda pieces: pieces
    assert store.has(root)
    fetch(store, source, root, Limits())
    assert missing(store, root) == []


def test_a_stream_cut_inside_a_block_is_refused(
    source: Source, store: BlockStore, root: bytes
) -> None:
    source.tamper = lambda pieces: iter([b"".join(pieces)[:-50]])
    with pytest.raises(CarInvalid, match="cut short"):
        fetch(store, source, root, Limits())


def test_what_says_that_it_is_too_large_is_refused_at_once(
    source: Source, store: BlockStore, tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(os.urandom(8 << 20))
    root = cids.parse(Objects(source.store).add(tmp_path / "large"))
    received: list[int] = []
    with pytest.raises(ObjectTooLarge):
        fetch(store, source, root, Limits(1 << 20), lambda done, total: received.append(done))
    assert len(received) == 1, "the root says how much lies below it"
    with pytest.raises(ObjectTooLarge):
        fetch(store, source, root, Limits(blocks=5))


def test_a_damaged_block_in_the_store_is_fetched_anew(
    source: Source, store: BlockStore, root: bytes, tmp_path: Path
) -> None:
    fetch(store, source, root, Limits())
    (pack,) = store.packs.iterdir()
    data = bytearray(pack.read_bytes())
    for at in range(0, len(data), 4096):
        data[at] ^= 1
    pack.write_bytes(data)
    with Objects(store, source) as objects:  # type: ignore[arg-type]
        objects.kubo = source  # type: ignore[assignment]
        objects.get(cids.text(root), tmp_path / "out")
        objects.kubo = None
    assert (tmp_path / "out/big").stat().st_size == 5 * CHUNK + 1
