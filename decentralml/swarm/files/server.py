"""The file server of a node: mutual TLS, for members only, files by CID from its shelf.

A thread for each connection over the standard library's TLS, whose sockets release the
interpreter's lock while they encrypt. It was chosen over an event loop because each connection can
take the trust of its moment (a context is made anew whenever the members change), a failed
handshake tells here who it was, and every wait has a deadline.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import selectors
import socket
import ssl
import threading
import time
from collections import deque

from decentralml.errors import CannotServe, DecentralMLError
from decentralml.swarm.files.endpoint import format_endpoint
from decentralml.swarm.files.limits import Fairness, Limits
from decentralml.swarm.files.refusals import SOMEBODY, Refusals
from decentralml.swarm.files.serving import Visit
from decentralml.swarm.files.shelf import Shelf
from decentralml.swarm.files.wire import Wire, WireError
from decentralml.swarm.identity.members import Members
from decentralml.swarm.identity.own import Identity
from decentralml.types import Cid

_BACKLOG = 128
_GOODBYE_SECONDS = 3.0
_DRAIN_SECONDS = 1.0
_FULL_PAUSE_SECONDS = 0.05
_SENT = 1024
"""Files that are remembered to have been sent."""
_NO_ROOM, _TOO_MANY = "no room for another connection", "too many connections"
_REASONS = {
    errno.EADDRINUSE: "the address is in use",
    errno.EADDRNOTAVAIL: "this machine does not have that address",
    errno.EACCES: "this user may not use that port",
}


class FileServer:
    """Serves a shelf to the members of a swarm from threads of its own.

    Parameters
    ----------
    identity : the certificate to show; another one from :meth:`use` on.
    host : an IPv4 or IPv6 address or a name; ``"::"`` listens on both kinds.
    port : 0 picks a free one.
    """

    def __init__(
        self,
        identity: Identity,
        members: Members,
        shelf: Shelf,
        host: str,
        port: int,
        limits: Limits | None = None,
    ) -> None:
        self.refusals = Refusals()
        """Connections and requests that came to nothing."""
        self._sent: deque[Cid] = deque(maxlen=_SENT)
        self._identity = identity
        self._members = members
        self._shelf = shelf
        self._host = host
        self._port = port
        self._limits = limits or Limits()
        self._fairness = Fairness(self._limits)
        self._guests: dict[socket.socket, _Guest] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._listener: socket.socket | None = None
        self._waker: tuple[socket.socket, socket.socket] | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen, and serve from now on.

        Raises
        ------
        CannotServe
        """
        self._listener = _listen(self._host, self._port)
        self._port = self._listener.getsockname()[1]
        self._stopped.clear()
        self._waker = socket.socketpair()
        self._thread = threading.Thread(target=self._accept, name="swarm-files", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Hang up on everybody and give the address back."""
        if self._thread is None or self._listener is None or self._waker is None:
            return
        self._stopped.set()
        self._waker[1].send(b"\0")
        self._thread.join(_GOODBYE_SECONDS)
        for end in (self._listener, *self._waker):
            end.close()
        with self._lock:
            guests = list(self._guests.values())
        for guest in guests:
            guest.hang_up()
        until = time.monotonic() + _GOODBYE_SECONDS
        for guest in guests:
            guest.thread.join(max(0.0, until - time.monotonic()))
        self._thread = None

    @property
    def address(self) -> str:
        """``host:port`` that it listens on."""
        return format_endpoint(self._host, self._port)

    @property
    def port(self) -> int:
        return self._port

    def was_sent(self, cid: Cid) -> bool:
        """Whether some member was sent a file to its end, of the last ones that were."""
        return cid in self._sent

    def use(self, identity: Identity) -> None:
        """Show another certificate on every connection from now on."""
        self._identity = identity

    # -- connections

    def _accept(self) -> None:
        assert self._listener is not None and self._waker is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._waker[0], selectors.EVENT_READ)
            while not self._stopped.is_set():
                selector.select()
                try:
                    connection, place = self._listener.accept()
                except BlockingIOError:
                    continue
                except OSError:  # too many open files, most likely
                    self.refusals.add(SOMEBODY, _NO_ROOM)
                    self._stopped.wait(_FULL_PAUSE_SECONDS)
                    continue
                self._receive(connection, str(place[0]).removeprefix("::ffff:"))

    def _receive(self, connection: socket.socket, host: str) -> None:
        guest = _Guest(connection, host)
        with self._lock:
            if len(self._guests) >= self._limits.connections and not self._make_room():
                self.refusals.add(guest.who, _TOO_MANY)
                connection.close()
                return
            self._guests[connection] = guest
        guest.thread = threading.Thread(
            target=self._host_guest, args=(guest,), name="swarm-files-guest", daemon=True
        )
        try:
            guest.thread.start()
        except RuntimeError:  # the system has no thread left
            self.refusals.add(guest.who, _NO_ROOM)
            self._forget(guest)

    def _make_room(self) -> bool:
        """Hang up on who has waited longest without a request under way, strangers first."""
        waiting = [guest for guest in self._guests.values() if not guest.is_busy]
        if not waiting:
            return False
        guest = min(waiting, key=lambda guest: (guest.is_known, guest.since))
        guest.hang_up()
        self.refusals.add(guest.who, _TOO_MANY)
        del self._guests[guest.connection]
        return True

    def _host_guest(self, guest: _Guest) -> None:
        try:
            self._visit(guest)
        except (WireError, OSError) as error:  # includes TLS errors and timeouts
            if not self._stopped.is_set():
                self.refusals.add(guest.who, _reason(error))
        except DecentralMLError as error:  # its own certificate cannot be read any more
            self.refusals.add(guest.who, str(error))
        finally:
            self._forget(guest)

    def _forget(self, guest: _Guest) -> None:
        with self._lock:
            self._guests.pop(guest.connection, None)
        guest.close()

    def _visit(self, guest: _Guest) -> None:
        context = self._members.server_context(self._identity)
        guest.connection.settimeout(self._limits.handshake_seconds)
        guest.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        tls = context.wrap_socket(guest.connection, server_side=True, do_handshake_on_connect=False)
        guest.tls = tls
        try:
            tls.do_handshake()
        except ssl.SSLError as error:
            if isinstance(error, ssl.SSLCertVerificationError):
                self._members.stranger()
            _drain(tls)
            raise
        der = tls.getpeercert(binary_form=True) or b""
        digest = hashlib.sha256(der).digest()
        holder = self._members.holder(der, digest)
        if holder is None:
            self._members.stranger()
            raise WireError("its certificate is no member's")
        guest.who, guest.is_known = holder.account, True
        visit = Visit(
            Wire(tls),
            digest,
            self._shelf,
            self._limits,
            self._fairness,
            is_welcome=lambda: self._members.holder(der, digest) is not None,
            wait=lambda seconds: not self._stopped.wait(seconds) if seconds else True,
            working=guest.set_busy,
            sent=self._sent.append,
            refused=lambda reason: self.refusals.add(guest.who, reason),
        )
        visit.serve()
        _drain(tls)


class _Guest:
    """One connection as the server sees it."""

    def __init__(self, connection: socket.socket, host: str) -> None:
        self.connection = connection
        self.who = host
        """Where it comes from; once that is known, which account it is."""
        self.tls: ssl.SSLSocket | None = None
        self.since = time.monotonic()
        self.is_known = False
        """Its certificate is a member's."""
        self.is_busy = False
        """A request of it is under way."""
        self.thread: threading.Thread

    def set_busy(self, is_busy: bool) -> None:
        self.is_busy = is_busy
        self.since = time.monotonic()

    def hang_up(self) -> None:
        """Wake its thread, which then closes it."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.tls or self.connection, socket.SHUT_RDWR)

    def close(self) -> None:
        for end in (self.tls, self.connection):
            if end is not None:
                end.close()


def _listen(host: str, port: int) -> socket.socket:
    address = format_endpoint(host, port)
    if not 0 <= port < 1 << 16:  # getaddrinfo would take the rest of a division
        raise CannotServe(address, "a port lies between 0 and 65535")
    try:
        if host == "::" and socket.has_dualstack_ipv6():
            listener = socket.create_server(
                ("::", port), family=socket.AF_INET6, backlog=_BACKLOG, dualstack_ipv6=True
            )
        else:
            family, _, _, _, place = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            listener = socket.create_server(place[:2], family=family, backlog=_BACKLOG)
    except socket.gaierror:
        raise CannotServe(address, "that host name is not known here") from None
    except OSError as error:
        reason = _REASONS.get(error.errno or 0) or os.strerror(error.errno or 0)
        raise CannotServe(address, reason) from None
    listener.setblocking(False)
    return listener


def _drain(tls: ssl.SSLSocket) -> None:
    """End so that the peer can still read what was said last, be it an alert."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(tls, socket.SHUT_WR)
        until = time.monotonic() + _DRAIN_SECONDS
        while (left := until - time.monotonic()) > 0:
            tls.settimeout(left)
            if not socket.socket.recv(tls, 1 << 16):
                return


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"refused a certificate: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {(error.reason or str(error)).lower().replace('_', ' ')}"
    if isinstance(error, TimeoutError):
        return "it was silent for too long"
    return str(error) if isinstance(error, WireError) else "the connection broke"
