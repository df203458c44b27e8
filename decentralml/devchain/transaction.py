"""What a runtime says of an extrinsic, in words.

``ApplyExtrinsicResult`` is ``Result<DispatchOutcome, TransactionValidityError>``:

    00 00        applied, the call succeeded          01 00 n…   refused: invalid, reason n
    00 01 e…     applied, the call failed with e      01 01 n…   refused: unknown, reason n
"""

from __future__ import annotations

from typing import Final

REFUSED: Final = b"\1"
_UNKNOWN: Final = 1
_CUSTOM_INVALID: Final = 7
_CUSTOM_UNKNOWN: Final = 2

INVALID_REASONS: Final = (
    ("Call", "the call is not expected here"),
    ("Payment", "the account cannot pay the fees"),
    ("Future", "its nonce is ahead of the account's"),
    ("Stale", "its nonce was used already"),
    ("BadProof", "its signature does not fit"),
    ("AncientBirthBlock", "its mortal era is over"),
    ("ExhaustsResources", "it does not fit in the block"),
    ("Custom", "the runtime's own reason"),
    ("BadMandatory", "a mandatory call failed"),
    ("MandatoryValidation", "a mandatory call must be an inherent"),
    ("BadSigner", "its signer may not sign"),
    ("IndeterminateImplicit", "an implicit part cannot be told"),
    ("UnknownOrigin", "nobody stands behind it"),
)
"""``InvalidTransaction`` by index: name and meaning."""

UNKNOWN_REASONS: Final = (
    ("CannotLookup", "what it refers to cannot be found"),
    ("NoUnsignedValidator", "nobody checks such unsigned calls"),
    ("Custom", "the runtime's own reason"),
)
"""``UnknownTransaction`` by index."""


def explain(result: bytes) -> str:
    """Why a result that starts with :data:`REFUSED` is one (also a ``TransactionValidity``)."""
    if len(result) < 3 or result[:1] != REFUSED:
        return "for a reason that it does not tell"
    unknown, index = result[1] == _UNKNOWN, result[2]
    reasons = UNKNOWN_REASONS if unknown else INVALID_REASONS
    if index >= len(reasons):
        return f"reason {index}"
    name, meaning = reasons[index]
    custom = index == (_CUSTOM_UNKNOWN if unknown else _CUSTOM_INVALID)
    number = f" {result[3]}" if custom and len(result) > 3 else ""
    return f"{name}{number} ({meaning})"
