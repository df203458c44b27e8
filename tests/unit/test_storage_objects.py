"""Adding, getting, verifying, and CARs, on the local store alone."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from decentralml.config import Config
from decentralml.errors import (
    BlockDamaged,
    CidInvalid,
    ConfigError,
    DagInvalid,
    DestinationExists,
    ObjectNotFound,
    ObjectTooLarge,
    StoreUnwritable,
)
from decentralml.storage import cid as cids
from decentralml.storage.dag import Limits
from decentralml.storage.local import BlockStore
from decentralml.storage.objects import Objects, open_objects
from decentralml.storage.staging import staged_folder
from decentralml.storage.unixfs import CHUNK, cid_of
from decentralml.types import Cid

ABSENT = Cid("bafybeifuawicoc2svb4uqlc2j6p647t335623kihcmpwsarxzrk4mzz7au")


@pytest.fixture
def objects(tmp_path: Path) -> Iterator[Objects]:
    with Objects(BlockStore(tmp_path / "store")) as objects:
        yield objects


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    (folder / "sub/empty").mkdir(parents=True)
    (folder / "big").write_bytes(os.urandom(10 * CHUNK + 99))
    (folder / "sub/ü").write_text("hello")
    (folder / "sub/nothing").touch()
    return folder


def contents(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def test_a_folder_comes_back_as_it_was(objects: Objects, folder: Path, tmp_path: Path) -> None:
    cid = objects.add(folder)
    assert cid == cid_of(folder)
    assert objects.has(cid)
    objects.verify(cid)
    assert objects.get(cid, tmp_path / "out") == tmp_path / "out"
    assert contents(tmp_path / "out") == contents(folder)


def test_a_sharded_folder_comes_back_as_it_was(objects: Objects, tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    for i in range(1200):
        (tmp_path / "many" / f"{i:0220}").touch()
    cid = objects.add(tmp_path / "many")
    objects.get(cid, tmp_path / "out")
    assert contents(tmp_path / "out") == contents(tmp_path / "many")


@pytest.mark.parametrize("size", [0, 5, CHUNK, 3 * CHUNK + 1])
def test_a_file_comes_back_as_it_was(objects: Objects, tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "file").write_bytes(data)
    cid = objects.add(tmp_path / "file")
    assert objects.get(cid, tmp_path / "new/out").read_bytes() == data
    assert objects.put_bytes(data) == cid
    assert objects.get_bytes(cid, size) == data
    if size:
        with pytest.raises(ObjectTooLarge):
            objects.get_bytes(cid, size - 1)


def test_a_car_carries_a_folder_to_another_store(
    objects: Objects, folder: Path, tmp_path: Path
) -> None:
    cid = objects.add(folder)
    objects.export_car(cid, tmp_path / "x.car")
    with Objects(BlockStore(tmp_path / "other")) as other:
        assert not other.has(cid)
        assert other.import_car(tmp_path / "x.car") == cid
        other.get(cid, tmp_path / "out")
    assert contents(tmp_path / "out") == contents(folder)


def test_progress_of_get_and_car_reaches_its_end(
    objects: Objects, folder: Path, tmp_path: Path
) -> None:
    cid = objects.add(folder)
    steps: list[tuple[int, int | None]] = []
    objects.get(cid, tmp_path / "out", progress=lambda *step: steps.append(step))
    assert steps[-1][0] == steps[-1][1]
    objects.export_car(cid, tmp_path / "x.car")
    objects.import_car(tmp_path / "x.car", progress=lambda *step: steps.append(step))
    assert steps[-1][0] == steps[-1][1]


def test_what_a_killed_process_left_is_removed_by_the_next_one(
    objects: Objects, folder: Path, tmp_path: Path
) -> None:
    cid = objects.add(folder)
    ours = tmp_path / ".out.abcdefgh.part"
    (ours / "folder" / "deep").mkdir(parents=True)
    kept = [tmp_path / ".out.settings", tmp_path / ".other.abcdefgh.part", tmp_path / ".out.x.part"]
    for path in kept:
        (path / "mine").mkdir(parents=True)
    with staged_folder(tmp_path / "out"):  # one that is alive
        (alive,) = tmp_path.glob(".out.????????.part/folder")
        assert not ours.exists()
        objects.get(cid, tmp_path / "out")
        assert alive.exists()
        (tmp_path / "out").rename(tmp_path / "done")
    assert contents(tmp_path / "done") == contents(folder)
    assert all(path.exists() for path in kept)
    assert not list(tmp_path.glob(".out.????????.part"))


def test_what_exists_is_not_overwritten(objects: Objects, folder: Path, tmp_path: Path) -> None:
    cid = objects.add(folder)
    before = contents(folder)
    with pytest.raises(DestinationExists):
        objects.get(cid, folder)
    (tmp_path / "x.car").write_text("mine")
    with pytest.raises(DestinationExists):
        objects.export_car(cid, tmp_path / "x.car")
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(DestinationExists):
        objects.get(cid, tmp_path / "dangling")
    assert contents(folder) == before
    assert (tmp_path / "x.car").read_text() == "mine"


def test_what_is_not_there_is_named(objects: Objects, tmp_path: Path) -> None:
    assert not objects.has(ABSENT)
    for action in (
        lambda: objects.get(ABSENT, tmp_path / "out"),
        lambda: objects.verify(ABSENT),
        lambda: objects.get_bytes(ABSENT, 10),
        lambda: objects.export_car(ABSENT, tmp_path / "x.car"),
        lambda: objects.publish(ABSENT),
    ):
        with pytest.raises(ObjectNotFound, match=ABSENT):
            action()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store"]


def test_a_missing_leaf_leaves_nothing_half_written(
    objects: Objects, folder: Path, tmp_path: Path
) -> None:
    cid = objects.add(folder)
    leaf = cids.parse(cid_of(folder / "sub/ü"))
    file = objects.store.root / "index.sqlite"
    with sqlite3.connect(file) as index:
        index.execute("DELETE FROM blocks WHERE digest = ?", (cids.digest(leaf),))
    index.close()
    assert not objects.has(cid)
    with pytest.raises(ObjectNotFound):
        objects.get(cid, tmp_path / "out")
    with pytest.raises(ObjectNotFound):
        objects.export_car(cid, tmp_path / "x.car")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "store"]


def test_damage_is_found_and_mended_by_adding_again(
    objects: Objects, folder: Path, tmp_path: Path
) -> None:
    cid = objects.add(folder)
    for pack in objects.store.packs.iterdir():
        data = bytearray(pack.read_bytes())
        data[len(data) // 2] ^= 0x40
        pack.write_bytes(data)
    with pytest.raises(BlockDamaged):
        objects.verify(cid)
    assert not (tmp_path / "out").exists()
    assert objects.add(folder) == cid
    objects.verify(cid)


def test_a_folder_is_no_file(objects: Objects, folder: Path) -> None:
    with pytest.raises(DagInvalid):
        objects.get_bytes(objects.add(folder), 1 << 30)


def test_limits_hold_for_what_is_in_the_store_too(
    objects: Objects, folder: Path, tmp_path: Path
) -> None:
    cid = objects.add(folder)
    for limits in (Limits(total_bytes=1000), Limits(entries=2), Limits(depth=0)):
        with pytest.raises(ObjectTooLarge):
            objects.get(cid, tmp_path / "out", limits)
        with pytest.raises(ObjectTooLarge):
            objects.verify(cid, limits)


def test_text_that_is_no_cid_is_refused(objects: Objects, tmp_path: Path) -> None:
    with pytest.raises(CidInvalid):
        objects.get(Cid("../../etc/passwd"), tmp_path / "out")


def test_a_full_disk_leaves_nothing_half_written(
    objects: Objects, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cid = objects.add(folder)
    opened = Path.open

    def full(path: Path, mode: str = "r", *rest: object) -> object:
        if "x" in mode and path.name == "big":
            return opened(Path("/dev/full"), "wb")
        return opened(path, mode, *rest)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(StoreUnwritable, match="the disk is full"):
        objects.get(cid, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "store"]


def test_an_interrupted_get_leaves_nothing_half_written(
    objects: Objects, folder: Path, tmp_path: Path
) -> None:
    cid = objects.add(folder)

    def interrupt(done: int, total: int | None) -> None:
        if done > 5 * CHUNK:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        objects.get(cid, tmp_path / "out", progress=interrupt)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "store"]
    objects.get(cid, tmp_path / "out")


def test_an_interrupted_add_goes_on_when_repeated(objects: Objects, folder: Path) -> None:
    def interrupt(done: int, total: int | None) -> None:
        if done > CHUNK:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        objects.add(folder, interrupt)
    objects.verify(objects.add(folder))


def test_the_settings_choose_the_storage(tmp_path: Path) -> None:
    with open_objects(Config(tmp_path)) as objects:
        assert objects.kubo is None
        objects.publish(objects.put_bytes(b"x"))
    with open_objects(Config(tmp_path, storage="http://127.0.0.1:5001")) as objects:
        assert objects.kubo is not None
    for storage in ("s3://bucket", "Local", "127.0.0.1:5001", "http://", "http://host:port"):
        with pytest.raises(ConfigError):
            open_objects(Config(tmp_path, storage=storage))
