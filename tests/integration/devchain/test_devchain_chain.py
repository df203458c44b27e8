"""The embedded chain as its callers use it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
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
    set_code,
    set_storage,
    shared_cache,
    signed,
    transfer,
)

from decentralml.devchain.block import Header, check_extrinsic
from decentralml.devchain.chain import DevChain, Refused, Sealed
from decentralml.devchain.codec import prefixed
from decentralml.devchain.executor import Executor
from decentralml.devchain.hashes import blake2_256, storage_prefix
from decentralml.devchain.keys import CODE, PENDING_CODE, TIMESTAMP
from decentralml.devchain.overlay import Overlay
from decentralml.devchain.state import MAIN
from decentralml.devchain.trie import state_root, stored
from decentralml.errors import (
    BadChainSpec,
    BlockRefused,
    ExtrinsicRefused,
    RuntimeTrapped,
    UnknownBlock,
    UnknownRuntimeCall,
    UnreadableExtrinsic,
)

ALICE, BOB, CHARLIE = account("Alice"), account("Bob"), account("Charlie")
START = 1_800_000_000_000
DONE = b"\0\0"
EVENTS = storage_prefix("System", "Events")


class Clock:
    """Milliseconds that the test sets."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def chain(tmp_path: Path, clock: Clock) -> Iterator[DevChain]:
    with new_chain(tmp_path / "chain.sqlite", clock) as made:
        yield made


def pay(chain: DevChain, amount: int = UNIT, to: bytes = BOB.public) -> bytes:
    return signed(chain, ALICE, nonce(chain, ALICE.public), transfer(to, amount))


def whole_root(chain: DevChain) -> bytes:
    """The state root computed from all keys and values, by the clear functions."""
    keys = chain.keys(b"", 1_000_000)
    values = {key: chain._store.value(MAIN, key) for key in keys}
    return state_root({key: stored(*value) for key, value in values.items() if value})


def header(chain: DevChain) -> Header:
    return Header.decode(chain.header() or b"")


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


# -- reading


def test_every_older_state_can_be_read(chain: DevChain) -> None:
    balances, roots, keys = [], [], []
    for n in range(12):
        balances.append(free(chain, BOB.public))
        roots.append({k: chain.storage(k) for k in chain.keys(b"", 10_000)})
        keys.append(chain.head)
        chain.submit(pay(chain, to=(BOB if n % 2 else account(f"new {n}")).public))
    for balance, state, at in zip(balances, roots, keys, strict=True):
        assert free(chain, BOB.public, at) == balance
        assert chain.keys(b"", 10_000, at=at) == sorted(state)
        assert dict(chain.query(state, at)) == state
        some = sorted(state)
        assert chain.keys(b"", 3, start=some[4], at=at) == some[5:8]
        assert (
            chain.keys(some[0][:16], 9, at=at)
            == [k for k in some if k.startswith(some[0][:16])][:9]
        )


def test_the_runtime_can_be_called_at_an_older_block(chain: DevChain) -> None:
    at = chain.head
    chain.submit(pay(chain))
    ask = "AccountNonceApi_account_nonce"
    assert chain.call(ask, ALICE.public, at) == bytes(4)
    assert chain.call(ask, ALICE.public) == b"\1\0\0\0"
    # Even one that asks for a state root, for which the older trie is made anew.
    child = Header(at, 1, bytes(32), bytes(32), header(chain).digest)
    chain.call("Core_initialize_block", child.encode(), at)


def test_keys_come_in_pages(chain: DevChain) -> None:
    all_keys = chain.keys(b"", 10_000)
    pages, start = [], None
    while page := chain.keys(b"", 7, start):
        pages += page
        start = page[-1]
    assert pages == all_keys == sorted(all_keys)
    assert chain.keys(b"\xff" * 8, 5) == [] and chain.keys(CODE, 5) == [CODE]


def test_calls_and_dry_runs_change_nothing(chain: DevChain) -> None:
    before = whole_root(chain)
    assert chain.dry_run(pay(chain)) == DONE
    assert chain.dry_run(pay(chain, 10**30))[:2] == b"\0\1"
    assert chain.validate(pay(chain))[:1] == b"\0"
    with pytest.raises(UnknownRuntimeCall):
        chain.call("No_such")
    with pytest.raises(RuntimeTrapped):
        chain.call("AccountNonceApi_account_nonce", b"short")
    assert (whole_root(chain), chain.height) == (before, 0)


def test_a_block_that_is_not_there_is_named(chain: DevChain) -> None:
    for ask in (
        lambda at: chain.storage(TIMESTAMP, at),
        lambda at: chain.keys(b"", 5, at=at),
        lambda at: chain.call("Core_version", b"", at),
        lambda at: chain.metadata(at),
    ):
        with pytest.raises(UnknownBlock, match="0x0101"):
            ask(b"\1" * 32)
    assert chain.block_hash(9) is None and chain.header(bytes(32)) is None
    assert chain.block(bytes(32)) is None and chain.block_number(bytes(32)) is None


def test_reading_needs_no_webassembly(chain: DevChain, tmp_path: Path) -> None:
    chain.submit(pay(chain))
    script = """
import sys
from pathlib import Path
from decentralml.devchain.chain import DevChain
with DevChain.open(Path(sys.argv[1]), cache=Path(sys.argv[2])) as chain:
    at = chain.block_hash(0)
    chain.keys(b"", 1000), chain.storage(b":code", at), chain.metadata(), chain.header()
    chain.block(), chain.runtime_version, chain.now(), chain.changed(), chain.export_spec
heavy = {"wasmtime", "torch", "numpy", "substrateinterface", "coincurve", "sr25519"}
print(sorted(heavy & set(sys.modules)))
"""
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "chain.sqlite"), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert done.stdout.strip() == "[]"


# -- several at once


def test_another_opener_sees_each_block_and_writes_on_top(
    chain: DevChain, tmp_path: Path, clock: Clock
) -> None:
    with DevChain.open(tmp_path / "chain.sqlite", cache=shared_cache(), clock=clock) as other:
        assert other.changed() and not other.changed()
        for turn in range(6):
            writer, reader = (chain, other) if turn % 2 else (other, chain)
            writer.submit(pay(writer, to=account(f"turn {turn}").public))
            assert reader.height == writer.height == turn + 1
            assert reader.head == writer.head and reader.changed() and not reader.changed()
            assert free(reader, account(f"turn {turn}").public) == UNIT
        assert header(chain).state_root == whole_root(other)


def test_many_processes_write_at_once_and_nothing_is_lost(chain: DevChain, tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from devchain_support import *
from decentralml.devchain.chain import DevChain
me = account(sys.argv[2])
with DevChain.open(Path(sys.argv[1]), cache=shared_cache()) as chain:
    for n in range(15):
        extrinsic = signed(chain, me, n, transfer(account("Pot").public, UNIT))
        assert chain.submit(extrinsic).result == bytes(2)
"""
    for n, name in enumerate(("A", "B", "C")):
        chain.submit(signed(chain, ALICE, n, transfer(account(name).public, 100 * UNIT)))
    tests = Path(__file__).parents[2]
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "chain.sqlite"), name],
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(tests), str(tests.parent)))},
        )
        for name in ("A", "B", "C")
    ]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    assert chain.height == 48 and free(chain, account("Pot").public) == 45 * UNIT
    assert header(chain).state_root == whole_root(chain)


# -- blocks from elsewhere


def test_a_chain_of_blocks_is_replayed_to_the_same_head(chain: DevChain, tmp_path: Path) -> None:
    for n in range(5):
        chain.seal([pay(chain, UNIT * (n + 1)), remark_of(chain, n)])
    with DevChain.create_from_spec(
        tmp_path / "copy.sqlite", chain.export_spec(), cache=shared_cache()
    ) as copy:
        for number in range(1, 6):
            block = chain.block(chain.block_hash(number))
            assert block is not None
            assert copy.execute_block(block.header, block.extrinsics) == block.hash
        assert copy.head == chain.head and whole_root(copy) == whole_root(chain)
        assert copy.storage(EVENTS) == chain.storage(EVENTS)


def remark_of(chain: DevChain, n: int) -> bytes:
    return signed(chain, ALICE, nonce(chain, ALICE.public) + 1, remark(bytes(n)))


def test_a_block_with_a_seal_keeps_it(chain: DevChain, tmp_path: Path) -> None:
    chain.submit(pay(chain))
    block = chain.block()
    assert block is not None
    made = Header.decode(block.header)
    seal = b"\5aura" + prefixed(bytes(64))
    sealed = Header(
        made.parent, made.number, made.state_root, made.extrinsics_root, (*made.digest, seal)
    )
    with DevChain.create_from_spec(
        tmp_path / "copy.sqlite", chain.export_spec(), cache=shared_cache()
    ) as copy:
        assert copy.execute_block(sealed.encode(), block.extrinsics) == sealed.hash != block.hash
        assert copy.header() == sealed.encode()


@pytest.mark.parametrize("wrong", ["parent", "state_root", "extrinsics_root", "body"])
def test_a_block_that_does_not_hold_what_it_says_is_refused(
    chain: DevChain, tmp_path: Path, wrong: str
) -> None:
    chain.submit(pay(chain))
    block = chain.block()
    assert block is not None
    fields = Header.decode(block.header)
    parts = {name: getattr(fields, name) for name in ("parent", "state_root", "extrinsics_root")}
    body = list(block.extrinsics)
    if wrong == "body":
        body.pop()
    else:
        parts[wrong] = bytes(32)
    forged = Header(number=1, digest=fields.digest, **parts)
    with DevChain.create_from_spec(
        tmp_path / "copy.sqlite", chain.export_spec(), cache=shared_cache()
    ) as copy:
        with pytest.raises(BlockRefused):
            copy.execute_block(forged.encode(), body)
        assert copy.height == 0
        assert copy.execute_block(block.header, block.extrinsics) == block.hash


# -- a new runtime


def test_new_code_is_in_force_from_the_next_block_on(chain: DevChain, tmp_path: Path) -> None:
    old = chain.storage(CODE) or b""
    version = chain.runtime_version
    assert old.count(b"decentralml") > 2
    new = _with_custom_section(old)
    at = chain.head
    sealed = chain.submit(signed(chain, ALICE, 0, set_code(new)))
    assert sealed.result == DONE and chain.storage(CODE) == new
    assert chain._record(0).code == blake2_256(old)
    assert chain._record(1).code == blake2_256(new)
    assert chain.submit(pay(chain)).result == DONE
    assert chain.runtime_version == version == chain.runtime_version_at(at)
    assert chain.storage(CODE, at) == old and chain.metadata(at)[:4] == b"meta"
    assert header(chain).state_root == whole_root(chain)
    with DevChain.open(tmp_path / "chain.sqlite", cache=shared_cache()) as again:
        assert again.submit(pay(again)).result == DONE


def test_blocks_are_made_by_pending_code_while_reads_use_the_present_one(
    chain: DevChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = _with_custom_section(chain.storage(CODE) or b"")
    chain.submit(signed(chain, ALICE, 0, set_storage({PENDING_CODE: new})))
    assert chain._record(1).pending == blake2_256(new)
    asked: list[bytes] = []
    assert chain._runtimes is not None
    get = chain._runtimes.get
    monkeypatch.setattr(
        chain._runtimes, "get", lambda digest, code: (asked.append(digest), get(digest, code))[1]
    )
    chain.validate(pay(chain))
    assert asked == [chain._record(0).code]
    assert chain.submit(pay(chain)).result == DONE
    assert set(asked[1:]) == {blake2_256(new)}


def test_code_that_is_no_runtime_makes_no_block(chain: DevChain) -> None:
    with pytest.raises(Exception, match="runtime"):
        chain.submit(signed(chain, ALICE, 0, set_code(b"not wasm")))
    assert chain.height == 0 and chain.submit(pay(chain)).result == DONE


def _with_custom_section(wasm: bytes) -> bytes:
    """The same runtime, other bytes."""
    content = b"\4test" + b"anything"
    return wasm + b"\0" + bytes((len(content),)) + content


def test_extrinsics_made_here_are_well_formed(chain: DevChain) -> None:
    check_extrinsic(pay(chain))
