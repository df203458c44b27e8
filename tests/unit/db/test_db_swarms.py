"""The index of swarms says what the chain says, and tells what happened in their rounds."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from itertools import pairwise

import pytest
from feed_support import START, FakeFeed, State
from sqlalchemy import event as listening
from sqlalchemy import select

from decentralml.chain.events import Event
from decentralml.chain.swarm import events
from decentralml.chain.swarm.words import (
    Fault,
    Merged,
    MergeMethod,
    Node,
    Presence,
    Seat,
    Swarm,
    SwarmId,
    SwarmTerms,
)
from decentralml.db.engine import Database
from decentralml.db.index import Index
from decentralml.db.models import EventRow
from decentralml.db.swarm_models import (
    ArrivalRow,
    MergeRow,
    NodeRow,
    SeatRow,
    StepRow,
    SwarmRow,
)
from decentralml.db.swarms import PastArrival, PastMerge, past_rounds, rounds_of_model, swarms_of
from decentralml.types import UNIT, Address, Cid

OWNER, ANN, BEN, CLEO = (Address(f"5{name}") for name in ("Owner", "Ann", "Ben", "Cleo"))
ID = SwarmId(0)
CONFIG = Cid("bafyconfig")
BLOCK = 6000
"""Milliseconds between two blocks of a made-up chain."""


class SwarmFeed(FakeFeed):
    """A chain with one swarm."""

    def happen(self, *told: Event, **changes: object) -> State:
        """A block with these events, after which the swarm is another."""
        state = deepcopy(self.states[-1])
        if changes:
            state.swarms[ID] = replace(state.swarms[ID], **changes)  # type: ignore[arg-type]
        self.seal(*told, state=state)
        return state

    def found(self) -> None:
        terms = SwarmTerms(CONFIG, MergeMethod.MEAN, 2, 5)
        state = self.happen(events.SwarmCreated(ID, OWNER))
        state.swarms[ID] = Swarm(
            *(ID, OWNER, terms, 0, 0, 0, 0, 1, None, None),
            *(0, 0, 0, 0, None, UNIT),
        )

    def join(self, who: Address) -> None:
        state = self.happen(events.SeatGranted(ID, who, 7))
        state.seats[ID, who] = Seat(who, 7, START, UNIT, OWNER)
        state = self.happen(events.NodeRegistered(ID, who, bytes(32)))
        state.nodes[ID, who] = Node(
            who, bytes(32), "host:1", 5, True, False, Presence.REGISTERED, 0, None, 0, 0, 0, UNIT
        )

    def collect(self, who: Address) -> None:
        state = self.happen(events.PriceCollected(ID, who, 7))
        state.seats[ID, who] = replace(state.seats[ID, who], due=None)

    def leave(self, who: Address) -> None:
        state = self.happen(events.SeatEnded(ID, who, 0))
        del state.seats[ID, who]
        state.nodes.pop((ID, who), None)

    def arrive(self, who: Address, number: int) -> None:
        cid = Cid(f"bafy{who[1:].lower()}{number}")
        state = self.happen(
            events.PresenceChanged(ID, who, Presence.READY), events.Arrived(ID, number, who, cid)
        )
        node = state.nodes[ID, who]
        state.nodes[ID, who] = replace(
            node, round=number, cid=cid, arrived=START, presence=Presence.READY
        )

    def merge(self, number: int, leader: Address = ANN, left_out: tuple[Address, ...] = ()) -> None:
        """A whole round, of Ann and Ben."""
        self.happen(events.RoundOpened(ID, number))
        self.arrive(ANN, number)
        self.arrive(BEN, number)
        self.happen(events.RoundCollected(ID, number, 2, 9))
        self.happen(events.LeaderDrawn(ID, number, leader, START))
        model = Cid(f"bafymodel{number}")
        faults = tuple((who, Fault.NOT_FINITE) for who in left_out)
        self.happen(
            events.RoundMerged(ID, number, leader, model, 2 - len(faults), faults),
            newest=Merged(number, model, leader, 2),
            previous=self.states[-1].swarms[ID].newest,
            round=number + 1,
        )


@pytest.fixture
def database(empty_database: str) -> Iterator[Database]:
    with Database(empty_database) as opened:
        yield opened


@pytest.fixture
def feed() -> SwarmFeed:
    """A swarm with two nodes and a merged model."""
    feed = SwarmFeed()
    feed.found()
    feed.join(ANN)
    feed.join(BEN)
    feed.merge(1)
    return feed


def indexed(database: Database, feed: FakeFeed) -> int:
    """The chain's number in the database, once all of it is in."""
    index = Index(database, feed.genesis)
    index.sync(feed)
    chain = index.number()
    assert chain is not None
    return chain


def snapshot(database: Database) -> dict[str, list[object]]:
    """All rows, but for what tells when one was last looked at."""
    found: dict[str, list[object]] = {}
    with database.reading() as connection:
        for table in (SwarmRow, SeatRow, NodeRow, ArrivalRow, MergeRow, StepRow, EventRow):
            columns = [
                column
                for column in table.__table__.columns
                if column.name not in ("changed_in", "chain")
            ]
            rows = connection.execute(select(*columns).where(table.chain > 0))
            found[table.__tablename__] = sorted(map(str, rows))
    return found


def assert_same_as_anew(database: Database, feed: FakeFeed) -> None:
    before = snapshot(database)
    Index(database, feed.genesis).reset()
    assert all(rows == [] for rows in snapshot(database).values())
    indexed(database, feed)
    assert snapshot(database) == before


def test_swarms_seats_and_nodes_are_as_the_chain_has_them(
    database: Database, feed: SwarmFeed
) -> None:
    feed.join(CLEO)
    feed.leave(CLEO)
    feed.collect(BEN)
    chain = indexed(database, feed)
    with database.reading() as connection:
        swarm = connection.execute(select(SwarmRow.__table__)).one()
        seats = connection.execute(select(SeatRow.__table__).order_by(SeatRow.account)).all()
        nodes = connection.execute(select(NodeRow.__table__).order_by(NodeRow.account)).all()
        for who, swarms in ((OWNER, [ID]), (ANN, [ID]), (CLEO, [])):
            assert swarms_of(connection, chain, who, 5) == swarms
    assert (swarm.owner, swarm.config, swarm.merge) == (OWNER, CONFIG, "Mean")
    assert (swarm.newest_round, swarm.newest_cid, swarm.round) == (1, "bafymodel1", 2)
    left = feed.head().number - 1
    assert [(seat.account, seat.cleared_in) for seat in seats] == [
        (ANN, None),
        (BEN, None),
        (CLEO, left),
    ]
    assert {(seat.paid, seat.payer) for seat in seats} == {(7, OWNER)}
    assert [seat.due for seat in seats] == [START, None, START]
    assert [(node.account, node.cleared_in) for node in nodes] == [
        (ANN, None),
        (BEN, None),
        (CLEO, left),
    ]
    assert (nodes[0].presence, nodes[0].cid, nodes[0].weightage) == ("Ready", "bafyann1", 5)
    feed.join(CLEO)
    indexed(database, feed)
    with database.reading() as connection:
        assert set(connection.scalars(select(SeatRow.cleared_in))) == {None}
        assert set(connection.scalars(select(NodeRow.cleared_in))) == {None}
    assert_same_as_anew(database, feed)


def test_a_round_is_told_with_its_arrivals_its_leader_and_its_model(
    database: Database, feed: SwarmFeed
) -> None:
    feed.merge(2, BEN, left_out=(ANN,))
    feed.happen(events.Objected(ID, 2, ANN))
    feed.happen(events.Objected(ID, 2, BEN), events.MergedOverturned(ID, 2))
    feed.happen(events.RoundOpened(ID, 3))
    feed.arrive(ANN, 3)
    feed.happen(events.RoundCollected(ID, 3, 1, 9))
    feed.happen(events.LeaderDrawn(ID, 3, ANN, START))
    feed.happen(events.LeaderReplaced(ID, 3, ANN), events.RoundVoided(ID, 3), round=4)
    feed.happen(events.RoundOpened(ID, 4))
    chain = indexed(database, feed)
    with database.reading() as connection:
        fourth, third, second, first = past_rounds(connection, chain, ID)
        assert past_rounds(connection, chain, SwarmId(9)) == []
    opened = START + 6 * BLOCK
    assert (first.number, first.opened, first.collected) == (1, opened, opened + 3 * BLOCK)
    assert first.arrivals == (
        PastArrival(ANN, Cid("bafyann1"), opened + BLOCK),
        PastArrival(BEN, Cid("bafyben1"), opened + 2 * BLOCK),
    )
    assert (first.leaders, first.lasted, first.overturned) == ((ANN,), 5 * BLOCK, False)
    assert first.model == PastMerge(ANN, Cid("bafymodel1"), 2, ())
    assert second.model == PastMerge(BEN, Cid("bafymodel2"), 1, ((ANN, Fault.NOT_FINITE),))
    assert (second.objected, second.overturned) == ((ANN, BEN), True)
    assert (third.leaders, third.replaced, third.model) == ((ANN,), (ANN,), None)
    assert third.lasted == 4 * BLOCK
    assert (fourth.number, fourth.arrivals, fourth.ended, fourth.lasted) == (4, (), None, None)


def test_pages_of_rounds_go_on_where_the_last_ended_at_the_same_cost(
    database: Database, feed: SwarmFeed
) -> None:
    for number in range(2, 12):
        feed.merge(number)
    chain = indexed(database, feed)
    statements: list[str] = []
    listening.listen(
        database.engine, "before_cursor_execute", lambda *args: statements.append(args[2])
    )
    with database.reading() as connection:
        found, before, costs = [], None, []
        while page := past_rounds(connection, chain, ID, 4, before):
            found += [each.number for each in page]
            before = page[-1].number
            costs.append(len(statements))
    assert found == list(range(11, 0, -1))
    assert len({b - a for a, b in pairwise(costs)}) == 1


def test_a_model_leads_back_to_its_round(database: Database, feed: SwarmFeed) -> None:
    feed.merge(2)
    chain = indexed(database, feed)
    with database.reading() as connection:
        newest, oldest = rounds_of_model(connection, chain, "bafymodel")
        assert [newest[1], oldest[1]] == past_rounds(connection, chain, ID)
        assert rounds_of_model(connection, chain, "bafymodel1") == [oldest]
        assert rounds_of_model(connection, chain, "bafyann") == []
    assert newest[0] == ID


def test_who_led_a_model_that_was_overturned_is_looked_at_again(
    database: Database, feed: SwarmFeed
) -> None:
    indexed(database, feed)
    state = feed.happen(
        events.Objected(ID, 1, BEN), events.MergedOverturned(ID, 1), newest=None, previous=None
    )
    state.nodes[ID, ANN] = replace(state.nodes[ID, ANN], willing=False)
    indexed(database, feed)
    with database.reading() as connection:
        willing = dict(connection.execute(select(NodeRow.account, NodeRow.willing)).all())  # type: ignore[arg-type]
    assert willing == {ANN: False, BEN: True}


def test_wherever_it_stops_it_goes_on_from_there(database: Database, feed: SwarmFeed) -> None:
    feed.leave(BEN)
    feed.join(BEN)
    part = SwarmFeed()
    for block, state in zip(feed.blocks[1:], feed.states[1:], strict=True):
        part.blocks.append(block)
        part.states.append(state)
        indexed(database, part)
    assert_same_as_anew(database, feed)


def test_it_goes_back_with_a_chain_that_takes_blocks_back(
    database: Database, feed: SwarmFeed
) -> None:
    fork = feed.head().number
    feed.merge(2)
    feed.leave(BEN)
    feed.join(CLEO)
    indexed(database, feed)
    feed.take_back(fork)
    feed.happen(events.RoundOpened(ID, 2))
    assert Index(database, feed.genesis).sync(feed).back == fork
    assert_same_as_anew(database, feed)
    chain = indexed(database, feed)
    with database.reading() as connection:
        assert [each.model is None for each in past_rounds(connection, chain, ID)] == [True, False]
        assert set(connection.scalars(select(SeatRow.account))) == {ANN, BEN}


def test_a_swarm_that_was_removed_stays_in_the_index(database: Database, feed: SwarmFeed) -> None:
    feed.leave(ANN)
    feed.leave(BEN)
    gone = feed.happen(events.SwarmRemoved(ID))
    del gone.swarms[ID]
    chain = indexed(database, feed)
    with database.reading() as connection:
        row = connection.execute(select(SwarmRow.cleared_in, SwarmRow.newest_cid)).one()
        assert tuple(row) == (feed.head().number, "bafymodel1")
        assert [each.number for each in past_rounds(connection, chain, ID)] == [1]
    assert_same_as_anew(database, feed)


def test_what_strangers_wrote_is_no_trouble(database: Database, feed: SwarmFeed) -> None:
    junk = "\0\\xff'; DROP TABLE swarms; --" * 3
    feed.happen(events.RoundOpened(ID, 2))
    state = feed.happen(events.Arrived(ID, 2, ANN, Cid(junk)))
    state.nodes[ID, ANN] = replace(state.nodes[ID, ANN], cid=Cid(junk), address=junk)
    feed.happen(events.RoundMerged(ID, 2, ANN, Cid(junk), 1, ()))
    chain = indexed(database, feed)
    with database.reading() as connection:
        newest = past_rounds(connection, chain, ID, 1)[0]
    assert newest.model is not None and newest.model.cid == junk.replace("\0", "\\x00")
