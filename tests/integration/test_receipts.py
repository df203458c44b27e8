"""Receipts: what is true in them is found true by any node, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from chain_support import BOB, CHARLIE, elect, embedded, new_home, pass_time, post
from click.testing import CliRunner, Result
from fake_node_support import FakeNode
from hypothesis import given, settings
from hypothesis import strategies as st
from panel_support import Sent, deliver, judge, release, send

from decentralml.bundles.manifest import canonical_json
from decentralml.chain import calls
from decentralml.chain.api import Chain
from decentralml.chain.substrate.embedded import EmbeddedTransport
from decentralml.cli.main import cli
from decentralml.config import Config
from decentralml.devchain.hashes import blake2_256
from decentralml.devchain.rpc.errors import CLIENT, RpcError
from decentralml.errors import (
    ManifestError,
    ReceiptContradicted,
    ReceiptInvalid,
    StatePruned,
    WrongGenesis,
)
from decentralml.market.explaining.explain import explain
from decentralml.market.explaining.receipts import Verified, _parse, verify_receipt, write_receipt
from decentralml.market.session import Session
from decentralml.types import TaskId, Verdict


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_home(tmp_path_factory.mktemp("receipts"))


@pytest.fixture(scope="module")
def chain(home: Path) -> Iterator[Chain]:
    with embedded(home) as chain:
        elect(chain)
        yield chain


@pytest.fixture(scope="module")
def session(home: Path, chain: Chain) -> Iterator[Session]:
    with Session(Config(home)) as session:
        yield session


@pytest.fixture(scope="module")
def paid(chain: Chain) -> Sent:
    """A result that was paid, and blocks after it."""
    sent = deliver(chain, post(chain), BOB)
    judge(chain, sent, Verdict.PASS)
    release(chain, sent)
    chain.advance(blocks=3)
    return sent


@pytest.fixture(scope="module")
def receipt(paid: Sent, session: Session, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(session, paid, tmp_path_factory.mktemp("paid") / "receipt.json")


def written(session: Session, sent: Sent, file: Path) -> Path:
    write_receipt(session, session.chain.history(sent.task, sent.index), file)
    return file


Change = Callable[[dict[str, Any]], None]


def forged(receipt: Path, file: Path, change: Change) -> Path:
    """A receipt with another content, in its proper form, with its proper digest."""
    document = json.loads(receipt.read_bytes())
    change(document)
    del document["digest"]
    document["digest"] = "0x" + blake2_256(canonical_json(document)).hex()
    file.write_bytes(canonical_json(document))
    return file


def test_a_receipt_is_found_true_and_says_why(session: Session, receipt: Path) -> None:
    found = verify_receipt(session, receipt)
    assert isinstance(found, Verified)
    assert found.explanation.paid
    assert found.explanation.sums == explain(session, found.explanation.task, 0).sums
    assert found.changes == len(found.explanation.history.changes) == found.transactions
    assert found.blocks >= found.changes


def test_the_same_result_has_the_same_receipt_wherever_it_is_made(
    session: Session, chain: Chain, paid: Sent, receipt: Path, tmp_path: Path
) -> None:
    stated = json.loads(receipt.read_bytes())
    again = json.loads(written(session, paid, tmp_path / "again.json").read_bytes())
    later = {"until", "evidence", "digest"}
    assert {k: v for k, v in again.items() if k not in later} == {
        k: v for k, v in stated.items() if k not in later
    }


def test_every_byte_counts(
    session: Session, chain: Chain, tmp_path_factory: pytest.TempPathFactory
) -> None:
    sent = send(chain, post(chain), BOB)
    data = written(session, sent, tmp_path_factory.mktemp("bytes") / "receipt.json").read_bytes()
    _parse(data, "receipt")
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1
        with pytest.raises(ManifestError):
            _parse(bytes(changed), "receipt")


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0), byte=st.integers(1, 255))
def test_no_changed_byte_is_taken_whatever_it_becomes(
    session: Session, receipt: Path, place: int, byte: int
) -> None:
    data = bytearray(receipt.read_bytes())
    data[place % len(data)] ^= byte
    file = receipt.with_name("changed.json")
    file.write_bytes(data)
    with pytest.raises(ReceiptInvalid):
        verify_receipt(session, file)


def flip(document: dict[str, Any], kind: str, place: int) -> None:
    """Change one byte of the evidence."""
    data = bytearray.fromhex(document["evidence"][kind][place][2:])
    data[len(data) // 2] ^= 1
    document["evidence"][kind][place] = "0x" + data.hex()
    document["evidence"]["nodes"].sort()


def double(headers: list[str]) -> None:
    """Put another header before the first, of the same block."""
    other = bytearray.fromhex(headers[0][2:])
    other[0] ^= 1  # Of its parent's hash.
    headers.insert(0, "0x" + other.hex())


FORGERIES: dict[str, tuple[Change, str]] = {
    "a higher reward": (
        lambda receipt: receipt["terms"].update(reward=9),
        "terms.reward is 9, and the chain says 5000000000000",
    ),
    "another score": (lambda r: r["judges"][0].update(score=1), "judges[0].score is 1"),
    "another time": (lambda r: r["steps"][2].update(time=7), "steps[2].time is 7"),
    "another transaction": (
        lambda r: r["steps"][1].update(transaction="0x" + "11" * 32),
        "steps[1].transaction is",
    ),
    "a fee left out": (lambda r: r["steps"][-1]["events"].pop(3), "steps["),
    "a statement left out": (lambda r: r.pop("paid"), "paid is missing"),
    "a statement put in": (lambda r: r.update(bribe=1), "bribe is nothing that the chain says"),
    "a number for a truth": (lambda r: r.update(paid=1), "paid is 1, and the chain says True"),
    "another result": (lambda r: r.update(index=1), "does not show result 1 of task"),
    "another task": (lambda r: r.update(task=99), "does not show result 0 of task 99"),
    "a step left out": (lambda r: r["steps"].pop(4), "steps["),
    "a block left out": (
        lambda r: r["evidence"]["changes"].pop(4),
        "it leaves out a block",
    ),
    "the last block left out": (lambda r: r["evidence"]["changes"].pop(), "lacks the header"),
    "the first block left out": (lambda r: r["evidence"]["changes"].pop(0), "does not show"),
    "another header": (lambda r: flip(r, "headers", 3), "on the chain, not"),
    "another node": (lambda r: flip(r, "nodes", 7), "is incomplete"),
    "a node left out": (lambda r: r["evidence"]["nodes"].pop(), "is incomplete"),
    "a node too many": (
        lambda r: r["evidence"].update(nodes=sorted([*r["evidence"]["nodes"], "0x00"])),
        "it holds more than it takes",
    ),
    "headers out of order": (lambda r: r["evidence"]["headers"].reverse(), "not in order"),
    "two headers of one block": (lambda r: double(r["evidence"]["headers"]), "not in order"),
    "a header that is none": (
        lambda r: r["evidence"]["headers"].__setitem__(0, "0x1234"),
        "headers cannot be read",
    ),
    "a time that has not come": (
        lambda r: r["until"].update(block=1_000_000),
        "it lacks the header of block 1000000",
    ),
    "a time before its end": (
        lambda r: r["until"].update(block=r["steps"][3]["block"]),
        "",
    ),
}


@pytest.mark.parametrize("what", FORGERIES)
def test_a_forger_that_mends_the_digest_is_contradicted_by_the_chain(
    session: Session, receipt: Path, tmp_path: Path, what: str
) -> None:
    change, said = FORGERIES[what]
    file = forged(receipt, tmp_path / "forged.json", change)
    with pytest.raises(ReceiptContradicted) as refused:
        verify_receipt(session, file)
    assert said in str(refused.value)
    assert "do not rely on any of it" in str(refused.value)


MALFORMED: dict[str, Change] = {
    "an old format": lambda r: r.update(format="decentralml/receipt@0"),
    "no evidence": lambda r: r.pop("evidence"),
    "evidence that is no text": lambda r: r["evidence"].update(nodes=[1]),
    "evidence that is not hexadecimal": lambda r: r["evidence"]["nodes"].__setitem__(0, "0xzz"),
    "nodes out of order": lambda r: r["evidence"]["nodes"].reverse(),
    "a task below zero": lambda r: r.update(task=-1),
    "an index that is none": lambda r: r.update(index=2**32),
    "a genesis that is no hash": lambda r: r.update(genesis="0x12"),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_what_is_no_receipt_is_refused_in_one_line(
    session: Session, receipt: Path, tmp_path: Path, what: str
) -> None:
    file = forged(receipt, tmp_path / "malformed.json", MALFORMED[what])
    with pytest.raises(ReceiptInvalid) as refused:
        verify_receipt(session, file)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b'  "digest": "0x00",\n', b"[" * 100_000])
def test_other_files_are_refused(session: Session, tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "other.json"
    file.write_bytes(data)
    with pytest.raises(ReceiptInvalid):
        verify_receipt(session, file)


def test_a_file_without_an_end_is_not_read_to_its_end(session: Session) -> None:
    with pytest.raises(ReceiptInvalid, match="larger than"):
        verify_receipt(session, Path("/dev/zero"))


def test_a_receipt_of_another_chain_is_refused(
    session: Session, receipt: Path, tmp_path: Path
) -> None:
    def elsewhere(document: dict[str, Any]) -> None:
        document["genesis"] = "0x" + "11" * 32

    with pytest.raises(WrongGenesis):
        verify_receipt(session, forged(receipt, tmp_path / "elsewhere.json", elsewhere))
    # All development chains begin alike, and differ from their first block on.
    with Session(Config(new_home(tmp_path))) as other:
        with pytest.raises(ReceiptContradicted, match="has no block"):
            verify_receipt(other, receipt)
        other.chain.advance(blocks=100)
        with pytest.raises(ReceiptContradicted, match="on the chain, not"):
            verify_receipt(other, receipt)


@pytest.fixture
def node(chain: Chain) -> Iterator[FakeNode]:
    assert isinstance(chain.transport, EmbeddedTransport)  # type: ignore[attr-defined]
    node = FakeNode(chain.transport.chain)  # type: ignore[attr-defined]
    yield node
    node.stop()


def test_any_node_can_check_a_receipt_also_one_that_has_forgotten_its_states(
    node: FakeNode, home: Path, paid: Sent, receipt: Path, tmp_path: Path
) -> None:
    def forgotten(params: list[Any]) -> Any:
        if len(params) > 1 and params[-1] is not None:
            what = "Client error: UnknownBlock: State already discarded for 0x12"
            raise RpcError(CLIENT, what)
        return node.handlers.request("state_queryStorageAt", params)

    with Session(replace(Config(home), chain=node.url)) as remote:
        made = written(remote, paid, tmp_path / "remote.json")
        assert made.read_bytes() != b""
        for method in ("state_queryStorageAt", "state_getStorage", "state_getReadProof"):
            node.answers[method] = forgotten
        with pytest.raises(StatePruned) as pruned:
            explain(remote, paid.task, paid.index)
        assert "has forgotten the states" in str(pruned.value)
        assert verify_receipt(remote, receipt).explanation.paid
        assert verify_receipt(remote, made).explanation.paid


def test_a_node_that_is_behind_does_not_confirm_what_it_has_not_seen(
    node: FakeNode, home: Path, receipt: Path
) -> None:
    last = json.loads(receipt.read_bytes())["until"]["block"]

    def behind(params: list[Any]) -> Any:
        if params and params[0] == last:
            return None
        return node.handlers.request("chain_getBlockHash", params)

    with Session(replace(Config(home), chain=node.url)) as remote:
        node.answers["chain_getBlockHash"] = behind
        with pytest.raises(ReceiptContradicted, match="has no block"):
            verify_receipt(remote, receipt)


@pytest.fixture
def run(home: Path, chain: Chain, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("DECENTRALML_HOME", str(home))

    def invoke(*words: object, code: int = 0) -> Result:
        result = CliRunner().invoke(cli, [str(word) for word in words], prog_name="decentralml")
        assert result.exit_code == code, result.output
        return result

    return invoke


def test_the_commands_write_and_check_a_receipt(
    run: Callable[..., Result], paid: Sent, tmp_path: Path
) -> None:
    file = tmp_path / "receipt.json"
    said = run("explain", paid.task, paid.index, "--receipt", file)
    assert f"{BOB.address} was paid 5: the committee passed the result, score 90.00%" in said.stdout
    assert said.stdout.count("it adds up") == 3
    assert "signed by" in said.stdout
    assert "result 0 of task" in run("verify-receipt", file).stdout
    checked = json.loads(run("verify-receipt", file, "--json").stdout)
    assert (checked["valid"], checked["task"], checked["index"]) == (True, paid.task, paid.index)
    told = json.loads(run("explain", paid.task, paid.index, "--json").stdout)
    assert [step["transaction"] for step in told["steps"]] == [
        step["transaction"] for step in json.loads(file.read_bytes())["steps"]
    ]
    assert all(each["adds_up"] for each in told["sums"])
    whole = json.loads(run("explain", paid.task, "--json").stdout)
    assert [(each["index"], each["how"]) for each in whole["ended"]] == [(paid.index, "Accepted")]
    file.write_bytes(file.read_bytes().replace(b'"paid": true', b'"paid": True', 1))
    refused = run("verify-receipt", file, code=1)
    assert refused.stderr.startswith(f"error: {file} is no receipt: it was changed")
    assert refused.stderr.count("\n") == 1
    assert "say its INDEX" in run("explain", paid.task, "--receipt", file, code=2).stderr


def overdue(chain: Chain, task: TaskId, index: int) -> None:
    """Have a state end by its deadline."""
    deadline = chain.submission(task, index).deadline
    assert deadline is not None
    pass_time(chain, deadline)
    chain.submit(calls.Settle(task, index), BOB)


def test_what_ended_unpaid_is_answered_in_one_sentence(
    run: Callable[..., Result], chain: Chain
) -> None:
    task = post(chain)
    judge(chain, deliver(chain, task, BOB), Verdict.FAIL)
    assert "was not paid: the committee failed the result" in run("explain", task, 0).stdout
    chain.submit(calls.AcceptTask(task), CHARLIE)
    chain.submit(calls.Abandon(task), CHARLIE)
    assert "was not paid: it gave the slot back" in run("explain", task, 1).stdout
    send(chain, task, CHARLIE)
    assert "is not paid yet" in run("explain", task, 2).stdout
    assert "Abandoned" in run("explain", task).stdout
    overdue(chain, task, 2)
    assert "the panel came to no verdict" in run("explain", task, 2).stdout
    late = post(chain)
    chain.submit(calls.AcceptTask(late), CHARLIE)
    overdue(chain, late, 0)
    assert "it did not send a result in time" in run("explain", late, 0).stdout
