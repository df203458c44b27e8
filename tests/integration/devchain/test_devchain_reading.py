"""The embedded chain read: older states, pages, and by several at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from devchain_support import (
    UNIT,
    account,
    free,
    shared_cache,
    signed,
    transfer,
)
from sealed_support import DONE, Clock, header, pay, whole_root

from decentralml.devchain.block import Header
from decentralml.devchain.chain import DevChain
from decentralml.devchain.keys import CODE, TIMESTAMP
from decentralml.errors import (
    RuntimeTrapped,
    UnknownBlock,
    UnknownRuntimeCall,
)

ALICE, BOB = account("Alice"), account("Bob")


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
