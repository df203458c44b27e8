"""The embedded chain as a transport: method calls on a file, no wire in between.

Reading imports no WebAssembly engine; a transaction seals its own block.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from decentralml.chain.substrate.transport import Head, Included
from decentralml.devchain.block import Header
from decentralml.devchain.chain import DevChain
from decentralml.devchain.version import RuntimeVersion
from decentralml.errors import (
    ExtrinsicRefused,
    TransactionInvalid,
    TransactionLost,
    UnreadableExtrinsic,
)

if TYPE_CHECKING:
    from decentralml.chain.substrate.extrinsic import Extrinsic


class EmbeddedTransport:
    """An open chain file."""

    kind: Literal["embedded"] = "embedded"

    def __init__(self, chain: DevChain, address: str) -> None:
        self.chain = chain
        self._address = address

    @property
    def address(self) -> str:
        return self._address

    def genesis(self) -> bytes:
        return self.chain.genesis

    def name(self) -> str:
        return self.chain.name

    def properties(self) -> dict[str, object]:
        return self.chain.properties

    def development(self) -> bool:
        """Always: nobody but this machine's users can reach it."""
        return True

    def head(self) -> Head:
        return Head(self.chain.head, self.chain.height)

    def birth(self) -> Head:
        return self.head()

    def block_hash(self, number: int) -> bytes | None:
        return self.chain.block_hash(number)

    def block_hashes(self, numbers: Sequence[int]) -> list[bytes | None]:
        return [self.chain.block_hash(number) for number in numbers]

    def header(self, block: bytes) -> Header | None:
        encoded = self.chain.header(block)
        return None if encoded is None else Header.decode(encoded)

    def body(self, block: bytes) -> tuple[bytes, ...] | None:
        found = self.chain.block(block)
        return None if found is None else found.extrinsics

    def version(self, at: bytes | None = None) -> RuntimeVersion:
        return self.chain.runtime_version_at(at)

    def metadata(self, at: bytes | None = None) -> bytes:
        return self.chain.metadata(at)

    def storage(self, key: bytes, at: bytes | None = None) -> bytes | None:
        return self.chain.storage(key, at)

    def query(self, keys: list[bytes], at: bytes | None = None) -> list[bytes | None]:
        return [value for _, value in self.chain.query(keys, at)]

    def proofs(self, wanted: Mapping[bytes, Sequence[bytes]]) -> list[bytes]:
        return self.chain.read_proofs(wanted)

    def keys(self, prefix: bytes, limit: int, at: bytes | None = None) -> list[bytes]:
        return self.chain.keys(prefix, limit, None, at)

    def next_nonce(self, account: bytes, stored: int) -> int:
        """What is stored: no transaction is ever on the way."""
        return stored

    def clock(self, stored: int) -> int:
        return self.chain.time()

    def fee_of(self, extrinsic: Extrinsic) -> int:
        from decentralml.chain.substrate.fees import QUERY_INFO, query_info_arguments, read_fee

        return read_fee(self.chain.call(QUERY_INFO, query_info_arguments(extrinsic)))

    def submit(self, extrinsic: Extrinsic) -> Included:
        try:
            sealed = self.chain.submit(extrinsic.data)
        except ExtrinsicRefused as refused:
            from decentralml.chain.substrate.errors import invalid

            raise invalid(refused.result[1:]) from None
        except UnreadableExtrinsic as unreadable:
            raise TransactionInvalid("Unreadable", str(unreadable)) from None
        return Included(sealed.block_hash, sealed.number, sealed.index)

    def recover(self, extrinsic: Extrinsic) -> Included | None:
        """A block is sealed with its transaction or not at all: none is ever on the way."""
        found = self.chain.find_extrinsic(extrinsic.hash)
        if found is not None:
            number, index = found
            block = self.chain.block_hash(number)
            assert block is not None, "the chain names a block that it does not have"
            return Included(block, number, index)
        if self.chain.height >= extrinsic.mortality.death:
            raise TransactionLost("0x" + extrinsic.hash.hex(), "its time was over")
        return None

    def wait_block(self, number: int, deadline: float) -> int:
        """Nobody else makes its blocks, so it makes them."""
        missing = number - self.chain.height
        return self.advance(missing, 0) if missing > 0 else self.chain.height

    def advance(self, blocks: int, milliseconds: int) -> int:
        self.chain.advance(blocks=blocks, milliseconds=milliseconds)
        return self.chain.height

    def close(self) -> None:
        self.chain.close()
