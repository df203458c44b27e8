"""A Kubo daemon, reached through its RPC with ``ipfshttpclient``.

DAGs are computed here and travel as CARs, so that a CID never depends on a daemon's settings. The
daemon is not trusted with content: whoever calls verifies each block. ``seconds`` is how long it
may stay silent before that is an error.

Kubo reports an error in the middle of a CAR only in an HTTP trailer, which the client library does
not show: a CAR that ends early has to be noticed by what is missing in it.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from decentralml.errors import (
    BlockMismatch,
    ConfigError,
    DaemonTimeout,
    DaemonUnavailable,
    ObjectNotFound,
)
from decentralml.storage import cid as cids
from decentralml.storage.car import Readable

DEFAULT_SECONDS = 60.0
CONNECT_SECONDS = 5.0
MINIMUM_RATE = 1024
"""Bytes a second below which an answer counts as none."""
DEFAULT_PORTS = {"http": 5001, "https": 443}


class Kubo:
    """One daemon.

    Parameters
    ----------
    address : of its RPC, such as ``http://127.0.0.1:5001``.
    seconds : of silence that are taken for a failure.

    Raises
    ------
    ConfigError : the address is none.
    """

    def __init__(self, address: str, seconds: float = DEFAULT_SECONDS) -> None:
        self.name = address
        self._multiaddr = multiaddress(address)
        self._seconds = seconds
        self._opened: Any = None

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def __enter__(self) -> Kubo:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def version(self) -> str:
        """Which Kubo answers.

        Raises
        ------
        DaemonUnavailable, DaemonTimeout
        """
        with self._errors():
            return str(self._client().version()["Version"])

    def export(self, cid: bytes) -> Iterator[bytes]:
        """The CAR of a DAG, unverified, piece by piece.

        Raises
        ------
        ObjectNotFound, DaemonUnavailable, DaemonTimeout
        """
        with (
            self._errors(cid),
            self._client().dag.export(cids.text(cid), stream=True) as pieces,
        ):
            yield from self._in_time(pieces)

    def block(self, cid: bytes) -> bytes:
        """One block, verified.

        Raises
        ------
        BlockMismatch, ObjectNotFound, DaemonUnavailable, DaemonTimeout
        """
        parts = []
        left = cids.MAX_BLOCK
        with self._errors(cid), self._client().block.get(cids.text(cid), stream=True) as pieces:
            for piece in self._in_time(pieces):
                parts.append(piece)
                left -= len(piece)
                if left < 0:
                    break
        block = b"".join(parts)
        if not cids.matches(cid, block):
            raise BlockMismatch(cids.text(cid), self.name)
        return block

    def load(self, car: Readable, cid: bytes) -> None:
        """Give the daemon the CAR of a DAG, and have it pinned.

        Raises
        ------
        DaemonUnavailable, DaemonTimeout
        """
        with self._errors(cid):
            answer = self._client().dag.imprt(car, opts={"pin-roots": "true"}).as_json()
        root = answer.get("Root", {})
        if root.get("Cid", {}).get("/") != cids.text(cid) or root.get("PinErrorMsg"):
            reason = root.get("PinErrorMsg") or "it did not confirm the import"
            raise DaemonUnavailable(self.name, reason)

    def is_pinned(self, cid: bytes) -> bool:
        """Whether the daemon holds the whole DAG for good.

        Raises
        ------
        DaemonUnavailable, DaemonTimeout
        """
        return self._asks(lambda client: client.pin.ls(cids.text(cid), type="recursive"), cid)

    def pin(self, cid: bytes) -> None:
        """Have the daemon keep the DAG.

        Raises
        ------
        ObjectNotFound, DaemonUnavailable, DaemonTimeout
        """
        with self._errors(cid):
            self._client().pin.add(cids.text(cid))

    def unpin(self, cid: bytes) -> None:
        """Let the daemon drop the DAG; no error if it never kept it.

        Raises
        ------
        DaemonUnavailable, DaemonTimeout
        """
        self._asks(lambda client: client.pin.rm(cids.text(cid)), cid)

    def _in_time(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Give up on a daemon that never falls silent but hands out next to nothing."""
        received = 0
        started = time.monotonic()
        for piece in pieces:
            received += len(piece)
            if time.monotonic() - started > self._seconds:
                if received < MINIMUM_RATE * self._seconds:
                    raise DaemonTimeout(self.name, self._seconds)
                received = 0
                started = time.monotonic()
            yield piece

    def _asks(self, ask: Callable[[Any], object], cid: bytes) -> bool:
        """Whether the daemon does what is asked, rather than answer "not pinned"."""
        from ipfshttpclient.exceptions import ErrorResponse

        with self._errors(cid):
            try:
                ask(self._client())
            except ErrorResponse as error:
                if "not pinned" not in str(error):
                    raise
                return False
        return True

    def _client(self) -> Any:
        if self._opened is None:
            # the library hands urllib3 an argument of old
            warnings.filterwarnings("ignore", "The 'strict' parameter", FutureWarning)
            import ipfshttpclient

            self._opened = ipfshttpclient.Client(
                self._multiaddr, session=True, timeout=(CONNECT_SECONDS, self._seconds)
            )
        return self._opened

    @contextmanager
    def _errors(self, cid: bytes | None = None) -> Iterator[None]:
        """Turn what the client library raises into this package's errors."""
        import requests
        import urllib3
        from ipfshttpclient import exceptions

        try:
            yield
        except exceptions.ErrorResponse as error:
            reason = str(error.args[0] if error.args else error)
            if cid is not None and "not found" in reason:
                raise ObjectNotFound(cids.text(cid), f"the Kubo at {self.name}") from None
            raise DaemonUnavailable(self.name, reason) from None
        except exceptions.TimeoutError:
            raise DaemonTimeout(self.name, self._seconds) from None
        except exceptions.StatusError as error:
            raise DaemonUnavailable(self.name, f"no Kubo RPC answers there ({error})") from None
        except (exceptions.Error, requests.RequestException, urllib3.exceptions.HTTPError) as error:
            if "timed out" in str(error).lower():
                raise DaemonTimeout(self.name, self._seconds) from None
            refused = "refused" in str(error).lower()
            raise DaemonUnavailable(
                self.name, "connection refused" if refused else f"connection broken ({error})"
            ) from None


def multiaddress(address: str) -> str:
    """``http://HOST:PORT`` as a multiaddress, which the client library wants.

    Raises
    ------
    ConfigError
    """
    parts = urlsplit(address)
    try:
        port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
        host = parts.hostname
    except ValueError:
        host = None
    if parts.scheme not in DEFAULT_PORTS or not host or parts.path.strip("/"):
        raise ConfigError(
            f"{address!r} is no address of a Kubo RPC; give one like http://127.0.0.1:5001"
        )
    try:
        kind = f"ip{ip_address(host).version}"
    except ValueError:
        kind = "dns"
    return f"/{kind}/{host}/tcp/{port}/{parts.scheme}"
