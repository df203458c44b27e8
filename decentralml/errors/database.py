"""Errors of the database: the chain's index and the artifacts of training."""

from __future__ import annotations

from decentralml.errors.root import DatabaseError

_REBUILD = (
    "the chain is unharmed: move the database away, or name another (DECENTRALML_DATABASE), and "
    "run: decentralml index rebuild"
)


class DatabaseUrlInvalid(DatabaseError):
    """The setting names no database."""

    def __init__(self, shown: str, reason: str) -> None:
        self.shown, self.reason = shown, reason
        super().__init__(
            f"{shown!r} names no database ({reason}); use sqlite:///PATH or "
            "postgresql://USER:PASSWORD@HOST/NAME in DECENTRALML_DATABASE"
        )


class DriverMissing(DatabaseError):
    """What speaks to that kind of database is not installed."""

    def __init__(self, shown: str, module: str, extra: str) -> None:
        self.shown, self.module, self.extra = shown, module, extra
        super().__init__(f"{shown} needs {module}; run: pip install 'decentralml[{extra}]'")


class DatabaseTooNew(DatabaseError):
    """A later version of this program made the database, or migrated it."""

    def __init__(self, shown: str, found: str, known: str) -> None:
        self.shown, self.found, self.known = shown, found, known
        super().__init__(
            f"{shown} has schema {found}, this program knows up to {known}; install a newer "
            "version, or name another database (DECENTRALML_DATABASE) and run: "
            "decentralml index rebuild"
        )


class DatabaseForeign(DatabaseError):
    """The database holds something else."""

    def __init__(self, shown: str, table: str) -> None:
        self.shown, self.table = shown, table
        super().__init__(
            f"{shown} belongs to another program (it has a table {table}); "
            "name an empty database in DECENTRALML_DATABASE"
        )


class DatabaseLocked(DatabaseError):
    """Another process keeps the database to itself."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        super().__init__(
            f"{shown} is locked by another process; let it finish and run the same command again"
        )


class DatabaseFull(DatabaseError):
    """There is no room left where the database is."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        super().__init__(
            f"the disk of {shown} is full; free some space and run the same command again "
            "(nothing that was written is lost)"
        )


class DatabaseUnreachable(DatabaseError):
    """Nobody answers, or nobody lets us in."""

    def __init__(self, shown: str, reason: str) -> None:
        self.shown, self.reason = shown, reason
        remedy = (
            "start it, or correct DECENTRALML_DATABASE"
            if "://" in shown
            else "make it and its folder writable, or name another (DECENTRALML_DATABASE)"
        )
        super().__init__(
            f"{shown} cannot be {'reached' if '://' in shown else 'opened'} ({reason}); {remedy}; "
            "unfiltered list-tasks and all else that asks the chain works without it"
        )


class DatabaseDamaged(DatabaseError):
    """What the database holds cannot be read."""

    def __init__(self, shown: str, reason: str) -> None:
        self.shown, self.reason = shown, reason
        super().__init__(f"{shown} is damaged ({reason}); {_REBUILD}")


class DatabaseFault(DatabaseError):
    """The database refused something that it should not refuse."""

    def __init__(self, shown: str, reason: str) -> None:
        self.shown, self.reason = shown, reason
        super().__init__(f"{shown}: {reason}; check its permissions and settings")


class ArtifactUnknown(DatabaseError):
    """No artifact, or no session, has that number."""

    def __init__(self, kind: str, number: str) -> None:
        self.kind, self.number = kind, number
        super().__init__(
            f"the database has no {kind} {number}; see those there are: decentralml models list"
        )


class ArtifactInvalid(DatabaseError):
    """An artifact does not say or hold what it must."""

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"artifact {name!r} {reason}")


class ModelUnknown(DatabaseError):
    """No model goes by that name."""

    def __init__(self, name: str, reason: str = "no task published it, and no run here made it"):
        self.name, self.reason = name, reason
        super().__init__(f"{name!r} names no model ({reason}); see: decentralml models list")


class AmbiguousModel(DatabaseError):
    """Several models' CIDs begin so."""

    def __init__(self, name: str, found: tuple[str, ...]) -> None:
        self.name, self.found = name, found
        super().__init__(f"{name!r} begins several CIDs ({', '.join(found)}, …); write more of it")
