"""Connections to members' file servers, kept open for the next file."""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Protocol

from decentralml.errors import EndpointInvalid
from decentralml.swarm.files.endpoint import parse_endpoint
from decentralml.swarm.files.wire import Wire
from decentralml.swarm.identity.members import Members
from decentralml.swarm.identity.own import Identity
from decentralml.types import Address

CONNECT_SECONDS = 10.0
"""For finding the host, reaching it and TLS, together."""
_IDLE_SECONDS = 30.0
"""Less than servers wait (:class:`decentralml.swarm.files.limits.Limits`)."""
_IDLE_EACH = 2
_ALERTS = ("ALERT", "CERTIFICATE")


class Provider(Protocol):
    """Who may have a file; a :class:`~decentralml.chain.swarm.words.Node` is one."""

    @property
    def account(self) -> Address: ...

    @property
    def address(self) -> str: ...


class CannotConnect(Exception):
    """Why a provider's server cannot be asked; ``is_silent`` if it had all the time there was."""

    def __init__(self, reason: str, *, is_silent: bool = False) -> None:
        super().__init__(reason)
        self.is_silent = is_silent


@dataclass(slots=True)
class Line:
    """A connection to a member's server, whose certificate was seen to be the member's."""

    wire: Wire
    tls: ssl.SSLSocket
    account: Address
    address: str
    certificate: bytes
    own: bytes
    """Digest of the certificate that was shown."""
    is_fresh: bool = True
    idle_since: float = 0.0

    def close(self) -> None:
        self.tls.close()


class Pool:
    """Opens lines and keeps those that are given back; for any number of threads.

    Parameters
    ----------
    members : who is trusted, at each moment that a line is asked for.
    """

    def __init__(self, members: Members) -> None:
        self._members = members
        self._idle: list[Line] = []
        self._lock = threading.Lock()

    def line(self, provider: Provider, identity: Identity, until: float) -> Line:
        """A line to a provider: an idle one, else a new one.

        Parameters
        ----------
        until : moment of ``time.monotonic()``.

        Raises
        ------
        CannotConnect
        CertificateInvalid : this node's own cannot be used any more.
        """
        member = self._members.member(provider.account)
        reason = self._members.distrust(provider.account)
        if member is None or reason is not None:
            self._members.stranger()
            raise CannotConnect(reason or "it has just left this swarm")
        kept = self._kept(provider, member.certificate, identity.digest)
        return kept or self._connect(provider, member.certificate, identity, until)

    def give_back(self, line: Line) -> None:
        """Keep a line whose last answer was read to its end."""
        line.idle_since = time.monotonic()
        with self._lock:
            self._idle.append(line)
            old = [each for each in self._idle if line.idle_since - each.idle_since > _IDLE_SECONDS]
            same = [each for each in self._idle if each.address == line.address]
            old += [each for each in same[:-_IDLE_EACH] if each not in old]
            self._idle = [each for each in self._idle if each not in old]
        for each in old:
            each.close()

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for line in idle:
            line.close()

    def _kept(self, provider: Provider, certificate: bytes, own: bytes) -> Line | None:
        """An idle line between these two certificates."""
        wanted = (provider.account, provider.address, certificate, own)
        now = time.monotonic()
        with self._lock:
            for line in self._idle:
                ends = (line.account, line.address, line.certificate, line.own)
                if ends == wanted and now - line.idle_since < _IDLE_SECONDS:
                    self._idle.remove(line)
                    line.is_fresh = False
                    return line
        return None

    def _connect(
        self, provider: Provider, certificate: bytes, identity: Identity, until: float
    ) -> Line:
        context = self._members.client_context(identity)
        until = min(until, time.monotonic() + CONNECT_SECONDS)
        try:
            plain = _reach(provider.address, until)
        except EndpointInvalid as error:
            raise CannotConnect(f"its address is none ({error.reason})") from None
        except TimeoutError:
            raise CannotConnect(f"{provider.address} does not answer", is_silent=True) from None
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise CannotConnect(f"{provider.address} cannot be reached ({reason})") from None
        tls = context.wrap_socket(plain, do_handshake_on_connect=False)
        try:
            tls.settimeout(max(0.001, until - time.monotonic()))
            tls.do_handshake()
            der = tls.getpeercert(binary_form=True) or b""
            if der != certificate:
                raise CannotConnect("who answers there shows the certificate of somebody else")
            if (distrust := self._members.distrust(provider.account)) is not None:
                raise CannotConnect(distrust)  # it was removed meanwhile
        except (OSError, CannotConnect) as error:
            tls.close()
            self._members.stranger()
            if isinstance(error, CannotConnect):
                raise
            silent = isinstance(error, TimeoutError)
            raise CannotConnect(explain_tls(error), is_silent=silent) from None
        return Line(Wire(tls), tls, provider.account, provider.address, der, identity.digest)


def explain_tls(error: OSError) -> str:
    """What broke a connection, in words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is no member's ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        reason = error.reason or "protocol error"
        if all(word in reason for word in _ALERTS) or "UNKNOWN_CA" in reason:
            told = reason.replace("_", " ").lower()
            return f"it does not take this node's certificate ({told})"
        return f"TLS failed ({reason.replace('_', ' ').lower()})"
    if isinstance(error, TimeoutError):
        return "it fell silent"
    return "the connection broke"


def _reach(address: str, until: float) -> socket.socket:
    """A TCP connection to the first of a host's addresses that answers.

    Raises
    ------
    EndpointInvalid, OSError
    """
    host, port = parse_endpoint(address)
    fault: OSError = TimeoutError()
    for family, kind, protocol, _, place in _resolve(host, port, until):
        left = until - time.monotonic()
        if left <= 0:
            break
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(left)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.connect(place)
            return connection
        except OSError as error:
            connection.close()
            fault = error
    raise fault


_Place = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[object, ...]]


def _resolve(host: str, port: int, until: float) -> list[_Place]:
    """Where a host is; given up in time, although the system's resolver may go on asking.

    Raises
    ------
    OSError
    """
    found: queue.SimpleQueue[list[_Place] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except UnicodeError:  # a label that is too long, or empty
            found.put(OSError(None, "no such host name"))
        except OSError as error:
            found.put(error)

    threading.Thread(target=ask, name="swarm-resolve", daemon=True).start()
    try:
        places = found.get(timeout=max(0.001, until - time.monotonic()))
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(places, OSError):
        raise places
    return places
