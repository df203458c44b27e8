"""Storage keys that every Substrate chain has, whatever its pallets."""

from __future__ import annotations

from decentralml.devchain.hashes import storage_prefix

CODE = b":code"
PENDING_CODE = b":pending_code"
"""A new runtime waiting for its block (system version 3): blocks run on it, reads on ``CODE``."""
CHILD_STORAGE = b":child_storage:"
DEFAULT_CHILD = CHILD_STORAGE + b"default:"
"""Before a child trie's name: the key under which the main trie holds the child's root."""

TIMESTAMP = storage_prefix("Timestamp", "Now")
