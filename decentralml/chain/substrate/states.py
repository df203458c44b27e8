"""Old states, blocks and transactions, as a node tells them or as evidence shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from decentralml.chain.history import Evidence
from decentralml.devchain.block import Header
from decentralml.devchain.codec import DecodeError, compact
from decentralml.devchain.hashes import blake2_256
from decentralml.devchain.proof import by_hash, prove_item, read
from decentralml.errors import BlockUnknown, EvidenceRefused

if TYPE_CHECKING:
    from decentralml.chain.substrate.transport import Transport


class States(Protocol):
    """What a chain was. Blocks are named by their numbers."""

    def hash(self, block: int) -> bytes: ...

    def values(self, keys: tuple[bytes, ...], block: int) -> tuple[bytes | None, ...]:
        """What keys held after a block."""
        ...

    def transaction(self, block: int, position: int) -> bytes:
        """A transaction of a block, with its length prefix."""
        ...


class LiveStates:
    """What a node, or the embedded chain, says; it also knows what it was asked for.

    Raises
    ------
    BlockUnknown : it has no block of a number.
    StatePruned : it has forgotten the state of that time.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._hashes: dict[int, bytes] = {}
        self._values: dict[tuple[int, tuple[bytes, ...]], tuple[bytes | None, ...]] = {}
        self._transactions: dict[tuple[int, int], bytes] = {}

    def hash(self, block: int) -> bytes:
        if block not in self._hashes:
            found = self._transport.block_hash(block)
            if found is None:
                raise BlockUnknown(self._transport.address, block)
            self._hashes[block] = found
        return self._hashes[block]

    def values(self, keys: tuple[bytes, ...], block: int) -> tuple[bytes | None, ...]:
        asked = (block, keys)
        if asked not in self._values:
            found = self._transport.query(list(keys), self.hash(block))
            self._values[asked] = tuple(found)
        return self._values[asked]

    def transaction(self, block: int, position: int) -> bytes:
        asked = (block, position)
        if asked not in self._transactions:
            body = self._transport.body(self.hash(block))
            if body is None or position >= len(body):
                raise BlockUnknown(self._transport.address, block)
            self._transactions[asked] = body[position]
        return self._transactions[asked]

    def evidence(self, changes: Iterable[int]) -> Evidence:
        """What shows all that was asked for so far."""
        headers = {block: self._header(block) for block in sorted(self._hashes)}
        wanted: dict[bytes, list[bytes]] = {}
        for block, keys in self._values:
            wanted.setdefault(self.hash(block), []).extend(keys)
        nodes = set(self._transport.proofs(wanted))
        for block, position in self._transactions:
            body = self._transport.body(self.hash(block)) or ()
            nodes.update(prove_item(body, position, headers[block].extrinsics_root))
        encoded = tuple(header.encode() for header in headers.values())
        return Evidence(tuple(changes), encoded, tuple(sorted(nodes)))

    def _header(self, block: int) -> Header:
        header = self._transport.header(self.hash(block))
        if header is None:
            raise BlockUnknown(self._transport.address, block)
        return header


class ProvenStates:
    """What evidence shows, given the hashes of the chain's blocks.

    Raises
    ------
    EvidenceRefused : it does not show what is asked for, or is of other blocks than the chain's.
    """

    def __init__(self, evidence: Evidence, hash_of: Callable[[int], bytes | None]) -> None:
        self._hash_of = hash_of
        self._nodes = by_hash(evidence.nodes)
        self._headers: dict[int, Header] = {}
        self._hashes: dict[int, bytes] = {}
        self._used: set[bytes] = set()
        for encoded in evidence.headers:
            try:
                header = Header.decode(encoded)
            except DecodeError as error:
                raise EvidenceRefused(f"one of its headers cannot be read ({error})") from None
            if header.number <= max(self._headers, default=-1):
                raise EvidenceRefused("its headers are not in order")
            self._headers[header.number] = header

    def hash(self, block: int) -> bytes:
        if block not in self._hashes:
            header = self._headers.get(block)
            if header is None:
                raise EvidenceRefused(f"it lacks the header of block {block}")
            known = self._hash_of(block)
            if known is None:
                raise EvidenceRefused(f"the chain has no block {block} yet")
            if known != header.hash:
                raise EvidenceRefused(
                    f"block {block} is 0x{known.hex()} on the chain, not 0x{header.hash.hex()}"
                )
            self._hashes[block] = known
        return self._hashes[block]

    def values(self, keys: tuple[bytes, ...], block: int) -> tuple[bytes | None, ...]:
        self.hash(block)
        root = self._headers[block].state_root
        return tuple(self._read(root, key, f"the state of block {block}") for key in keys)

    def transaction(self, block: int, position: int) -> bytes:
        self.hash(block)
        root = self._headers[block].extrinsics_root
        found = self._read(root, compact(position), f"the transactions of block {block}")
        if found is None:
            raise EvidenceRefused(f"block {block} has no transaction {position}")
        return found

    def surplus(self) -> bool:
        """Whether there is evidence that was never looked at."""
        return self._used != self._nodes.keys() or self._hashes.keys() != self._headers.keys()

    def _read(self, root: bytes, key: bytes, what: str) -> bytes | None:
        def take(name: bytes) -> bytes:
            if name not in self._nodes:
                raise EvidenceRefused(f"its proof of {what} is incomplete")
            self._used.add(name)
            return self._nodes[name]

        try:
            return read(take, root, key)
        except DecodeError as error:
            raise EvidenceRefused(f"its proof of {what} cannot be read ({error})") from None


def transaction_hash(data: bytes) -> bytes:
    """What nodes call a transaction by."""
    return blake2_256(data)
