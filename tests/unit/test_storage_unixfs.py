"""The importer, against CIDs that Kubo 0.42 gave (see test_storage_kubo.py for the live one)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from decentralml.errors import NotPlain, PathNotFound, SourceChanged, SourceUnreadable, UnsafePath
from decentralml.storage import cid as cids
from decentralml.storage import hamt
from decentralml.storage.unixfs import CHUNK, SHARD_ABOVE, WIDTH, Importer, cid_of


def pattern(size: int) -> bytes:
    """Bytes that differ from chunk to chunk."""
    return b"".join(i.to_bytes(4, "big") * (CHUNK // 4) for i in range(size // CHUNK + 1))[:size]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"),
        (1, "bafkreidogqfzz75tpkmjzjke425xqcrmpcib2p5tg44hnbirumdbpl5adu"),
        (CHUNK, "bafkreiekhhjkxu4ztk3tyng3er3ijhg56mb44oe3gwbgquhzu4afrg2ksa"),
        (CHUNK + 1, "bafybeigllfqgfpqydppr6cmv56g7ax4wyhruzswvcefv6j5kj77nzttfki"),
        (8 * CHUNK, "bafybeiaykgjugcaeiro7xqy6r5a3ix4nsyt3qtikiqiawpzxlq2ekq2k3y"),
        (CHUNK * WIDTH, "bafybeifcjf4m2nz2w3glqyuip43tox6msmtzhqlwqu364wqlfyd2j3jl3u"),
        (CHUNK * WIDTH + 1, "bafybeicujunaujmn5v5np4ho4mpbdtuj5y52hizzmugbakhv2umbyanwvu"),
    ],
)
def test_a_file_has_the_cid_that_kubo_gives(tmp_path: Path, size: int, expected: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(pattern(size))
    assert cid_of(file) == expected


def test_bytes_and_a_file_of_them_have_the_same_cid(tmp_path: Path) -> None:
    for size in (0, 1, CHUNK, CHUNK + 1, 5 * CHUNK + 7):
        (tmp_path / "file").write_bytes(pattern(size))
        with Importer(None) as importer:
            assert cids.text(importer.add_bytes(pattern(size)).cid) == cid_of(tmp_path / "file")


def test_a_nested_folder_has_the_cid_that_kubo_gives(tmp_path: Path) -> None:
    (tmp_path / "f/ü/漢").mkdir(parents=True)
    (tmp_path / "f/empty").mkdir()
    (tmp_path / "f/ü/漢/ñ").write_bytes(b"deep")
    (tmp_path / "f/ü/b").write_bytes(b"")
    (tmp_path / "f/.hidden").write_bytes(b"seen")
    (tmp_path / "f/big").write_bytes(pattern(3 * CHUNK + 5))
    assert cid_of(tmp_path / "f") == "bafybeifnifaullo6qg3rx6ybmti5guu5bi3yzln55xaxbs4zshzexuxe7a"


def test_a_folder_above_the_threshold_is_sharded_as_kubo_does(tmp_path: Path) -> None:
    for i in range(1500):
        (tmp_path / f"{i:04} of a long name{'.' * 200}").touch()
    assert cid_of(tmp_path) == "bafybeif2mnksx7cwdz3lqhyobeqgqlylcggf63t7bbya5gnkayh5bj26mm"


def test_a_folder_at_the_threshold_is_not_sharded(tmp_path: Path) -> None:
    for i in range(SHARD_ABOVE // 256):  # 220 bytes of name and 36 of CID
        (tmp_path / f"{i:0220}").touch()
    assert cid_of(tmp_path) == "bafybeidx6qfpp6f4hl3oys47lro6iiqqcmtjipovx5s6k7e6hgpkhtynja"
    (tmp_path / "x").touch()
    assert cid_of(tmp_path) == "bafybeibilw2rwpr7o5copo6att2neqs2xxyunlajbf2qirx72acsdzqq5e"


def test_murmur3_gives_the_reference_values() -> None:
    assert hamt.murmur3_64(b"") == 0
    assert hamt.murmur3_64(b"hello") == 0xCBD8A7B341BD9B02
    assert hamt.murmur3_64(b"The quick brown fox jumps over the lazy dog") == 0xE34BBC7BBC071B6C


def test_two_names_of_equal_hash_are_refused_not_recursed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hamt, "murmur3_64", lambda data: 7)
    from decentralml.storage.dagpb import Link

    links = [Link(cids.make(cids.RAW, bytes(32)), name, 0) for name in ("a", "b")]
    with pytest.raises(UnsafePath):
        hamt.build(links, lambda block: cids.make(cids.DAG_PB, bytes(32)))


def test_progress_ends_at_the_total(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f/a").write_bytes(bytes(3 * CHUNK))
    (tmp_path / "f/b").write_bytes(b"abc")
    seen: list[tuple[int, int | None]] = []
    cid_of(tmp_path / "f", lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, 3 * CHUNK + 3)
    assert seen[-1] == (3 * CHUNK + 3, 3 * CHUNK + 3)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_symbolic_links_and_special_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f/link").symlink_to("/etc/passwd")
    with pytest.raises(NotPlain, match="symbolic link"):
        cid_of(tmp_path / "f")
    (tmp_path / "f/link").unlink()
    os.mkfifo(tmp_path / "f/pipe")
    with pytest.raises(NotPlain, match="special file"):
        cid_of(tmp_path / "f")


def test_names_with_control_characters_or_no_utf8_are_refused(tmp_path: Path) -> None:
    for name in (b"a\nb", b"\x1b[2J", b"\xff\xfe"):
        folder = tmp_path / name.hex()
        folder.mkdir()
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).touch()
        with pytest.raises(UnsafePath):
            cid_of(folder)


def test_an_absent_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(PathNotFound, match="nowhere"):
        cid_of(tmp_path / "nowhere")


@pytest.mark.parametrize("function", ["open", "listdir", "lstat"])
def test_what_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    (tmp_path / "file").touch()

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch, pytest.raises(SourceUnreadable, match="Permission denied"):
        patch.setattr(os, function, refuse)
        cid_of(tmp_path)


@pytest.mark.parametrize("size", [3 * CHUNK, 60 * CHUNK])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, size: int) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(40 * CHUNK))

    def change(done: int, total: int | None) -> None:
        if done:
            os.truncate(file, size)

    with pytest.raises(SourceChanged, match="file"):
        cid_of(file, change)


def test_folders_nested_beyond_reason_are_refused(tmp_path: Path) -> None:
    (tmp_path / "/".join("d" * 70)).mkdir(parents=True)
    with pytest.raises(UnsafePath, match="deep"):
        cid_of(tmp_path)
