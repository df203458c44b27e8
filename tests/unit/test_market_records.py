"""Records are whole or not there, and belong to one chain."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from decentralml.errors import RecordDamaged
from decentralml.market.records import Records
from decentralml.service import files as module
from decentralml.service.files import write_atomically

GENESIS = bytes(range(32))


def test_a_record_is_read_back_and_removed(tmp_path: Path) -> None:
    records = Records(tmp_path, GENESIS, "create-task")
    assert records.read("a") is None
    records.write("a", {"bundle": "bafy", "after": -1})
    assert Records(tmp_path, GENESIS, "create-task").read("a") == {"bundle": "bafy", "after": -1}
    records.remove("a")
    records.remove("a")
    assert records.read("a") is None


def test_another_chain_has_records_of_its_own(tmp_path: Path) -> None:
    Records(tmp_path, GENESIS, "create-task").write("a", {})
    assert Records(tmp_path, bytes(32), "create-task").read("a") is None


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe"])
def test_a_damaged_record_is_named(tmp_path: Path, content: bytes) -> None:
    records = Records(tmp_path, GENESIS, "create-task")
    records.write("a", {})
    records.file("a").write_bytes(content)
    with pytest.raises(RecordDamaged, match="remove it"):
        records.read("a")


def test_an_interrupted_write_keeps_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "record.json"
    write_atomically(file, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(file, b"new")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def _add_one(folder: Path) -> None:
    records = Records(folder, GENESIS, "count")
    for _ in range(50):
        with records.lock("n"):
            value = records.read("n") or {"n": 0}
            records.write("n", {"n": value["n"] + 1})


def test_two_processes_take_turns(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_add_one, args=(tmp_path,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert Records(tmp_path, GENESIS, "count").read("n") == {"n": 100}
