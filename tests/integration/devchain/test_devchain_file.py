"""The chain file when things go wrong: not there, not ours, damaged, full, busy."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from devchain_support import UNIT, account, new_chain, nonce, remark, shared_cache, signed, transfer

from decentralml.devchain import chain as chain_module
from decentralml.devchain import creation, sql
from decentralml.devchain.chain import DevChain
from decentralml.devchain.files import remove
from decentralml.devchain.lock import FileLock
from decentralml.errors import (
    ChainBusy,
    ChainDiskFull,
    ChainError,
    ChainFileDamaged,
    ChainFileExists,
    ChainFileGone,
    ChainFileMissing,
    ChainFileTooNew,
    NotAChainFile,
)

ALICE = account("Alice")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed chain of one block."""
    file = tmp_path / "chain.sqlite"
    with new_chain(file) as chain:
        chain.submit(signed(chain, ALICE, 0, transfer(account("Bob").public, UNIT)))
    return file


def reopen(path: Path) -> DevChain:
    return DevChain.open(path, cache=shared_cache())


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ChainFileMissing, match="nothing here"):
        reopen(tmp_path / "nothing here")
    with pytest.raises(ChainFileMissing):
        reopen(tmp_path)


def test_a_chain_is_never_overwritten(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(ChainFileExists):
        new_chain(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"", b"text", b"SQLite format 3\0" + bytes(200), os.urandom(9999)]
)
def test_a_file_that_is_something_else_is_named_and_left_alone(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "other"
    file.write_bytes(content)
    with pytest.raises((NotAChainFile, ChainFileDamaged)):
        reopen(file)
    assert file.read_bytes() == content


def test_a_database_of_somebody_else_is_named(tmp_path: Path) -> None:
    file = tmp_path / "other.sqlite"
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE blocks (number)")
    with pytest.raises(NotAChainFile):
        reopen(file)


def test_a_file_of_a_later_version_is_named(path: Path) -> None:
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA user_version=99")
    with pytest.raises(ChainFileTooNew, match="99"):
        reopen(path)


@pytest.mark.parametrize("offset", [100, 4096, 8192])
def test_a_damaged_file_is_an_error_with_a_remedy(path: Path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset : offset + 4000] = os.urandom(4000)
    path.write_bytes(content)
    with pytest.raises(ChainError) as caught, reopen(path) as chain:
        chain.export_spec()
        chain.submit(signed(chain, ALICE, nonce(chain, ALICE.public), remark(b"")))
        chain.block(chain.head), chain.metadata()
        raise ChainFileDamaged(path, "this damage was in no page that is read")
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("part", ["blocks", "branches", "runtimes"])
def test_missing_and_garbled_rows_are_damage(path: Path, part: str) -> None:
    with sqlite3.connect(path) as file:
        if part == "branches":
            file.execute("UPDATE branches SET node = x'ff00'")
        else:
            file.execute(f"DELETE FROM {part}")
    with pytest.raises(ChainFileDamaged, match="reset"), reopen(path) as chain:
        chain.submit(signed(chain, ALICE, 1, remark(b"")))


def test_a_full_disk_loses_nothing_and_says_so(path: Path) -> None:
    with reopen(path) as chain:
        head, file = chain.head, chain._store._sql
        pages = file.execute("PRAGMA page_count").fetchone()[0]
        file.execute(f"PRAGMA max_page_count={pages + 2}")
        with pytest.raises(ChainDiskFull, match="make room"):
            chain.submit(signed(chain, ALICE, 1, remark(os.urandom(100_000))))
        assert chain.head == head and chain.storage(b":code")
        file.execute("PRAGMA max_page_count=1000000")
        done = chain.submit(signed(chain, ALICE, 1, remark(os.urandom(100_000))))
        assert done.result == b"\0\0" and chain.height == 2


def test_a_new_file_that_cannot_be_completed_does_not_appear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is still in the draft's log (a full disk, a reader) would be lost with its name."""
    readers = []
    real = creation.runtime_record

    def with_a_reader(*given: Any) -> Any:
        reader = sqlite3.connect(tmp_path / "chain.sqlite.new", isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM blocks").fetchall()
        readers.append(reader)
        return real(*given)

    monkeypatch.setattr(creation, "runtime_record", with_a_reader)
    monkeypatch.setattr(sql, "_BUSY_MILLISECONDS", 50)
    with pytest.raises(ChainError, match="in use"):
        new_chain(tmp_path / "chain.sqlite")
    readers[0].close()
    assert [file.name for file in tmp_path.iterdir()] == ["chain.sqlite.lock"]
    monkeypatch.undo()
    with new_chain(tmp_path / "chain.sqlite") as chain:
        assert chain.height == 0


def test_no_room_for_the_logs_index_is_a_full_disk(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failure = sqlite3.OperationalError("disk I/O error")
    failure.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
    with pytest.raises(ChainError, match="disk I/O error"), sql.explained(path):
        raise failure
    monkeypatch.setattr(sql, "_INDEX_BYTES", 2**62)
    with pytest.raises(ChainDiskFull, match="make room"), sql.explained(path):
        raise failure


def test_a_file_that_must_not_be_written_is_an_error(path: Path) -> None:
    with reopen(path) as chain:
        chain._store._sql.execute("PRAGMA query_only=1")
        with pytest.raises(ChainError, match="permissions"):
            chain.submit(signed(chain, ALICE, 1, remark(b"")))


def test_whoever_waits_too_long_is_told_for_whom(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain_module, "LOCK_DEADLINE", 0.2)
    script = """
import sys
from pathlib import Path
from decentralml.devchain.lock import FileLock
with FileLock(Path(sys.argv[1])).held(5):
    print("held", flush=True)
    sys.stdin.read()
"""
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as holder:
        assert holder.stdout is not None and holder.stdin is not None
        assert holder.stdout.readline() == b"held\n"
        with reopen(path) as chain:
            assert chain.height == 1, "readers do not wait"
            with pytest.raises(ChainBusy, match=f"process {holder.pid} ") as caught:
                chain.submit(signed(chain, ALICE, 1, remark(b"")))
            assert caught.value.seconds == 0.2
            holder.kill()
            holder.wait()
            assert chain.submit(signed(chain, ALICE, 1, remark(b""))).number == 2


def test_a_chain_that_was_not_finished_being_made_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "chain.sqlite.new").write_bytes(b"half a chain")
    (tmp_path / "chain.sqlite.new-wal").write_bytes(b"and its log")
    with new_chain(tmp_path / "chain.sqlite") as chain:
        assert chain.height == 0
    assert not list(tmp_path.glob("*.new*"))


def test_two_that_make_one_chain_make_one(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from devchain_support import new_chain
from decentralml.errors import ChainFileExists
try:
    new_chain(Path(sys.argv[1])).close()
    print("made")
except ChainFileExists:
    print("there")
"""
    tests = Path(__file__).parents[2]
    makers = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "chain.sqlite")],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(tests), str(tests.parent)))},
        )
        for _ in range(3)
    ]
    said = sorted(maker.communicate(timeout=120)[0].strip() for maker in makers)
    assert said == ["made", "there", "there"]
    with reopen(tmp_path / "chain.sqlite") as chain:
        assert chain.height == 0


def test_a_file_that_was_removed_takes_no_more_blocks(path: Path) -> None:
    with reopen(path) as chain:
        extrinsic = signed(chain, ALICE, 1, remark(b""))
        assert path in remove(path) and not list(path.parent.iterdir())
        for attempt in (lambda: chain.submit(extrinsic), lambda: chain.storage(b":code")):
            with pytest.raises(ChainFileGone, match="start again"):
                attempt()
        with new_chain(path) as other:
            assert other.height == 0
            with pytest.raises(ChainFileGone):
                chain.submit(extrinsic)
            assert other.height == 0
    assert remove(path) and not remove(path)


def test_a_lock_whose_file_was_removed_is_taken_anew(path: Path) -> None:
    first, second = FileLock(path), FileLock(path)
    with first.held(1):
        pass
    first.path.unlink()
    with first.held(1), pytest.raises(ChainBusy), second.held(0):
        pass
    first.close(), second.close()


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ChainError, match="another folder"):
        new_chain(tmp_path / "file" / "home" / "chain.sqlite")
