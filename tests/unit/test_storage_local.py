"""The local block store: what goes in comes out, or is reported."""

from __future__ import annotations

import errno
import hashlib
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from decentralml.errors import BlockDamaged, ObjectNotFound, StoreDamaged, StoreUnwritable
from decentralml.storage import cid as cids
from decentralml.storage import local, packfile
from decentralml.storage.local import BlockStore
from decentralml.storage.unixfs import CHUNK, Importer


def block_of(data: bytes) -> tuple[bytes, bytes]:
    digest = hashlib.sha256(data).digest()
    return digest, cids.make(cids.RAW, digest)


def put(store: BlockStore, data: bytes) -> bytes:
    digest, cid = block_of(data)
    with store.writer() as writer:
        writer.put(digest, data)
    return cid


def packs(store: BlockStore) -> list[Path]:
    return sorted(store.packs.iterdir())


@pytest.mark.parametrize("data", [b"", b"x", bytes(4096), os.urandom(CHUNK), bytes(2 << 20)])
def test_a_block_comes_back_as_it_was(tmp_path: Path, data: bytes) -> None:
    with BlockStore(tmp_path) as store:
        cid = put(store, data)
        assert store.get(cid) == data
    with BlockStore(tmp_path) as again:
        assert again.has(cid)
        assert again.get(cid) == data


def test_a_large_file_comes_back_block_by_block(tmp_path: Path) -> None:
    file = tmp_path / "file"
    data = os.urandom(9 * CHUNK + 1234)
    file.write_bytes(data)
    with BlockStore(tmp_path / "store") as store:
        with store.writer() as writer, Importer(writer) as importer:
            importer.add(file)
        for at in range(0, len(data), CHUNK):
            _, cid = block_of(data[at : at + CHUNK])
            assert store.get(cid) == data[at : at + CHUNK]


def test_adding_again_writes_nothing_new(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(os.urandom(20 * CHUNK))
    with BlockStore(tmp_path / "store") as store:
        for _ in range(2):
            with store.writer() as writer, Importer(writer) as importer:
                importer.add(file)
        put(store, b"small")
        put(store, b"small")
        assert len(packs(store)) == 2


def test_an_absent_block_is_named(tmp_path: Path) -> None:
    with BlockStore(tmp_path) as store:
        _, cid = block_of(b"never added")
        assert not store.has(cid)
        with pytest.raises(ObjectNotFound) as caught:
            store.get(cid)
        assert caught.value.cid == cids.text(cid)


def test_a_flipped_bit_is_reported_once_and_mended_by_adding_again(tmp_path: Path) -> None:
    with BlockStore(tmp_path) as store:
        cid = put(store, b"precious" * 100)
        (pack,) = packs(store)
        data = bytearray(pack.read_bytes())
        data[5] ^= 1
        pack.write_bytes(data)
        with pytest.raises(BlockDamaged) as caught:
            store.get(cid)
        assert caught.value.path == str(pack)
        assert not store.has(cid)
        put(store, b"precious" * 100)
        assert store.get(cid) == b"precious" * 100


def test_damage_is_mended_by_adding_even_if_nobody_read_it(tmp_path: Path) -> None:
    with BlockStore(tmp_path) as store:
        cid = put(store, b"precious")
        packs(store)[0].write_bytes(b"garbage!")
        put(store, b"precious")
        assert store.get(cid) == b"precious"


@pytest.mark.parametrize("harm", ["truncate", "remove"])
def test_a_pack_that_was_cut_or_lost_is_damage(tmp_path: Path, harm: str) -> None:
    with BlockStore(tmp_path) as store:
        cid = put(store, b"precious" * 1000)
        (pack,) = packs(store)
        pack.unlink() if harm == "remove" else os.truncate(pack, 10)
        with pytest.raises(BlockDamaged):
            store.get(cid)


def test_a_damaged_index_is_reported(tmp_path: Path) -> None:
    with BlockStore(tmp_path) as store:
        put(store, b"x")
    (tmp_path / "index.sqlite").write_bytes(b"this is no database" * 1000)
    with pytest.raises(StoreDamaged):
        BlockStore(tmp_path)


def test_a_full_disk_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with BlockStore(tmp_path) as store:
        _, kept = block_of(b"kept")
        put(store, b"kept")
        monkeypatch.setattr(packfile.os, "pwrite", full)
        with pytest.raises(StoreUnwritable, match="the disk is full"):
            put(store, b"lost")
        monkeypatch.undo()
        assert store.get(kept) == b"kept"
        assert len(packs(store)) == 1, "the unfinished pack is gone"


def test_a_really_full_disk_is_one_clear_error(tmp_path: Path) -> None:
    """A limit on file size stands in for a small disk: the kernel itself refuses."""
    file = tmp_path / "file"
    file.write_bytes(os.urandom(40 * CHUNK))
    program = (
        "import resource, signal, sys; from pathlib import Path;"
        "from decentralml.storage.local import BlockStore;"
        "from decentralml.storage.objects import Objects;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, 4 << 20));"
        "from decentralml.errors import StoreUnwritable\n"
        "try: Objects(BlockStore(Path(sys.argv[1]))).add(Path(sys.argv[2]))\n"
        "except StoreUnwritable as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "store"), str(file)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "takes no file of this size" in done.stdout
    with BlockStore(tmp_path / "store") as store, store.writer() as writer:
        Importer(writer).add(file)


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.EDQUOT])
def test_a_folder_that_may_not_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch, pytest.raises(StoreUnwritable, match="store"):
        patch.setattr(os, "mkdir", refuse)
        BlockStore(tmp_path / "store")


def test_writes_go_on_without_direct_io(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system may refuse direct writes when the file is opened, or at the first write."""
    opened = os.open

    def refuse(path: object, flags: int, *mode: int) -> int:
        if flags & os.O_DIRECT:
            raise OSError(errno.EINVAL, "no direct writes here")
        return opened(path, flags, *mode)  # type: ignore[arg-type]

    monkeypatch.setattr(packfile.os, "open", refuse)
    with BlockStore(tmp_path) as store:
        assert store.get(put(store, b"x" * 5000)) == b"x" * 5000
    monkeypatch.undo()

    written = os.pwrite
    refused: list[int] = []

    def refuse_once(descriptor: int, data: memoryview, offset: int) -> int:
        if not refused:
            refused.append(descriptor)
            raise OSError(errno.EINVAL, "no direct writes here")
        return written(descriptor, data, offset)

    monkeypatch.setattr(packfile.os, "pwrite", refuse_once)
    with BlockStore(tmp_path) as store:
        assert store.get(put(store, b"y" * 5000)) == b"y" * 5000
    assert refused


def test_a_write_cut_short_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = os.pwrite
    monkeypatch.setattr(
        packfile.os, "pwrite", lambda d, data, offset: written(d, data[:1000], offset)
    )
    data = os.urandom(100_000)
    with BlockStore(tmp_path) as store:
        assert store.get(put(store, data)) == data


def test_blocks_are_visible_to_others_before_the_writer_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a killed fetch has received so far must be found by the next one."""
    monkeypatch.setattr(local, "COMMIT_SECONDS", 0.0)
    with BlockStore(tmp_path) as store, store.writer() as writer:
        digest, cid = block_of(b"early")
        writer.put(digest, b"early")
        writer.put(*reversed((b"later", hashlib.sha256(b"later").digest())))
        with BlockStore(tmp_path) as other:
            assert other.get(cid) == b"early"


def test_an_error_keeps_the_blocks_that_came_before_it(tmp_path: Path) -> None:
    digest, cid = block_of(b"came")
    with BlockStore(tmp_path) as store:
        with pytest.raises(RuntimeError), store.writer() as writer:
            writer.put(digest, b"came")
            raise RuntimeError
        assert store.get(cid) == b"came"


def _add_many(root: str, seed: int) -> None:
    with BlockStore(Path(root)) as store:
        for i in range(20):
            with store.writer() as writer:
                for data in (b"%d-%d" % (seed, i), b"common-%d" % i):
                    writer.put(hashlib.sha256(data).digest(), data)


def test_several_processes_add_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_add_many, args=(str(tmp_path), n)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    with BlockStore(tmp_path) as store:
        for i in range(20):
            for data in (b"common-%d" % i, *(b"%d-%d" % (n, i) for n in range(4))):
                assert store.get(block_of(data)[1]) == data


def test_a_killed_writer_leaves_a_store_that_works(tmp_path: Path) -> None:
    """Kill at many moments; every block that the index knows must be sound each time."""
    file = tmp_path / "file"
    file.write_bytes(os.urandom(48 << 20))
    program = (
        "import sys; from pathlib import Path; import decentralml.storage.local as local;"
        "local.COMMIT_BYTES = 4 << 20;"
        "from decentralml.storage.objects import Objects;"
        "print('ready', flush=True);"
        "Objects(local.BlockStore(Path(sys.argv[1]))).add(Path(sys.argv[2]))"
    )
    root = tmp_path / "store"
    for moment in range(8):
        child = subprocess.Popen(
            [sys.executable, "-c", program, str(root), str(file)], stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(0.02 * moment)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        if not (root / "index.sqlite").exists():
            continue
        with BlockStore(root) as store:
            index = sqlite3.connect(root / "index.sqlite")
            for (digest,) in index.execute("SELECT digest FROM blocks").fetchall():
                store.get(cids.make(cids.RAW, digest))
            index.close()


def test_packs_of_killed_writers_are_removed_and_live_ones_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "ABANDONED_SECONDS", -1.0)
    with BlockStore(tmp_path) as store:
        kept = put(store, b"kept")
        (store.packs / "dead.pack").write_bytes(b"unfinished")
        alive = packfile.PackFile(store.packs / "alive.pack")
        alive.write(packfile.aligned_buffer()[:10])
        store.sweep()
        names = {path.name for path in packs(store)}
        alive.close(keep=True)
        assert "dead.pack" not in names
        assert "alive.pack" in names
        assert store.get(kept) == b"kept"
