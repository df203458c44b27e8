"""Column types that SQLite and PostgreSQL do not share by themselves."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Integer, Numeric, String, TypeDecorator
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

AMOUNT_DIGITS = 39
"""Of the largest amount on a chain, 2^128 - 1."""

Number = BigInteger().with_variant(Integer(), "sqlite")
"""A whole number of 64 bits; SQLite's INTEGER has them, and only that name makes a row's number."""
Document = JSON().with_variant(JSONB(), "postgresql")


class Amount(TypeDecorator[int]):
    """An amount of money: 128 bits, which SQLite has no number for.

    There it is text with leading zeros, so that it still sorts and compares as a number does.
    """

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        wide: TypeEngine[Any] = (
            String(AMOUNT_DIGITS) if dialect.name == "sqlite" else Numeric(AMOUNT_DIGITS, 0)
        )
        return dialect.type_descriptor(wide)

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        return f"{value:0{AMOUNT_DIGITS}d}" if dialect.name == "sqlite" else Decimal(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        return None if value is None else int(value)


class Moment(TypeDecorator[datetime]):
    """A point in time, always in UTC: SQLite forgets the zone that it was given."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def clean(value: str) -> str:
    """Text as every database takes it: PostgreSQL has no zero bytes."""
    return value.replace("\0", "\\x00")
