"""What a client is about to send, written down before it is sent.

A process that is killed while a transaction is on its way cannot say what became of it. So each
process keeps a file of its own, locked for as long as it lives, and appends to it::

    {"intent": {...}}        before a transaction is sent, and on the disk by then
    {"done": "0x..."}        when its end is known: in a block, refused, or lost

A file that nobody holds the lock of was left by a process that is gone: what it has open is looked
for on the chain before the same account sends again (:mod:`.substrate.sender`). A file with
nothing open is removed. The system drops a lock when its holder dies, however it dies.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from decentralml.errors import JournalDamaged, JournalUnwritable

KEEP_BYTES = 1 << 16
"""A file of this size is emptied when nothing in it is open."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A signed transaction that was to be sent.

    Attributes
    ----------
    data : the transaction, as nodes take it.
    signer : its account id, 32 bytes.
    nonce : the signer's number for it.
    birth, birth_hash, period : its era, see :class:`.substrate.extrinsic.Mortality`.
    wish : 32 bytes; two transactions that want the same have the same.
    summary : the call, for people.
    at : Unix milliseconds when it was written down.
    """

    data: bytes
    signer: bytes
    nonce: int
    birth: int
    birth_hash: bytes
    period: int
    wish: bytes
    summary: str
    at: int

    @property
    def hash(self) -> str:
        """What nodes call the transaction by."""
        return "0x" + blake2b(self.data, digest_size=32).hexdigest()


class Journal:
    """The intents of all processes that use one folder. Thread-safe.

    Raises
    ------
    JournalUnwritable : from :meth:`begin`; nothing was written, and nothing may be sent.
    JournalDamaged : from :meth:`left`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._guard = threading.RLock()
        self._own: _File | None = None
        self._found: list[_File] = []
        self._busy: set[str] = set()
        """Intents that this process is seeing to right now."""

    def begin(self, intent: Intent) -> None:
        """Write down what is about to be sent; it is on the disk when this returns."""
        with self._guard:
            try:
                if self._own is None:
                    self._own = _File.create(self.folder)
                self._own.begin(intent)
            except OSError as error:
                raise JournalUnwritable(self.folder, error.strerror or str(error)) from None
            self._busy.add(intent.hash)

    def pause(self, intent: Intent) -> None:
        """Stop seeing to an intent whose end is not known; it is :meth:`left` then."""
        with self._guard:
            self._busy.discard(intent.hash)

    def done(self, intent: Intent) -> None:
        """Its end is known."""
        with self._guard:
            self._busy.discard(intent.hash)
            for file in self._files():
                # That the mark is lost costs a look at the chain, no more.
                with suppress(OSError):
                    file.done(intent.hash)
            self._found = [file for file in self._found if not file.remove_if_done()]

    def left(self, signer: bytes) -> tuple[Intent, ...]:
        """What an account may have sent and nobody sees to any more, oldest first."""
        with self._guard:
            self._adopt()
            found = [
                intent
                for file in self._files()
                for intent in file.open.values()
                if intent.signer == signer and intent.hash not in self._busy
            ]
            return tuple(sorted(found, key=lambda intent: (intent.at, intent.nonce)))

    def close(self) -> None:
        """Let go of the files; what is open in them is the next process's to see to."""
        with self._guard:
            for file in self._files():
                if not file.remove_if_done():
                    file.close()
            self._own, self._found = None, []

    def _files(self) -> Iterator[_File]:
        if self._own is not None:
            yield self._own
        yield from self._found

    def _adopt(self) -> None:
        """Take over the files of processes that are gone."""
        held = {file.path for file in self._files()}
        for path in sorted(self.folder.glob("*.jsonl")):
            file = None if path in held else _File.take(path)
            if file is not None and not file.remove_if_done():
                self._found.append(file)


class _File:
    """One process's file, locked."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self.open: dict[str, Intent] = {}
        self._handle = handle

    @classmethod
    def create(cls, folder: Path) -> _File:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made under a name that nobody looks for, so that nobody takes it before it is locked.
        hidden = folder / f".{os.getpid()}-{secrets.token_hex(4)}"
        path = folder / f"{hidden.name[1:]}.jsonl"
        handle = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            hidden.rename(path)
            _sync(folder)
        except BaseException:
            os.close(handle)
            hidden.unlink(missing_ok=True)
            raise
        return cls(path, handle)

    @classmethod
    def take(cls, path: Path) -> _File | None:
        """A file whose process is gone; None if it is not, or if the file is."""
        try:
            handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None
        file = cls(path, handle)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not path.exists():  # Another process has seen to it meanwhile.
                raise BlockingIOError
            file._read()
        except OSError:
            file.close()
            return None
        except BaseException:
            file.close()
            raise
        return file

    def begin(self, intent: Intent) -> None:
        if not self.open and os.fstat(self._handle).st_size > KEEP_BYTES:
            os.ftruncate(self._handle, 0)
        self._append({"intent": _to_document(intent)})
        os.fsync(self._handle)
        self.open[intent.hash] = intent

    def done(self, extrinsic: str) -> None:
        if self.open.pop(extrinsic, None) is not None:
            self._append({"done": extrinsic})

    def remove_if_done(self) -> bool:
        if self.open:
            return False
        self.path.unlink(missing_ok=True)
        self.close()
        return True

    def close(self) -> None:
        os.close(self._handle)

    def _append(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry).encode() + b"\n"
        end = os.lseek(self._handle, 0, os.SEEK_END)
        try:
            while line:
                line = line[os.write(self._handle, line) :]
        except OSError:
            # Half a line would spoil the next one.
            os.ftruncate(self._handle, end)
            raise

    def _read(self) -> None:
        """What is open. A last line without an end was never finished, and so nothing sent."""
        size = os.fstat(self._handle).st_size
        lines = os.pread(self._handle, size, 0).split(b"\n")
        try:
            for line in lines[:-1]:
                entry = json.loads(line)
                if "intent" in entry:
                    intent = _from_document(entry["intent"])
                    self.open[intent.hash] = intent
                else:
                    self.open.pop(entry["done"], None)
        except (ValueError, KeyError, TypeError):
            raise JournalDamaged(self.path) from None
        os.ftruncate(self._handle, size - len(lines[-1]))


def _to_document(intent: Intent) -> dict[str, Any]:
    document = {
        name: "0x" + value.hex() if isinstance(value, bytes) else value
        for name, value in asdict(intent).items()
    }
    return {"hash": intent.hash, **document}


def _from_document(document: dict[str, Any]) -> Intent:
    return Intent(
        data=_bytes(document["data"]),
        signer=_bytes(document["signer"]),
        nonce=int(document["nonce"]),
        birth=int(document["birth"]),
        birth_hash=_bytes(document["birth_hash"]),
        period=int(document["period"]),
        wish=_bytes(document["wish"]),
        summary=str(document["summary"]),
        at=int(document["at"]),
    )


def _bytes(text: Any) -> bytes:
    return bytes.fromhex(str(text).removeprefix("0x"))


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
