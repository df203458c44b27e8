"""Getting a file by CID from whoever has it, believing nobody.

Providers are asked one after the other. What has arrived is kept when one of them breaks off, and
the next answer goes on where it ended; the CID is computed while the bytes come. If the whole turns
out wrong and came from several providers, nobody can be blamed yet: it is fetched again from the
last one alone.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

from decentralml.errors import FetchFailed, FileDamaged, FileTooLarge, FileUnavailable
from decentralml.storage import cid as cids
from decentralml.storage.staging import disk_errors
from decentralml.storage.streamed import StreamedCid
from decentralml.swarm.files.pool import CannotConnect, Line, Pool, Provider, explain_tls
from decentralml.swarm.files.shelf import Shelf
from decentralml.swarm.files.wire import Head, WireError, format_head
from decentralml.swarm.identity.members import Members
from decentralml.swarm.identity.own import Identity
from decentralml.types import Cid

SILENCE_SECONDS = 10.0
"""Without a byte: the provider has stalled."""
LEAST_RATE = 16 * 1024
"""Bytes a second below which a provider counts as stalled, too."""
BUFFER = 256 * 1024
ROUNDS = 4
"""How often all are asked who may have it yet, or may be reachable yet."""
PAUSE_SECONDS = 0.5
"""After the first round; twice as long after each further one."""
RESUMES = 5
"""How often in one round a provider that broke off is asked to go on."""
_POLITE = {404: "it does not have it", 429: "it is busy"}
_LONGEST_WORD = 1024
"""Bytes with which a server may say why not."""
_STATUS = re.compile(r"HTTP/1\.1 (\d{3})( .*)?")
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")


def fetch(
    cid: Cid,
    providers: Sequence[Provider],
    identity: Identity,
    members: Members,
    shelf: Shelf,
    *,
    limit_bytes: int,
    deadline: float,
    pool: Pool | None = None,
) -> Path:
    """Make the shelf hold a file, asking providers until one gives what the CID names.

    What the shelf holds already is read once, and fetched again if a disk has damaged it.

    Parameters
    ----------
    limit_bytes : never more than so many are taken.
    deadline : moment of ``time.monotonic()`` at which it ends in any case.
    pool : connections to use again.

    Returns
    -------
    The file on the shelf.

    Raises
    ------
    FileUnavailable, FileDamaged, FileTooLarge : what the providers did, each named.
    CidInvalid, StoreUnwritable
    CertificateInvalid : this node's own cannot be used any more.
    """
    cid = cids.normalise(cid)
    held = shelf.sound(cid)
    if held is not None:
        return held
    with ExitStack() as stack:
        lines = pool or stack.enter_context(closing(Pool(members)))
        part = stack.enter_context(shelf.part())
        with disk_errors(shelf.folder):
            file = stack.enter_context(FileIO(part, "w"))
        download = _Download(cid, file, shelf.folder, limit_bytes, deadline)
        _ask_all(download, providers, identity, lines)
        shelf.take(part, cid)
    return shelf.folder / cid


class _Failure(Exception):
    """One provider did not give the file; ``again`` if it may yet."""

    again = True


class _Damaged(_Failure):
    again = False


class _TooLarge(_Failure):
    again = False


class _Cut(_Failure):
    """It broke off in the middle."""


class _Silent(_Failure):
    """Waiting for it took long; it is asked once more only."""


class _Polite(_Failure):
    """It said no, and the connection is as good as before."""


class _Contradiction(Exception):
    """It says another length than who sent the beginning; that was thrown away."""


@dataclass(slots=True)
class _Download:
    """What has arrived so far."""

    cid: Cid
    file: FileIO
    folder: Path
    """Named when the disk is full: the same at every trial."""
    limit: int
    deadline: float
    size: int = 0
    total: int | None = None
    """Bytes of the whole, as the providers say."""
    sources: set[str] = field(default_factory=set)
    hash: StreamedCid = field(default_factory=StreamedCid)
    buffer: memoryview = field(default_factory=lambda: memoryview(bytearray(BUFFER)))

    def restart(self) -> None:
        with disk_errors(self.folder):
            self.file.seek(0)
            self.file.truncate()
        self.size, self.total, self.sources, self.hash = 0, None, set(), StreamedCid()

    def add(self, view: memoryview) -> None:
        self.hash.update(view)
        self.size += len(view)
        with disk_errors(self.folder):
            while view:
                view = view[self.file.write(view) or 0 :]


def _ask_all(
    download: _Download, providers: Sequence[Provider], identity: Identity, lines: Pool
) -> None:
    failures: dict[str, _Failure] = {}
    asked = list(providers)
    for turn in range(ROUNDS):
        for provider in asked:
            if time.monotonic() >= download.deadline:
                failures.setdefault(provider.account, _Failure("time was up"))
                continue
            try:
                _ask(download, provider, identity, lines)
                return
            except _Failure as failure:
                failures[provider.account] = failure
        asked = [each for each in asked if _may_yet(failures[each.account], turn)]
        pause = min(PAUSE_SECONDS * 2**turn, download.deadline - time.monotonic())
        if not asked or pause <= 0 or turn == ROUNDS - 1:
            break
        time.sleep(pause)
    raise _verdict(download, failures)


def _may_yet(failure: _Failure, turn: int) -> bool:
    return failure.again and not (turn and isinstance(failure, _Silent))


def _verdict(download: _Download, failures: dict[str, _Failure]) -> FetchFailed:
    reasons = {account: str(failure) for account, failure in failures.items()}
    kinds = {type(failure) for failure in failures.values()}
    if _Damaged in kinds:
        return FileDamaged(download.cid, reasons)
    if _TooLarge in kinds:
        return FileTooLarge(download.cid, reasons, download.limit)
    return FileUnavailable(download.cid, reasons)


def _ask(download: _Download, provider: Provider, identity: Identity, lines: Pool) -> None:
    """Have one provider complete the download.

    Raises
    ------
    _Failure
    """
    resumes = 0
    while True:
        before = download.size
        try:
            _complete(download, provider, identity, lines)
        except _Cut:
            resumes += 1
            if download.size == before or resumes > RESUMES:
                raise
            continue
        except _Contradiction:
            continue
        if download.hash.cid() == download.cid:
            return
        mixed = download.sources != {provider.account}
        download.restart()
        if not mixed:
            raise _Damaged("it sent other bytes than the CID names")


def _complete(download: _Download, provider: Provider, identity: Identity, lines: Pool) -> None:
    """One request for what is missing, and its answer.

    Raises
    ------
    _Failure, _Contradiction
    """
    while True:
        try:
            line = lines.line(provider, identity, download.deadline)
        except CannotConnect as error:
            raise (_Silent if error.is_silent else _Failure)(str(error)) from None
        try:
            answer = _request(download, line)
        except (WireError, OSError) as error:
            line.close()
            if not line.is_fresh and not isinstance(error, TimeoutError):
                continue  # the server had closed an idle line
            raise _broken(error) from None
        break
    try:
        length = _expect(download, answer, line)
        download.sources.add(provider.account)
        _read_body(download, line, length)
    except _Polite:
        lines.give_back(line)
        raise
    except (WireError, OSError) as error:
        line.close()
        raise _broken(error) from None
    except BaseException:
        line.close()
        raise
    lines.give_back(line)


def _broken(error: WireError | OSError) -> _Failure:
    """The failure that an error on a connection is."""
    if isinstance(error, WireError):
        return _Failure(str(error))
    return (_Silent if isinstance(error, TimeoutError) else _Cut)(explain_tls(error))


def _request(download: _Download, line: Line) -> Head:
    headers: dict[str, str | int] = {"Host": line.address}
    if download.size:
        headers["Range"] = f"bytes={download.size}-"
    until = min(download.deadline, time.monotonic() + SILENCE_SECONDS)
    line.wire.send(
        format_head(f"GET /{download.cid} HTTP/1.1", headers), max(0.001, until - time.monotonic())
    )
    return line.wire.head(until)


def _expect(download: _Download, answer: Head, line: Line) -> int:
    """Bytes of the body that an answer announces; the download is set to where it begins.

    Raises
    ------
    _Failure, _Contradiction, WireError, OSError
    """
    found = _STATUS.fullmatch(answer.first)
    if found is None:
        raise WireError("it does not speak HTTP/1.1")
    status = int(found[1])
    length = answer.length()
    if status in _POLITE and length is not None and length <= _LONGEST_WORD:
        until = min(download.deadline, time.monotonic() + SILENCE_SECONDS)
        line.wire.read_into(memoryview(bytearray(length)), SILENCE_SECONDS, until)
        raise _Polite(_POLITE[status])
    if status == 416 and download.size:
        download.restart()
        raise _Contradiction
    if status != 200 and (status != 206 or not download.size):
        raise _Failure(f"it answered {status}")
    if length is None:
        raise WireError("it does not say how long its answer is")
    begin, total = 0, length
    if status == 206:
        begin, total = _content_range(answer, length)
        if begin != download.size:
            raise WireError("it sends another range than was asked for")
    if total > download.limit:
        raise _TooLarge(f"it says that the file has {total} bytes")
    if download.size and (status == 200 or download.total != total):
        download.restart()
        if status == 206:
            raise _Contradiction
    download.total = total
    return length


def _content_range(answer: Head, length: int) -> tuple[int, int]:
    """First byte of a partial answer, and bytes of the whole file.

    Raises
    ------
    WireError
    """
    found = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", ""))
    begin, last, total = map(int, found.groups()) if found else (0, 0, 0)
    if begin + length != total or last + 1 != total:
        raise WireError("its Content-Range makes no sense")
    return begin, total


def _read_body(download: _Download, line: Line, length: int) -> None:
    """Raises
    ------
    _Cut, WireError, OSError
    """
    while length:
        view = download.buffer[:length]
        slowest = time.monotonic() + SILENCE_SECONDS + len(view) / LEAST_RATE
        got = line.wire.read_into(view, SILENCE_SECONDS, min(slowest, download.deadline))
        download.add(view[:got])
        length -= got
        if got < len(view):
            raise _Cut("it broke off")
