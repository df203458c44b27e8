"""``transaction_v1_*`` and ``transactionWatch_v1_*``: bringing transactions into blocks."""

from __future__ import annotations

import contextlib
from typing import Any, Final

from decentralml.devchain.hashes import blake2_256
from decentralml.devchain.rpc.author_methods import EXTRINSIC
from decentralml.devchain.rpc.conversation import Talk, talk_method
from decentralml.devchain.rpc.errors import (
    ALREADY_IMPORTED,
    BAD_FORMAT,
    IMMEDIATELY_DROPPED,
    INVALID_PARAMS,
    INVALID_TRANSACTION,
    UNKNOWN_VALIDITY,
    VERIFICATION,
    RpcError,
)
from decentralml.devchain.rpc.jsonrpc import dumps
from decentralml.devchain.rpc.params import Param, text
from decentralml.devchain.rpc.pool import Status

WATCH_EVENT: Final = "transactionWatch_v1_watchEvent"
MOST_BROADCASTS: Final = 64
"""Of one connection."""

_LAST: Final = frozenset({"finalized", "error", "invalid", "dropped"})
_ERRORS: Final = {
    BAD_FORMAT: "Extrinsic bytes cannot be decoded",
    VERIFICATION: "Extrinsic bytes cannot be decoded",
    ALREADY_IMPORTED: "Transaction is already imported",
    IMMEDIATELY_DROPPED: "The transaction could not enter the pool because of the limit",
}


@talk_method("transaction_v1_broadcast", params=(EXTRINSIC,))
async def broadcast(talk: Talk, extrinsic: bytes) -> str | None:
    """Have it included if it is valid; nobody is told what became of it. The number of the
    operation, None if there are too many."""
    if len(talk.broadcasts) >= MOST_BROADCASTS:
        return None
    # A subscription's number that nobody is told anything under.
    identity, _ = talk.line.open(WATCH_EVENT)

    async def submit() -> None:
        with contextlib.suppress(RpcError):  # as the specification has it
            await talk.service.submit(extrinsic)

    talk.broadcasts.add(identity)
    talk.start(submit)
    return identity


@talk_method("transaction_v1_stop", params=(Param("operationId", text),))
async def stop(talk: Talk, identity: str) -> None:
    """Forget a broadcast; the transaction may be included all the same."""
    if identity not in talk.broadcasts:
        raise RpcError(INVALID_PARAMS, "Invalid operation id")
    talk.broadcasts.discard(identity)
    talk.close(identity)


@talk_method("transactionWatch_v1_submitAndWatch", params=(EXTRINSIC,))
async def submit_and_watch(talk: Talk, extrinsic: bytes) -> str:
    import asyncio  # not needed where there is no server

    identity, notify = talk.line.open(WATCH_EVENT)
    heard: asyncio.Queue[Status | RpcError] = asyncio.Queue()
    later = talk.service.worker.later

    async def watch() -> None:
        try:
            await talk.service.submit(extrinsic, lambda status: later(heard.put_nowait, status))
        except RpcError as error:
            heard.put_nowait(error)
        event: dict[str, Any] = {"event": ""}
        while event["event"] not in _LAST:
            event = _event(talk, extrinsic, await heard.get())
            notify(dumps(event))
        talk.line.forget(identity)

    talk.start(watch, identity)
    return identity


@talk_method("transactionWatch_v1_unwatch", params=(Param("subscription", text),))
async def unwatch(talk: Talk, identity: str) -> bool:
    return talk.close(identity)


def _event(talk: Talk, extrinsic: bytes, news: Status | RpcError) -> dict[str, Any]:
    if isinstance(news, RpcError):
        return {"event": "invalid", "error": _why(news)}
    if news in ("ready", "future"):
        return {"event": "validated"}
    if news == "dropped":
        why = "Extrinsic dropped from the pool due to exceeding limits"
        return {"event": "dropped", "error": why}
    if news == "invalid":
        return {"event": "invalid", "error": "Extrinsic marked as invalid"}
    assert isinstance(news, dict), "the others carry a hash"
    if "usurped" in news:
        why = "Extrinsic was rendered invalid by another extrinsic"
        return {"event": "invalid", "error": why}
    where = talk.service.reader.find_extrinsic(blake2_256(extrinsic))
    index = 0 if where is None else where[1]
    kind = "finalized" if "finalized" in news else "bestChainBlockIncluded"
    (block,) = news.values()
    return {"event": kind, "block": {"hash": block, "index": index}}


def _why(error: RpcError) -> str:
    if error.code == INVALID_TRANSACTION:
        return f"Invalid transaction: {error.data}"
    if error.code == UNKNOWN_VALIDITY:
        return f"Unknown transaction validity: {error.data}"
    return _ERRORS.get(error.code, error.message)
