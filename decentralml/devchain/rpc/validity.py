"""What a runtime says of a transaction before it runs.

    TransactionValidity   00 ValidTransaction | 01 TransactionValidityError
    ValidTransaction      priority u64 | requires, provides: vectors of tags | longevity u64 | bool
    ApplyExtrinsicResult  00 DispatchOutcome | 01 TransactionValidityError
    ...ValidityError      00 InvalidTransaction | 01 UnknownTransaction, each one byte; a custom one
                          is followed by its number

Source: ``sp_runtime::transaction_validity``; the explanations are a real node's texts.
"""

from __future__ import annotations

from dataclasses import dataclass

from decentralml.devchain.codec import DecodeError, Reader
from decentralml.devchain.rpc.errors import INVALID_TRANSACTION, UNKNOWN_VALIDITY, RpcError

FUTURE = b"\x00\x02"
"""Errors that mean: not yet. The nonce is too high …"""
EXHAUSTS_RESOURCES = b"\x00\x06"
"""… or this block is full."""

_CUSTOM_INVALID, _CUSTOM_UNKNOWN = 7, 2

OUTDATED = "Transaction is outdated"
_INVALID = (
    "Transaction call is not expected",
    "Inability to pay some fees (e.g. account balance too low)",
    "Transaction will be valid in the future",
    OUTDATED,
    "Transaction has a bad signature",
    "Transaction has an ancient birth block",
    "Transaction would exhaust the block limits",
    "Custom error: {custom}",
    "A call was labelled as mandatory, but resulted in an Error.",
    "Transaction dispatch is mandatory; transactions must not be validated.",
    "Invalid signing address",
    "The implicit data was unable to be calculated",
    "The transaction extension did not authorize any origin",
)
_UNKNOWN = (
    "Could not lookup information required to validate the transaction",
    "Could not find an unsigned validator for the unsigned transaction",
    "Custom error: {custom}",
)


@dataclass(frozen=True, slots=True)
class ValidTransaction:
    """A transaction that the runtime would take, once all tags in `requires` are there."""

    priority: int
    requires: tuple[bytes, ...]
    provides: tuple[bytes, ...]
    longevity: int


def decode_validity(data: bytes) -> ValidTransaction:
    """From ``TaggedTransactionQueue_validate_transaction``'s answer.

    Raises
    ------
    RpcError : 1010 or 1011, when the transaction is not valid.
    """
    if data[:1] != b"\0":
        raise explain(data[1:])
    reader = Reader(data, 1)
    return ValidTransaction(reader.u64(), reader.vector(), reader.vector(), reader.u64())


def explain(error: bytes) -> RpcError:
    """The answer to a client for a SCALE ``TransactionValidityError``."""
    reader = Reader(error)
    try:
        unknown, kind = reader.u8(), reader.u8()
        custom_kind = _CUSTOM_UNKNOWN if unknown else _CUSTOM_INVALID
        custom = reader.u8() if kind == custom_kind else 0
        reason = (_UNKNOWN if unknown else _INVALID)[kind].format(custom=custom)
    except (DecodeError, IndexError):
        return RpcError(INVALID_TRANSACTION, "Invalid Transaction", f"error 0x{error.hex()}")
    if unknown:
        return RpcError(UNKNOWN_VALIDITY, "Unknown Transaction Validity", reason)
    return RpcError(INVALID_TRANSACTION, "Invalid Transaction", reason)
