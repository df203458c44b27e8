"""A commitment is to these very bytes, and to nothing else."""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b

import pytest
from chain_support import ALICE, BOB, REPORT

from decentralml.chain.commitment import (
    commitment,
    encode_attestation,
    gold_commitment,
    new_salt,
)
from decentralml.types import Attestation, Gold, TaskId, Verdict

SALT = bytes(range(32))
TASK = TaskId(0x0102030405060708)
FOUND = Attestation(Verdict.FAIL, 900_000, REPORT, segment=5)
GOLD = Gold(BOB.address, Verdict.FAIL, 0, 300_000, SALT)


def blake(data: bytes) -> bytes:
    return blake2b(data, digest_size=32).digest()


def test_a_finding_is_committed_to_as_the_pallet_does() -> None:
    by_hand = (
        b"decentralml/finding"
        + bytes.fromhex("0807060504030201")
        + bytes.fromhex("0d0c0b0a")
        + ALICE.public_key
        + b"\1"
        + bytes.fromhex("a0bb0d00")
        + bytes([len(REPORT) << 2])
        + REPORT.encode()
        + b"\1\5\0\0\0"
        + SALT
    )
    assert commitment(TASK, 0x0A0B0C0D, ALICE.address, FOUND, SALT) == blake(by_hand)


def test_no_segment_is_one_byte_of_zero_and_a_long_report_has_a_long_length() -> None:
    found = Attestation(Verdict.CRASHED, 0, type(REPORT)("b" + "a" * 63))
    assert encode_attestation(found) == b"\3" + bytes(4) + b"\1\1" + b"b" + b"a" * 63 + b"\0"


@pytest.mark.parametrize(
    "changed",
    [
        {"task": TaskId(1)},
        {"index": 1},
        {"member": BOB.address},
        {"attestation": replace(FOUND, verdict=Verdict.PASS)},
        {"attestation": replace(FOUND, score=900_001)},
        {"attestation": replace(FOUND, segment=None)},
        {"salt": bytes(32)},
    ],
    ids=str,
)
def test_whatever_changes_changes_the_commitment(changed: dict[str, object]) -> None:
    facts = {"task": TASK, "index": 0, "member": ALICE.address, "attestation": FOUND, "salt": SALT}
    assert commitment(**facts) != commitment(**{**facts, **changed})  # type: ignore[arg-type]


def test_a_gold_is_committed_to_as_the_pallet_does() -> None:
    by_hand = b"decentralml/gold" + BOB.public_key + b"\1" + bytes(4)
    by_hand += bytes.fromhex("e0930400") + SALT
    assert gold_commitment(GOLD) == blake(by_hand)


def test_a_salt_has_32_bytes_and_is_new_each_time() -> None:
    with pytest.raises(ValueError, match="31"):
        gold_commitment(replace(GOLD, salt=SALT[1:]))
    assert len(new_salt()) == 32
    assert new_salt() != new_salt()
