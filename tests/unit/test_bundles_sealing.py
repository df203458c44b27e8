"""Sealing: readers read, nobody else does, and damage is never mistaken for content."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from decentralml.bundles.sealing import (
    _bech32,
    _words,
    encryption_public_key,
    is_usable,
    seal_folder,
    unseal_folder,
)
from decentralml.errors import (
    DecentralMLError,
    DestinationExists,
    NotARecipient,
    NotPlain,
    ObjectTooLarge,
    PathNotFound,
    SealDamaged,
)
from decentralml.storage.dag import Limits
from decentralml.storage.unixfs import cid_of

KEY, OTHER = (bytes([n]) * 32 for n in (1, 2))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    (folder / "sub").mkdir(parents=True)
    (folder / "inputs.safetensors").write_bytes(os.urandom(600_000))
    (folder / "sub/labels.json").write_text("{}")
    return folder


@pytest.fixture
def sealed(folder: Path, tmp_path: Path) -> Path:
    seal_folder(folder, KEY, tmp_path / "sealed")
    return tmp_path / "sealed"


def left_over(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in tmp_path.iterdir())


def test_keys_are_written_as_age_writes_them() -> None:
    """The example pair of BIP-173 text that age's own `age-keygen -y` agrees with."""
    import pyrage

    identity = pyrage.x25519.Identity.generate()
    text = str(identity)
    alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    number = 0
    for character in text.lower().split("1", 1)[1][:-6]:
        number = number << 5 | alphabet.index(character)
    secret = (number >> 4).to_bytes(32, "big")
    assert _bech32("age-secret-key-", _words(secret)).upper() == text
    public = encryption_public_key(secret)
    assert _bech32("age", _words(public)) == str(identity.to_public())


def test_bech32_gives_the_checksums_of_bip_173() -> None:
    assert _bech32("a", []) == "a12uel5l"
    assert _bech32("abcdef", list(range(32))) == "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw"


def test_the_key_opens_it(folder: Path, sealed: Path, tmp_path: Path) -> None:
    unseal_folder(sealed, KEY, tmp_path / "out")
    assert cid_of(tmp_path / "out") == cid_of(folder)
    assert left_over(tmp_path) == ["out", "sealed", "set"]


def test_no_other_key_opens_it(sealed: Path, tmp_path: Path) -> None:
    with pytest.raises(NotARecipient):
        unseal_folder(sealed, OTHER, tmp_path / "out")
    assert left_over(tmp_path) == ["sealed", "set"]


def test_nothing_of_the_content_shows(folder: Path, tmp_path: Path) -> None:
    (folder / "labels").write_bytes(b"the right answer" * 10)
    seal_folder(folder, KEY, tmp_path / "sealed")
    data = (tmp_path / "sealed").read_bytes()
    assert b"the right answer" not in data
    assert b"labels" not in data


@pytest.mark.parametrize("where", ["start", "middle", "end", "cut", "cut chunk", "more", "empty"])
def test_damage_anywhere_is_found_and_nothing_is_used(
    sealed: Path, tmp_path: Path, where: str
) -> None:
    data = bytearray(sealed.read_bytes())
    if where == "cut":
        del data[-100:]
    elif where == "cut chunk":  # at the border between two of age's chunks
        start = len(data) % (65536 + 16)
        del data[start + 65552 :]
    elif where == "more":
        data += bytes(10)
    elif where == "empty":
        data.clear()
    else:
        data[{"start": 5, "middle": len(data) // 2, "end": -1}[where]] ^= 1
    sealed.write_bytes(data)
    with pytest.raises(SealDamaged) as caught:
        unseal_folder(sealed, KEY, tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert left_over(tmp_path) == ["sealed", "set"]


@pytest.mark.parametrize("data", [b"hello", b"\x3a\xa2eroots", b"age-encryption.org/v1\n"])
def test_what_is_not_sealed_is_said(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(SealDamaged):
        unseal_folder(tmp_path / "file", KEY, tmp_path / "out")


def test_a_sealed_thing_that_is_no_car_is_refused(tmp_path: Path) -> None:
    """Anybody can seal anything to a public key."""
    import pyrage

    recipient = pyrage.x25519.Recipient.from_str(_bech32("age", _words(encryption_public_key(KEY))))
    (tmp_path / "file").write_bytes(pyrage.encrypt(b"no car at all", [recipient]))
    with pytest.raises(DecentralMLError):
        unseal_folder(tmp_path / "file", KEY, tmp_path / "out")
    assert left_over(tmp_path) == ["file"]


def test_limits_hold(sealed: Path, tmp_path: Path) -> None:
    with pytest.raises(ObjectTooLarge):
        unseal_folder(sealed, KEY, tmp_path / "out", Limits(total_bytes=1000))
    assert left_over(tmp_path) == ["sealed", "set"]


def test_what_exists_is_not_overwritten(folder: Path, sealed: Path, tmp_path: Path) -> None:
    with pytest.raises(DestinationExists):
        seal_folder(folder, KEY, sealed)
    with pytest.raises(DestinationExists):
        unseal_folder(sealed, KEY, folder)


@pytest.mark.parametrize(
    "key",
    [
        "00" * 32,
        "01" + "00" * 31,
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ],
)
def test_a_public_key_that_hides_nothing_is_not_usable(key: str) -> None:
    """Points of low order: anybody could open what is encrypted to them."""
    assert not is_usable(bytes.fromhex(key))
    assert is_usable(encryption_public_key(KEY))


def test_absent_files_and_links_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(PathNotFound):
        seal_folder(tmp_path / "nowhere", KEY, tmp_path / "sealed")
    with pytest.raises(PathNotFound):
        unseal_folder(tmp_path / "nowhere", KEY, tmp_path / "out")
    (folder / "link").symlink_to("/etc/passwd")
    with pytest.raises(NotPlain):
        seal_folder(folder, KEY, tmp_path / "sealed")
    assert left_over(tmp_path) == ["set"]


def test_memory_does_not_grow_with_the_folder(tmp_path: Path) -> None:
    program = (
        "import sys, resource; from pathlib import Path;"
        "from decentralml.bundles.sealing import *;"
        "t = Path(sys.argv[1]); secret = bytes(range(32));"
        "seal_folder(t / 'set', secret, t / 'sealed');"
        "unseal_folder(t / 'sealed', secret, t / 'out');"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    (tmp_path / "set").mkdir()
    peaks = []
    for megabytes in (8, 96):
        with (tmp_path / "set/data").open("wb") as stream:
            for _ in range(megabytes):
                stream.write(os.urandom(1 << 20))
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)],
            check=True,
            capture_output=True,
            text=True,
        )
        peaks.append(int(done.stdout))
        (tmp_path / "sealed").unlink()
        (tmp_path / "out/data").unlink()
        (tmp_path / "out").rmdir()
    assert peaks[1] < peaks[0] + 24 * 1024, "kilobytes"
