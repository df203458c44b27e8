"""The root of all errors, and the root of each room's."""

from __future__ import annotations

from typing import Any

REPEAT = (
    "run the same command again within an hour: it finds what was sent, and sends nothing twice "
    "(later, look at `decentralml balance` or `show-task` first)"
)
"""What to do when nobody knows whether a transaction is in a block (``chain/journal.py``)."""


class DecentralMLError(Exception):
    """Root of all errors that a user or a caller can cause or meet."""

    def facts(self) -> dict[str, Any]:
        """The error's attributes, for programs (``--json``)."""
        return {k: v for k, v in vars(self).items() if not k.startswith("_")}


class ConfigError(DecentralMLError):
    """A setting is missing or makes no sense."""


class ChainError(DecentralMLError):
    """Something about the chain or the node that serves it."""


class DatabaseError(DecentralMLError):
    """The database cannot be used as it is. The chain needs none."""


class StorageError(DecentralMLError):
    """Content could not be stored, fetched or verified."""


class BundleError(DecentralMLError):
    """A bundle or a result does not say or hold what it must."""


class SandboxError(DecentralMLError):
    """A stranger's code could not be run safely."""


class ValidationError(DecentralMLError):
    """A result cannot be judged, or fails the checks."""


class KeysError(DecentralMLError):
    """A key is missing, locked or damaged."""


class LearningError(DecentralMLError):
    """Training or merging cannot go on."""


class FlowerError(DecentralMLError):
    """A federation that Flower runs cannot go on."""


class SwarmError(DecentralMLError):
    """A node of a swarm cannot go on, or not as it was asked to."""
