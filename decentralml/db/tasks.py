"""Finding tasks in the index, newest first, a page at a time.

A page is asked for by the last task of the one before (keyset paging), so that the thousandth costs
what the first does. What narrows a search down to few values (status, kind of work, kind of model)
is split into one look into an index for each combination of values, of which each is already in
order; what is rare (a creator, an asset, rewards in a narrow range) is found by an index of its own
and gone through. Words are found by the database's index of words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    UnaryExpression,
    column,
    func,
    literal_column,
    select,
    table,
    union_all,
)
from sqlalchemy.dialects.postgresql import REGCONFIG
from sqlalchemy.orm import Session
from sqlalchemy.sql.operators import custom_op

from decentralml.db.columns import Number
from decentralml.db.engine import Database
from decentralml.db.faults import explained
from decentralml.db.filters import MOST_TASKS, NATIVE, FoundTask, TaskFilter, bounded
from decentralml.db.models import TaskRow, TaskText, text_id
from decentralml.db.rows import task_of
from decentralml.db.words import BEGINNING, asked, holds
from decentralml.types import ModelType, TaskId, TaskStatus, TaskType

LIVE = (TaskStatus.CREATED, TaskStatus.IN_PROGRESS)
_FEW = 16_384
"""Fewer tasks than these are gone through, all of them."""
_FIRST_LOOK, _MOST_AT_ONCE = 256, 16_384
"""Texts with the words that are held against the other conditions together."""
_NEAR = 2_048
"""Texts that PostgreSQL goes through in order."""
_WORDS = table("task_words", column("rowid"))
"""SQLite's own index of words (see the migration)."""
_PLAIN = literal_column("'simple'", REGCONFIG)
"""PostgreSQL's way to take words as they are, as its index of them does."""


def find_tasks(
    database: Database,
    chain: int,
    wanted: TaskFilter,
    limit: int = 20,
    after: TaskId | None = None,
) -> list[FoundTask]:
    """Tasks of a chain (by its number in the database), newest first.

    Parameters
    ----------
    after : the last task of the page before.

    Raises
    ------
    DatabaseError
    """
    with explained(database.url), Session(database.engine) as session, session.begin():
        numbers = find_numbers(session.connection(), chain, wanted, limit, after)
        query = select(TaskRow).where(TaskRow.chain == chain, TaskRow.id.in_(numbers))
        rows = session.scalars(query.order_by(TaskRow.id.desc()))
        return [FoundTask(task_of(row), row.cleared_in) for row in rows]


def find_numbers(
    connection: Connection,
    chain: int,
    wanted: TaskFilter,
    limit: int,
    after: TaskId | None = None,
) -> list[int]:
    """The numbers of the tasks that :func:`find_tasks` finds."""
    within = bounded(wanted)
    if within is None:
        return []
    wanted, after = within, None if after is None or after >= MOST_TASKS else after
    terms, kinds = _terms(wanted), _kinds(wanted)
    words = asked(wanted.words or "")
    here = TaskRow.chain == chain
    fitting = [here, *terms, *kinds]
    # Kinds alone are never rare, and no index begins with them.
    if terms or wanted.statuses:
        # The chain's token is most tasks' asset: a range of rewards tells more.
        native = wanted.has_range and wanted.asset == NATIVE
        told = [here, *_terms(wanted, aside=("asset",) if native else ()), *kinds]
        few = _of_few(connection, told, _FEW if words else limit, after)
        if few is not None:
            return _with_words(connection, chain, words, few, limit) if words else few
    if words:
        return _by_words(connection, chain, words, fitting, limit, after)
    below = [] if after is None else [TaskRow.id < after]
    if wanted.has_range and wanted.asset is not None and not kinds and wanted.creator is None:
        # The index of assets is in order, and holds the rewards.
        aside = _terms(wanted, aside=("reward",))
        return _page(connection, [here, *below, *aside], limit)
    if wanted.creator is None and (kinds or wanted.has_range):
        aside = _terms(wanted, aside=("reward", "asset"))
        return _by_combinations(connection, [here, *below, *aside], wanted, limit)
    return _page(connection, [here, *below, *terms, *kinds], limit)


def _page(
    connection: Connection,
    conditions: Sequence[ColumnElement[bool]],
    limit: int,
    few: bool = False,
) -> list[int]:
    """Tasks that fit, newest first; where there are few, found first and put in order then."""
    order = TaskRow.id + 0 if few else TaskRow.id
    query = select(TaskRow.id).where(*conditions).order_by(order.desc()).limit(limit)
    return list(connection.scalars(query))


def _by_combinations(
    connection: Connection,
    conditions: Sequence[ColumnElement[bool]],
    wanted: TaskFilter,
    limit: int,
) -> list[int]:
    """One look into the index for each combination of what has few values."""
    combinations = product(
        _statuses(wanted), wanted.task_types or TaskType, wanted.model_types or ModelType
    )
    parts = []
    for status, task_type, model_type in combinations:
        part = select(TaskRow.id.label("id")).where(
            *conditions,
            TaskRow.status == status.value,
            TaskRow.task_type == task_type.value,
            TaskRow.model_type == model_type.value,
        )
        ordered = part.order_by(TaskRow.id.desc()).limit(limit).subquery()
        parts.append(select(ordered.c.id))
    if not parts:
        return []
    found = union_all(*parts).subquery()
    query = select(found.c.id).order_by(found.c.id.desc()).limit(limit)
    return list(connection.scalars(query))


def _by_words(
    connection: Connection,
    chain: int,
    words: Sequence[str],
    conditions: Sequence[ColumnElement[bool]],
    limit: int,
    after: TaskId | None,
) -> list[int]:
    """Tasks with these words, more and more at a time, of which those are kept that fit."""
    least = text_id(chain, 0)
    below = text_id(chain + 1, 0) if after is None else text_id(chain, after)
    found: list[int] = []
    sqlite = connection.dialect.name == "sqlite"
    count = max(_FIRST_LOOK, limit) if sqlite else limit
    while len(found) < limit:
        texts = _newest_texts(connection, words, least, below, count)
        numbers = [number - least for number in texts]
        if numbers:
            found += _page(connection, [*conditions, TaskRow.id.in_(numbers)], limit, few=True)
        if len(texts) < count:
            break
        below, count = texts[-1], min(count * 8, _MOST_AT_ONCE)
    return found[:limit]


def _newest_texts(
    connection: Connection, words: Sequence[str], least: int, below: int, count: int
) -> list[int]:
    """So many of the newest texts with these words.

    PostgreSQL's planner knows nothing of rare words: it takes them for common ones, and would go
    through all texts in order, reading each. So only the nearest are gone through, in which a
    common word is; else the index of words is asked first.
    """
    if connection.dialect.name == "sqlite":
        query = _matching_in_sqlite(words, least, below)
        return list(connection.scalars(query.limit(count)))
    number: ColumnElement[int] = TaskText.id.expression
    newest = connection.scalar(select(func.max(number)).where(number >= least, number < below))
    near = max(least, (newest or least) - _NEAR)
    found = list(connection.scalars(_matching(words, number, near, below).limit(count)))
    if len(found) == count or near == least:
        return found
    with _by_index_of_words(connection):
        query = _matching(words, number + 0, least, below)
        return list(connection.scalars(query.limit(count)))


@contextmanager
def _by_index_of_words(connection: Connection) -> Iterator[None]:
    """PostgreSQL looks into its index of words first, whatever it believes of how rare they are."""
    switches = ("enable_seqscan", "enable_indexscan")

    def turn(to: str) -> None:
        connection.execute(select(*(func.set_config(each, to, True) for each in switches)))

    turn("off")
    try:
        yield
    finally:
        turn("on")


def _with_words(
    connection: Connection,
    chain: int,
    words: Sequence[str],
    numbers: Sequence[int],
    limit: int,
) -> list[int]:
    """Of the few tasks that fit, those with these words, by looking at their texts."""
    found: list[int] = []
    for start in range(0, len(numbers), _FIRST_LOOK):
        ids = [text_id(chain, number) for number in numbers[start : start + _FIRST_LOOK]]
        query = select(TaskText.id, TaskText.text).where(TaskText.id.in_(ids))
        for number, text in connection.execute(query.order_by(TaskText.id.desc())):
            if holds(text, words):
                found.append(number - text_id(chain, 0))
        if len(found) >= limit:
            break
    return found[:limit]


def _matching_in_sqlite(words: Sequence[str], least: int, below: int) -> Select[Any]:
    """The numbers of texts with these words, newest first."""
    match = " ".join(f'"{word[:-1]}"*' if word[-1] == BEGINNING else f'"{word}"' for word in words)
    number = literal_column("rowid", Number)
    return (
        select(number)
        .select_from(_WORDS)
        .where(literal_column("task_words").match(match), number >= least, number < below)
        .order_by(number.desc())
    )


def _matching(
    words: Sequence[str], number: ColumnElement[int], least: int, below: int
) -> Select[Any]:
    """The same in PostgreSQL.

    Parameters
    ----------
    number : of the text; made an expression, it is in the order of no index.
    """
    parts = [f"'{word[:-1]}':*" if word[-1] == BEGINNING else f"'{word}'" for word in words]
    query = func.to_tsquery(_PLAIN, " & ".join(parts))
    return (
        select(number)
        .where(func.to_tsvector(_PLAIN, TaskText.text).op("@@")(query))
        .where(number >= least, number < below)
        .order_by(number.desc())
    )


def _terms(wanted: TaskFilter, aside: Sequence[str] = ()) -> list[ColumnElement[bool]]:
    """The conditions on what has many values.

    Parameters
    ----------
    aside : columns to be looked at in another index than their own.
    """
    reward, asset = (
        _plus(each) if each.key in aside else each for each in (TaskRow.reward, TaskRow.asset)
    )
    found: list[ColumnElement[bool]] = []
    if wanted.creator is not None:
        found.append(TaskRow.creator == wanted.creator)
    if wanted.asset is not None:
        found.append(asset.is_(None) if wanted.asset == NATIVE else asset == wanted.asset)
    if wanted.reward_from is not None:
        found.append(reward >= wanted.reward_from)
    if wanted.reward_to is not None:
        found.append(reward <= wanted.reward_to)
    if wanted.open_at is not None:
        found += [TaskRow.open_slots > 0, TaskRow.expires_at > wanted.open_at]
    return found


def _plus(number: Any) -> Any:
    """The same number, but to a database no column any more, and so in no index of its own."""
    return UnaryExpression(number, operator=custom_op("+"), type_=number.type)


def _kinds(wanted: TaskFilter) -> list[ColumnElement[bool]]:
    """The conditions on what has few values."""
    given: list[ColumnElement[bool]] = []
    if wanted.statuses or wanted.open_at is not None:
        given.append(TaskRow.status.in_([status.value for status in _statuses(wanted)]))
    if wanted.task_types:
        given.append(TaskRow.task_type.in_([kind.value for kind in wanted.task_types]))
    if wanted.model_types:
        given.append(TaskRow.model_type.in_([kind.value for kind in wanted.model_types]))
    return given


def _statuses(wanted: TaskFilter) -> tuple[TaskStatus, ...]:
    chosen = wanted.statuses or tuple(TaskStatus)
    if wanted.open_at is None:
        return chosen
    return tuple(status for status in chosen if status in LIVE)


def _of_few(
    connection: Connection,
    conditions: Sequence[ColumnElement[bool]],
    limit: int,
    after: TaskId | None,
) -> list[int] | None:
    """A page of the tasks that fit, newest first, if they are few; None if they are not.

    They are gone through once, to be counted and for the page: below zero is their number.
    """
    some = select(TaskRow.id).where(*conditions).limit(_FEW).cte("some")
    newest = select(some.c.id).order_by(some.c.id.desc()).limit(limit)
    page = (newest if after is None else newest.where(some.c.id < after)).subquery()
    number = select(-1 - func.count()).select_from(some)
    least, *found = sorted(connection.scalars(union_all(select(page.c.id), number)))
    return found[::-1] if -1 - least < _FEW else None
