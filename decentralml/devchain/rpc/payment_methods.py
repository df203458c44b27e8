"""``payment_*`` and ``system_dryRun``: what a transaction would cost and do."""

from __future__ import annotations

from typing import Any

from decentralml.devchain.block import check_extrinsic
from decentralml.devchain.codec import DecodeError, Reader, u32
from decentralml.devchain.rpc.author_methods import EXTRINSIC
from decentralml.devchain.rpc.chain_methods import HASH
from decentralml.devchain.rpc.errors import RUNTIME_API, UNREADABLE, RpcError
from decentralml.devchain.rpc.params import Param, block_hash
from decentralml.devchain.rpc.registry import Context, method
from decentralml.devchain.rpc.views import to_hex
from decentralml.errors import RuntimeTrapped, UnreadableExtrinsic

_CLASSES = ("normal", "operational", "mandatory")
_BALANCE = 16


@method("payment_queryInfo", params=(EXTRINSIC, HASH), executes=True)
def query_info(context: Context, extrinsic: bytes, at: bytes | None) -> dict[str, Any]:
    """Weight, class and fee (planck, decimal text; without tip)."""
    reader = _payment(context, "query_info", extrinsic, at, "dispatch info")
    weight = {"ref_time": reader.compact(), "proof_size": reader.compact()}
    kind = _CLASSES[reader.u8()]
    return {"weight": weight, "class": kind, "partialFee": str(_balance(reader))}


@method("payment_queryFeeDetails", params=(EXTRINSIC, HASH), executes=True)
def query_fee_details(context: Context, extrinsic: bytes, at: bytes | None) -> dict[str, Any]:
    """What the fee is made of (planck, hexadecimal text)."""
    reader = _payment(context, "query_fee_details", extrinsic, at, "fee details")
    if not reader.u8():
        return {"inclusionFee": None}
    names = ("baseFee", "lenFee", "adjustedWeightFee")
    return {"inclusionFee": {name: hex(_balance(reader)) for name in names}}


@method(
    "system_dryRun",
    "system_dryRunAt",
    params=(EXTRINSIC, Param("at", block_hash, optional=True)),
    executes=True,
)
def dry_run(context: Context, extrinsic: bytes, at: bytes | None) -> str:
    """SCALE ``ApplyExtrinsicResult``."""
    try:
        if at is None or at == context.chain.head:
            return to_hex(context.chain.dry_run(extrinsic))
        check_extrinsic(extrinsic)
        return to_hex(context.chain.call("BlockBuilder_apply_extrinsic", extrinsic, at))
    except (UnreadableExtrinsic, RuntimeTrapped, DecodeError) as error:
        raise RpcError(RUNTIME_API, "Unable to dry run extrinsic.", str(error)) from None


def _payment(context: Context, name: str, extrinsic: bytes, at: bytes | None, what: str) -> Reader:
    problem = f"Unable to query {what}."
    reader = Reader(extrinsic)
    try:
        reader.take(reader.compact())
    except DecodeError as error:
        raise RpcError(UNREADABLE, problem, str(error)) from None
    whole = extrinsic[: reader.offset]
    try:
        api = f"TransactionPaymentApi_{name}"
        return Reader(context.chain.call(api, whole + u32(len(whole)), at))
    except (DecodeError, RuntimeTrapped) as error:
        raise RpcError(RUNTIME_API, problem, str(error)) from None


def _balance(reader: Reader) -> int:
    return int.from_bytes(reader.take(_BALANCE), "little")
