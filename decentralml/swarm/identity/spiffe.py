"""A node's identity from a SPIFFE Workload API, as SPIRE's agent offers it (the extra ``spiffe``).

The agent hands out an X.509-SVID and, well before its end, the next one. Each is written beside the
one before (:func:`~decentralml.swarm.identity.own.store_identity`), and whoever runs the node is
told, so that it can register the new certificate; the old one goes on until the chain knows the
new. Each registration is a transaction: give these workloads certificates that last for days.

Source: https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Workload_API.md
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization

from decentralml.errors import DecentralMLError, SpiffeNotInstalled, SpiffeUnavailable
from decentralml.swarm.identity.own import Identity, store_identity

if TYPE_CHECKING:
    from spiffe import X509Source, X509Svid

SOCKET_VARIABLE = "SWARM_SPIFFE_WORKLOAD_API_SOCKET_PATH"
FIRST_SECONDS = 30.0
"""How long the first certificate is waited for."""
_UNIX = "unix:"


def socket_named() -> str | None:
    """The Workload API's socket that the environment names, if it names one."""
    return os.environ.get(SOCKET_VARIABLE) or None


class SpiffeIdentity:
    """The newest identity that a Workload API gave.

    Parameters
    ----------
    folder : of identities, where certificates and keys are written.
    socket : a path, or ``unix:…`` or ``tcp:…``.
    changed : told of each new identity after the first, from another thread.

    Raises
    ------
    SpiffeNotInstalled
    SpiffeUnavailable : there is no certificate in time.
    CertificateError, StoreUnwritable
    """

    def __init__(
        self,
        folder: Path,
        socket: str,
        changed: Callable[[Identity], None],
        *,
        seconds: float = FIRST_SECONDS,
    ) -> None:
        self.fault: str | None = None
        """Why the last certificate that came could not be used."""
        self._folder = folder
        self._socket = socket
        self._changed = changed
        self._source = _open(socket, seconds)
        try:
            self._identity = self._store()
            self._source.subscribe_for_updates(self._renew)
            self._renew()  # it may have changed before the line above
        except BaseException:
            self._source.close()
            raise

    @property
    def identity(self) -> Identity:
        return self._identity

    def close(self) -> None:
        self._source.close()

    def __enter__(self) -> SpiffeIdentity:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _store(self) -> Identity:
        from spiffe.errors import PySpiffeError

        try:
            svid = self._source.get_x509_context().default_svid
        except PySpiffeError as error:
            raise SpiffeUnavailable(self._socket, str(error)) from None
        return store_identity(self._folder, *_pem(svid))

    def _renew(self) -> None:
        try:
            identity = self._store()
        except DecentralMLError as error:
            self.fault = str(error)
            return
        self.fault = None
        if identity.digest != self._identity.digest:
            self._identity = identity
            self._changed(identity)


def _open(socket: str, seconds: float) -> X509Source:
    try:
        from spiffe import X509Source
        from spiffe.errors import PySpiffeError
    except ImportError:
        raise SpiffeNotInstalled from None
    address = socket
    if not socket.startswith("tcp:"):
        path = Path(socket.removeprefix(_UNIX).removeprefix("//")).absolute()
        if not path.is_socket():
            raise SpiffeUnavailable(socket, "there is no such socket")
        address = f"{_UNIX}//{path}"
    logging.getLogger("spiffe").addHandler(logging.NullHandler())  # errors are said below
    try:
        return X509Source(socket_path=address, timeout_in_seconds=seconds)
    except PySpiffeError as error:
        reason = str(error)
        if "Timeout" in reason:
            reason = f"none within {seconds:g} s"
        raise SpiffeUnavailable(socket, reason) from None


def _pem(svid: X509Svid) -> tuple[bytes, bytes]:
    """Its chain and its key."""
    chain = b"".join(each.public_bytes(serialization.Encoding.PEM) for each in svid.cert_chain)
    key = svid.private_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return chain, key
