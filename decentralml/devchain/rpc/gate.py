"""Who may talk to a server on this machine.

Any page in a browser can open connections to 127.0.0.1. The ``Origin`` header tells which page
it is, and the ``Host`` header which name it believed to be talking to (a foreign name that was
made to point here is DNS rebinding). Programs that are no browsers send no ``Origin``.
The lists are those of a real node.
"""

from __future__ import annotations

from urllib.parse import urlsplit

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
TRUSTED_PAGES = frozenset({"https://polkadot.js.org"})


def host_allowed(host: str | None) -> bool:
    """Whether a ``Host`` header names this machine."""
    return host is None or _hostname("//" + host) in LOCAL_HOSTS


def origin_allowed(origin: str | None) -> bool:
    """Whether a page of this origin may use the server: local ones and polkadot.js's."""
    if origin is None or origin in TRUSTED_PAGES:
        return True
    return _hostname(origin) in LOCAL_HOSTS


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
