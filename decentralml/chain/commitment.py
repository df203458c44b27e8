"""Commitments: saying that one knows something, without saying what.

::

    finding  blake2_256("decentralml/finding" ‖ task u64 ‖ index u32 ‖ member ‖ attestation ‖ salt)
    gold     blake2_256("decentralml/gold" ‖ contributor ‖ verdict ‖ low u32 ‖ high u32 ‖ salt)

    attestation = verdict ‖ score u32 ‖ report's length (compact) ‖ report ‖ segment (option of u32)

SCALE-encoded: numbers little endian, a verdict one byte, accounts and salts their 32 bytes. The
salt keeps anybody from trying all findings until one fits. Source: the pallet ``market``
(``docs/protocol.md``, "Commitments" and "Gold").
"""

from __future__ import annotations

import secrets

from decentralml.chain import ss58
from decentralml.devchain.codec import prefixed, u32, u64
from decentralml.devchain.hashes import blake2_256
from decentralml.types import Address, Attestation, Gold, TaskId, Verdict

SALT_BYTES = 32
_FINDING = b"decentralml/finding"
_GOLD = b"decentralml/gold"
_VERDICTS = {
    Verdict.PASS: b"\0",
    Verdict.FAIL: b"\1",
    Verdict.INCONCLUSIVE: b"\2",
    Verdict.CRASHED: b"\3",
}


def new_salt() -> bytes:
    """32 bytes that nobody can guess."""
    return secrets.token_bytes(SALT_BYTES)


def commitment(
    task: TaskId, index: int, member: Address, attestation: Attestation, salt: bytes
) -> bytes:
    """What a member commits to its attestation with, and opens with the same salt: 32 bytes.

    Raises
    ------
    ValueError : a salt of another length than 32 bytes.
    AddressInvalid
    """
    return blake2_256(
        _FINDING
        + u64(task)
        + u32(index)
        + ss58.decode(member)
        + encode_attestation(attestation)
        + _salt(salt)
    )


def gold_commitment(gold: Gold) -> bytes:
    """What a creator puts into a task's terms of a result that it will plant: 32 bytes.

    Raises
    ------
    ValueError : a salt of another length than 32 bytes.
    AddressInvalid
    """
    return blake2_256(
        _GOLD
        + ss58.decode(gold.contributor)
        + _VERDICTS[gold.verdict]
        + u32(gold.low)
        + u32(gold.high)
        + _salt(gold.salt)
    )


def encode_attestation(attestation: Attestation) -> bytes:
    """SCALE, as in the pallet's call ``reveal``."""
    segment = attestation.segment
    return (
        _VERDICTS[attestation.verdict]
        + u32(attestation.score)
        + prefixed(attestation.report.encode())
        + (b"\0" if segment is None else b"\1" + u32(segment))
    )


def _salt(salt: bytes) -> bytes:
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes, not {len(salt)}")
    return salt
