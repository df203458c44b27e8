"""The shelf: files under their CIDs."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from swarm_files_support import write_file

from decentralml.errors import CidInvalid, PathNotFound, StoreUnwritable
from decentralml.storage.unixfs import cid_of
from decentralml.swarm.files import shelf as module
from decentralml.swarm.files.shelf import Shelf
from decentralml.types import Cid


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "shelf")


def test_a_file_is_found_under_the_cid_that_ipfs_gives_it(tmp_path: Path, shelf: Shelf) -> None:
    file = write_file(tmp_path / "file", 600_000)
    cid = shelf.put(file)
    assert cid == cid_of(file)
    path = shelf.path(cid)
    assert path is not None and path.read_bytes() == file.read_bytes()
    assert shelf.held() == [cid]
    assert shelf.put(file) == cid  # again


def test_a_file_on_the_shelf_outlives_its_source(tmp_path: Path, shelf: Shelf) -> None:
    file = write_file(tmp_path / "file", 10)
    cid = shelf.put(file)
    file.unlink()
    write_file(file, 20)
    path = shelf.path(cid)
    assert path is not None and path.stat().st_size == 10


def test_where_links_cannot_be_had_the_file_is_copied(
    tmp_path: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, "another file system")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    file = write_file(tmp_path / "file", 10)
    path = shelf.path(shelf.put(file))
    assert path is not None and not path.samefile(file)


def test_what_is_not_there_is_none(tmp_path: Path, shelf: Shelf) -> None:
    assert shelf.path(cid_of(write_file(tmp_path / "file", 10))) is None


@pytest.mark.parametrize("name", ["../../etc/passwd", "parts", "", "bafkreiX", "a\0b"])
def test_a_name_that_is_no_cid_never_becomes_a_path(shelf: Shelf, name: str) -> None:
    with pytest.raises(CidInvalid):
        shelf.path(Cid(name))


def test_only_plain_files_are_taken(tmp_path: Path, shelf: Shelf) -> None:
    for absent in (tmp_path / "absent", tmp_path):
        with pytest.raises(PathNotFound):
            shelf.put(absent)


def test_what_is_not_kept_is_removed_and_nothing_else_in_the_folder(
    tmp_path: Path, shelf: Shelf
) -> None:
    one, two = (shelf.put(write_file(tmp_path / "file" / str(n), n)) for n in (1, 2))
    (shelf.folder / "note").write_text("of the user")
    assert shelf.keep([two]) == [one]
    assert shelf.held() == [two]
    assert (shelf.folder / "note").exists()


def test_what_a_power_failure_damaged_is_removed_on_request(tmp_path: Path, shelf: Shelf) -> None:
    cid = shelf.put(write_file(tmp_path / "file", 10))
    sound = shelf.put(write_file(tmp_path / "other", 20))
    path = shelf.folder / cid
    path.chmod(0o600)
    path.write_bytes(b"")
    assert shelf.mend() == [cid]
    assert shelf.held() == [sound]


def test_what_is_read_once_is_read_again_when_it_changes(
    tmp_path: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    cid = shelf.put(write_file(tmp_path / "file", 10))
    path = shelf.folder / cid
    read: list[Path] = []
    real = module.file_cid
    monkeypatch.setattr(module, "file_cid", lambda file: read.append(file) or real(file))
    assert shelf.sound(cid) == shelf.sound(cid) == path
    assert read == [path]
    path.chmod(0o600)
    path.write_bytes(b"0123456789")
    assert shelf.sound(cid) is None and not path.exists()
    assert shelf.sound(cid) is None and shelf.damaged == [cid]


def test_what_a_disk_cannot_read_any_more_is_removed(
    tmp_path: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    cid = shelf.put(write_file(tmp_path / "file", 10))

    def fail(file: Path) -> Cid:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(module, "file_cid", fail)
    assert shelf.sound(cid) is None and shelf.damaged == [cid]


def test_parts_of_a_killed_process_are_swept_at_the_start(tmp_path: Path, shelf: Shelf) -> None:
    (shelf.folder / "parts" / "left").write_bytes(b"half")
    Shelf(shelf.folder)
    assert list((shelf.folder / "parts").iterdir()) == []


def test_a_full_disk_is_said_and_leaves_no_part(
    tmp_path: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module, "lend", fill)
    with pytest.raises(StoreUnwritable, match="the disk is full"):
        shelf.put(write_file(tmp_path / "file", 10))
    assert shelf.held() == []
    assert list((shelf.folder / "parts").iterdir()) == []
