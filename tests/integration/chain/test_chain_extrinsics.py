"""Our transactions are, byte for byte, those of substrate-interface."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from chain_support import ALICE, BOB, BUNDLE, DAVE, EVE, REPORT, shipped_runtime
from hypothesis import given, settings
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
    Access,
    Attestation,
    Gold,
    ModelType,
    Replay,
    Seal,
    StorageType,
    TaskId,
    TaskType,
    Trace,
    ValidationStrategy,
    Verdict,
)
from decentralml.types import Terms as TaskTerms

TASK = TaskId(7)
KEY = bytes(range(32))
WRAP = bytes(range(80))
TERMS = TaskTerms(
    TaskType.MODEL_ENGINEER,
    ValidationStrategy.CUSTOM_ACCEPT,
    ModelType.AUDIO,
    StorageType.S3,
    BUNDLE,
    reward=10**20,
    asset=77,
    fee=3,
    committee_size=9,
    tolerance=123,
    bond=10**12,
    slots=1000,
    expires_at=2**40,
    working_time=5,
    review_time=6,
    challenge_time=7,
    parent=TaskId(3),
    reader=KEY,
    access=Access.INVITED,
    minimum_reputation=400_000,
    replay=Replay(17, 4),
    golds=(KEY, bytes(32)),
)
WIRE_TERMS = {
    "task_type": "ModelEngineer",
    "strategy": "CustomAccept",
    "model_type": "Audio",
    "storage": "S3",
    "bundle": BUNDLE,
    "reward": 10**20,
    "asset": 77,
    "fee": 3,
    "committee_size": 9,
    "tolerance": 123,
    "bond": 10**12,
    "slots": 1000,
    "expires_at": 2**40,
    "working_time": 5,
    "review_time": 6,
    "challenge_time": 7,
    "parent": 3,
    "reader": "0x" + KEY.hex(),
    "access": "Invited",
    "minimum_reputation": 400_000,
    "replay": {"checkpoints": 17, "segments": 4},
    "golds": (["0x" + KEY.hex(), "0x" + bytes(32).hex()],),
}
CENSUS = Census(candidates=5, standing=Variant("Candidate", 5))
HEX = "0x" + KEY.hex()
GIFT = calls.Transfer(BOB.address, 10**13)
CALLS: list[tuple[calls.Call, str, str, dict[str, Any]]] = [
    (calls.CreateTask(TERMS), "Market", "create_task", {"terms": WIRE_TERMS}),
    (calls.AcceptTask(TASK), "Market", "accept_task", {"task": 7}),
    (
        calls.SubmitResult(TASK, REPORT, KEY, Seal(KEY, bytes(32)), Trace(KEY, 17)),
        "Market",
        "submit_result",
        {
            "task": 7,
            "cid": REPORT,
            "digest": HEX,
            "seal": {"key_digest": HEX, "release": "0x" + bytes(32).hex()},
            "trace": {"root": HEX, "checkpoints": 17},
        },
    ),
    (
        calls.SubmitResult(TASK, REPORT, KEY, None),
        "Market",
        "submit_result",
        {"task": 7, "cid": REPORT, "digest": HEX, "seal": None, "trace": None},
    ),
    (calls.DrawCommittee(TASK, 2), "Market", "draw_committee", {"task": 7, "index": 2}),
    (
        calls.HandKey(TASK, 2, ((DAVE.address, WRAP), (EVE.address, WRAP[::-1]))),
        "Market",
        "hand_key",
        {
            "task": 7,
            "index": 2,
            "wraps": (
                [
                    (DAVE.address, "0x" + WRAP.hex()),
                    (EVE.address, "0x" + WRAP[::-1].hex()),
                ],
            ),
        },
    ),
    (
        calls.Commit(TASK, 2, KEY),
        "Market",
        "commit",
        {"task": 7, "index": 2, "commitment": HEX},
    ),
    (
        calls.Reveal(TASK, 2, Attestation(Verdict.CRASHED, 123_456, REPORT, 16), KEY),
        "Market",
        "reveal",
        {
            "task": 7,
            "index": 2,
            "attestation": {
                "verdict": "Crashed",
                "score": 123_456,
                "report": REPORT,
                "segment": 16,
            },
            "salt": HEX,
        },
    ),
    (calls.AppealResult(TASK, 2), "Market", "appeal", {"task": 7, "index": 2}),
    (
        calls.OpenGold(TASK, 2, Gold(BOB.address, Verdict.FAIL, 0, 9, KEY)),
        "Market",
        "open_gold",
        {
            "task": 7,
            "index": 2,
            "gold": {
                "contributor": BOB.address,
                "verdict": "Fail",
                "low": 0,
                "high": 9,
                "salt": HEX,
            },
        },
    ),
    (
        calls.ReleaseKey(TASK, 2, WRAP),
        "Market",
        "release_key",
        {"task": 7, "index": 2, "wrap": "0x" + WRAP.hex()},
    ),
    (calls.Claim(TASK, 2), "Market", "claim", {"task": 7, "index": 2}),
    (calls.Claim(TASK), "Market", "claim", {"task": 7, "index": None}),
    (
        calls.ShareKey(TASK, ((DAVE.address, WRAP),)),
        "Market",
        "share_key",
        {"task": 7, "shares": ([(DAVE.address, "0x" + WRAP.hex())],)},
    ),
    (calls.DiscardShare(TASK), "Market", "discard_share", {"task": 7}),
    (
        calls.Invite(TASK, (BOB.address,)),
        "Market",
        "invite",
        {"task": 7, "accounts": ([BOB.address],)},
    ),
    (
        calls.Uninvite(TASK, (BOB.address, DAVE.address)),
        "Market",
        "uninvite",
        {"task": 7, "accounts": ([BOB.address, DAVE.address],)},
    ),
    (calls.Clear(TASK, 0), "Market", "clear", {"task": 7, "index": 0}),
    (calls.Clear(TASK), "Market", "clear", {"task": 7, "index": None}),
    (
        calls.ClearAccess(TASK, (BOB.address,)),
        "Market",
        "clear_access",
        {"task": 7, "accounts": ([BOB.address],)},
    ),
    (calls.AcceptResult(TASK, 2), "Market", "accept_result", {"task": 7, "index": 2}),
    (
        calls.RejectResult(TASK, 2, "nö"),
        "Market",
        "reject_result",
        {"task": 7, "index": 2, "reason": "nö"},
    ),
    (
        calls.AppointMerger(TASK, BOB.address),
        "Market",
        "appoint_merger",
        {"task": 7, "merger": BOB.address},
    ),
    (calls.AppointMerger(TASK, None), "Market", "appoint_merger", {"task": 7, "merger": None}),
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
    (calls.TopUp(), "Aggregators", "top_up", {}),
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
        calls.CreateAsset(77, BOB.address, 5),
        "Assets",
        "create",
        {"id": 77, "admin": BOB.address, "min_balance": 5},
    ),
    (
        calls.DescribeAsset(77, "Mäuse", "MS", 3),
        "Assets",
        "set_metadata",
        {"id": 77, "name": "Mäuse", "symbol": "MS", "decimals": 3},
    ),
    (
        calls.MintAsset(77, BOB.address, 10**13),
        "Assets",
        "mint",
        {"id": 77, "beneficiary": BOB.address, "amount": 10**13},
    ),
    (
        calls.TransferAsset(77, BOB.address, 1),
        "Assets",
        "transfer_keep_alive",
        {"id": 77, "target": BOB.address, "amount": 1},
    ),
    (calls.FreezeAsset(77), "Assets", "freeze_asset", {"id": 77}),
    (
        calls.FreezeAsset(77, BOB.address),
        "Assets",
        "freeze",
        {"id": 77, "who": BOB.address},
    ),
    (calls.ThawAsset(77), "Assets", "thaw_asset", {"id": 77}),
    (calls.ThawAsset(77, BOB.address), "Assets", "thaw", {"id": 77, "who": BOB.address}),
    (GIFT, "Balances", "transfer_keep_alive", {"dest": BOB.address, "value": 10**13}),
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
    inner = [CALLS[1], CALLS[-1], CALLS[4]]
    expected = oracle.compose_call(
        "Utility",
        "batch_all",
        {"calls": [oracle.compose_call(*each[1:]).value for each in inner]},
    )
    ours = to_pallet(calls.Batch(tuple(each[0] for each in inner)))
    assert encode(shipped_runtime(), ours) == bytes(expected.data.data)


@pytest.mark.parametrize("position", [0, 1, -1], ids=["long", "short", "transfer"])
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
    call, *wire = CALLS[-1]
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


@settings(deadline=None)
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
        calls.SubmitResult(TASK, REPORT, b"", None),
        calls.SubmitResult(TASK, REPORT, KEY, Seal(KEY, b"")),
        calls.Reveal(TASK, 0, Attestation(Verdict.PASS, -1, REPORT), KEY),
        calls.Reveal(TASK, 0, Attestation(Verdict.PASS, 1, REPORT, -1), KEY),
        calls.Reveal(TASK, 0, Attestation(Verdict.PASS, 1, REPORT), KEY[1:]),
        calls.Commit(TASK, 0, KEY + KEY),
        calls.HandKey(TASK, 0, ((BOB.address, WRAP[1:]),)),
        calls.ReleaseKey(TASK, 0, b""),
        calls.CreateTask(replace(TERMS, golds=(KEY,) * 5)),
        calls.CreateTask(replace(TERMS, reader=KEY[1:])),
        calls.Invite(TASK, (BOB.address,) * 17),
        calls.ShareKey(TASK, ((BOB.address, WRAP),) * 17),
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
