"""Questions about storage, as ``chainHead_v1_storage`` and ``archive_v1_storage`` ask them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Final

from decentralml.devchain.hashes import blake2_256
from decentralml.devchain.reader import ChainReader
from decentralml.devchain.rpc.conversation import Talk
from decentralml.devchain.rpc.errors import invalid_params
from decentralml.devchain.rpc.params import hex_bytes
from decentralml.devchain.rpc.views import to_hex
from decentralml.devchain.state import MAIN

VALUE, HASH, MERKLE = "value", "hash", "closestDescendantMerkleValue"
VALUES, HASHES = "descendantsValues", "descendantsHashes"
_TYPES: Final = (VALUE, HASH, MERKLE, VALUES, HASHES)

PAGE_ITEMS: Final = 64
PAGE_BYTES: Final = 256 << 10
"""How much is read at once: others have their turn in between."""

Item = dict[str, str]
"""``{"key": …, "value" | "hash" | "closestDescendantMerkleValue": …}``"""


@dataclass(frozen=True, slots=True)
class Query:
    key: bytes
    kind: str
    start: bytes | None = None
    """Descendants after this key only."""


@dataclass(frozen=True, slots=True)
class RawQuery:
    """A query whose keys nobody has looked at yet."""

    key: str
    kind: str
    start: str | None

    def read(self) -> Query:
        """Raises ``ValueError`` with the text that is no hexadecimal."""
        start = None if self.start is None else hex_or_empty(self.start)
        return Query(hex_or_empty(self.key), self.kind, start)


def raw_query(value: Any) -> RawQuery:
    """A parameter's converter."""
    if not isinstance(value, dict):
        raise invalid_params('each item must be {"key": …, "type": …}')
    key, kind, start = value.get("key"), value.get("type"), value.get("paginationStartKey")
    if not isinstance(key, str) or not isinstance(start, str | None):
        raise invalid_params("keys are hex strings")
    if kind not in _TYPES:
        raise invalid_params(
            f"unknown type {str(kind)[:40]!r}, expected one of {', '.join(_TYPES)}"
        )
    return RawQuery(key, kind, start)


def hex_or_empty(text: str) -> bytes:
    """Bytes; the empty string is none. Raises ``ValueError`` with the text."""
    try:
        return hex_bytes(text)
    except Exception:
        raise ValueError(text[:100]) from None


async def answers(
    talk: Talk, queries: list[Query], at: bytes, child: bytes
) -> AsyncIterator[list[Item]]:
    """What is found, page by page; the client has taken a page before the next is read."""
    reader = talk.service.reader
    for query in queries:
        if query.kind == MERKLE:
            item = await talk.turn(_merkle, talk, query.key, at, child)
            pages: Iterator[list[Item]] = iter([[item]] if item is not None else [])
        elif query.kind in (VALUE, HASH):
            pages = iter([_one(reader, query, at, child)])
        else:
            pages = _descendants(reader, query, at, child)
        while (page := await talk.turn(next, pages, None)) is not None:
            if page:
                yield page
                await talk.line.flushed()


async def _merkle(talk: Talk, key: bytes, at: bytes, child: bytes) -> Item | None:
    service = talk.service
    if at == service.reader.head:
        found = service.reader.merkle_value(key, at, child)
    else:  # this may read much, so not in the event loop
        found = await service.worker.call(service.chain.merkle_value, key, at, child)
    return None if found is None else {"key": to_hex(key), MERKLE: to_hex(found)}


def _one(reader: ChainReader, query: Query, at: bytes, child: bytes) -> list[Item]:
    value = value_at(reader, query.key, at, child)
    return [] if value is None else [item_of(query.key, value, query.kind)]


def _descendants(
    reader: ChainReader, query: Query, at: bytes, child: bytes
) -> Iterator[list[Item]]:
    kind = VALUE if query.kind == VALUES else HASH
    # A start that is itself a key is left out, as in state_getKeysPaged.
    start = query.start
    while True:
        if child == MAIN:
            keys = reader.keys(query.key, PAGE_ITEMS, start, at)
        else:
            keys = reader.child_keys(child, query.key, PAGE_ITEMS, start, at)
        page, size = list[Item](), 0
        for key in keys:
            value = value_at(reader, key, at, child) or b""
            page.append(item_of(key, value, kind))
            size += len(value)
            if size > PAGE_BYTES:
                yield page
                page, size = [], 0
        yield page
        if len(keys) < PAGE_ITEMS:
            return
        start = keys[-1]


def value_at(reader: ChainReader, key: bytes, at: bytes, child: bytes) -> bytes | None:
    return reader.storage(key, at) if child == MAIN else reader.child_storage(child, key, at)


def item_of(key: bytes, value: bytes, kind: str) -> Item:
    return {"key": to_hex(key), kind: to_hex(value if kind == VALUE else blake2_256(value))}
