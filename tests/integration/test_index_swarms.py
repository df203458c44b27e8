"""The index of a real chain's swarms."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from chain_support import (
    ALICE,
    BOB,
    CHARLIE,
    DAVE,
    EVE,
    embedded,
    new_home,
    pass_time,
    served,
)
from click.testing import CliRunner
from fixture_support import open_at, unpack
from sqlalchemy import select
from swarm_calls_support import OnChain, create, model, update

from decentralml.chain.api import Chain
from decentralml.chain.substrate.client import SPEC_VERSION, SubstrateChain
from decentralml.chain.substrate.embedded import EmbeddedTransport
from decentralml.chain.substrate.upgrade import upgrade
from decentralml.chain.swarm import calls
from decentralml.chain.swarm.words import Admission, Presence
from decentralml.cli.main import cli
from decentralml.db.engine import Database
from decentralml.db.index import Index
from decentralml.db.swarm_models import NodeRow, SeatRow, SwarmRow
from decentralml.db.swarm_rows import node_row, seat_row, swarm_row
from decentralml.db.swarms import PastRound, past_rounds
from decentralml.runtime import blob
from decentralml.types import UNIT


def rounds_in(chain: Chain, database: Database, swarm: OnChain) -> list[PastRound]:
    """The rounds of a swarm as the index tells them, once it says what the chain says."""
    index = Index(database, chain.info().genesis)
    index.sync(chain.feed())
    number = index.number()
    assert number is not None
    swarms = [swarm_row(each.id, each) for each in chain.swarms(100)]
    seats = [seat_row((swarm.id, each.holder), each) for each in chain.seats(swarm.id)]
    nodes = [node_row((swarm.id, each.account), each) for each in chain.nodes(swarm.id)]
    with database.reading() as connection:
        for table, expected in ((SwarmRow, swarms), (SeatRow, seats), (NodeRow, nodes)):
            kept = select(table.__table__).where(table.cleared_in.is_(None))
            rows = [
                {name: row._mapping[name] for name in (expected[0] if expected else ())}
                for row in connection.execute(kept)
            ]
            assert sorted(rows, key=str) == sorted(expected, key=str), table.__tablename__
        return past_rounds(connection, number, swarm.id)


def a_life(chain: Chain, database: Database) -> None:
    """Rounds of a swarm, looked at in between."""
    swarm = create(chain, (BOB, DAVE))
    assert rounds_in(chain, database, swarm) == []
    leader = swarm.merge((BOB, DAVE))
    (first,) = rounds_in(chain, database, swarm)
    assert [(each.account, each.cid) for each in first.arrivals] == [
        (BOB.address, update(1, BOB)),
        (DAVE.address, update(1, DAVE)),
    ]
    assert first.model is not None and first.lasted is not None
    assert (first.model.leader, first.model.cid) == (leader.address, model(1))
    chain.submit(calls.ObjectMerged(swarm.id, 1), BOB)
    chain.submit(calls.ObjectMerged(swarm.id, 1), DAVE)
    swarm.arrive(DAVE)
    chain.submit(calls.FinishTraining(swarm.id, Presence.SNAPSHOT), BOB)
    swarm.join(EVE)
    under_way, overturned = rounds_in(chain, database, swarm)
    assert (overturned.overturned, overturned.objected) == (True, (BOB.address, DAVE.address))
    assert (under_way.number, under_way.ended, len(under_way.arrivals)) == (2, None, 1)
    chain.submit(calls.RevokeSeat(swarm.id, DAVE.address), ALICE)
    chain.submit(calls.CloseSwarm(swarm.id), ALICE)
    for who in (BOB, EVE):
        chain.submit(calls.ClearSeat(swarm.id, who.address), CHARLIE)
    chain.submit(calls.RemoveSwarm(swarm.id), CHARLIE)
    void, _ = rounds_in(chain, database, swarm)
    assert (void.number, void.model) == (2, None) and void.lasted is not None
    with database.reading() as connection:
        assert connection.scalars(select(SwarmRow.cleared_in)).one() == chain.info().block


@pytest.mark.parametrize("backend", [embedded, served])
def test_the_index_says_of_swarms_what_the_chain_says(
    tmp_path: Path, backend: Callable[[Path], AbstractContextManager[Chain]]
) -> None:
    with (
        backend(new_home(tmp_path)) as chain,
        Database(f"sqlite:///{tmp_path / 'i.sqlite'}") as database,
    ):
        a_life(chain, database)


def test_prices_are_on_hold_in_the_index_until_the_owner_has_them(tmp_path: Path) -> None:
    with (
        embedded(new_home(tmp_path)) as chain,
        Database(f"sqlite:///{tmp_path / 'i.sqlite'}") as database,
    ):
        swarm = create(chain, admission=Admission.SALE, price=UNIT)
        for who in (BOB, DAVE):
            chain.submit(calls.TakeSeat(swarm.id, UNIT), who)
        rounds_in(chain, database, swarm)
        pass_time(chain, chain.now() + chain.constants().swarm.price_wait)
        chain.submit(calls.CollectPrice(swarm.id, BOB.address), EVE)
        chain.submit(calls.CloseSwarm(swarm.id), ALICE)
        rounds_in(chain, database, swarm)
        with database.reading() as connection:
            (closed,) = connection.scalars(select(SwarmRow.closed))
            due = {row.account: row.due for row in connection.execute(select(SeatRow.__table__))}
        assert closed == chain.swarm(swarm.id).closed is not None
        assert due[BOB.address] is None and 0 < due[DAVE.address] <= closed


def test_swarms_of_a_chain_that_began_without_them_are_indexed(tmp_path: Path) -> None:
    file = unpack(tmp_path / "chain.sqlite")
    with (
        SubstrateChain(EmbeddedTransport(open_at(file), str(file))) as chain,
        Database(f"sqlite:///{tmp_path / 'i.sqlite'}") as database,
    ):
        upgrade(chain, blob(), SPEC_VERSION, ALICE)
        swarm = create(chain, (BOB,))
        assert rounds_in(chain, database, swarm) == []


def test_swarm_rounds_by_command(tmp_path: Path) -> None:
    home = new_home(tmp_path)

    def said(*words: str, code: int = 0, command: str = "rounds") -> str:
        arguments = ["--home", str(home), "swarm", command, *words]
        done = CliRunner().invoke(cli, arguments, prog_name="decentralml")
        assert done.exit_code == code, done.output
        return done.output

    with embedded(home) as chain:
        swarm = create(chain, (BOB, DAVE))
    assert "no such rounds" in said("0")
    with embedded(home) as chain:
        swarm = OnChain(chain, swarm.id)
        leader = swarm.merge((BOB, DAVE))
        swarm.merge((BOB, DAVE))
        swarm.arrive(BOB)
    newest, second, first = json.loads(said("0", "--json"))
    assert [each["number"] for each in (newest, second, first)] == [3, 2, 1]
    assert (newest["ended"], newest["model"]) == (None, None)
    assert first["model"]["leader"] == leader.address
    assert [each["account"] for each in first["arrivals"]] == [BOB.address, DAVE.address]
    assert [
        each["number"] for each in json.loads(said("0", "--before", "3", "--limit", "1", "--json"))
    ] == [2]
    table = said("0")
    assert "under way" in table and str(model(1)) in table
    assert json.loads(said("--model", str(model(1))[:8], "--json")) == [second, first]
    assert json.loads(said("--model", str(model(1)), "--json")) == [first]
    assert "no such rounds" in said("--model", "bafnone")
    assert "either a SWARM or a --model" in said(code=2)
    for who, count in (("//Alice", 1), ("//Bob", 1), ("//Eve", 0)):
        listed = said("--mine", "--json", "--as", who, command="list")
        assert len(json.loads(listed)) == count, who
    problem = said("9", code=1)
    assert "there is no swarm 9" in problem and len(problem.splitlines()) == 1
