"""The client on the embedded chain: several processes, the clock, and what reading costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from chain_support import ALICE, BOB, HOUR, new_home, pass_time, terms

from decentralml.chain import calls, errors
from decentralml.chain.connect import connect
from decentralml.config import Config
from decentralml.errors import ChainError, WrongGenesis
from decentralml.types import UNIT

GIVE = """
import sys
from pathlib import Path
from decentralml.chain import calls
from decentralml.chain.connect import connect
from decentralml.chain.keys import development_key
from decentralml.config import Config

with connect(Config(Path(sys.argv[1]))) as chain:
    sys.stdin.readline()
    for _ in range(10):
        chain.submit(calls.Transfer(sys.argv[2], 10**12), development_key("//Alice"))
"""
READ = """
import sys
from pathlib import Path
from decentralml.chain.connect import connect
from decentralml.config import Config

with connect(Config(Path(sys.argv[1]))) as chain:
    chain.tasks()
    chain.balance(sys.argv[2])
    chain.election()
heavy = {"wasmtime", "substrateinterface", "scalecodec", "torch", "numpy", "websocket", "nacl"}
print(",".join(sorted(heavy & set(sys.modules))))
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return new_home(tmp_path)


def start(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_the_chain_is_made_when_it_is_first_used(home: Path) -> None:
    config = Config(home)
    with connect(config) as chain:
        info = chain.info()
    assert config.chain_file.is_file()
    assert (info.kind, info.development, info.block) == ("embedded", True, 0)
    assert (info.token_symbol, info.decimals, info.spec_name) == ("DML", 12, "decentralml")
    with connect(config) as again:
        assert again.info().genesis == info.genesis
    with pytest.raises(WrongGenesis):
        connect(Config(config.home, genesis="0x" + "00" * 32))


def test_processes_that_make_the_chain_at_once_share_it(home: Path) -> None:
    readers = [start(READ, str(home), ALICE.address) for _ in range(3)]
    assert [reader.wait(60) for reader in readers] == [0, 0, 0]


def test_processes_with_one_key_at_once_all_succeed(home: Path) -> None:
    with connect(Config(home)) as chain:
        before = chain.balance(BOB.address).free
        givers = [start(GIVE, str(home), BOB.address) for _ in range(3)]
        for giver in givers:
            assert giver.stdin is not None
            giver.stdin.write("go\n")
            giver.stdin.close()
        assert [giver.wait(120) for giver in givers] == [0, 0, 0]
        assert chain.balance(BOB.address).free == before + 30 * UNIT
        assert chain.info().block == 30


def test_reading_loads_nothing_heavy(home: Path) -> None:
    with connect(Config(home)) as chain:
        chain.submit(calls.CreateTask(terms(chain)), ALICE)
    reader = start(READ, str(home), ALICE.address)
    assert reader.communicate()[0].strip() == ""


def test_a_page_of_tasks_is_newest_first_and_goes_on_where_the_last_ended(home: Path) -> None:
    with connect(Config(home)) as chain:
        offer = calls.CreateTask(terms(chain))
        for _ in range(5):
            chain.submit(calls.Batch((offer, offer)), ALICE)
        first = chain.tasks(limit=4)
        assert [task.id for task in first] == [9, 8, 7, 6]
        rest = chain.tasks(limit=100, before=first[-1].id)
        assert [task.id for task in rest] == [5, 4, 3, 2, 1, 0]
        assert chain.tasks(before=rest[-1].id) == []
        assert chain.tasks(limit=0) == []


def test_the_clock_moves_when_it_is_told_and_never_back(home: Path) -> None:
    with connect(Config(home)) as chain:
        before = chain.now()
        chain.advance(milliseconds=48 * HOUR)
        moved = chain.now()
        assert moved >= before + 48 * HOUR
        assert chain.advance(blocks=3) == chain.info().block == 4
        assert chain.now() >= moved
        assert chain.wait_block(2) == 4
        assert chain.wait_block(9) == 9
        pass_time(chain, chain.now() + HOUR)
        assert chain.submit(calls.CreateTask(terms(chain)), ALICE).block == chain.info().block


def test_terms_are_judged_by_the_chains_own_clock(home: Path) -> None:
    with connect(Config(home)) as chain:
        wall = chain.now()
        chain.advance(milliseconds=HOUR)
        with pytest.raises(errors.InvalidExpiry):
            chain.submit(calls.CreateTask(terms(chain, expires_at=wall + HOUR // 2)), ALICE)


def test_every_error_of_the_chain_can_be_caught_as_one(home: Path) -> None:
    with connect(Config(home)) as chain, pytest.raises(ChainError):
        chain.submit(calls.Abandon(terms(chain).parent or 0), BOB)  # type: ignore[arg-type]
