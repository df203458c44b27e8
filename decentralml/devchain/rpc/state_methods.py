"""``state_*``: storage, now and at any block; metadata; runtime calls."""

from __future__ import annotations

from typing import Any

from decentralml.devchain.hashes import blake2_256
from decentralml.devchain.rpc.chain_methods import HASH
from decentralml.devchain.rpc.errors import (
    BLOCK_RANGE,
    CLIENT,
    OVERSIZED_RESPONSE,
    TOO_MANY_KEYS,
    RpcError,
    unknown_id,
)
from decentralml.devchain.rpc.params import Param, block_hash, hex_bytes, list_of, number, text
from decentralml.devchain.rpc.registry import Context, method
from decentralml.devchain.rpc.views import maybe_hex, to_hex, version_json
from decentralml.errors import UnknownBlock

PAGE_LIMIT = 1000
"""Keys in one answer, as in a real node."""
QUERY_LIMIT = 4096
"""Keys in one question."""
RANGE_LIMIT = 10_000
"""Values that ``state_queryStorage`` reads at most: keys times blocks."""

KEY = Param("key", hex_bytes)
KEYS = Param("keys", list_of(hex_bytes, at_most=QUERY_LIMIT))
PREFIX = Param("prefix", hex_bytes, optional=True)
COUNT = Param("count", number)
START = Param("start_key", hex_bytes, optional=True)


@method("state_getStorage", "state_getStorageAt", params=(KEY, HASH))
def get_storage(context: Context, key: bytes, at: bytes | None) -> str | None:
    return maybe_hex(context.reader.storage(key, at))


@method("state_getStorageHash", "state_getStorageHashAt", params=(KEY, HASH))
def get_storage_hash(context: Context, key: bytes, at: bytes | None) -> str | None:
    value = context.reader.storage(key, at)
    return None if value is None else to_hex(blake2_256(value))


@method("state_getStorageSize", "state_getStorageSizeAt", params=(KEY, HASH))
def get_storage_size(context: Context, key: bytes, at: bytes | None) -> int | None:
    value = context.reader.storage(key, at)
    return None if value is None else len(value)


@method("state_getKeysPaged", "state_getKeysPagedAt", params=(PREFIX, COUNT, START, HASH))
def get_keys_paged(
    context: Context, prefix: bytes | None, count: int, start: bytes | None, at: bytes | None
) -> list[str]:
    check_page(count)
    return [to_hex(key) for key in context.reader.keys(prefix or b"", count, start, at)]


@method("state_getKeys", params=(Param("prefix", hex_bytes), HASH))
def get_keys(context: Context, prefix: bytes, at: bytes | None) -> list[str]:
    """All keys with a prefix, if they are few: ``state_getKeysPaged`` has no such limit."""
    return [
        to_hex(key) for key in all_or_error(context.reader.keys(prefix, PAGE_LIMIT + 1, None, at))
    ]


@method("state_getPairs", params=(Param("prefix", hex_bytes), HASH))
def get_pairs(context: Context, prefix: bytes, at: bytes | None) -> list[list[str | None]]:
    """Keys and values, limited like ``state_getKeys``."""
    at = at or context.reader.head
    keys = all_or_error(context.reader.keys(prefix, PAGE_LIMIT + 1, None, at))
    return [[to_hex(key), maybe_hex(value)] for key, value in context.reader.query(keys, at)]


@method("state_queryStorageAt", params=(KEYS, Param("at", block_hash, optional=True)))
def query_storage_at(context: Context, keys: list[bytes], at: bytes | None) -> list[dict[str, Any]]:
    at = at or context.reader.head
    changes = [[to_hex(key), maybe_hex(value)] for key, value in context.reader.query(keys, at)]
    return [{"block": to_hex(at), "changes": changes}]


@method(
    "state_queryStorage",
    params=(KEYS, Param("block", block_hash), HASH),
    executes=True,
)
def query_storage(
    context: Context, keys: list[bytes], first: bytes, last: bytes | None
) -> list[dict[str, Any]]:
    """All values in the first block, then those that changed, block by block."""
    reader = context.chain
    start, end = reader.block_number(first), reader.block_number(last or reader.head)
    if start is None or end is None or start > end:
        named = f"[{to_hex(first)} ... {maybe_hex(last)}]"
        raise RpcError(BLOCK_RANGE, f"Cannot resolve a block range {named}")
    if (end - start + 1) * len(keys) > RANGE_LIMIT:
        raise RpcError(
            BLOCK_RANGE,
            f"{end - start + 1} blocks times {len(keys)} keys are too many: ask for parts",
            f"at most {RANGE_LIMIT} values",
        )
    sets, known = [], dict[bytes, bytes | None]()
    for height in range(start, end + 1):
        block = reader.block_hash(height)
        changes = [
            [to_hex(key), maybe_hex(value)]
            for key, value in reader.query(keys, block)
            if height == start or known[key] != value
        ]
        if changes:
            known.update((bytes.fromhex(str(key)[2:]), _unhex(value)) for key, value in changes)
            sets.append({"block": maybe_hex(block), "changes": changes})
    return sets


@method("state_getReadProof", params=(KEYS, HASH), executes=True)
def get_read_proof(context: Context, keys: list[bytes], at: bytes | None) -> dict[str, Any]:
    """Of an old block it reads all that has changed since."""
    at = at or context.chain.head
    return {
        "at": to_hex(at),
        "proof": [to_hex(node) for node in context.chain.read_proofs({at: keys})],
    }


@method("state_getMetadata", params=(HASH,))
def get_metadata(context: Context, at: bytes | None) -> str:
    try:
        return to_hex(context.reader.metadata(at))
    except UnknownBlock as error:
        why = f"Header was not found in the database: {error.block}"
        raise RpcError(CLIENT, f"Client error: Api called for an unknown Block: {why}") from None


@method(
    "state_getRuntimeVersion",
    "state_getRuntimeVersionAt",
    "chain_getRuntimeVersion",
    params=(HASH,),
)
def get_runtime_version(context: Context, at: bytes | None) -> dict[str, Any]:
    return version_json(context.reader.runtime_version_at(at))


@method(
    "state_call",
    "state_callAt",
    params=(Param("name", text), Param("bytes", hex_bytes), HASH),
    executes=True,
)
def call(context: Context, name: str, data: bytes, at: bytes | None) -> str:
    try:
        return to_hex(context.chain.call(name, data, at))
    except UnknownBlock:
        raise RpcError(CLIENT, f"Client error: {unknown_id(at or b'')}") from None


def check_page(count: int) -> None:
    if count > PAGE_LIMIT:
        raise RpcError(
            TOO_MANY_KEYS, f"count exceeds maximum value. value: {count}, max: {PAGE_LIMIT}"
        )


def all_or_error(keys: list[bytes]) -> list[bytes]:
    if len(keys) > PAGE_LIMIT:
        raise RpcError(
            OVERSIZED_RESPONSE,
            "Response is too big",
            f"more than {PAGE_LIMIT} keys: read them with state_getKeysPaged",
        )
    return keys


def _unhex(value: str | None) -> bytes | None:
    return None if value is None else bytes.fromhex(value[2:])
