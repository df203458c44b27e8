"""What one member may ask of a file server at a time."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from decentralml.errors import ConfigError

LEAST_RATE = 256 * 1024
"""Bytes a second below which fetchers take a server for stalled."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one file server.

    Attributes
    ----------
    rate : bytes a second for each member, on average.
    burst : bytes that a member who was silent may have at once.
    requests : most of a member at the same time; more are told to come back.
    connections : most of all together; whoever has waited longest makes room.
    handshake_seconds : for TLS.
    head_seconds : for a request's head, from its first moment on.
    idle_seconds : between two requests.
    send_seconds : for one chunk of :data:`decentralml.swarm.files.serving.CHUNK` bytes.
    """

    rate: int = 64 << 20
    burst: int = 256 << 20
    requests: int = 8
    connections: int = 256
    handshake_seconds: float = 10.0
    head_seconds: float = 10.0
    idle_seconds: float = 60.0
    send_seconds: float = 20.0

    def __post_init__(self) -> None:
        if self.rate < LEAST_RATE or self.burst < LEAST_RATE:
            raise ConfigError(
                f"a file server must allow each member {LEAST_RATE} bytes a second or more"
            )
        if self.requests < 1 or self.connections < 1:
            raise ConfigError("a file server must allow at least one connection and one request")


class TokenBucket:
    """So many tokens a second, and at most a burst of them at once. Not for several threads."""

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._left = burst
        self._at = clock()

    def take(self, tokens: int) -> float:
        """Take tokens, also such as are not there yet; seconds until they are."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        self._left -= tokens
        return max(0.0, -self._left / self._rate)

    @property
    def is_full(self) -> bool:
        """Whether it would be the same if it was forgotten."""
        return self._left + (self._clock() - self._at) * self._rate >= self._burst


class Fairness:
    """Buckets and requests under way of each member (by the digest of its certificate)."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buckets: dict[bytes, TokenBucket] = {}
        self._busy: Counter[bytes] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def request(self, member: bytes) -> Iterator[bool]:
        """Whether a member may have one more request, which lasts as long as the context."""
        with self._lock:
            granted = self._busy[member] < self._limits.requests
            self._busy[member] += 1
        try:
            yield granted
        finally:
            with self._lock:
                self._busy[member] -= 1
                if not self._busy[member]:
                    del self._busy[member]
                    self._forget_full()

    def wait_for(self, member: bytes, size: int) -> float:
        """Seconds to wait before a member is sent so many bytes."""
        with self._lock:
            bucket = self._buckets.get(member)
            if bucket is None:
                bucket = TokenBucket(self._limits.rate, self._limits.burst)
                self._buckets[member] = bucket
            return bucket.take(size)

    def _forget_full(self) -> None:
        for member in [m for m, bucket in self._buckets.items() if bucket.is_full]:
            del self._buckets[member]
