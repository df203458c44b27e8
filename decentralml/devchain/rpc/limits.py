"""How much one client, and all of them together, may ask of a server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    connections: int = 100
    subscriptions: int = 1024
    """Of one connection."""
    request_bytes: int = 8 << 20
    """A runtime upgrade of 2 MB is 4 MB of hexadecimal text."""
    response_bytes: int = 15 << 20
    batch: int = 256
    """Requests in one message."""
    outbox_messages: int = 4096
    outbox_bytes: int = 16 << 20
    """Notifications that a client has not read yet: one that is slower is disconnected."""
    request_seconds: float = 30.0
    """For the first request of a new connection, and for the body of an HTTP request."""
    heartbeat_seconds: float = 30.0
    """Between pings; a WebSocket client that does not answer one is disconnected."""
