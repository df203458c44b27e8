"""Questions beyond all that a database can hold have an answer, and no traceback."""

from __future__ import annotations

from test_db_tasks import TASKS, full

from decentralml.db.engine import Database
from decentralml.db.filters import TaskFilter
from decentralml.db.tasks import find_tasks
from decentralml.types import Address, TaskId

__all__ = ["full"]


BEYOND = [
    TaskFilter(reward_from=10**60),
    TaskFilter(reward_to=-1),
    TaskFilter(asset=2**80),
    TaskFilter(open_at=2**80),
    TaskFilter(creator=Address("\0")),
    TaskFilter(creator=Address("\ud800")),
    TaskFilter(words="a" * 5_000),
    TaskFilter(words="a" * 5_000 + "*"),
    TaskFilter(words=" ".join(f"w{n}" for n in range(5_000))),
    TaskFilter(words="\ud800x"),
]
WITHIN = [
    TaskFilter(reward_to=10**60),
    TaskFilter(reward_from=-5),
    TaskFilter(words="***"),
    TaskFilter(words="% _ ' \" \\"),
]


def test_questions_beyond_all_that_there_can_be(full: tuple[Database, int]) -> None:
    database, chain = full
    for wanted in BEYOND:
        assert find_tasks(database, chain, wanted) == []
    for wanted in WITHIN:
        assert len(find_tasks(database, chain, wanted, 1_000)) == len(TASKS)
    for words in (None, "lung*"):
        wanted = TaskFilter(words=words)
        assert find_tasks(database, chain, wanted, 5, TaskId(0)) == []
        newest = find_tasks(database, chain, wanted, 5)
        for after in (2**40, 2**64 - 1, 2**80):
            assert find_tasks(database, chain, wanted, 5, TaskId(after)) == newest
