"""The index of a real chain, by Python and by command."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from chain_support import ALICE, BUNDLE, embedded, new_home, post, served
from click.testing import CliRunner
from fixture_support import SUBMISSIONS, open_at, unpack
from market_support import CONTRIBUTORS, CREATOR, Stage

from decentralml.chain import calls
from decentralml.chain.api import Chain
from decentralml.chain.substrate.client import SPEC_VERSION, SubstrateChain
from decentralml.chain.substrate.embedded import EmbeddedTransport
from decentralml.chain.substrate.upgrade import upgrade
from decentralml.cli.main import cli
from decentralml.config import Config
from decentralml.db.engine import Database
from decentralml.db.filters import TaskFilter
from decentralml.db.index import Index
from decentralml.db.tasks import find_tasks
from decentralml.market.merging.federation import federate
from decentralml.market.session import Session
from decentralml.runtime import blob
from decentralml.types import UNIT, ModelType, TaskId


def command(home: Path, *words: str, ok: bool = True) -> str:
    done = CliRunner().invoke(cli, ["--home", str(home), *words], prog_name="decentralml")
    assert (done.exit_code == 0) == ok, done.output
    return done.stdout if ok else done.stderr


def documents(home: Path, *words: str) -> Any:
    return json.loads(command(home, *words, "--json"))


def assert_index_is(chain: Chain, database: Database) -> None:
    """Every task on the chain is in the index as it is."""
    index = Index(database, chain.info().genesis)
    index.sync(chain.feed())
    number = index.number()
    assert number is not None
    found = [each.task for each in find_tasks(database, number, TaskFilter(), 1000)]
    assert [asdict(task) for task in found] == [asdict(task) for task in chain.tasks(1000)]


def test_the_index_says_what_the_chain_says_at_every_block(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    with embedded(home) as chain, Database(f"sqlite:///{tmp_path / 'i.sqlite'}") as database:
        assert_index_is(chain, database)
        first = post(chain)
        assert_index_is(chain, database)
        post(chain, model_type=ModelType.AUDIO, reward=2 * UNIT, parent=None)
        chain.submit(calls.WithdrawTask(first), ALICE)
        assert_index_is(chain, database)


def test_a_served_chain_gives_the_same_index(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    with embedded(home) as chain:
        post(chain)
    with served(home) as chain, Database(f"sqlite:///{tmp_path / 'i.sqlite'}") as database:
        post(chain)
        assert_index_is(chain, database)


def test_a_chain_that_began_under_an_older_runtime_is_indexed_from_its_first_block(
    tmp_path: Path,
) -> None:
    file = unpack(tmp_path / "chain.sqlite")
    with (
        SubstrateChain(EmbeddedTransport(open_at(file), str(file))) as chain,
        Database(f"sqlite:///{tmp_path / 'i.sqlite'}") as database,
    ):
        upgrade(chain, blob(), SPEC_VERSION, ALICE)
        assert_index_is(chain, database)
        index = Index(database, chain.info().genesis)
        status = index.status()
        assert status is not None and status.submissions == len(SUBMISSIONS)


def test_list_tasks_filters_by_command(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    with embedded(home) as chain:
        for kind in (ModelType.VISION, ModelType.AUDIO, ModelType.VISION):
            post(chain, model_type=kind)

    def numbers(*words: str) -> list[int]:
        return [each["id"] for each in documents(home, "list-tasks", *words)]

    assert numbers("--model-type", "vision") == [2, 0]
    assert numbers("--model-type", "Vision", "--limit", "1", "--after", "2") == [0]
    assert numbers("--model-type", "Text", "--model-type", "Audio") == [1]
    assert numbers("--min-reward", "5", "--max-reward", "5") == [2, 1, 0]
    assert numbers("--min-reward", "5.000001") == []
    assert numbers("--search", "audio") == [1]
    assert numbers("--search", str(BUNDLE)) == [2, 1, 0]
    assert numbers("--creator", "//Alice", "--open") == [2, 1, 0]
    assert numbers("--creator", "//Bob") == []
    assert documents(home, "list-tasks", "--status", "Created") == documents(home, "list-tasks")
    assert "no task" in command(home, "list-tasks", "--asset", "7")
    assert "no asset's number" in command(home, "list-tasks", "--asset", "x", ok=False)
    assert "not an amount" in command(home, "list-tasks", "--min-reward", "x", ok=False)
    assert "no word" in command(home, "list-tasks", "--search", "!?", ok=False)


def test_without_a_database_the_chain_can_still_be_listed(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    with embedded(home) as chain:
        post(chain)
    (home / "database.sqlite").write_bytes(b"rubbish" * 1000)
    assert len(documents(home, "list-tasks")) == 1
    said = command(home, "list-tasks", "--search", "vision", ok=False)
    assert "damaged" in said and "index rebuild" in said and len(said.splitlines()) == 1
    (home / "database.sqlite").rename(home / "away.sqlite")
    command(home, "index", "rebuild")
    assert len(documents(home, "list-tasks", "--search", "vision")) == 1


def test_index_status_tells_how_far_it_is_and_what_else_is_there(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    with embedded(home) as chain:
        post(chain)
    assert "never made" in command(home, "index", "status")
    assert "1 new tasks" in command(home, "index", "sync")
    assert "up to date" in command(home, "index", "status")
    with embedded(home) as chain:
        post(chain)
    assert "1 behind" in command(home, "index", "status")
    assert documents(home, "index", "sync")["blocks"] == 1
    (home / "chain.sqlite").unlink()
    with embedded(home) as chain:
        post(chain, reward=3 * UNIT)
    assert [each["id"] for each in documents(home, "list-tasks", "--min-reward", "3")] == [0]


def test_models_lead_back_to_what_they_were_made_of(stage: Stage) -> None:
    task = stage.post(results=len(CONTRIBUTORS))
    for who in CONTRIBUTORS:
        stage.contribute(who, task)
    stage.conclude(task)
    with stage.as_(CREATOR) as session:
        merged = federate(session, task, stage.root / "next")
    listed = documents(stage.home, "models", "list")
    assert [each["cid"] for each in listed["published"]] == [merged.cid]
    assert str(merged.cid) in command(stage.home, "models", "show", merged.cid[:20])
    out = stage.root / "fetched"
    command(stage.home, "models", "get", str(task), "--out", str(out))
    assert (out / "model.safetensors").is_file()
    tree = command(stage.home, "models", "lineage", merged.cid)
    assert merged.cid in tree and tree.count("paid") == len(CONTRIBUTORS) and "fees" in tree
    said = command(stage.home, "models", "show", "bafynone", ok=False)
    assert "models list" in said and len(said.splitlines()) == 1
    with Session(Config(stage.home, key=CREATOR)) as session:
        from decentralml.market.indexing import find_tasks as find

        name = stage.bundle.name
        found = find(session, TaskFilter(words=name))
        assert [each.task.id for each in found] == [TaskId(task)]
