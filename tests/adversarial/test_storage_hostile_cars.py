"""CARs that are broken, or mean harm: refused whole, with nothing of them kept."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from storage_forge import Forge, car, header, named, section, write

from decentralml.errors import (
    BlockMismatch,
    CarInvalid,
    DecentralMLError,
    ObjectTooLarge,
    PathNotFound,
)
from decentralml.storage import cid as cids
from decentralml.storage.dag import Limits
from decentralml.storage.dagpb import varint
from decentralml.storage.local import BlockStore
from decentralml.storage.objects import Objects


@pytest.fixture
def objects(tmp_path: Path) -> Iterator[Objects]:
    with Objects(BlockStore(tmp_path / "store")) as objects:
        yield objects


def sound() -> tuple[Forge, bytes]:
    forge = Forge()
    big = forge.file([forge.raw(bytes(1000)), forge.raw(b"end")], [1000, 3], "big")
    root = forge.folder([big, forge.raw(b"small", "small")])
    return forge, root.cid


def refuse(
    objects: Objects, tmp_path: Path, data: bytes, kind: type[DecentralMLError] = CarInvalid
) -> str:
    with pytest.raises(kind) as caught:
        objects.import_car(write(tmp_path / "x.car", data))
    assert list(objects.store.packs.iterdir()) == []
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_sound_car_is_taken_in_any_order(objects: Objects, tmp_path: Path) -> None:
    forge, root = sound()
    blocks = list(forge.blocks.items())
    random.Random(1).shuffle(blocks)
    cid = objects.import_car(write(tmp_path / "x.car", car(root, blocks)))
    assert cid == cids.text(root)
    objects.get(cid, tmp_path / "out")
    assert (tmp_path / "out/big").read_bytes() == bytes(1000) + b"end"


def test_a_car_cut_anywhere_is_refused(objects: Objects, tmp_path: Path) -> None:
    forge, root = sound()
    data = car(root, forge.blocks.items())
    for end in range(0, len(data), 7):
        refuse(objects, tmp_path, data[:end])


def test_a_flipped_bit_anywhere_is_refused(objects: Objects, tmp_path: Path) -> None:
    forge, root = sound()
    data = car(root, forge.blocks.items())
    for at in range(0, len(data), 5):
        bad = bytearray(data)
        bad[at] ^= 1 << at % 8
        refuse(objects, tmp_path, bytes(bad), DecentralMLError)


def test_a_block_that_does_not_match_its_cid_is_refused(objects: Objects, tmp_path: Path) -> None:
    forge, root = sound()
    cid = next(cid for cid in forge.blocks if cids.codec(cid) == cids.RAW)
    forge.blocks[cid] = b"something else"
    refuse(objects, tmp_path, car(root, forge.blocks.items()), BlockMismatch)


def test_bytes_behind_the_last_block_are_refused(objects: Objects, tmp_path: Path) -> None:
    forge, root = sound()
    refuse(objects, tmp_path, car(root, forge.blocks.items()) + b"\x00")
    refuse(objects, tmp_path, car(root, forge.blocks.items()) + b"trailing bytes")


def test_a_missing_block_is_named(objects: Objects, tmp_path: Path) -> None:
    forge, root = sound()
    lost = next(cid for cid in forge.blocks if cid != root)
    del forge.blocks[lost]
    assert cids.text(lost) in refuse(objects, tmp_path, car(root, forge.blocks.items()))


def test_blocks_that_do_not_belong_are_refused(objects: Objects, tmp_path: Path) -> None:
    forge, root = sound()
    forge.raw(b"smuggled in")
    assert "does not lead to" in refuse(objects, tmp_path, car(root, forge.blocks.items()))


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\x00",
        varint(1 << 40),
        b"\xff" * 20,
        varint(60) + b"\xa2\x65roots",
        varint(11) + b"\xa1\x67version\x01",  # no roots
        varint(18) + b"\xa2\x65roots\x80\x67version\x01",  # none
        b"\x0a\xa1\x67version\x02",  # CAR of version 2
        header(bytes(36)),
        header(b"\x01\x71\x12\x20" + bytes(32)),  # a dag-cbor root
        b"\x80\x02}q\x00.",
    ],
)
def test_other_headers_are_refused(objects: Objects, tmp_path: Path, head: bytes) -> None:
    refuse(objects, tmp_path, head)


def test_version_2_is_named(objects: Objects, tmp_path: Path) -> None:
    assert "version 2" in refuse(objects, tmp_path, b"\x0a\xa1\x67version\x02" + bytes(100))


def test_a_block_of_a_gigabyte_is_refused_before_it_is_read(
    objects: Objects, tmp_path: Path
) -> None:
    _, root = sound()
    assert "a block of over" in refuse(objects, tmp_path, header(root) + varint(1 << 30) + root)


@pytest.mark.parametrize(
    "cid",
    [
        b"\x01\x55\x00\x03abc",
        b"\x01\x55\x13\x40" + bytes(64),
        b"\x01\x71\x12\x20" + bytes(32),
        b"\x12\x20" + bytes(3),
        b"",
    ],
)
def test_blocks_with_other_cids_are_refused(objects: Objects, tmp_path: Path, cid: bytes) -> None:
    _, root = sound()
    refuse(objects, tmp_path, header(root) + section(cid, b""), DecentralMLError)


def test_a_car_over_the_limit_is_refused(objects: Objects, tmp_path: Path) -> None:
    forge, root = sound()
    file = write(tmp_path / "x.car", car(root, forge.blocks.items()))
    with pytest.raises(ObjectTooLarge):
        objects.import_car(file, Limits(total_bytes=500))
    with pytest.raises(ObjectTooLarge):
        objects.import_car(file, Limits(blocks=2))
    assert list(objects.store.packs.iterdir()) == []


def test_a_dag_that_is_reached_many_times_is_surveyed_once(
    objects: Objects, tmp_path: Path
) -> None:
    forge = Forge()
    link = forge.folder([])
    for _ in range(8):
        link = forge.folder([named(link, f"{i}") for i in range(50)])
    objects.import_car(write(tmp_path / "x.car", car(link.cid, forge.blocks.items())))


def test_an_absent_car_and_a_folder_are_named(objects: Objects, tmp_path: Path) -> None:
    with pytest.raises(PathNotFound):
        objects.import_car(tmp_path / "nowhere.car")
    with pytest.raises(PathNotFound):
        objects.import_car(tmp_path)
