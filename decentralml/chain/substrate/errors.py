"""What a runtime answers to a transaction, decoded in full.

``ApplyExtrinsicResult = Result<Result<(), DispatchError>, TransactionValidityError>``: the inner
error is a call that was included and failed, the outer one a transaction that cannot be included.
Sources: ``sp_runtime::{DispatchError, TokenError, ArithmeticError, TransactionalError}`` and
``sp_runtime::transaction_validity``.
"""

from __future__ import annotations

from typing import Any

from decentralml.chain.errors import refusal
from decentralml.chain.substrate.codec import Variant
from decentralml.chain.substrate.runtime import Runtime
from decentralml.errors import CallRefused, TransactionInvalid

_INVALID = {
    0: ("Call", "the runtime does not take this call"),
    1: ("Payment", "the signer cannot pay the fee"),
    2: ("Future", "an earlier transaction of the signer is missing; try again"),
    3: ("Stale", "another transaction of the signer came first; try again"),
    4: ("BadProof", "its signature does not fit this chain and runtime; check --chain"),
    5: ("AncientBirthBlock", "it came too late to be included; try again"),
    6: ("ExhaustsResources", "the block is full; try again"),
    7: ("Custom", "the runtime gives no reason"),
    8: ("BadMandatory", "only block authors make this call"),
    9: ("MandatoryValidation", "only block authors make this call"),
    10: ("BadSigner", "the signer cannot be derived from the signature"),
    11: ("IndeterminateImplicit", "the runtime could not work out what was signed; try again"),
    12: ("UnknownOrigin", "the runtime does not know who sent it"),
}
_UNKNOWN = {
    0: ("CannotLookup", "the runtime could not find the signer's account"),
    1: ("NoUnsignedValidator", "the runtime takes it only signed"),
    2: ("Custom", "the runtime gives no reason"),
}
_EXPLANATIONS = dict((*_UNKNOWN.values(), *_INVALID.values()))
_SENTENCES = {
    "call is not expected": "Call",
    "Inability to pay some fees": "Payment",
    "will be valid in the future": "Future",
    "is outdated": "Stale",
    "bad signature": "BadProof",
    "ancient birth block": "AncientBirthBlock",
    "exhaust the block limits": "ExhaustsResources",
    "Invalid signing address": "BadSigner",
    "implicit data was unable": "IndeterminateImplicit",
    "did not authorize any origin": "UnknownOrigin",
    "Could not lookup information": "CannotLookup",
    "Could not find an unsigned validator": "NoUnsignedValidator",
}
SIGN_AGAIN = frozenset({"Stale", "Future", "AncientBirthBlock"})
"""Reasons for which the same call may be signed again: with another nonce or birth it is valid."""


def dispatch_error(runtime: Runtime, error: Variant, **facts: Any) -> CallRefused:
    """The exception for a decoded ``DispatchError``; ``facts`` become its attributes."""
    name, value = error
    if name == "Module":
        pallet, error_name, docs = runtime.error(value["index"], value["error"][0])
        return refusal(pallet, error_name, docs, **facts)
    if isinstance(value, Variant):
        return refusal(name, value.name, f"{name} error", **facts)
    return refusal("", name, "", **facts)


def invalid(data: bytes) -> TransactionInvalid:
    """The exception for an encoded ``TransactionValidityError``."""
    if len(data) < 2 or data[0] > 1:
        return TransactionInvalid("Unreadable", "the runtime could not read it; check --chain")
    known = _INVALID if data[0] == 0 else _UNKNOWN
    reason, explanation = known.get(data[1], (f"Reason{data[1]}", "a reason unknown here"))
    if reason == "Custom" and len(data) > 2:
        explanation = f"the runtime's own reason {data[2]}"
    return TransactionInvalid(reason, explanation)


def invalid_named(sentence: str) -> TransactionInvalid:
    """The exception for ``sp_runtime``'s sentence, which is what a node's RPC tells."""
    for mark, reason in _SENTENCES.items():
        if mark in sentence:
            return TransactionInvalid(reason, _EXPLANATIONS[reason])
    return TransactionInvalid("Invalid", f"the node says {sentence!r}")
