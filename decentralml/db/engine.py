"""Opening the database: SQLite in the home folder, or whichever a URL names.

The schema is made when a database is first opened, and an older one is brought up to date; a newer
one is left alone. What goes wrong in between is one of our errors, with the remedy in its message.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session, sessionmaker

from decentralml.config import Config
from decentralml.db.faults import explained, shown
from decentralml.errors import (
    DatabaseForeign,
    DatabaseTooNew,
    DatabaseUnreachable,
    DatabaseUrlInvalid,
    DriverMissing,
)

HEAD = "0004"
"""The newest revision in :mod:`decentralml.db.migrations`."""
BUSY_SECONDS = 30.0
"""How long a writer of SQLite waits for another one."""
CONNECT_SECONDS = 10
_VERSIONS = "alembic_version"
_MIGRATING = 0x646D6C
"""Of PostgreSQL's advisory locks, the one under which the schema changes."""
SessionFactory = Callable[[], Session]
"""What part B calls ``db_session_factory``."""


def database_url(config: Config) -> str:
    """The setting (``database``, ``DECENTRALML_DATABASE``), else ``DATABASE_URL``, else a file in
    the home folder."""
    named = config.database or os.environ.get("DATABASE_URL")
    return named or f"sqlite:///{config.home / 'database.sqlite'}"


class Database:
    """An open database, its schema up to date; a context manager.

    Parameters
    ----------
    url : SQLAlchemy's, of SQLite or PostgreSQL.
    busy_seconds : how long to wait for another writer.

    Raises
    ------
    DatabaseError : the subclass that says what is wrong with it.
    """

    def __init__(self, url: str | URL, busy_seconds: float = BUSY_SECONDS) -> None:
        self.url = _parsed(url)
        self.shown = shown(self.url)
        self.engine = _engine(self.url, busy_seconds)
        self.sessions: sessionmaker[Session] = sessionmaker(self.engine, expire_on_commit=False)
        try:
            self._bring_up_to_date()
        except BaseException:
            self.engine.dispose()
            raise

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with explained(self.url), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """All or nothing."""
        with explained(self.url), self._writer() as connection, connection.begin():
            yield connection

    def _writer(self) -> Connection:
        return self.engine.connect().execution_options(writing=True)

    def revision(self) -> str | None:
        """Of the schema; None where there is none yet."""
        with self.reading() as connection:
            return _revision(connection)

    def analyze(self) -> None:
        """Have the database look at what its tables hold, so that it chooses its indexes well."""
        with self.writing() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("PRAGMA analysis_limit=1000")
            connection.exec_driver_sql("ANALYZE")

    def close(self) -> None:
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _bring_up_to_date(self) -> None:
        with self.reading() as connection:
            found = _revision(connection)
            if found == HEAD:
                return
            if found is None:
                foreign = sorted(inspect(connection).get_table_names())
                if foreign:
                    raise DatabaseForeign(self.shown, foreign[0])
        from decentralml.db import migrations

        if found is not None and found not in migrations.known():
            raise DatabaseTooNew(self.shown, found, HEAD)
        with self.writing() as connection:
            if not self.is_sqlite:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATING})")
            migrations.upgrade(connection)


def open_database(config: Config) -> Database:
    """The database of the settings. Raises what :class:`Database` does."""
    return Database(database_url(config))


def session_factory(config: Config | None = None) -> SessionFactory:
    """A factory of sessions on the database of the settings, opened once."""
    from decentralml.config import load

    return open_database(load() if config is None else config).sessions


def _parsed(url: str | URL) -> URL:
    try:
        parsed = make_url(url)
        name = parsed.get_backend_name()
    except (ArgumentError, ValueError):
        # Never shown whole: there may be a password in it.
        raise DatabaseUrlInvalid(str(url).partition(":")[0] + ":…", "it cannot be read") from None
    if name == "postgres":  # As many hosts write it.
        parsed, name = parsed.set(drivername="postgresql"), "postgresql"
    if name not in ("sqlite", "postgresql"):
        raise DatabaseUrlInvalid(shown(parsed), f"{name} is not supported")
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if name == "postgresql" and find_spec("psycopg") is None:
        raise DriverMissing(shown(parsed), "psycopg", "postgres")
    return parsed


def _engine(url: URL, busy_seconds: float) -> Engine:
    if url.get_backend_name() != "sqlite":
        # What lies in the pool is tried first: a server may have been away since it was used.
        return create_engine(
            url, connect_args={"connect_timeout": CONNECT_SECONDS}, pool_pre_ping=True
        )
    if url.database and url.database != ":memory:":
        try:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseUnreachable(shown(url), error.strerror or str(error)) from None
    engine = create_engine(url, connect_args={"timeout": busy_seconds})
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: Any, record: Any) -> None:
    # The driver's own ideas of when a transaction begins leave changes of the schema outside.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA cache_size=-65536")
    cursor.close()


def _begin(connection: Connection) -> None:
    writing = connection.get_execution_options().get("writing")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSIONS):
        return None
    found = connection.exec_driver_sql(f"SELECT version_num FROM {_VERSIONS}").scalar()
    return None if found is None else str(found)
