"""``archive_v1_*``: every block and every state that ever was."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from decentralml.devchain.block import Header
from decentralml.devchain.rpc.conversation import Talk, talk_method
from decentralml.devchain.rpc.errors import (
    INVALID_ARCHIVE_PARAM,
    RpcError,
    from_chain,
    invalid_params,
    unknown_id,
)
from decentralml.devchain.rpc.jsonrpc import dumps
from decentralml.devchain.rpc.params import Param, block_hash, list_of, text
from decentralml.devchain.rpc.registry import Context, method
from decentralml.devchain.rpc.storage_queries import (
    HASH as HASH_OF_VALUE,
)
from decentralml.devchain.rpc.storage_queries import (
    HASHES,
    PAGE_ITEMS,
    VALUE,
    VALUES,
    RawQuery,
    answers,
    hex_or_empty,
    item_of,
    raw_query,
    value_at,
)
from decentralml.devchain.rpc.views import to_hex
from decentralml.devchain.state import MAIN
from decentralml.errors import ChainError

_log = logging.getLogger(__name__)

STORAGE_EVENT: Final = "archive_v1_storageEvent"
DIFF_EVENT: Final = "archive_v1_storageDiffEvent"
MOST_QUERIES: Final = 1024

HASH = Param("hash", block_hash)


def _height(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 64:
        raise invalid_params(f"a number from 0 to 2^64-1 is needed, not {str(value)[:40]}")
    if value >= 1 << 32:
        raise _invalid(f"Invalid block height: {value}")
    return value


def _invalid(what: str) -> RpcError:
    return RpcError(INVALID_ARCHIVE_PARAM, f"Invalid parameter: {what}")


# -- blocks


@method("archive_v1_genesisHash")
def genesis_hash(context: Context) -> str:
    return to_hex(context.reader.genesis)


@method("archive_v1_finalizedHeight")
def finalized_height(context: Context) -> int:
    return context.reader.height


@method("archive_v1_hashByHeight", params=(Param("height", _height),))
def hash_by_height(context: Context, height: int) -> list[str]:
    """All blocks of a height: one, or none yet."""
    found = context.reader.block_hash(height)
    return [] if found is None else [to_hex(found)]


@method("archive_v1_header", params=(HASH,))
def header(context: Context, block: bytes) -> str | None:
    found = context.reader.header(block)
    return None if found is None else to_hex(found)


@method("archive_v1_body", params=(HASH,))
def body(context: Context, block: bytes) -> list[str] | None:
    found = context.reader.block(block)
    return None if found is None else [to_hex(extrinsic) for extrinsic in found.extrinsics]


@method(
    "archive_v1_call",
    params=(HASH, Param("function", text), Param("callParameters", text)),
    executes=True,
)
def call(context: Context, block: bytes, function: str, parameters: str) -> dict[str, Any]:
    try:
        data = hex_or_empty(parameters)
    except ValueError as error:
        raise _invalid(str(error)) from None
    if context.chain.block_number(block) is None:
        return {"success": False, "error": unknown_id(block)}
    try:
        return {"success": True, "value": to_hex(context.chain.call(function, data, block))}
    except ChainError as error:
        return {"success": False, "error": _text(error)}


# -- storage


@talk_method(
    "archive_v1_storage",
    params=(
        HASH,
        Param("items", list_of(raw_query, at_most=MOST_QUERIES)),
        Param("childTrie", text, optional=True),
    ),
)
async def storage(talk: Talk, block: bytes, items: list[RawQuery], child: str | None) -> str:
    async def events() -> AsyncIterator[dict[str, Any]]:
        queries = [item.read() for item in items]
        if any(query.start is not None and query.kind not in (VALUES, HASHES) for query in queries):
            raise ValueError(
                "paginationStartKey is only valid for descendantsValues and descendantsHashes "
                "query types"
            )
        trie = MAIN if child is None else hex_or_empty(child)
        beyond = {} if child is None else {"childTrieKey": to_hex(trie)}
        async for page in answers(talk, queries, block, trie):
            for item in page:
                yield {"event": "storage", **item, **beyond}
        yield {"event": "storageDone"}

    return _tell_all(talk, STORAGE_EVENT, "storageError", events())


@dataclass(frozen=True, slots=True)
class _Difference:
    """Which changes are asked for."""

    prefix: str
    kind: str
    child: str | None


def _difference(value: Any) -> _Difference:
    if not isinstance(value, dict):
        raise invalid_params('each item must be {"key": …, "returnType": …}')
    prefix, kind, child = value.get("key"), value.get("returnType"), value.get("childTrieKey")
    if not isinstance(prefix, str) or not isinstance(child, str | None):
        raise invalid_params("keys are hex strings")
    if kind not in (VALUE, HASH_OF_VALUE):
        raise invalid_params(f"unknown returnType {str(kind)[:40]!r}, expected value or hash")
    return _Difference(prefix, kind, child)


@talk_method(
    "archive_v1_storageDiff",
    params=(
        HASH,
        Param("items", list_of(_difference, at_most=MOST_QUERIES), optional=True),
        Param("previousHash", block_hash, optional=True),
    ),
)
async def storage_diff(
    talk: Talk, block: bytes, items: list[_Difference] | None, previous: bytes | None
) -> str:
    """What differs from another block, by default the parent: the main trie if nothing is named."""

    async def events() -> AsyncIterator[dict[str, Any]]:
        encoded = talk.service.reader.header(block)
        if encoded is None:
            name = block.hex()
            raise RpcError(0, f"Block header is not present: 0x{name[:4]}\u2026{name[-4:]}")
        before = Header.decode(encoded).parent if previous is None else previous
        wanted: dict[bytes, list[tuple[bytes, str]]] = {} if items else {MAIN: [(b"", VALUE)]}
        for item in items or ():
            trie = MAIN if item.child is None else hex_or_empty(item.child)
            wanted.setdefault(trie, []).append((hex_or_empty(item.prefix), item.kind))
        for trie, parts in wanted.items():
            async for event in _differences(talk, block, before, trie, parts):
                yield event
        yield {"event": "storageDiffDone"}

    return _tell_all(talk, DIFF_EVENT, "storageDiffError", events())


async def _differences(
    talk: Talk, block: bytes, before: bytes, trie: bytes, parts: list[tuple[bytes, str]]
) -> AsyncIterator[dict[str, Any]]:
    service = talk.service
    beyond = {} if trie == MAIN else {"childTrieKey": to_hex(trie)}
    for prefix in _outermost([prefix for prefix, _ in parts]):
        start: bytes | None = None
        while True:
            # This may read much history for few keys.
            question = (before, block, prefix, PAGE_ITEMS, start, trie)
            keys = await talk.turn(service.worker.call, service.chain.changed_keys, *question)
            for key in keys:
                old, new = (value_at(service.reader, key, at, trie) for at in (before, block))
                if old == new:
                    continue
                what = "added" if old is None else "deleted" if new is None else "modified"
                for kind in (VALUE, HASH_OF_VALUE):
                    if any(kind == asked and key.startswith(part) for part, asked in parts):
                        item = item_of(key, (old if new is None else new) or b"", kind)
                        yield {"event": "storageDiff", **item, "type": what, **beyond}
            await talk.line.flushed()
            if len(keys) < PAGE_ITEMS:
                break
            start = keys[-1]


def _outermost(prefixes: list[bytes]) -> list[bytes]:
    """Those that no other one covers, in order."""
    found: list[bytes] = []
    for prefix in sorted(prefixes):
        if not found or not prefix.startswith(found[-1]):
            found.append(prefix)
    return found


@talk_method("archive_v1_stopStorage", params=(Param("subscription", text),))
async def stop_storage(talk: Talk, identity: str) -> bool:
    return talk.close(identity)


# A real node knows this by the second name only.
@talk_method(
    "archive_v1_stopStorageDiff",
    "archive_v1_storageDiff_stopStorageDiff",
    params=(Param("subscription", text),),
)
async def stop_storage_diff(talk: Talk, identity: str) -> bool:
    return talk.close(identity)


def _tell_all(talk: Talk, kind: str, failed: str, events: AsyncIterator[dict[str, Any]]) -> str:
    """A subscription that ends with the events, or with what went wrong; its number."""
    identity, notify = talk.line.open(kind)

    async def tell() -> None:
        try:
            async for event in events:
                notify(dumps(event))
        except ValueError as error:
            notify(dumps({"event": failed, "error": f"Invalid parameter: {error}"}))
        except (RpcError, ChainError) as error:
            notify(dumps({"event": failed, "error": _text(error)}))
        except Exception:
            _log.exception("%s failed", kind)
            notify(dumps({"event": failed, "error": "Internal error"}))
        finally:
            talk.line.forget(identity)

    talk.start(tell, identity)
    return identity


def _text(error: RpcError | ChainError) -> str:
    told = error if isinstance(error, RpcError) else from_chain(error)
    return told.message.removeprefix("Client error: ")
