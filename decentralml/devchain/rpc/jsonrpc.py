"""The envelope of JSON-RPC 2.0: requests in, responses out, whatever is asked.

Where the specification leaves room this follows jsonrpsee, which real nodes use: a request is an
object with ``"jsonrpc": "2.0"``; one without ``id`` is a notification and gets no response.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final, NoReturn

from decentralml.devchain.rpc.errors import (
    INVALID_REQUEST,
    OVERSIZED_BATCH,
    OVERSIZED_BATCH_RESPONSE,
    OVERSIZED_RESPONSE,
    RpcError,
    invalid_request,
    parse_error,
)
from decentralml.devchain.rpc.limits import Limits

Call = Callable[[str, Any], Awaitable[Any]]
"""Answers one method with its raw ``params``, or raises :class:`RpcError`."""


async def respond(raw: str | bytes, call: Call, limits: Limits) -> str | None:
    """The response to one message, or None when none is due."""
    try:
        message = _parse(raw)
    except RpcError as error:
        return failure(None, error)
    if not isinstance(message, list):
        return await _respond_one(message, call, limits)
    if not message:
        return failure(None, invalid_request())
    if len(message) > limits.batch:
        why = f"Exceeded max limit of {limits.batch}"
        return failure(None, RpcError(OVERSIZED_BATCH, "The batch request was too large", why))
    responses, size = [], 0
    for item in message:
        response = await _respond_one(item, call, limits)
        if response is not None:
            responses.append(response)
            size += len(response)
        if size > limits.response_bytes:
            why = f"Exceeded max limit of {limits.response_bytes}"
            return failure(
                None, RpcError(OVERSIZED_BATCH_RESPONSE, "The batch response was too large", why)
            )
    return "[" + ",".join(responses) + "]" if responses else None


def dumps(value: Any) -> str:
    return _ENCODER.encode(value)


def _parse(raw: str | bytes) -> Any:
    try:
        text = raw if isinstance(raw, str) else raw.decode("utf-8")
        return _DECODER.decode(text)
    except (ValueError, RecursionError):  # bad UTF-8, bad JSON, absurd numbers, absurd depth
        raise parse_error() from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


_ENCODER: Final = json.JSONEncoder(separators=(",", ":"))
_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)


async def _respond_one(request: Any, call: Call, limits: Limits) -> str | None:
    if not isinstance(request, dict):
        return failure(None, invalid_request())
    identity = request.get("id")
    if isinstance(identity, bool) or not isinstance(identity, int | str | None):
        return failure(None, RpcError(INVALID_REQUEST, "Invalid request", "a strange id"))
    method = request.get("method")
    if request.get("jsonrpc") != "2.0" or not isinstance(method, str):
        return failure(identity, invalid_request())
    if "id" not in request:
        return None
    try:
        result = await call(method, request.get("params"))
    except RpcError as error:
        return failure(identity, error)
    response = f'{{"jsonrpc":"2.0","id":{dumps(identity)},"result":{dumps(result)}}}'
    if len(response) > limits.response_bytes:
        why = f"Exceeded max limit of {limits.response_bytes}"
        return failure(identity, RpcError(OVERSIZED_RESPONSE, "Response is too big", why))
    return response


def failure(identity: Any, error: RpcError) -> str:
    """The response that says what is wrong."""
    return dumps({"jsonrpc": "2.0", "id": identity, "error": error.to_json()})
