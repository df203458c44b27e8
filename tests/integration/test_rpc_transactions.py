"""``transaction_v1`` and ``transactionWatch_v1``: what becomes of a transaction, and who hears."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from devchain_support import UNIT, account, nonce, signed, transfer
from rpc_support import Client, copy_of, genesis_file, open_chain, served

from decentralml.devchain.chain import DevChain
from decentralml.devchain.rpc import transaction_methods

ALICE, BOB, NOBODY = account("Alice"), account("Bob"), account("Nobody")
LAST = ("finalized", "invalid", "dropped", "error")


@pytest.fixture(scope="module")
def genesis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return genesis_file(tmp_path_factory.mktemp("transactions"))


@pytest.fixture
def chain(genesis: Path, tmp_path: Path) -> Iterator[DevChain]:
    with open_chain(copy_of(genesis, tmp_path)) as chain:
        yield chain


@pytest.fixture
def client(chain: DevChain, tmp_path: Path) -> Iterator[Client]:
    with served(tmp_path / "chain.sqlite") as url, Client(url) as client:
        yield client


def pay(chain: DevChain, number: int, who: Any = ALICE, tip: int = 0) -> str:
    return "0x" + signed(chain, who, number, transfer(BOB.public, UNIT), tip).hex()


def watch(client: Client, extrinsic: str) -> str:
    return str(client.result("transactionWatch_v1_submitAndWatch", extrinsic))


def heard(client: Client, identity: str) -> list[dict[str, Any]]:
    return client.told(identity, lambda said: bool(said) and said[-1]["event"] in LAST)


def test_a_watched_transaction_is_validated_included_and_final(
    client: Client, chain: DevChain
) -> None:
    events = heard(client, watch(client, pay(chain, 0)))
    where = {"hash": "0x" + chain.head.hex(), "index": 1}
    assert events == [
        {"event": "validated"},
        {"event": "bestChainBlockIncluded", "block": where},
        {"event": "finalized", "block": where},
    ]


def test_one_that_waits_is_included_after_its_predecessor(client: Client, chain: DevChain) -> None:
    later = watch(client, pay(chain, 1))
    assert client.told(later, bool) == [{"event": "validated"}]
    first = watch(client, pay(chain, 0))
    assert heard(client, first)[-1]["block"]["index"] == 1
    assert heard(client, later)[-1]["event"] == "finalized"
    assert nonce(chain, ALICE.public) == 2


def test_one_that_is_replaced_while_it_waits_is_invalid(client: Client, chain: DevChain) -> None:
    cheap = watch(client, pay(chain, 5))
    client.told(cheap, bool)
    watch(client, pay(chain, 5, tip=10**9))
    last = heard(client, cheap)[-1]
    assert last == {
        "event": "invalid",
        "error": "Extrinsic was rendered invalid by another extrinsic",
    }


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("poor", "Invalid transaction: Inability to pay some fees (e.g. account balance too low)"),
        ("old", "Invalid transaction: Transaction is outdated"),
        ("rubbish", "Extrinsic bytes cannot be decoded"),
        ("banned", "Transaction is temporarily banned"),
    ],
)
def test_one_that_cannot_be_included_says_why(
    client: Client, chain: DevChain, fault: str, why: str
) -> None:
    extrinsic = "0x1234" if fault == "rubbish" else pay(chain, 0, NOBODY)
    if fault == "banned":
        heard(client, watch(client, extrinsic))
    if fault == "old":
        extrinsic = pay(chain, 0)
        heard(client, watch(client, extrinsic))
    assert heard(client, watch(client, extrinsic)) == [{"event": "invalid", "error": why}]


def test_who_stops_watching_hears_no_more_but_the_transaction_goes_on(
    client: Client, chain: DevChain
) -> None:
    later = watch(client, pay(chain, 1))
    client.told(later, bool)
    assert client.result("transactionWatch_v1_unwatch", later) is True
    assert client.result("transactionWatch_v1_unwatch", later) is False
    client.notifications.clear()
    heard(client, watch(client, pay(chain, 0)))
    assert nonce(chain, ALICE.public) == 2
    assert later not in {note["params"]["subscription"] for note in client.notifications}


def test_a_broadcast_transaction_is_included_and_nobody_is_told(
    client: Client, chain: DevChain
) -> None:
    follow = client.result("chainHead_v1_follow", False)
    first = client.result("transaction_v1_broadcast", pay(chain, 0))
    for nothing in (pay(chain, 0, NOBODY), "0x1234"):
        assert isinstance(client.result("transaction_v1_broadcast", nothing), str)
    client.told(follow, lambda said: any(event["event"] == "finalized" for event in said))
    assert nonce(chain, ALICE.public) == 1
    assert client.result("transaction_v1_stop", first) is None
    assert client.error("transaction_v1_stop", first)["code"] == -32602
    about = {note["params"]["subscription"] for note in client.notifications}
    assert about == {follow}


def test_one_connection_broadcasts_only_so_many_at_once(
    client: Client, chain: DevChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction_methods, "MOST_BROADCASTS", 2)
    first, second = (
        client.result("transaction_v1_broadcast", pay(chain, number)) for number in (0, 1)
    )
    assert client.result("transaction_v1_broadcast", pay(chain, 2)) is None
    client.result("transaction_v1_stop", first)
    assert client.result("transaction_v1_broadcast", pay(chain, 2)) is not None
    client.result("transaction_v1_stop", second)
