"""``author_*`` without the watching (:mod:`.subscriptions`), and making blocks by hand."""

from __future__ import annotations

from typing import Any

from decentralml.devchain.hashes import blake2_256
from decentralml.devchain.rpc.errors import NO_KEYSTORE, RpcError, invalid_params
from decentralml.devchain.rpc.params import Param, block_hash, flag, hex_bytes, list_of, text
from decentralml.devchain.rpc.registry import Context, method
from decentralml.devchain.rpc.views import to_hex

EXTRINSIC = Param("extrinsic", hex_bytes)


@method("author_submitExtrinsic", params=(EXTRINSIC,), executes=True)
def submit_extrinsic(context: Context, extrinsic: bytes) -> str:
    """The extrinsic's hash; it is in a block already, unless its nonce is in the future."""
    return to_hex(context.pool.submit(extrinsic))


@method("author_pendingExtrinsics")
def pending_extrinsics(context: Context) -> list[str]:
    """Those that wait for a predecessor: all others are in a block."""
    return [to_hex(extrinsic) for extrinsic in context.pool.pending()]


def _extrinsic_or_hash(value: Any) -> bytes:
    if isinstance(value, dict) and len(value) == 1:
        if "hash" in value:
            return block_hash(value["hash"])
        if "extrinsic" in value:
            return blake2_256(hex_bytes(value["extrinsic"]))
    raise invalid_params('each must be {"hash": …} or {"extrinsic": …}')


@method(
    "author_removeExtrinsic",
    params=(Param("bytes_or_hash", list_of(_extrinsic_or_hash, at_most=1024)),),
    executes=True,
)
def remove_extrinsic(context: Context, hashes: list[bytes]) -> list[str]:
    """The hashes of those that were there."""
    return [to_hex(removed) for removed in context.pool.remove(hashes)]


@method("author_hasKey", params=(Param("public_key", hex_bytes), Param("key_type", text)))
def has_key(context: Context, public_key: bytes, key_type: str) -> bool:
    """Never: the embedded chain seals without keys."""
    return False


@method("author_hasSessionKeys", params=(Param("session_keys", hex_bytes),))
def has_session_keys(context: Context, session_keys: bytes) -> bool:
    return False


@method("author_insertKey", "author_rotateKeys", "author_rotateKeysWithOwner")
def no_keystore(context: Context) -> None:
    raise RpcError(
        NO_KEYSTORE, "The embedded chain keeps no keys: it seals blocks without a signature"
    )


@method(
    "engine_createBlock",
    params=(
        Param("create_empty", flag),
        Param("finalize", flag, optional=True),
        Param("parent_hash", block_hash, optional=True),
    ),
    executes=True,
)
def create_block(
    context: Context, create_empty: bool, finalize: bool | None, parent: bytes | None
) -> dict[str, Any]:
    """An empty block, as Substrate's manual seal makes them. There are never transactions to put
    in it, so `create_empty` must be true; blocks are final at once; the parent is the head."""
    if not create_empty:
        raise RpcError(20000, "no transactions to be sealed: pass true to seal an empty block")
    if parent is not None and parent != context.chain.head:
        raise RpcError(20000, "only the head can have a child")
    context.pool.seal_empty()
    return {"hash": to_hex(context.chain.head), "aux": {"header_only": False}}
