"""The embedded chain as its callers use it: genesis, blocks, time."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from devchain_support import (
    PROPERTIES,
    UNIT,
    account,
    batch,
    free,
    new_chain,
    nonce,
    remark,
    set_storage,
    shared_cache,
    signed,
    transfer,
)
from sealed_support import DONE, START, Clock, header, pay, whole_root

from decentralml.devchain.chain import DevChain, Refused, Sealed
from decentralml.devchain.codec import prefixed
from decentralml.devchain.executor import Executor
from decentralml.devchain.hashes import blake2_256
from decentralml.devchain.overlay import Overlay
from decentralml.errors import (
    BadChainSpec,
    ExtrinsicRefused,
    RuntimeTrapped,
    UnreadableExtrinsic,
)

ALICE, BOB = account("Alice"), account("Bob")


# -- a new chain


def test_a_new_chain_is_what_it_was_asked_to_be(chain: DevChain) -> None:
    assert (chain.height, chain.head) == (0, chain.genesis)
    assert chain.name == "DecentralML Development" and chain.properties == PROPERTIES
    assert chain.runtime_version.spec_name == "decentralml"
    assert chain.runtime_version.state_version == 1
    assert chain.metadata().startswith(b"meta\x0e")
    assert free(chain, ALICE.public) > 0 and chain.now() == 0
    assert header(chain).state_root == whole_root(chain)
    assert blake2_256(chain.header() or b"") == chain.genesis


def test_the_genesis_follows_from_runtime_and_preset_alone(tmp_path: Path) -> None:
    with new_chain(tmp_path / "a.sqlite") as a, new_chain(tmp_path / "b.sqlite") as b:
        assert a.genesis == b.genesis


def test_an_unknown_preset_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    from decentralml.runtime import blob

    path = tmp_path / "chain.sqlite"
    with pytest.raises(BadChainSpec, match="nowhere"):
        DevChain.create(path, blob(), preset="nowhere", properties={}, cache=shared_cache())
    assert {f.name for f in tmp_path.iterdir()} <= {"chain.sqlite.lock"}


def test_an_exported_specification_makes_the_same_chain(chain: DevChain, tmp_path: Path) -> None:
    chain.submit(pay(chain))
    spec = json.loads(json.dumps(chain.export_spec()))
    assert spec["properties"] == PROPERTIES
    with DevChain.create_from_spec(tmp_path / "b.sqlite", spec, cache=shared_cache()) as other:
        assert (other.genesis, other.name) == (chain.genesis, chain.name)


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"genesis": {}},
        {"genesis": {"raw": {"top": {"0x12": "zz"}}}},
        {"genesis": {"raw": {"top": {"0x12": "0x34"}}}},
    ],
)
def test_what_is_no_specification_is_refused(spec: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(BadChainSpec):
        DevChain.create_from_spec(tmp_path / "c.sqlite", spec, cache=shared_cache())


# -- blocks


def test_a_transfer_is_sealed_and_counts(chain: DevChain) -> None:
    before = free(chain, BOB.public)
    extrinsic = pay(chain)
    sealed = chain.submit(extrinsic)
    assert sealed == Sealed(chain.head, 1, 1, DONE)
    assert free(chain, BOB.public) == before + UNIT
    block = chain.block()
    assert block is not None and block.extrinsics[1] == extrinsic
    assert (block.number, block.hash, block.header) == (1, chain.head, chain.header())
    assert block == chain.block(sealed.block_hash) and chain.block_hash(1) == sealed.block_hash
    assert chain.find_extrinsic(blake2_256(extrinsic)) == (1, 1)
    assert chain.find_extrinsic(blake2_256(block.extrinsics[0])) is None, "an inherent"
    assert header(chain).parent == chain.genesis


def test_a_call_that_fails_is_in_the_block_and_costs_its_fee(chain: DevChain) -> None:
    before = free(chain, ALICE.public)
    sealed = chain.submit(pay(chain, 10**30))
    assert sealed.result[:2] == b"\0\1" and chain.height == 1
    assert 0 < before - free(chain, ALICE.public) < UNIT


def test_what_cannot_be_in_a_block_makes_none(chain: DevChain) -> None:
    good = pay(chain)
    forged = bytearray(good)
    forged[60] ^= 1
    chain.submit(good)
    cases = {
        "Stale": good,
        "Future": signed(chain, ALICE, 9, transfer(BOB.public, 1)),
        "BadProof": bytes(forged),
        "Payment": signed(chain, account("Nobody"), 0, transfer(BOB.public, 1)),
    }
    head = chain.head
    for reason, extrinsic in cases.items():
        with pytest.raises(ExtrinsicRefused, match=reason) as caught:
            chain.submit(extrinsic)
        assert caught.value.result[0] == 1
        assert chain.head == head
    assert chain.validate(good)[:1] == b"\1" and chain.validate(pay(chain))[:1] == b"\0"


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"\0",
        b"\4",
        b"\4\4",
        os.urandom(200),
        prefixed(os.urandom(200)),
        b"\xff" * 70,
        prefixed(b"\x84" + bytes(300)),
        prefixed(b"\4\3\0"),
        prefixed(b"\4\xff\xff"),
    ],
)
def test_junk_from_strangers_is_an_error_and_no_more(chain: DevChain, junk: bytes) -> None:
    for ask in (chain.submit, chain.validate, chain.dry_run):
        with pytest.raises((UnreadableExtrinsic, ExtrinsicRefused, RuntimeTrapped)):
            answer = ask(junk)
            if isinstance(answer, bytes) and answer[:1] == b"\1":
                raise ExtrinsicRefused(answer, "as an answer")
    assert chain.height == 0
    assert chain.submit(pay(chain)).result == DONE


def test_one_block_takes_all_that_fits_and_names_the_rest(chain: DevChain) -> None:
    wanted = [signed(chain, ALICE, n, transfer(BOB.public, UNIT)) for n in (0, 1, 7, 2)]
    outcomes = chain.seal([*wanted, b"junk"])
    kinds = [type(outcome) for outcome in outcomes]
    assert kinds == [Sealed, Sealed, Refused, Sealed, Refused]
    assert [o.index for o in outcomes if isinstance(o, Sealed)] == [1, 2, 3]
    assert isinstance(outcomes[2], Refused) and "Future" in outcomes[2].reason
    assert chain.height == 1 and chain.seal() == [] and chain.height == 2


def test_state_roots_of_many_blocks_are_those_of_the_whole_state(chain: DevChain) -> None:
    for n in range(25):
        who = account(f"account {n}")
        calls = [transfer(who.public, UNIT * (n + 1)), remark(bytes(n))]
        if n % 5 == 4:
            calls.append(transfer(account(f"account {n - 1}").public, UNIT))
        assert (
            chain.submit(signed(chain, ALICE, nonce(chain, ALICE.public), batch(calls))).result
            == DONE
        )
        assert header(chain).state_root == whole_root(chain)
    for n in range(25):  # reaped: nodes of the trie go again
        who = account(f"account {n}")
        everything = b"\4\4\0" + ALICE.public + b"\0"  # Balances.transfer_all
        assert chain.submit(signed(chain, who, 0, everything)).result == DONE
        assert chain.storage(b"") is None
        assert header(chain).state_root == whole_root(chain)


def test_values_of_both_layouts_and_keys_inside_keys(chain: DevChain) -> None:
    items = {b"k": b"v" * 33, b"k1": b"v" * 32, b"k12": b"", b"k13": b"x" * 5000, b"j": b"v"}
    extrinsic = signed(chain, ALICE, 0, set_storage(items))
    assert chain.submit(extrinsic).result == DONE
    assert {key: chain.storage(key) for key in items} == items
    assert chain.keys(b"k", 10) == [b"k", b"k1", b"k12", b"k13"]
    assert header(chain).state_root == whole_root(chain)


# -- time


def test_blocks_carry_the_time_and_several_may_carry_the_same(
    chain: DevChain, clock: Clock
) -> None:
    chain.seal()
    assert chain.now() == START
    chain.seal()
    assert chain.now() == START
    clock.now += 4321
    chain.seal()
    assert chain.now() == START + 4321


def test_a_clock_that_goes_back_does_not_turn_the_chain_back(chain: DevChain, clock: Clock) -> None:
    chain.seal()
    clock.now -= 3_600_000
    chain.seal()
    assert chain.now() == START and chain.height == 2
    chain.advance(milliseconds=5000)
    assert chain.now() == START + 5000


def test_the_clock_can_be_moved_forward_and_goes_on_from_there(
    chain: DevChain, clock: Clock, tmp_path: Path
) -> None:
    chain.seal()
    chain.advance(milliseconds=86_400_000)
    assert (chain.now(), chain.height) == (START + 86_400_000, 2)
    chain.advance(blocks=3)
    assert (chain.now(), chain.height) == (START + 86_400_000, 5)
    clock.now += 10
    with DevChain.open(tmp_path / "chain.sqlite", cache=shared_cache(), clock=clock) as again:
        again.seal()
        assert again.now() == START + 86_400_010
    with pytest.raises(ValueError, match="forward"):
        chain.advance(milliseconds=-1)


# -- ahead of time


def test_preparing_a_block_changes_none(chain: DevChain, tmp_path: Path, clock: Clock) -> None:
    """Whatever comes between: time, another writer, a refusal, a question."""
    steps = [
        "nothing",
        "later",
        "next slot",
        "moved",
        "other writer",
        "refused",
        "dry run",
        "twice",
    ]
    with (
        new_chain(tmp_path / "plain.sqlite", clock) as plain,
        DevChain.open(tmp_path / "chain.sqlite", cache=shared_cache(), clock=clock) as other,
    ):
        for step in steps:
            chain.prepare()
            if step == "later":
                clock.now += 10
            elif step == "next slot":
                clock.now += 6000
            elif step == "moved":
                chain.advance(milliseconds=100_000)
                plain.advance(milliseconds=100_000)
            elif step == "other writer":
                payment = pay(other)
                assert other.submit(payment) == plain.submit(payment)
            elif step == "refused":
                with pytest.raises(ExtrinsicRefused):
                    chain.submit(signed(chain, ALICE, 10**6, remark(b"")))
            elif step == "dry run":
                assert chain.dry_run(pay(chain)) == DONE
            elif step == "twice":
                chain.prepare()
            payment = pay(chain)
            assert chain.submit(payment) == plain.submit(payment), step
        assert chain.height == len(steps) + 2


def test_a_prepared_block_is_there_sooner(chain: DevChain, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    call = Executor.call

    def counted(self: Executor, api: str, data: bytes, overlay: Overlay) -> bytes:
        called.append(api)
        return call(self, api, data, overlay)

    chain.prepare()
    payment = pay(chain)
    monkeypatch.setattr(Executor, "call", counted)
    chain.submit(payment)
    assert called[0] == "BlockBuilder_inherent_extrinsics"
    assert "Core_initialize_block" not in called
