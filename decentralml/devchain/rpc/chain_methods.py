"""``chain_*``: blocks."""

from __future__ import annotations

from typing import Any

from decentralml.devchain.rpc.params import Param, anything, block_hash, list_of, number
from decentralml.devchain.rpc.registry import Context, method
from decentralml.devchain.rpc.views import block_json, header_json, maybe_hex, to_hex

HASH = Param("hash", block_hash, optional=True)

_numbers = list_of(number, at_most=1024)


@method("chain_getHeader", params=(HASH,))
def get_header(context: Context, at: bytes | None) -> dict[str, Any] | None:
    header = context.reader.header(at)
    return None if header is None else header_json(header)


@method("chain_getBlock", params=(HASH,))
def get_block(context: Context, at: bytes | None) -> dict[str, Any] | None:
    block = context.reader.block(at)
    return None if block is None else block_json(block)


@method(
    "chain_getBlockHash",
    "chain_getHead",
    params=(Param("hash", anything, optional=True),),
)
def get_block_hash(context: Context, which: Any) -> str | list[str | None] | None:
    """Of the head, of a number, or of each number in a list."""
    if which is None:
        return to_hex(context.reader.head)
    if isinstance(which, list):
        return [maybe_hex(context.reader.block_hash(wanted)) for wanted in _numbers(which)]
    return maybe_hex(context.reader.block_hash(number(which)))


@method("chain_getFinalizedHead", "chain_getFinalisedHead")
def get_finalized_head(context: Context) -> str:
    return to_hex(context.reader.finalized)
