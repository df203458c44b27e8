"""The schema goes up and down, and is what the models say."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from decentralml.config import Config
from decentralml.db import migrations
from decentralml.db.engine import HEAD, Database, database_url
from decentralml.db.models import Base
from decentralml.errors import (
    DatabaseDamaged,
    DatabaseForeign,
    DatabaseTooNew,
    DatabaseUnreachable,
    DatabaseUrlInvalid,
)

_OF_WORDS = "task_words"


def ours(name: str | None, kind: str) -> bool:
    """Not the tables of SQLite's index of words, nor PostgreSQL's index of an expression."""
    return not (name or "").startswith((_OF_WORDS, "ix_task_texts_words"))


def test_the_newest_migration_is_the_one_the_program_expects() -> None:
    assert migrations.newest() == HEAD


def test_the_migrations_make_what_the_models_say(empty_database: str) -> None:
    with Database(empty_database) as database, database.reading() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"include_name": lambda name, kind, parents: ours(name, kind)},
        )
        assert compare_metadata(context, Base.metadata) == []


def test_every_migration_goes_down_and_up_again(empty_database: str) -> None:
    with Database(empty_database) as database:
        with database.writing() as connection:
            migrations.downgrade(connection, "0001")
        assert database.revision() == "0001"
        with database.writing() as connection:
            migrations.downgrade(connection, migrations.BASE)
            left = set(inspect(connection).get_table_names())
        assert left == {"alembic_version"}
        with database.writing() as connection:
            migrations.upgrade(connection)
        assert database.revision() == HEAD


def test_an_older_database_is_brought_up_to_date_with_its_artifacts(empty_database: str) -> None:
    from decentralml.db import artifacts

    with Database(empty_database) as database:
        run = artifacts.start_session("training", db_session_factory=database.sessions)
        with database.writing() as connection:
            migrations.downgrade(connection, "0001")
    with Database(empty_database) as database:
        assert database.revision() == HEAD
        artifacts.finish_session(run, db_session_factory=database.sessions)


def test_a_migration_that_fails_changes_nothing(empty_database: str) -> None:
    with Database(empty_database) as database:
        with pytest.raises(RuntimeError), database.writing() as connection:
            migrations.downgrade(connection, "0001")
            raise RuntimeError("power failure")
        assert database.revision() == HEAD
        with database.reading() as connection:
            assert inspect(connection).has_table("tasks")


def test_a_newer_database_is_left_alone(empty_database: str) -> None:
    with Database(empty_database) as database, database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseTooNew, match=r"9999.*index rebuild"):
        Database(empty_database)


def test_a_database_of_another_program_is_left_alone(empty_database: str) -> None:
    with Database(empty_database) as database, database.writing() as connection:
        migrations.downgrade(connection, migrations.BASE)
        connection.exec_driver_sql("DROP TABLE alembic_version")
        connection.exec_driver_sql("CREATE TABLE customers (name TEXT)")
    with pytest.raises(DatabaseForeign, match="customers"):
        Database(empty_database)


def test_a_file_that_is_no_database_is_called_damaged(tmp_path: Path) -> None:
    file = tmp_path / "index.sqlite"
    file.write_bytes(b"not a database at all" * 100)
    with pytest.raises(DatabaseDamaged, match="index rebuild"):
        Database(f"sqlite:///{file}")


def test_a_file_that_cannot_be_opened_is_not_to_be_started(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnreachable) as caught:
        Database(f"sqlite:///{tmp_path}")  # A folder.
    assert "make it and its folder writable" in str(caught.value)
    assert "start it" not in str(caught.value)


def test_nobody_answers(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnreachable) as caught:
        Database(f"postgresql://me:secret@/none?host={tmp_path}")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["mysql://a:secret@b/c", "no url at all", "oracle://x", "postgres//:secret"]
)
def test_what_names_no_database_is_said_without_its_password(url: str) -> None:
    with pytest.raises(DatabaseUrlInvalid) as caught:
        Database(url)
    assert "secret" not in str(caught.value)


def test_the_setting_comes_before_the_environment_of_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://other/one")
    assert database_url(Config(tmp_path, database="sqlite:///mine")) == "sqlite:///mine"
    assert database_url(Config(tmp_path)) == "postgresql://other/one"
    monkeypatch.delenv("DATABASE_URL")
    assert database_url(Config(tmp_path)) == f"sqlite:///{tmp_path / 'database.sqlite'}"
