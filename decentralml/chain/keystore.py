"""Named keys on disk: one file for each, in polkadot.js's encrypted JSON format.

A file is made whole or not at all, readable by its owner only, and never overwritten. A name that
begins with ``/`` is a development key and has no file.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from decentralml.chain import keyfile, ss58
from decentralml.chain.keys import Key, development_key
from decentralml.chain.secret import KeyPair, key_pair, new_mnemonic
from decentralml.errors import KeyExists, KeyNameInvalid, KeysError, KeyUnknown, SecretInvalid
from decentralml.types import Address

Passphrase = str | Callable[[], str | None] | None
"""A passphrase, or what asks for one when it turns out to be needed, or none at all."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MAX_FILE = 1 << 16


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What can be said of a key without its passphrase."""

    name: str
    address: Address
    encrypted: bool
    path: Path | None
    """None for a development key."""


class KeyStore:
    """The keys of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def list(self) -> list[KeyInfo]:
        """Every key of the folder, by name; a damaged file is an error that names it."""
        return [self.info(name) for name in self.names()]

    def names(self) -> tuple[str, ...]:
        files = self.folder.glob("*.json") if self.folder.is_dir() else ()
        return tuple(sorted(file.stem for file in files if _NAME.fullmatch(file.stem)))

    def info(self, name: str) -> KeyInfo:
        """What is known of a key (or a development key) without opening it.

        Raises
        ------
        KeyUnknown, KeyFileDamaged
        """
        if name.startswith("/"):
            return KeyInfo(name, development_key(name).address, False, None)
        path = self._path(name)
        document = keyfile.parse(self._read(name), str(path))
        encrypted = keyfile.encoding_of(document, str(path)) == keyfile.ENCRYPTED
        address = ss58.encode(keyfile.account_of(document, str(path)))
        return KeyInfo(name, address, encrypted, path)

    def new(self, name: str, passphrase: str | None) -> tuple[Key, str]:
        """Make a key; itself and its twelve words, which are kept nowhere and shown once."""
        mnemonic = new_mnemonic()
        return self._add(name, key_pair(mnemonic), passphrase), mnemonic

    def import_secret(self, name: str, secret: str, passphrase: str | None) -> Key:
        """Keep the key of a mnemonic, a seed in hexadecimal, or either with a derivation.

        Raises
        ------
        SecretInvalid : unreadable, or from the development phrase, which everybody has.
        KeyExists, KeyNameInvalid
        """
        pair = key_pair(secret)
        if pair.development:
            raise SecretInvalid("it derives from the public development phrase; use it as //NAME")
        return self._add(name, pair, passphrase)

    def import_file(
        self, name: str, file: Path, file_passphrase: Passphrase, passphrase: str | None
    ) -> Key:
        """Keep the key of a polkadot.js JSON file, under a passphrase of its own.

        Raises
        ------
        KeyFileDamaged, PassphraseRequired, WrongPassphrase, KeyExists, KeyNameInvalid
        """
        document = keyfile.parse(_read_small(file), str(file))
        opened = keyfile.decode(
            document, file.name, _ask(document, file_passphrase, str(file)), str(file)
        )
        return self._add(name, opened, passphrase)

    def load(self, name: str, passphrase: Passphrase = None) -> Key:
        """The key itself; the passphrase is asked for only if its file is encrypted.

        Raises
        ------
        KeyUnknown, PassphraseRequired, WrongPassphrase, KeyFileDamaged
        """
        if name.startswith("/"):
            return development_key(name)
        source = str(self._path(name))
        document = keyfile.parse(self._read(name), source)
        return Key(name, keyfile.decode(document, name, _ask(document, passphrase, source), source))

    def export(self, name: str) -> str:
        """The text of the key's file, as encrypted as it is: polkadot.js can import it."""
        text = self._read(name)
        keyfile.parse(text, str(self._path(name)))
        return text.decode()

    def remove(self, name: str) -> Path:
        """Take a key out of the store; its file is moved to ``removed/``, never destroyed."""
        self._read(name)
        graves = self.folder / "removed"
        graves.mkdir(mode=0o700, exist_ok=True)
        number = 0
        while (grave := graves / f"{name}.{number}.json").exists():
            number += 1
        self._path(name).rename(grave)
        return grave

    def _add(self, name: str, pair: KeyPair, passphrase: str | None) -> Key:
        path = self._path(name)
        if path.exists():
            raise KeyExists(name, self.info(name).address)
        document = keyfile.encode(pair, name, passphrase)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _create(path, json.dumps(document, indent=2) + "\n")
        except FileExistsError:
            if not path.exists():
                raise _unwritable(self.folder, "it is not a folder") from None
            raise KeyExists(name, self.info(name).address) from None
        except OSError as error:
            raise _unwritable(self.folder, error.strerror) from None
        return Key(name, pair)

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise KeyNameInvalid(name)
        return self.folder / f"{name}.json"

    def _read(self, name: str) -> bytes:
        path = self._path(name)
        if not path.is_file():
            raise KeyUnknown(name, self.names(), str(self.folder))
        return _read_small(path)


def _ask(document: dict[str, object], passphrase: Passphrase, source: str) -> str | None:
    if keyfile.encoding_of(document, source) == keyfile.PLAIN:
        return None
    return passphrase() if callable(passphrase) else passphrase


def _unwritable(folder: Path, reason: str | None) -> KeysError:
    return KeysError(f"cannot keep a key in {folder} ({reason}); check its path, rights and space")


def _read_small(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(_MAX_FILE)
    except OSError as error:
        raise KeysError(f"cannot read {file} ({error.strerror}); check its path and rights") from (
            None
        )


def _create(path: Path, text: str) -> None:
    """Write a new file, readable by its owner only, whole or not at all.

    The link fails where the name exists, so that two commands at once cannot both win.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(temporary, path)
    finally:
        Path(temporary).unlink()
