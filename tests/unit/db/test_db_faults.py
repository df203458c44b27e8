"""A database that is locked, full, damaged, unreachable: one clear line, and nothing is lost."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from database_support import new_postgres
from feed_support import FakeFeed

from decentralml.db import artifacts
from decentralml.db.engine import Database
from decentralml.db.faults import explained
from decentralml.db.index import Index
from decentralml.errors import (
    DatabaseDamaged,
    DatabaseFull,
    DatabaseLocked,
    DatabaseUnreachable,
)

ROOT = Path(__file__).parents[3]


def lines_of(error: BaseException) -> int:
    return len(str(error).splitlines())


def test_a_database_that_another_process_keeps_to_itself(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'index.sqlite'}"
    feed = FakeFeed()
    feed.create()
    with Database(url, busy_seconds=0.1) as database:
        other = sqlite3.connect(tmp_path / "index.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseLocked, match="run the same command again") as caught:
            Index(database, feed.genesis).sync(feed)
        assert lines_of(caught.value) == 1
        other.execute("ROLLBACK")
        other.close()
        assert Index(database, feed.genesis).sync(feed).blocks == 1


def test_a_postgresql_row_that_another_keeps_to_itself(postgres_server: str) -> None:
    url = new_postgres(postgres_server)
    feed = FakeFeed()
    with Database(url) as database:
        index = Index(database, feed.genesis)
        index.sync(feed)
        feed.create()
        with Database(url) as other, other.writing() as holder:
            holder.exec_driver_sql("SELECT * FROM chains FOR UPDATE")
            with database.engine.begin() as connection:
                connection.exec_driver_sql(
                    "ALTER ROLE tester SET lock_timeout = '100ms'"  # for connections to come
                )
            database.engine.dispose()
            try:
                with pytest.raises(DatabaseLocked):
                    index.sync(feed)
            finally:
                with other.engine.begin() as connection:
                    connection.exec_driver_sql("ALTER ROLE tester RESET lock_timeout")
        database.engine.dispose()
        assert index.sync(feed).blocks == 1


def test_a_full_disk_keeps_what_was_there_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'index.sqlite'}"
    feed = FakeFeed()
    feed.create()
    with Database(url) as database:
        index = Index(database, feed.genesis)
        index.sync(feed)
        run = artifacts.start_session("training", db_session_factory=database.sessions)
        with database.reading() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        for _ in range(300):
            feed.create()
        with pytest.raises(DatabaseFull, match="free some space") as caught:
            index.sync(feed)
        assert lines_of(caught.value) == 1
        with database.reading() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count=1000000")
        assert index.sync(feed).block == 301
        artifacts.finish_session(run, db_session_factory=database.sessions)


def test_a_damaged_database_says_how_to_make_it_anew(tmp_path: Path) -> None:
    file = tmp_path / "index.sqlite"
    feed = FakeFeed()
    for _ in range(50):
        feed.create()
    with Database(f"sqlite:///{file}") as database:
        Index(database, feed.genesis).sync(feed)
        with database.engine.connect() as connection:
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(file.read_bytes())
    data[4096 * 3 :] = os.urandom(len(data) - 4096 * 3)
    file.write_bytes(data)
    with (
        pytest.raises(DatabaseDamaged, match=r"move the database away.*index rebuild") as caught,
        Database(f"sqlite:///{file}") as database,
    ):
        Index(database, feed.genesis).sync(feed)
        Index(database, feed.genesis).status()
    assert lines_of(caught.value) == 1
    file.rename(tmp_path / "away.sqlite")
    for more in tmp_path.glob("index.sqlite-*"):
        more.unlink()
    with Database(f"sqlite:///{file}") as database:
        index = Index(database, feed.genesis)
        index.sync(feed)
        status = index.status()
        assert status is not None and status.tasks == 50


def test_a_table_that_somebody_dropped_is_damage(empty_database: str) -> None:
    feed = FakeFeed()
    feed.create()
    with Database(empty_database) as database:
        with database.writing() as connection:
            connection.exec_driver_sql("DROP TABLE payments")
        index = Index(database, feed.genesis)
        number = feed.create()
        feed.accept(number)
        feed.pay(number)
        with pytest.raises(DatabaseDamaged) as caught:
            index.sync(feed)
        assert lines_of(caught.value) == 1


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseUnreachable):
        Database(f"sqlite:///{tmp_path / 'file' / 'index.sqlite'}")


def test_a_server_that_goes_away_is_unreachable_and_then_there_again(postgres_server: str) -> None:
    url = new_postgres(postgres_server)
    feed = FakeFeed()
    feed.create()
    with Database(url) as database, Database(url) as other:
        index = Index(database, feed.genesis)
        index.sync(feed)
        feed.create()
        with database.engine.connect() as held:
            pid = held.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            with other.reading() as connection:
                connection.exec_driver_sql(f"SELECT pg_terminate_backend({pid})")
            with pytest.raises(DatabaseUnreachable) as caught, explained(database.url):
                held.exec_driver_sql("SELECT 1")
        assert lines_of(caught.value) == 1
        assert index.sync(feed).block == 2


def test_a_server_that_was_away_while_nobody_asked_is_not_noticed(postgres_server: str) -> None:
    url = new_postgres(postgres_server)
    with Database(url) as database, Database(url) as other:
        with database.reading() as connection:
            pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        with other.reading() as connection:
            connection.exec_driver_sql(f"SELECT pg_terminate_backend({pid})")
        assert database.revision() is not None


KILLED = """
    import os, sys
    sys.path[:0] = sys.argv[2:]
    from feed_support import FakeFeed
    from decentralml.db import index as indexing
    from decentralml.db.engine import Database
    indexing.BATCH_BLOCKS = 5
    class Deadly(FakeFeed):
        def block(self, place):
            if place.number == 23:
                os.kill(os.getpid(), 9)
            return super().block(place)
    feed = Deadly()
    for _ in range(40):
        feed.create()
    with Database(sys.argv[1]) as database:
        indexing.Index(database, feed.genesis).sync(feed)
"""


def test_a_killed_process_loses_no_batch_that_was_done(empty_database: str) -> None:
    command = [sys.executable, "-c", textwrap.dedent(KILLED), empty_database]
    done = subprocess.run([*command, str(ROOT), str(ROOT / "tests")], timeout=120)
    assert done.returncode == -signal.SIGKILL
    feed = FakeFeed()
    for _ in range(40):
        feed.create()
    with Database(empty_database) as database:
        index = Index(database, feed.genesis)
        status = index.status()
        assert status is not None and status.block == 20
        assert index.sync(feed).blocks == 20
