"""The index says what the chain says, wherever it stops, goes on, goes back or is made anew."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import asdict, replace

import pytest
from feed_support import MEMBER, WORKER, FakeFeed
from sqlalchemy import select
from sqlalchemy.orm import Session

from decentralml.chain.events import (
    AssignmentAbandoned,
    Forfeited,
    OfficeChanged,
    OtherEvent,
    ResultRejected,
    RewardClaimed,
    TaskCreated,
)
from decentralml.chain.feed import Block, Place
from decentralml.db import index as indexing
from decentralml.db.engine import Database
from decentralml.db.filters import TaskFilter
from decentralml.db.index import Index
from decentralml.db.lineage import lineage, published_models
from decentralml.db.models import ElectionRow, EventRow, PaymentRow, SubmissionRow, TaskRow
from decentralml.db.rows import task_of
from decentralml.db.tasks import find_tasks
from decentralml.errors import WrongGenesis
from decentralml.types import UNIT, Address, Cid, Outcome, Replay, TaskId, Verdict


@pytest.fixture
def database(empty_database: str) -> Iterator[Database]:
    with Database(empty_database) as opened:
        yield opened


def snapshot(database: Database) -> dict[str, list[object]]:
    """All rows of the index, but for what tells when a row was last looked at."""
    found: dict[str, list[object]] = {}
    with Session(database.engine) as session:
        for kind in (EventRow, PaymentRow, ElectionRow, TaskRow, SubmissionRow):
            rows = [
                {
                    column.name: getattr(row, column.name)
                    for column in kind.__table__.columns
                    if column.name not in ("changed_in", "chain")
                }
                for row in session.scalars(select(kind))
            ]
            found[kind.__tablename__] = sorted(rows, key=str)  # type: ignore[arg-type]
    return found


def a_life(feed: FakeFeed) -> TaskId:
    """A task with a paid result and a published model."""
    number = feed.create()
    feed.accept(number)
    feed.pay(number)
    feed.publish(number, Cid("bafymodel"))
    feed.seal(OfficeChanged((MEMBER,)))
    return number


def test_a_task_comes_back_from_its_row_as_it_was(database: Database) -> None:
    feed = FakeFeed()
    feed.create(
        reward=2**128 - 1,
        asset=7,
        parent=3,
        replay=Replay(5, 2),
        golds=(bytes(32), b"\xff" * 32),
        challenge_time=9,
    )
    index = Index(database, feed.genesis)
    index.sync(feed)
    with Session(database.engine) as session:
        rows = list(session.scalars(select(TaskRow)))
    assert [task_of(row) for row in rows] == list(feed.states[-1].tasks.values())


def test_it_says_what_happened(database: Database) -> None:
    feed = FakeFeed()
    number = a_life(feed)
    index = Index(database, feed.genesis, "made up")
    synced = index.sync(feed)
    assert (synced.block, synced.blocks, synced.events, synced.created) == (5, 5, 6, (number,))
    with Session(database.engine) as session:
        payments = {
            (row.kind, row.account, row.amount) for row in session.scalars(select(PaymentRow))
        }
        assert payments == {("reward", WORKER, 5 * UNIT), ("fee", MEMBER, UNIT)}
        assert session.scalars(select(ElectionRow)).one().members == [MEMBER]
        assert session.scalars(select(SubmissionRow)).one().status == "Accepted"
    status = index.status()
    assert status is not None
    assert (status.name, status.tasks, status.submissions, status.events) == ("made up", 1, 1, 6)


def test_wherever_it_stops_it_goes_on_from_there(database: Database) -> None:
    feed, whole = FakeFeed(), FakeFeed()
    a_life(whole)
    index = Index(database, feed.genesis)
    for block, state in zip(whole.blocks[1:], whole.states[1:], strict=True):
        feed.blocks.append(block)
        feed.states.append(state)
        index.sync(feed)
        with Session(database.engine) as session:
            tasks = {row.id: task_of(row) for row in session.scalars(select(TaskRow))}
        assert tasks == state.tasks
    assert feed.read == [1, 2, 3, 4, 5], "each block is read once"
    piecewise = snapshot(database)
    index.reset()
    index.sync(whole)
    assert snapshot(database) == piecewise


def test_what_the_chain_clears_stays_in_the_index(database: Database) -> None:
    feed = FakeFeed()
    number = a_life(feed)
    feed.clear(number)
    index = Index(database, feed.genesis)
    index.sync(feed)
    chain = index.number()
    assert chain is not None
    (found,) = find_tasks(database, chain, TaskFilter())
    assert found.cleared_in == 6
    assert asdict(found.task) == asdict(feed.states[5].tasks[number])
    with Session(database.engine) as session:
        row = session.scalars(select(SubmissionRow)).one()
    assert (row.status, row.cleared_in) == ("Accepted", 6)


def test_a_slot_given_back_is_kept_as_abandoned(database: Database) -> None:
    feed = FakeFeed()
    number = feed.create()
    feed.accept(number)
    state = feed.states[-1]
    left = type(state)(dict(state.tasks), {})
    feed.seal(AssignmentAbandoned(number, 0, WORKER, UNIT), Forfeited(WORKER, UNIT), state=left)
    Index(database, feed.genesis).sync(feed)
    with Session(database.engine) as session:
        assert session.scalars(select(SubmissionRow)).one().status == "Abandoned"
        assert session.scalars(select(PaymentRow)).one().kind == "forfeit"


def test_a_late_reward_is_of_the_tasks_asset(database: Database) -> None:
    feed = FakeFeed()
    number = feed.create(asset=4)
    feed.accept(number)
    feed.seal(RewardClaimed(number, 0, WORKER, 9))
    Index(database, feed.genesis).sync(feed)
    with Session(database.engine) as session:
        assert session.scalars(select(PaymentRow)).one().asset == 4


def test_it_goes_back_with_a_chain_that_takes_blocks_back(database: Database) -> None:
    feed = FakeFeed()
    first = feed.create()
    second = feed.create()
    feed.accept(first)
    feed.pay(first)
    feed.clear(second)
    index = Index(database, feed.genesis)
    index.sync(feed)
    feed.take_back(2)
    feed.accept(second)
    synced = index.sync(feed)
    assert synced.back == 2
    forked = snapshot(database)
    index.reset()
    index.sync(feed)
    assert snapshot(database) == forked
    assert forked["payments"] == []


def test_it_begins_anew_where_the_same_chain_was_made_anew(database: Database) -> None:
    feed = FakeFeed()
    a_life(feed)
    index = Index(database, feed.genesis)
    index.sync(feed)
    fresh = FakeFeed("another life")
    fresh.create(reward=1)
    assert fresh.genesis == feed.genesis
    synced = index.sync(fresh)
    assert synced.back == 0
    with Session(database.engine) as session:
        assert [row.reward for row in session.scalars(select(TaskRow))] == [1]


def test_two_chains_in_one_database_do_not_mix(database: Database) -> None:
    one, other = FakeFeed(), FakeFeed()
    other.blocks[0] = Block(0, bytes(32), 0, (), 0)
    one.create(reward=1)
    other.create(reward=2)
    for feed in (one, other):
        Index(database, feed.genesis).sync(feed)
    Index(database, one.genesis).reset()
    status = Index(database, one.genesis).status()
    assert status is None
    (left,) = Index(database, one.genesis).others()
    assert (left.genesis, left.tasks) == (other.genesis, 1)
    chain = Index(database, other.genesis).number()
    assert chain is not None
    assert [each.task.terms.reward for each in find_tasks(database, chain, TaskFilter())] == [2]


class Broken(FakeFeed):
    """Ends the program in the middle."""

    def block(self, place: Place) -> Block:
        if place.number == 4:
            raise KeyboardInterrupt
        return super().block(place)


def test_an_interrupted_sync_keeps_its_whole_batches(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "BATCH_BLOCKS", 2)
    feed = Broken()
    a_life(feed)
    index = Index(database, feed.genesis)
    with pytest.raises(KeyboardInterrupt):
        index.sync(feed)
    status = index.status()
    assert status is not None and status.block == 2
    whole = FakeFeed()
    a_life(whole)
    assert index.sync(whole).blocks == 3


def test_two_that_sync_at_once_make_one_index(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "BATCH_BLOCKS", 3)
    feed = FakeFeed()
    for _ in range(20):
        feed.accept(feed.create())
    gate = threading.Barrier(2)
    failed: list[BaseException] = []

    def work() -> None:
        try:
            with Database(empty_database) as mine:
                gate.wait(30)
                Index(mine, feed.genesis).sync(feed)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failed
    with Database(empty_database) as database:
        together = snapshot(database)
        index = Index(database, feed.genesis)
        index.reset()
        index.sync(feed)
        assert snapshot(database) == together


def test_a_model_leads_back_to_its_tasks_contributors_and_payments(database: Database) -> None:
    feed = FakeFeed()
    first = a_life(feed)
    second = feed.create(parent=first)
    feed.accept(second)
    feed.pay(second)
    feed.publish(second, Cid("bafynext"))
    index = Index(database, feed.genesis)
    index.sync(feed)
    chain = index.number()
    assert chain is not None
    with database.reading() as connection:
        models = published_models(connection, chain)
        tree = lineage(connection, chain, second)
    assert [model.cid for model in models] == ["bafynext", "bafymodel"]
    assert [(each.task, each.model, each.parent) for each in tree] == [
        (second, "bafynext", first),
        (first, "bafymodel", None),
    ]
    (part,) = tree[1].contributions
    assert (part.contributor, part.reward) == (WORKER, 5 * UNIT)
    assert [(fee.member, fee.amount) for fee in tree[1].fees] == [(MEMBER, UNIT)]


def test_a_task_that_only_an_older_runtime_could_read_is_left_out(database: Database) -> None:
    feed = FakeFeed()
    feed.seal(TaskCreated(TaskId(5), Address("5X"), 1))
    index = Index(database, feed.genesis)
    index.sync(feed)
    status = index.status()
    assert status is not None and (status.tasks, status.events) == (0, 1)


def test_words_of_a_bundle_find_its_task(database: Database) -> None:
    feed = FakeFeed()
    number, other = feed.create(), feed.create()
    index = Index(database, feed.genesis)
    index.sync(feed)
    assert set(index.unnamed([number, other])) == {number, other}
    index.name({number: "Lung-Scans, (2026)"})
    assert set(index.unnamed([number, other])) == {other}
    chain = index.number()
    assert chain is not None
    for words in ("lung", "SCANS 2026", "lun*", "vision lung", f"bafybundle{number}"):
        found = find_tasks(database, chain, TaskFilter(words=words))
        assert [each.task.id for each in found] == [number], words
    assert find_tasks(database, chain, TaskFilter(words="lun")) == []
    assert find_tasks(database, chain, TaskFilter(words='" OR 1=1 --')) == []


def test_what_strangers_wrote_is_no_trouble(database: Database) -> None:
    junk = "\0\\xff" * 200 + "'; DROP TABLE tasks; --"
    feed = FakeFeed()
    number = feed.create(bundle=Cid(junk))
    feed.accept(number)
    feed.publish(number, Cid(junk))
    state = feed.states[-1]
    rejected = replace(state.results[number, 0], reason=junk, result=Cid(junk))
    told = ResultRejected(number, 0, WORKER, Outcome.FAILED, Verdict.FAIL, junk)
    other = OtherEvent("Market", "Renamed", {"task": number, "words": [junk, {"more": junk}]})
    feed.seal(told, other, state=type(state)(dict(state.tasks), {(number, 0): rejected}))
    index = Index(database, feed.genesis, "\0" + "long" * 100)
    index.sync(feed)
    status = index.status()
    assert status is not None and (status.tasks, status.events) == (1, 5)


def test_another_chains_blocks_are_refused(database: Database) -> None:
    feed = FakeFeed()
    with pytest.raises(WrongGenesis):
        Index(database, "0x" + "00" * 32).sync(feed)
