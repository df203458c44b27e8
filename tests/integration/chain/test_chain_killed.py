"""A client that is killed while it sends, and the same command again: it takes effect once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chain_support import ALICE, BOB, CHARLIE, new_home, terms
from fake_node_support import WATCH, FakeNode, HangUp
from rpc_support import copy_of, genesis_file, open_chain
from swarm_calls_support import create

from decentralml.chain import calls, errors, events
from decentralml.chain.connect import connect
from decentralml.chain.substrate import intents
from decentralml.chain.swarm.calls import GrantSeat, RegisterNode
from decentralml.config import Config
from decentralml.errors import NodeTimeout
from decentralml.types import UNIT, TaskId

GIFT = calls.Transfer(BOB.address, UNIT)
GIVE = """
import os, sys
from pathlib import Path
from decentralml.chain import calls
from decentralml.chain.connect import connect
from decentralml.chain.keys import development_key
from decentralml.config import Config

home, url, to = sys.argv[1:4]
with connect(Config(Path(home), chain=url)) as chain:
    if url == "embedded":
        whole = chain.transport.submit
        def submit(extrinsic):
            if sys.argv[4] == "after":
                whole(extrinsic)
            os.kill(os.getpid(), 9)
        chain.transport.submit = submit
    chain.submit(calls.Transfer(to, 10**12), development_key("//Alice"))
"""


@pytest.fixture(scope="module")
def genesis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return genesis_file(tmp_path_factory.mktemp("genesis"))


@pytest.fixture
def node(genesis: Path, tmp_path: Path) -> Iterator[FakeNode]:
    with open_chain(copy_of(genesis, tmp_path)) as chain:
        fake = FakeNode(chain)
        yield fake
        fake.stop()


@pytest.fixture
def config(node: FakeNode, tmp_path: Path) -> Config:
    return Config(tmp_path / "home", chain=node.url)


def kill_while_sending(
    node: FakeNode, config: Config, seen: Callable[[str], None] = lambda extrinsic: None
) -> None:
    """Have another process send the gift, and kill it once the node has it (and did ``seen``)."""
    arguments = [str(config.home), config.chain, BOB.address]
    process = subprocess.Popen([sys.executable, "-c", GIVE, *arguments])

    def die(params: list[Any]) -> Any:
        seen(params[0])
        os.kill(process.pid, signal.SIGKILL)
        raise HangUp

    node.answers[WATCH] = die
    assert process.wait(60) == -signal.SIGKILL
    del node.answers[WATCH]


def bob(config: Config) -> int:
    with connect(config) as chain:
        return chain.balance(BOB.address).free


def left_over(config: Config) -> list[Path]:
    return list(config.journal.rglob("*.jsonl"))


def test_what_was_included_before_the_kill_is_not_sent_again(
    node: FakeNode, config: Config
) -> None:
    before = bob(config)
    kill_while_sending(node, config, lambda extrinsic: str(node.include(extrinsic)) and None)
    assert len(left_over(config)) == 1
    with connect(config) as chain:
        receipt = chain.submit(GIFT, ALICE)
        assert receipt.block == node.chain.height == 1
        assert chain.balance(BOB.address).free == before + UNIT
        # Once that is known, the same call is another wish.
        chain.submit(GIFT, ALICE)
        assert chain.balance(BOB.address).free == before + 2 * UNIT
    assert left_over(config) == []


def test_what_never_arrived_is_sent_as_the_same_bytes(node: FakeNode, config: Config) -> None:
    before = bob(config)
    kill_while_sending(node, config)
    with connect(config) as chain:
        chain.submit(GIFT, ALICE)
    first, second = node.sent()
    assert first == second
    assert bob(config) == before + UNIT
    assert left_over(config) == []


def test_what_can_still_be_included_is_the_same_wish_whatever_the_clock_says(
    node: FakeNode, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_while_sending(node, config)
    monkeypatch.setattr(intents, "SAME_WISH_MILLISECONDS", 0)
    with connect(config) as chain:
        chain.submit(GIFT, ALICE)
    first, second = node.sent()
    assert first == second


def test_what_is_still_on_its_way_is_waited_for(node: FakeNode, config: Config) -> None:
    before = bob(config)
    pending: list[str] = []
    node.answers["author_pendingExtrinsics"] = lambda params: list(pending)
    kill_while_sending(node, config, pending.append)
    threading.Timer(1.0, lambda: node.include(pending.pop())).start()
    with connect(config) as chain:
        chain.submit(GIFT, ALICE)
    assert len(node.sent()) == 1
    assert bob(config) == before + UNIT


def test_another_call_waits_for_what_is_on_its_way_and_is_sent(
    node: FakeNode, config: Config
) -> None:
    before = bob(config)
    pending: list[str] = []
    node.answers["author_pendingExtrinsics"] = lambda params: list(pending)
    kill_while_sending(node, config, pending.append)
    threading.Timer(1.0, lambda: node.include(pending.pop())).start()
    with connect(config) as chain:
        chain.submit(calls.Transfer(BOB.address, 7 * UNIT), ALICE)
    assert bob(config) == before + 8 * UNIT
    assert left_over(config) == []


def test_another_call_takes_the_place_of_what_never_arrived(node: FakeNode, config: Config) -> None:
    before = bob(config)
    kill_while_sending(node, config)
    with connect(config) as chain:
        chain.submit(calls.Transfer(BOB.address, 7 * UNIT), ALICE)
        chain.submit(calls.Transfer(BOB.address, 9 * UNIT), ALICE)
    assert bob(config) == before + 16 * UNIT
    assert left_over(config) == []


def test_what_another_account_left_stays_noted(node: FakeNode, config: Config) -> None:
    kill_while_sending(node, config)
    with connect(config) as chain:
        chain.submit(GIFT, CHARLIE)
    assert len(left_over(config)) == 1


def test_the_same_call_much_later_is_another_wish(
    node: FakeNode, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = bob(config)
    kill_while_sending(node, config, lambda extrinsic: str(node.include(extrinsic)) and None)
    monkeypatch.setattr(intents, "SAME_WISH_MILLISECONDS", 0)
    with connect(config) as chain:
        chain.submit(GIFT, ALICE)
    assert bob(config) == before + 2 * UNIT
    assert left_over(config) == []


def test_what_was_included_and_failed_is_sent_anew(node: FakeNode, config: Config) -> None:
    taken = calls.AcceptTask(TaskId(0))
    with connect(config) as chain:
        node.answers[WATCH] = die_after_including(node)
        with pytest.raises(NodeTimeout):
            chain.submit(taken, BOB)
        node.start()
        offer = terms(chain, committee_size=1)
        chain.submit(calls.CreateTask(offer), ALICE)
        receipt = chain.submit(taken, BOB)
        assert receipt.find(events.TaskAccepted) is not None


def test_what_others_can_undo_is_wished_anew_each_time(node: FakeNode, config: Config) -> None:
    with connect(config) as chain:
        swarm = create(chain)
        register = RegisterNode(swarm.id, b"certificate", "host:1", 1, True)
        swarm.grant(BOB)
        for call, signer, sent_again in (
            (register, BOB, True),
            (GrantSeat(swarm.id, CHARLIE.address), ALICE, False),
        ):
            node.answers[WATCH] = die_after_including(node)
            with pytest.raises(NodeTimeout):
                chain.submit(call, signer)
            node.start()
            included = chain.info().block
            assert chain.submit(call, signer).block == included + sent_again
    assert left_over(config) == []


def die_after_including(node: FakeNode) -> Callable[[list[Any]], Any]:
    def die(params: list[Any]) -> Any:
        node.include(params[0])
        del node.answers[WATCH]
        node.stop()
        raise HangUp

    return die


def test_a_task_is_posted_once_though_its_end_has_moved_on(node: FakeNode, config: Config) -> None:
    with connect(config) as chain:
        node.answers[WATCH] = die_after_including(node)
        with pytest.raises(NodeTimeout):
            chain.submit(calls.CreateTask(terms(chain)), ALICE)
        node.start()
        later = terms(chain, expires_at=chain.now() + 7_000_000)
        created = chain.submit(calls.CreateTask(later), ALICE).find(events.TaskCreated)
        assert created is not None
        assert len(chain.tasks()) == 1
        another = terms(chain, slots=7)
        chain.submit(calls.CreateTask(another), ALICE)
        assert len(chain.tasks()) == 2


@pytest.mark.parametrize("when", ["before", "after"])
def test_on_the_embedded_chain_it_takes_effect_once(tmp_path: Path, when: str) -> None:
    config = Config(new_home(tmp_path))
    before = bob(config)
    command = [sys.executable, "-c", GIVE, str(config.home), "embedded", BOB.address, when]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    assert len(left_over(config)) == 1
    with connect(config) as chain:
        chain.submit(GIFT, ALICE)
        assert chain.info().block == 1
    assert bob(config) == before + UNIT
    assert left_over(config) == []


def test_an_error_of_the_chain_leaves_nothing_open(tmp_path: Path) -> None:
    config = Config(new_home(tmp_path))
    with connect(config) as chain, pytest.raises(errors.UnknownTask):
        chain.submit(calls.AcceptTask(TaskId(5)), BOB)
    assert left_over(config) == []
