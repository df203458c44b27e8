"""The transaction pool: what is sealed at once, what waits, and what ends the waiting."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from devchain_support import UNIT, account, free, nonce, signed, transfer
from rpc_support import copy_of, genesis_file, open_chain

from decentralml.devchain.chain import DevChain
from decentralml.devchain.hashes import blake2_256
from decentralml.devchain.rpc import pool as pool_module
from decentralml.devchain.rpc.errors import RpcError
from decentralml.devchain.rpc.pool import Pool

ALICE, BOB, DAVE = account("Alice"), account("Bob"), account("Dave")


@pytest.fixture(scope="module")
def genesis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return genesis_file(tmp_path_factory.mktemp("pool"))


@pytest.fixture
def file(genesis: Path, tmp_path: Path) -> Path:
    return copy_of(genesis, tmp_path)


@pytest.fixture
def chain(file: Path) -> Iterator[DevChain]:
    with open_chain(file) as chain:
        yield chain


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def pay(chain: DevChain, number: int, tip: int = 0) -> bytes:
    """Alice's transaction with the nonce `number`."""
    return signed(chain, ALICE, number, transfer(DAVE.public, UNIT), tip)


def refused(pool: Pool, extrinsic: bytes) -> RpcError:
    with pytest.raises(RpcError) as caught:
        pool.submit(extrinsic)
    return caught.value


def names(statuses: list[Any]) -> list[str]:
    return [status if isinstance(status, str) else next(iter(status)) for status in statuses]


def test_a_valid_transaction_is_in_a_block_when_submit_returns(chain: DevChain) -> None:
    said: list[Any] = []
    extrinsic = pay(chain, 0)
    assert Pool(chain).submit(extrinsic, said.append) == blake2_256(extrinsic)
    assert chain.height == 1
    head = "0x" + chain.head.hex()
    assert said == ["ready", {"inBlock": head}, {"finalized": head}]


def test_a_future_nonce_waits_for_its_predecessor_and_follows_it(chain: DevChain) -> None:
    pool, said = Pool(chain), []
    third, second, first = pay(chain, 2), pay(chain, 1), pay(chain, 0)
    pool.submit(third, said.append)
    pool.submit(second)
    assert chain.height == 0
    assert pool.pending() == [third, second]
    assert said == ["future"]
    pool.submit(first)
    assert names(said) == ["future", "ready", "inBlock", "finalized"]
    assert nonce(chain, ALICE.public) == 3
    assert pool.pending() == []


def test_transactions_that_come_together_are_sealed_together_in_any_order(chain: DevChain) -> None:
    pool = Pool(chain)
    extrinsics = [pay(chain, number) for number in (1, 0, 2, 3)]
    assert pool.submit_many([(e, None) for e in extrinsics]) == [blake2_256(e) for e in extrinsics]
    assert nonce(chain, ALICE.public) == 4
    assert chain.height < 4


def test_one_bad_transaction_among_others_is_refused_alone(chain: DevChain) -> None:
    spoiled = bytearray(pay(chain, 0))
    spoiled[60] ^= 1
    good = pay(chain, 0)
    outcomes = Pool(chain).submit_many([(bytes(spoiled), None), (good, None), (b"\x04\x00", None)])
    assert isinstance(outcomes[0], RpcError) and outcomes[0].code == 1010
    assert outcomes[1] == blake2_256(good)
    assert isinstance(outcomes[2], RpcError) and outcomes[2].code == 1002


def test_a_waiting_transaction_is_included_when_another_process_brings_its_predecessor(
    chain: DevChain, file: Path
) -> None:
    pool, said = Pool(chain), []
    pool.submit(pay(chain, 1), said.append)
    with open_chain(file) as other:
        other.submit(pay(chain, 0))
    pool.refresh()
    assert names(said)[-1] == "finalized"
    assert nonce(chain, ALICE.public) == 2


def test_a_waiting_transaction_that_another_process_sealed_counts_as_included(
    chain: DevChain, file: Path
) -> None:
    pool, said = Pool(chain), []
    waiting = pay(chain, 1)
    pool.submit(waiting, said.append)
    with open_chain(file) as other:
        other.submit(pay(chain, 0))
        sealed = other.submit(waiting)
    pool.refresh()
    block = "0x" + sealed.block_hash.hex()
    assert said == ["future", {"inBlock": block}, {"finalized": block}]


def test_a_waiting_transaction_whose_nonce_was_used_is_invalid(chain: DevChain, file: Path) -> None:
    pool, said = Pool(chain), []
    pool.submit(pay(chain, 1), said.append)
    with open_chain(file) as other:
        other.submit(pay(chain, 0))
        other.submit(pay(chain, 1, tip=1))
    pool.refresh()
    assert said == ["future", "invalid"]
    assert pool.pending() == []


def test_a_higher_tip_usurps_a_waiting_transaction_and_a_lower_one_does_not(
    chain: DevChain,
) -> None:
    pool, said = Pool(chain), []
    better = pay(chain, 1, tip=UNIT)
    pool.submit(pay(chain, 1, tip=5), said.append)
    pool.submit(better)
    assert said == ["future", {"usurped": "0x" + blake2_256(better).hex()}]
    assert pool.pending() == [better]
    error = refused(pool, pay(chain, 1, tip=6))
    assert error.code == 1014
    assert error.message.startswith("Priority is too low: (")


def test_what_waits_too_long_is_dropped(chain: DevChain) -> None:
    clock, said = Clock(), []
    pool = Pool(chain, clock=clock)
    pool.submit(pay(chain, 1), said.append)
    clock.now += pool_module.SECONDS_WAITING + 1
    pool.refresh()
    assert said == ["future", "dropped"]


def test_a_full_pool_drops_newcomers_but_seals_what_is_ready(
    chain: DevChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "MOST_WAITING", 2)
    pool = Pool(chain)
    pool.submit(pay(chain, 5))
    pool.submit(pay(chain, 6))
    assert refused(pool, pay(chain, 7)).code == 1016
    assert len(pool.pending()) == 2
    pool.submit(pay(chain, 0))
    assert nonce(chain, ALICE.public) == 1


def test_the_same_transaction_twice_is_already_imported_or_outdated(chain: DevChain) -> None:
    pool = Pool(chain)
    waiting, sealed = pay(chain, 1), pay(chain, 0, tip=3)
    pool.submit(waiting)
    error = refused(pool, waiting)
    assert (error.code, error.data) == (1013, "0x" + blake2_256(waiting).hex())
    pool.submit(sealed)
    for _ in range(2):
        assert refused(pool, sealed).data == "Transaction is outdated"


def test_a_refused_transaction_is_banned_for_a_while(chain: DevChain) -> None:
    clock = Clock()
    pool = Pool(chain, clock=clock)
    poor = signed(chain, account("NobodyEverHeardOf"), 0, transfer(DAVE.public, UNIT))
    assert refused(pool, poor).code == 1010
    assert refused(pool, poor).code == 1012
    clock.now += pool_module.SECONDS_BANNED + 1
    assert refused(pool, poor).code == 1010


def test_what_was_sealed_is_never_sealed_again_by_another_pool(chain: DevChain) -> None:
    extrinsic = pay(chain, 0)
    Pool(chain).submit(extrinsic)
    before = free(chain, DAVE.public)
    assert refused(Pool(chain), extrinsic).code == 1010
    assert free(chain, DAVE.public) == before
    assert chain.height == 1


def test_removed_transactions_are_told_and_banned(chain: DevChain) -> None:
    pool, said = Pool(chain), []
    waiting = pay(chain, 1)
    pool.submit(waiting, said.append)
    assert pool.remove([b"\x11" * 32, blake2_256(waiting)]) == [blake2_256(waiting)]
    assert said == ["future", "invalid"]
    assert refused(pool, waiting).code == 1012


@pytest.mark.parametrize(
    ("spoil", "code", "reason"),
    [
        (lambda e: e[:70] + bytes((e[70] ^ 1,)) + e[71:], 1010, "Transaction has a bad signature"),
        (lambda e: e[:-1], 1001, None),
        (lambda e: e + b"\0", 1001, None),
        (lambda e: b"", 1001, None),
        (lambda e: b"\x08\x84\x00", 1002, None),
    ],
)
def test_a_bad_transaction_is_refused_by_name_and_makes_no_block(
    chain: DevChain, spoil: Any, code: int, reason: str | None
) -> None:
    error = refused(Pool(chain), spoil(pay(chain, 0)))
    assert error.code == code, error
    assert reason is None or error.data == reason
    assert chain.height == 0


def test_who_cannot_pay_is_told_so(chain: DevChain) -> None:
    poor = account("NobodyEverHeardOf")
    error = refused(Pool(chain), signed(chain, poor, 0, transfer(DAVE.public, UNIT)))
    assert error.code == 1010
    assert error.data == "Inability to pay some fees (e.g. account balance too low)"
