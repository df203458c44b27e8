"""``childstate_*``: the tries under ``:child_storage:default:``."""

from __future__ import annotations

from typing import Any

from decentralml.devchain.hashes import blake2_256
from decentralml.devchain.keys import DEFAULT_CHILD
from decentralml.devchain.rpc.chain_methods import HASH
from decentralml.devchain.rpc.errors import CLIENT, RpcError
from decentralml.devchain.rpc.params import Param, hex_bytes
from decentralml.devchain.rpc.registry import Context, method
from decentralml.devchain.rpc.state_methods import (
    COUNT,
    KEY,
    KEYS,
    PAGE_LIMIT,
    PREFIX,
    START,
    all_or_error,
    check_page,
)
from decentralml.devchain.rpc.views import maybe_hex, to_hex


def _child(value: Any) -> bytes:
    """A child trie's name, from its key in the main trie."""
    key = hex_bytes(value)
    if not key.startswith(DEFAULT_CHILD):
        raise RpcError(CLIENT, "Client error: Invalid child storage key")
    return key.removeprefix(DEFAULT_CHILD)


CHILD = Param("child_storage_key", _child)


@method("childstate_getStorage", params=(CHILD, KEY, HASH))
def get_storage(context: Context, child: bytes, key: bytes, at: bytes | None) -> str | None:
    return maybe_hex(context.reader.child_storage(child, key, at))


@method("childstate_getStorageEntries", params=(CHILD, KEYS, HASH))
def get_storage_entries(
    context: Context, child: bytes, keys: list[bytes], at: bytes | None
) -> list[str | None]:
    at = at or context.reader.head
    return [maybe_hex(context.reader.child_storage(child, key, at)) for key in keys]


@method("childstate_getStorageHash", params=(CHILD, KEY, HASH))
def get_storage_hash(context: Context, child: bytes, key: bytes, at: bytes | None) -> str | None:
    value = context.reader.child_storage(child, key, at)
    return None if value is None else to_hex(blake2_256(value))


@method("childstate_getStorageSize", params=(CHILD, KEY, HASH))
def get_storage_size(context: Context, child: bytes, key: bytes, at: bytes | None) -> int | None:
    value = context.reader.child_storage(child, key, at)
    return None if value is None else len(value)


@method("childstate_getKeys", params=(CHILD, Param("prefix", hex_bytes), HASH))
def get_keys(context: Context, child: bytes, prefix: bytes, at: bytes | None) -> list[str]:
    keys = context.reader.child_keys(child, prefix, PAGE_LIMIT + 1, None, at)
    return [to_hex(key) for key in all_or_error(keys)]


@method(
    "childstate_getKeysPaged",
    "childstate_getKeysPagedAt",
    params=(CHILD, PREFIX, COUNT, START, HASH),
)
def get_keys_paged(
    context: Context,
    child: bytes,
    prefix: bytes | None,
    count: int,
    start: bytes | None,
    at: bytes | None,
) -> list[str]:
    check_page(count)
    return [
        to_hex(key) for key in context.reader.child_keys(child, prefix or b"", count, start, at)
    ]
