"""Our transactions are, byte for byte, those of substrate-interface."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chain_support import ALICE, BOB, BUNDLE, DAVE, EVE, REPORT, shipped_runtime
from hypothesis import given
from hypothesis import strategies as st
from rpc_support import genesis_file, served
from scalecodec.base import ScaleBytes
from substrateinterface import Keypair, SubstrateInterface

from decentralml.chain import calls
from decentralml.chain.substrate.codec import Variant
from decentralml.chain.substrate.extrinsic import Mortality, Terms, estimate, payload, sign
from decentralml.chain.substrate.wire import Census, encode, to_pallet
from decentralml.devchain.hashes import blake2_256
from decentralml.errors import CallInvalid
from decentralml.types import (
    ModelType,
    StorageType,
    TaskId,
    TaskType,
    ValidationStrategy,
    Verdict,
)
from decentralml.types import Terms as TaskTerms

TASK = TaskId(7)
TERMS = TaskTerms(
    TaskType.MODEL_ENGINEER,
    ValidationStrategy.CUSTOM_ACCEPT,
    ModelType.AUDIO,
    StorageType.S3,
    BUNDLE,
    reward=10**20,
    fee=3,
    committee_size=9,
    slots=1000,
    expires_at=2**40,
    working_time=5,
    review_time=6,
    parent=TaskId(3),
)
WIRE_TERMS = {
    "task_type": "ModelEngineer",
    "strategy": "CustomAccept",
    "model_type": "Audio",
    "storage": "S3",
    "bundle": BUNDLE,
    "reward": 10**20,
    "fee": 3,
    "committee_size": 9,
    "slots": 1000,
    "expires_at": 2**40,
    "working_time": 5,
    "review_time": 6,
    "parent": 3,
}
KEY = bytes(range(32))
CENSUS = Census(candidates=5, standing=Variant("Candidate", 5))
CALLS: list[tuple[calls.Call, str, str, dict[str, Any]]] = [
    (calls.CreateTask(TERMS), "Market", "create_task", {"terms": WIRE_TERMS}),
    (calls.AcceptTask(TASK), "Market", "accept_task", {"task": 7}),
    (
        calls.SubmitResult(TASK, REPORT, KEY),
        "Market",
        "submit_result",
        {"task": 7, "cid": REPORT, "digest": "0x" + KEY.hex()},
    ),
    (calls.DrawCommittee(TASK, 2), "Market", "draw_committee", {"task": 7, "index": 2}),
    (
        calls.Attest(TASK, 2, Verdict.INCONCLUSIVE, 123_456, REPORT),
        "Market",
        "attest",
        {"task": 7, "index": 2, "verdict": "Inconclusive", "score": 123_456, "report": REPORT},
    ),
    (calls.AcceptResult(TASK, 2), "Market", "accept_result", {"task": 7, "index": 2}),
    (
        calls.RejectResult(TASK, 2, "nö"),
        "Market",
        "reject_result",
        {"task": 7, "index": 2, "reason": "nö"},
    ),
    (calls.PublishModel(TASK, REPORT), "Market", "publish_model", {"task": 7, "model": REPORT}),
    (calls.Abandon(TASK), "Market", "abandon", {"task": 7}),
    (calls.WithdrawTask(TASK), "Market", "withdraw_task", {"task": 7}),
    (calls.Settle(TASK), "Market", "settle", {"task": 7, "index": None}),
    (calls.Settle(TASK, 0), "Market", "settle", {"task": 7, "index": 0}),
    (
        calls.RegisterAggregator("https://x", KEY),
        "Aggregators",
        "register",
        {"endpoint": "https://x", "encryption_key": "0x" + KEY.hex()},
    ),
    (
        calls.UpdateProfile("", KEY),
        "Aggregators",
        "update_profile",
        {"endpoint": "", "encryption_key": "0x" + KEY.hex()},
    ),
    (calls.Deregister(), "Aggregators", "deregister", {}),
    (calls.SubmitCandidacy(), "Elections", "submit_candidacy", {"candidate_count": 5}),
    (
        calls.RenounceCandidacy(),
        "Elections",
        "renounce_candidacy",
        {"renouncing": {"Candidate": 5}},
    ),
    (
        calls.Vote((DAVE.address, EVE.address), 10**15),
        "Elections",
        "vote",
        {"votes": [DAVE.address, EVE.address], "value": 10**15},
    ),
    (calls.RemoveVoter(), "Elections", "remove_voter", {}),
    (
        calls.Transfer(BOB.address, 10**13),
        "Balances",
        "transfer_keep_alive",
        {"dest": BOB.address, "value": 10**13},
    ),
]


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SubstrateInterface]:
    """substrate-interface on a chain of the same runtime."""
    folder: Path = tmp_path_factory.mktemp("oracle")
    with served(genesis_file(folder)) as url, SubstrateInterface(url) as interface:
        yield interface


@pytest.mark.parametrize(
    ("call", "pallet", "function", "arguments"), CALLS, ids=lambda part: type(part).__name__
)
def test_each_call_is_the_same_bytes(
    oracle: SubstrateInterface,
    call: calls.Call,
    pallet: str,
    function: str,
    arguments: dict[str, Any],
) -> None:
    expected = oracle.compose_call(pallet, function, arguments)
    assert encode(shipped_runtime(), to_pallet(call, CENSUS)) == bytes(expected.data.data)


def test_a_batch_is_the_same_bytes(oracle: SubstrateInterface) -> None:
    inner = [CALLS[1], CALLS[19], CALLS[4]]
    expected = oracle.compose_call(
        "Utility",
        "batch_all",
        {"calls": [oracle.compose_call(*each[1:]).value for each in inner]},
    )
    ours = to_pallet(calls.Batch(tuple(each[0] for each in inner)))
    assert encode(shipped_runtime(), ours) == bytes(expected.data.data)


@pytest.mark.parametrize("position", [0, 1, 19], ids=["long", "short", "transfer"])
@pytest.mark.parametrize(("nonce", "tip"), [(0, 0), (70, 5), (20_000, 10**15)])
def test_what_is_signed_is_the_same_bytes(
    oracle: SubstrateInterface, position: int, nonce: int, tip: int
) -> None:
    call, *wire = CALLS[position]
    theirs = oracle.compose_call(*wire)
    genesis = bytes.fromhex(oracle.get_block_hash(0)[2:])
    era = {"period": 64, "current": 0}
    expected = oracle.generate_signature_payload(theirs, era=era, nonce=nonce, tip=tip)
    terms = Terms(genesis, nonce, Mortality(0, genesis), tip)
    data = encode(shipped_runtime(), to_pallet(call))
    assert payload(shipped_runtime(), data, terms) == bytes(expected.data)


def test_a_signed_transaction_is_the_same_but_for_the_signature(oracle: SubstrateInterface) -> None:
    call, *wire = CALLS[19]
    genesis = bytes.fromhex(oracle.get_block_hash(0)[2:])
    terms = Terms(genesis, 3, Mortality(0, genesis), 9)
    data = encode(shipped_runtime(), to_pallet(call))
    ours = sign(shipped_runtime(), data, ALICE, terms)
    signature = ours.data[ours.data.index(ALICE.public_key) + 33 :][:64]
    theirs = oracle.create_signed_extrinsic(
        oracle.compose_call(*wire),
        Keypair.create_from_uri("//Alice"),
        era={"period": 64, "current": 0},
        nonce=3,
        tip=9,
        signature="0x" + signature.hex(),
    )
    assert ours.data == bytes(theirs.data.data)
    assert ours.hash == blake2_256(ours.data) == bytes(theirs.extrinsic_hash)
    assert len(estimate(shipped_runtime(), data, ALICE, terms).data) == len(ours.data)


@given(birth=st.integers(0, 1 << 32), exponent=st.integers(2, 16))
def test_an_era_is_the_same_bytes(birth: int, exponent: int) -> None:
    from scalecodec.base import RuntimeConfigurationObject

    period = 1 << exponent
    era = RuntimeConfigurationObject().create_scale_object("Era")
    era.encode({"period": period, "current": birth})
    ours = Mortality(birth, bytes(32), period)
    assert ours.encode() == bytes(era.data.data)
    read = RuntimeConfigurationObject().create_scale_object("Era", ScaleBytes(ours.encode()))
    read.decode()
    assert read.birth(birth) <= birth < read.death(birth) <= ours.death


@pytest.mark.parametrize(
    "call",
    [
        calls.RejectResult(TASK, 0, "x" * 257),
        calls.RegisterAggregator("x" * 129, KEY),
        calls.RegisterAggregator("x", KEY[:-1]),
        calls.SubmitResult(TASK, REPORT, b""),
        calls.Attest(TASK, 0, Verdict.PASS, -1, REPORT),
        calls.Transfer(BOB.address, 1 << 128),
        calls.AcceptTask(TaskId(-1)),
    ],
    ids=lambda call: type(call).__name__,
)
def test_what_the_runtime_could_not_even_read_is_refused_before_it_is_sent(
    call: calls.Call,
) -> None:
    with pytest.raises(CallInvalid):
        encode(shipped_runtime(), to_pallet(call, CENSUS))
