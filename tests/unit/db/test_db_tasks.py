"""Every filter finds what going through all tasks finds, in order, page after page."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
from feed_support import START, FakeFeed, task
from sqlalchemy import insert

from decentralml.db import tasks as searching
from decentralml.db.engine import Database
from decentralml.db.filters import NATIVE, TaskFilter
from decentralml.db.index import Index
from decentralml.db.models import TaskRow, TaskText, text_id
from decentralml.db.rows import task_row
from decentralml.db.tasks import find_tasks
from decentralml.db.words import asked, holds, plain
from decentralml.types import Address, ModelType, Task, TaskId, TaskStatus, TaskType

COUNT = 300
TEXTS = ("lung scans", "street signs 2026", "birdsong", "Lungs of birds", "straße café")


def made_up() -> dict[TaskId, tuple[Task, str]]:
    rng = random.Random(7)
    found = {}
    for number in range(COUNT):
        made = task(
            number,
            creator=f"5Creator{rng.randrange(9)}",
            task_type=rng.choice(list(TaskType)),
            model_type=rng.choice(list(ModelType)),
            status=rng.choice(list(TaskStatus)),
            reward=rng.choice([1, 5, 10, 10**20, 2**128 - 1]),
            asset=rng.choice([None, None, 1, 2]),
            expires_at=START + rng.randrange(100),
        )
        made = replace(made, open_slots=rng.randrange(3))
        found[TaskId(number)] = (made, plain(rng.choice(TEXTS)))
    return found


TASKS = made_up()


@pytest.fixture
def full(empty_database: str) -> Iterator[tuple[Database, int]]:
    with Database(empty_database) as database:
        feed = FakeFeed()
        index = Index(database, feed.genesis)
        index.sync(feed)
        chain = index.number()
        assert chain is not None
        blocks = {"chain": chain, "changed_in": 0, "cleared_in": None}
        with database.writing() as connection:
            rows = [task_row(each) | blocks for each, _ in TASKS.values()]
            connection.execute(insert(TaskRow), rows)
            texts = [
                {"id": text_id(chain, number), "text": text, "named": True}
                for number, (_, text) in TASKS.items()
            ]
            connection.execute(insert(TaskText), texts)
        database.analyze()
        yield database, chain


def fits(found: Task, text: str, wanted: TaskFilter) -> bool:
    """The filter's meaning, spelt out."""
    terms = found.terms
    asset = NATIVE if terms.asset is None else terms.asset
    live = found.status in (TaskStatus.CREATED, TaskStatus.IN_PROGRESS)
    return all(
        (
            not wanted.task_types or terms.task_type in wanted.task_types,
            not wanted.model_types or terms.model_type in wanted.model_types,
            not wanted.statuses or found.status in wanted.statuses,
            wanted.creator is None or found.creator == wanted.creator,
            wanted.asset is None or asset == wanted.asset,
            wanted.reward_from is None or terms.reward >= wanted.reward_from,
            wanted.reward_to is None or terms.reward <= wanted.reward_to,
            not wanted.words or holds(text, asked(wanted.words)),
            wanted.open_at is None
            or (live and found.open_slots > 0 and terms.expires_at > wanted.open_at),
        )
    )


def random_filter(rng: random.Random) -> TaskFilter:
    def maybe(value: object) -> object:
        return value if rng.random() < 0.3 else None

    rewards = [1, 2, 5, 10, 11, 10**20, 2**128 - 1]
    return TaskFilter(
        task_types=tuple(rng.sample(list(TaskType), rng.choice([0, 0, 1, 2]))),
        model_types=tuple(rng.sample(list(ModelType), rng.choice([0, 0, 1, 2]))),
        statuses=tuple(rng.sample(list(TaskStatus), rng.choice([0, 0, 1, 3]))),
        creator=maybe(Address(f"5Creator{rng.randrange(10)}")),  # type: ignore[arg-type]
        asset=maybe(rng.choice([NATIVE, 1, 2, 3])),  # type: ignore[arg-type]
        reward_from=maybe(rng.choice(rewards)),  # type: ignore[arg-type]
        reward_to=maybe(rng.choice(rewards)),  # type: ignore[arg-type]
        words=maybe(rng.choice(["lung", "lung*", "birds lungs", "straße", "2026 str*"])),  # type: ignore[arg-type]
        open_at=maybe(START + rng.randrange(100)),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("few", [1, 30, 16_384])
def test_whatever_is_asked_it_finds_what_going_through_all_finds(
    full: tuple[Database, int], monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    # Whichever way is taken to find it.
    monkeypatch.setattr(searching, "_FEW", few)
    monkeypatch.setattr(searching, "_FIRST_LOOK", 7)
    monkeypatch.setattr(searching, "_NEAR", 5)
    database, chain = full
    rng = random.Random(few)
    for _ in range(25):
        wanted = random_filter(rng)
        expected = [
            number for number, (each, text) in reversed(TASKS.items()) if fits(each, text, wanted)
        ]
        limit = rng.choice([9, 40])
        found: list[TaskId] = []
        after: TaskId | None = None
        while page := find_tasks(database, chain, wanted, limit, after):
            found += [each.task.id for each in page]
            assert all(each.task == TASKS[each.task.id][0] for each in page)
            after = found[-1]
        assert found == expected, wanted


def test_amounts_compare_as_numbers(full: tuple[Database, int]) -> None:
    database, chain = full
    found = find_tasks(database, chain, TaskFilter(reward_from=2**128 - 1), 1000)
    assert {each.task.terms.reward for each in found} == {2**128 - 1}
    found = find_tasks(database, chain, TaskFilter(reward_from=6, reward_to=10**19), 1000)
    assert {each.task.terms.reward for each in found} == {10}
