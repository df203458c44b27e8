"""What databases complain of, as our errors."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from decentralml.errors import (
    DatabaseDamaged,
    DatabaseError,
    DatabaseFault,
    DatabaseFull,
    DatabaseLocked,
    DatabaseUnreachable,
)

_ROOM = 65_536
"""Bytes that SQLite needs to do anything at all; with less it speaks of I/O errors."""
_LOCKED = ("55P03", "57014")
"""PostgreSQL's ``lock_not_available`` and ``query_canceled``."""
_DAMAGED = ("XX000", "XX001", "XX002", "42P01", "42703")
"""Its ``internal_error``, ``data_corrupted`` and ``index_corrupted``, and tables or columns that
the schema's version says are there."""


def shown(url: URL) -> str:
    """How messages call a database: a file's path, or the URL without its password."""
    if url.get_backend_name() == "sqlite":
        return url.database or "the database in memory"
    return url.render_as_string(hide_password=True)


@contextmanager
def explained(url: URL) -> Iterator[None]:
    """SQLAlchemy's errors as ours."""
    try:
        yield
    except DBAPIError as error:
        raise _of_driver(url, error) from error
    except SQLAlchemyError as error:
        raise DatabaseFault(shown(url), _line(error)) from error


def _of_driver(url: URL, error: DBAPIError) -> DatabaseError:
    cause = error.orig
    reason = _line(cause or error)
    if isinstance(cause, sqlite3.Error):
        return _of_sqlite(url, cause, reason)
    code = getattr(cause, "sqlstate", None)
    if code is None or error.connection_invalidated or code[:2] in ("08", "28", "3D", "57"):
        if code in _LOCKED:
            return DatabaseLocked(shown(url))
        return DatabaseUnreachable(shown(url), reason)
    if code in _LOCKED:
        return DatabaseLocked(shown(url))
    if code in ("53100", "54000"):  # disk_full, program_limit_exceeded
        return DatabaseFull(shown(url))
    if code[:2] == "53":  # insufficient_resources: too many connections, out of memory
        return DatabaseUnreachable(shown(url), reason)
    if code in _DAMAGED:
        return DatabaseDamaged(shown(url), reason)
    return DatabaseFault(shown(url), reason)


def _of_sqlite(url: URL, cause: sqlite3.Error, reason: str) -> DatabaseError:
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return DatabaseLocked(shown(url))
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _is_full(url)):
        return DatabaseFull(shown(url))
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return DatabaseUnreachable(shown(url), reason)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR):
        # A statement of ours that SQLite cannot make sense of: the tables are not what they were.
        return DatabaseDamaged(shown(url), reason)
    return DatabaseFault(shown(url), reason)


def _is_full(url: URL) -> bool:
    try:
        return shutil.disk_usage(Path(url.database or ".").parent).free < _ROOM
    except OSError as error:
        return error.errno == errno.ENOSPC


def _line(error: BaseException) -> str:
    text = str(error).strip()
    return " ".join(text.split("\n")[0].split()) if text else type(error).__name__
