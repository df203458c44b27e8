"""``chainHead_v1_*``: what a client follows the chain by.

A block that was announced stays *pinned*, for questions, until the client unpins it. Nothing is
ever pruned here, but a client that unpins nothing is stopped, as real nodes do.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from decentralml.devchain.rpc.conversation import Talk, talk_method
from decentralml.devchain.rpc.errors import (
    DUPLICATE_HASHES,
    INVALID_PARAMS,
    NO_RUNTIME,
    TOO_MANY_FOLLOWS,
    RpcError,
    invalid_block,
    invalid_continue,
)
from decentralml.devchain.rpc.params import Param, block_hash, flag, list_of, text
from decentralml.devchain.rpc.storage_queries import hex_or_empty, raw_query
from decentralml.devchain.rpc.views import to_hex
from decentralml.devchain.state import MAIN

if TYPE_CHECKING:
    from decentralml.devchain.rpc.chain_head import Follow, Operation

LIMIT_REACHED = {"result": "limitReached"}
MOST_QUERIES = 1024
MOST_FOLLOWS = 4
"""Of one connection, as in a real node."""


def _hashes(value: Any) -> list[bytes]:
    """One, or a list."""
    if isinstance(value, str):
        return [block_hash(value)]
    return list(list_of(block_hash, at_most=1 << 16)(value))


FOLLOW = Param("followSubscription", text)
HASH = Param("hash", block_hash)
OPERATION = Param("operationId", text)


@talk_method("chainHead_v1_follow", params=(Param("withRuntime", flag),))
async def follow(talk: Talk, with_runtime: bool) -> str:
    from decentralml.devchain.rpc.chain_head import Follow  # asyncio comes with it

    if len(talk.follows) >= MOST_FOLLOWS:
        raise RpcError(TOO_MANY_FOLLOWS, "Maximum number of chainHead_follow has been reached")
    new = Follow(talk, with_runtime)
    talk.line.afterwards(new.begin)
    return new.identity


@talk_method("chainHead_v1_unfollow", params=(FOLLOW,))
async def unfollow(talk: Talk, followed: str) -> bool:
    found = _follow(talk, followed)
    if found is not None:
        found.end()
    return found is not None


@talk_method("chainHead_v1_header", params=(FOLLOW, HASH))
async def header(talk: Talk, followed: str, block: bytes) -> str | None:
    found = _follow(talk, followed)
    if found is None:
        return None
    _check_pinned(found, block)
    encoded = talk.service.reader.header(block)
    return None if encoded is None else to_hex(encoded)


@talk_method("chainHead_v1_body", params=(FOLLOW, HASH))
async def body(talk: Talk, followed: str, block: bytes) -> dict[str, Any]:
    found = _follow(talk, followed)
    operation = _operation(found, block)
    if found is None or operation is None:
        return LIMIT_REACHED
    return found.work(operation, partial(found.read_body, operation, block))


@talk_method(
    "chainHead_v1_call",
    params=(FOLLOW, HASH, Param("function", text), Param("callParameters", text)),
)
async def call(
    talk: Talk, followed: str, block: bytes, function: str, parameters: str
) -> dict[str, Any]:
    data = _hex(parameters)
    found = _follow(talk, followed)
    if found is not None:
        _check_pinned(found, block)
        if not found.with_runtime:
            raise RpcError(
                NO_RUNTIME,
                "The `chainHead_follow` subscription was started with `withRuntime` set to `false`",
            )
    operation = _operation(found, block)
    if found is None or operation is None:
        return LIMIT_REACHED
    return found.work(operation, partial(found.run_call, operation, block, function, data))


@talk_method(
    "chainHead_v1_storage",
    params=(
        FOLLOW,
        HASH,
        Param("items", list_of(raw_query, at_most=MOST_QUERIES)),
        Param("childTrie", text, optional=True),
    ),
)
async def storage(
    talk: Talk, followed: str, block: bytes, items: list[Any], child: str | None
) -> dict[str, Any]:
    try:
        queries = [item.read() for item in items]
    except ValueError as error:
        raise _invalid(str(error)) from None
    trie = MAIN if child is None else _hex(child)
    found = _follow(talk, followed)
    operation = _operation(found, block) if items else None
    if found is None or operation is None:
        return LIMIT_REACHED
    started = found.work(operation, partial(found.read_storage, operation, block, queries, trie))
    return {**started, "discardedItems": 0}


@talk_method("chainHead_v1_continue", params=(FOLLOW, OPERATION))
async def continue_(talk: Talk, followed: str, operation: str) -> None:
    found = _follow(talk, followed)
    running = None if found is None else found.operations.get(operation)
    if running is None:
        return
    if not running.waits:
        raise invalid_continue()
    running.proceed()


@talk_method("chainHead_v1_stopOperation", params=(FOLLOW, OPERATION))
async def stop_operation(talk: Talk, followed: str, operation: str) -> None:
    found = _follow(talk, followed)
    if found is not None:
        found.stop(operation)


@talk_method("chainHead_v1_unpin", params=(FOLLOW, Param("hashOrHashes", _hashes)))
async def unpin(talk: Talk, followed: str, blocks: list[bytes]) -> None:
    found = _follow(talk, followed)
    if found is None:
        return
    if len(set(blocks)) < len(blocks):
        raise RpcError(
            DUPLICATE_HASHES, "Received duplicate hashes for the `chainHead_unpin` method"
        )
    for block in blocks:
        _check_pinned(found, block)
    found.pinned.difference_update(blocks)


def _follow(talk: Talk, identity: str) -> Follow | None:
    found: Follow | None = talk.follows.get(identity)
    return found


def _check_pinned(found: Follow, block: bytes) -> None:
    if block not in found.pinned:
        raise invalid_block()


def _operation(found: Follow | None, block: bytes) -> Operation | None:
    """A new one, unless there are too many."""
    if found is None:
        return None
    _check_pinned(found, block)
    return found.new_operation()


def _hex(value: str) -> bytes:
    try:
        return hex_or_empty(value)
    except ValueError as error:
        raise _invalid(str(error)) from None


def _invalid(what: str) -> RpcError:
    return RpcError(INVALID_PARAMS, f"Invalid parameter: {what}")
