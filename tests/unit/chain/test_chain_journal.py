"""What is noted before it is sent is found by whoever comes after."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from decentralml.chain.journal import KEEP_BYTES, Intent, Journal
from decentralml.errors import JournalDamaged, JournalUnwritable

ALICE, BOB = bytes([1]) * 32, bytes([2]) * 32
WRITE_AND_DIE = """
import os, signal, sys
from pathlib import Path
from decentralml.chain.journal import Intent, Journal

journal = Journal(Path(sys.argv[1]))
for number in range(3):
    intent = Intent(bytes([number]), bytes([1]) * 32, number, 0, bytes(32), 64, bytes(32), "x", 0)
    journal.begin(intent)
    if number == 1:
        journal.done(intent)
print("written", flush=True)
if sys.argv[2] == "die":
    os.kill(os.getpid(), signal.SIGKILL)
sys.stdin.read()
"""


def intent(number: int, signer: bytes = ALICE, at: int = 0) -> Intent:
    return Intent(bytes([number]), signer, number, 7, bytes(32), 64, bytes(32), "Transfer", at)


def another(folder: Path, end: str) -> subprocess.Popen[str]:
    """A process that notes three intents and the end of the second."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITE_AND_DIE, str(folder), end],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    return process


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def test_a_killed_process_leaves_what_it_had_not_seen_the_end_of(tmp_path: Path) -> None:
    assert another(tmp_path, "die").wait(20) == -signal.SIGKILL
    journal = Journal(tmp_path)
    left = journal.left(ALICE)
    assert [each.data for each in left] == [b"\0", b"\2"]
    assert left[0].nonce == 0
    assert journal.left(BOB) == ()
    for each in left:
        journal.done(each)
    assert journal.left(ALICE) == ()
    assert files(tmp_path) == []


def test_what_a_living_process_is_sending_is_its_own(tmp_path: Path) -> None:
    living = another(tmp_path, "wait")
    journal = Journal(tmp_path)
    assert journal.left(ALICE) == ()
    living.kill()
    living.wait(20)
    assert len(journal.left(ALICE)) == 2


def test_what_is_left_belongs_to_one_of_those_that_come_after(tmp_path: Path) -> None:
    another(tmp_path, "die").wait(20)
    first, second = Journal(tmp_path), Journal(tmp_path)
    assert len(first.left(ALICE)) == 2
    assert second.left(ALICE) == ()
    first.close()
    assert len(second.left(ALICE)) == 2


def test_nothing_is_kept_of_what_has_ended(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.begin(intent(1))
    assert len(files(tmp_path / "journal")) == 1
    journal.done(intent(1))
    journal.close()
    assert files(tmp_path / "journal") == []


def test_a_file_does_not_grow_without_end(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for _ in range(KEEP_BYTES // 200):
        journal.begin(intent(1))
        journal.done(intent(1))
    assert files(tmp_path)[0].stat().st_size < 2 * KEEP_BYTES


def test_what_nobody_sees_to_any_more_is_left_within_the_same_process(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin(intent(2, at=5))
    journal.begin(intent(1, at=4))
    assert journal.left(ALICE) == ()
    journal.pause(intent(2))
    journal.pause(intent(1))
    assert [each.nonce for each in journal.left(ALICE)] == [1, 2]


def test_a_last_line_that_was_cut_was_never_sent(tmp_path: Path) -> None:
    another(tmp_path, "die").wait(20)
    (file,) = files(tmp_path)
    file.write_bytes(file.read_bytes()[:-20])
    journal = Journal(tmp_path)
    assert [each.nonce for each in journal.left(ALICE)] == [0]
    journal.done(intent(0))


@pytest.mark.parametrize("line", [b"nonsense\n", b"{}\n", b'{"intent": {"data": 5}}\n', b"7\n"])
def test_a_damaged_file_is_named_and_kept(tmp_path: Path, line: bytes) -> None:
    another(tmp_path, "die").wait(20)
    (file,) = files(tmp_path)
    damaged = line + file.read_bytes()
    file.write_bytes(damaged)
    with pytest.raises(JournalDamaged, match=file.name):
        Journal(tmp_path).left(ALICE)
    assert file.read_bytes() == damaged


def test_a_full_disk_is_named_before_anything_is_sent(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin(intent(1))
    (file,) = files(tmp_path)
    before = file.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 50, hard))
    try:
        with pytest.raises(JournalUnwritable, match="nothing was sent"):
            journal.begin(intent(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert file.read_bytes() == before
    journal.begin(intent(3))
    journal.pause(intent(3))
    assert [each.nonce for each in journal.left(ALICE)] == [3]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalUnwritable, match="file"):
        Journal(tmp_path / "file" / "journal").begin(intent(1))


def test_only_its_owner_can_read_a_journal(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.begin(intent(1))
    (file,) = files(tmp_path / "journal")
    assert file.stat().st_mode & 0o777 == 0o600
