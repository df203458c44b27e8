"""Sealing a folder with a key of its own: the CAR of its DAG inside an age file.

The key is the secret of an X25519 key pair (32 bytes) that was made for this one folder; age
writes both halves in bech32. Readers get the key itself, each in a wrap
(:mod:`decentralml.bundles.wraps`). Sealing says nothing of who sealed: the CID of a sealed file
stands in a signed or on-chain manifest.

The plain CAR passes through a private temporary folder, on both ways: age gives out the good part
of a damaged file before it finds the damage, so nothing is used before all of it was opened.

Sources: https://age-encryption.org/v1 and BIP-173 (bech32).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from decentralml.errors import NotARecipient, PathNotFound, SealDamaged
from decentralml.storage import car
from decentralml.storage import cid as cids
from decentralml.storage.dag import Limits
from decentralml.storage.local import BlockStore
from decentralml.storage.objects import Objects
from decentralml.storage.staging import disk_errors, refuse_existing, staged_file

KEY_BYTES = 32
_ANY_SECRET = bytes(range(32))
_RECIPIENT = "age"
_IDENTITY = "age-secret-key-"
_CHARACTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def encryption_public_key(secret: bytes) -> bytes:
    """The X25519 public key (32 bytes) of a secret (32 bytes)."""
    from nacl.bindings import crypto_scalarmult_base

    return bytes(crypto_scalarmult_base(secret))


def is_usable(key: bytes) -> bool:
    """Whether something can be encrypted to this public key.

    Keys of low order are none: what is encrypted to them is open to all. An aggregator in office
    may have published one.
    """
    from nacl.bindings import crypto_scalarmult
    from nacl.exceptions import RuntimeError as LowOrder

    if len(key) != KEY_BYTES:
        return False
    try:
        crypto_scalarmult(_ANY_SECRET, key)
    except LowOrder:
        return False
    return True


def seal_folder(folder: Path, key: bytes, out: Path) -> None:
    """Seal a folder so that whoever has the key can open it.

    Parameters
    ----------
    folder : of plain files and folders.
    key : 32 random bytes.
    out : the sealed file; must not exist. It appears complete or not at all.

    Raises
    ------
    PathNotFound, NotPlain, UnsafePath, DestinationExists, StoreUnwritable
    """
    import pyrage

    recipient = _bech32(_RECIPIENT, _words(encryption_public_key(key)))
    if not folder.is_dir():
        raise PathNotFound(str(folder))
    refuse_existing(out)
    with _private_store(out.parent) as (_, objects), staged_file(out) as stage:
        root = cids.parse(objects.add(folder))
        with stage.open("xb") as sealed, disk_errors(out):
            stream = car.Stream(car.write(objects.store.get, root))
            pyrage.encrypt_io(stream, sealed, [pyrage.x25519.Recipient.from_str(recipient)])


def unseal_folder(file: Path, key: bytes, destination: Path, limits: Limits | None = None) -> None:
    """Open a sealed folder.

    Parameters
    ----------
    key : that it was sealed with (32 bytes).
    destination : must not exist.

    Raises
    ------
    NotARecipient : it is sealed with another key.
    SealDamaged : truncated, altered, or no age file.
    CarInvalid, DagInvalid, UnsafePath, NotPlain, ObjectTooLarge, DestinationExists,
    StoreUnwritable, PathNotFound
    """
    limits = limits or Limits()
    refuse_existing(destination)
    if not file.is_file():
        raise PathNotFound(str(file))
    with _private_store(destination.parent) as (temporary, objects):
        plain = temporary / "plain.car"
        _decrypt(file, plain, key)
        objects.get(objects.import_car(plain, limits), destination, limits)


@contextmanager
def _private_store(parent: Path) -> Iterator[tuple[Path, Objects]]:
    """A temporary folder that only its owner can read, with a block store in it."""
    with disk_errors(parent):
        parent.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(prefix=".seal.", dir=parent) as temporary,
            Objects(BlockStore(Path(temporary) / "blocks")) as objects,
        ):
            yield Path(temporary), objects


def _decrypt(file: Path, plain: Path, key: bytes) -> None:
    import pyrage

    identity = pyrage.x25519.Identity.from_str(_bech32(_IDENTITY, _words(key)).upper())
    with file.open("rb") as sealed, plain.open("xb") as stream:
        try:
            pyrage.decrypt_io(sealed, stream, [identity])
        except pyrage.DecryptError as error:
            if "matching" in str(error).lower():
                raise NotARecipient(str(file)) from None
            raise SealDamaged(str(file), str(error)) from None
        except OSError as error:
            if error.errno is not None:  # our own disk, not age
                raise
            raise SealDamaged(str(file), str(error)) from None


def _bech32(prefix: str, words: list[int]) -> str:
    """Five bits a character and six characters of checksum (BIP-173)."""
    expanded = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    checksum = _polymod([*expanded, *words, 0, 0, 0, 0, 0, 0]) ^ 1
    tail = [checksum >> 5 * (5 - i) & 31 for i in range(6)]
    return prefix + "1" + "".join(_CHARACTERS[word] for word in [*words, *tail])


def _words(data: bytes) -> list[int]:
    """Groups of five bits, the last filled up with zeros."""
    count = -(-len(data) * 8 // 5)
    number = int.from_bytes(data, "big") << (count * 5 - len(data) * 8)
    return [number >> 5 * (count - 1 - i) & 31 for i in range(count)]


def _polymod(values: list[int]) -> int:
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for i, generator in enumerate(_GENERATOR):
            checksum ^= generator if top >> i & 1 else 0
    return checksum
