"""Errors as JSON-RPC answers carry them, with the codes that Substrate nodes use.

Sources: JSON-RPC 2.0, section 5.1; jsonrpsee (``-320xx``); ``sc-rpc-api`` (10xx author, 40xx
state); ``sc-rpc-spec-v2`` (``-328xx`` chainHead, 3001 archive). Texts that clients
match on are those of a real node.
"""

from __future__ import annotations

from typing import Any

from decentralml.errors import (
    ChainBusy,
    ChainError,
    RuntimeTrapped,
    UnknownBlock,
    UnknownRuntimeCall,
)

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
TOO_MANY_SUBSCRIPTIONS = -32006
OVERSIZED_REQUEST = -32007
OVERSIZED_RESPONSE = -32008
SERVER_BUSY = -32009
OVERSIZED_BATCH = -32010
OVERSIZED_BATCH_RESPONSE = -32011

TOO_MANY_FOLLOWS = -32800
INVALID_BLOCK = -32801
NO_RUNTIME = -32802
INVALID_CONTINUE = -32803
DUPLICATE_HASHES = -32804
INVALID_ARCHIVE_PARAM = 3001

RUNTIME_API = 1
UNREADABLE = 2
BAD_FORMAT = 1001
VERIFICATION = 1002
INVALID_TRANSACTION = 1010
UNKNOWN_VALIDITY = 1011
TEMPORARILY_BANNED = 1012
ALREADY_IMPORTED = 1013
TOO_LOW_PRIORITY = 1014
IMMEDIATELY_DROPPED = 1016
NO_TAGS = 1019
NO_KEYSTORE = 1030
BLOCK_RANGE = 4001
TOO_MANY_KEYS = 4002
CLIENT = 4003


class RpcError(Exception):
    """A request's error answer: `code`, `message` and optional `data`, as in JSON-RPC."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        self.code = code
        self.message = message
        self.data = data
        super().__init__(f"{code}: {message}" + ("" if data is None else f" ({data})"))

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.data is not None:
            body["data"] = self.data
        return body


def parse_error() -> RpcError:
    return RpcError(PARSE_ERROR, "Parse error")


def invalid_request() -> RpcError:
    return RpcError(INVALID_REQUEST, "Invalid request")


def method_not_found() -> RpcError:
    return RpcError(METHOD_NOT_FOUND, "Method not found")


def needs_connection() -> RpcError:
    return RpcError(
        METHOD_NOT_FOUND, "Method not found", "subscriptions need a WebSocket connection"
    )


def unknown_id(block: bytes) -> str:
    """How a node says that it runs no code on a block it does not have."""
    return f"UnknownBlock: Expect block number from id: Hash(0x{block.hex()})"


def invalid_block() -> RpcError:
    """``chainHead_v1_*`` for a block that is not pinned."""
    return RpcError(INVALID_BLOCK, "Invalid block hash")


def invalid_continue() -> RpcError:
    return RpcError(
        INVALID_CONTINUE, "Wait for continue event was not generated for the subscription"
    )


def invalid_params(why: str) -> RpcError:
    return RpcError(INVALID_PARAMS, "Invalid params", why)


def from_chain(error: ChainError) -> RpcError:
    """What a client is told of an error of the chain."""
    if isinstance(error, UnknownBlock):
        return RpcError(
            CLIENT,
            f"Client error: UnknownBlock: Header was not found in the database: {error.block}",
        )
    if isinstance(error, UnknownRuntimeCall):
        return RpcError(
            CLIENT,
            f"Client error: Execution failed: Other: Exported method {error.api} is not found",
        )
    if isinstance(error, RuntimeTrapped):
        return RpcError(CLIENT, f"Client error: Execution failed: {error}")
    if isinstance(error, ChainBusy):
        return RpcError(SERVER_BUSY, "Server is busy, try again later", str(error))
    return RpcError(INTERNAL_ERROR, "Internal error", str(error))
