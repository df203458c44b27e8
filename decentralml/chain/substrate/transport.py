"""What the client needs of whatever holds the chain: a file, or a node at the end of a wire.

Keys, values and hashes are bytes here. :mod:`.embedded` and :mod:`.remote` implement it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from decentralml.devchain.block import Header
from decentralml.devchain.version import RuntimeVersion

if TYPE_CHECKING:
    from decentralml.chain.substrate.extrinsic import Extrinsic


@dataclass(frozen=True, slots=True)
class Head:
    """The newest block."""

    hash: bytes
    number: int


@dataclass(frozen=True, slots=True)
class Included:
    """Where a transaction landed."""

    block_hash: bytes
    number: int
    index: int


class Transport(Protocol):
    """A chain within reach. ``at`` is a block's hash; None is the newest block."""

    @property
    def kind(self) -> Literal["embedded", "remote"]: ...

    @property
    def address(self) -> str:
        """The chain's file, or the node's address."""
        ...

    def genesis(self) -> bytes: ...

    def name(self) -> str: ...

    def properties(self) -> dict[str, object]:
        """What wallets show: ``tokenSymbol``, ``tokenDecimals``, ``ss58Format``."""
        ...

    def development(self) -> bool:
        """Whether the chain says that it is for development."""
        ...

    def head(self) -> Head: ...

    def birth(self) -> Head:
        """A recent block that will not be taken back: transactions name it in their era."""
        ...

    def block_hash(self, number: int) -> bytes | None: ...

    def block_hashes(self, numbers: Sequence[int]) -> list[bytes | None]:
        """Of many blocks, all of the same chain of parents."""
        ...

    def header(self, block: bytes) -> Header | None: ...

    def body(self, block: bytes) -> tuple[bytes, ...] | None:
        """A block's transactions, each with its length prefix."""
        ...

    def version(self, at: bytes | None = None) -> RuntimeVersion: ...

    def metadata(self, at: bytes | None = None) -> bytes:
        """Metadata of version 14, from ``meta`` on."""
        ...

    def storage(self, key: bytes, at: bytes | None = None) -> bytes | None:
        """One value.

        Raises
        ------
        StatePruned : the node has forgotten the state of that block.
        """
        ...

    def query(self, keys: list[bytes], at: bytes | None = None) -> list[bytes | None]:
        """Many values at one moment, in the order of their keys."""
        ...

    def proofs(self, wanted: Mapping[bytes, Sequence[bytes]]) -> list[bytes]:
        """Nodes of the states' tries that show what keys hold after blocks, each node once; see
        :mod:`decentralml.devchain.proof`."""
        ...

    def keys(self, prefix: bytes, limit: int, at: bytes | None = None) -> list[bytes]: ...

    def next_nonce(self, account: bytes, stored: int) -> int:
        """The next transaction's number of an account, transactions on the way included.

        ``stored`` is the number in the newest block's state.
        """
        ...

    def clock(self, stored: int) -> int:
        """The time of a block made now, or ``stored``, the newest block's, where nobody knows."""
        ...

    def fee_of(self, extrinsic: Extrinsic) -> int:
        """Planck that a transaction would cost, without a tip."""
        ...

    def submit(self, extrinsic: Extrinsic) -> Included:
        """Have a transaction included, once at most, and wait for it.

        Raises
        ------
        TransactionInvalid : it cannot be included, and was not.
        TransactionLost : it was not included and can no longer be.
        NodeTimeout : it may still be included.
        """
        ...

    def recover(self, extrinsic: Extrinsic) -> Included | None:
        """Look for a transaction that another process may have sent; nothing is sent.

        Waits for one that is on its way. None: it is nowhere, and could still be included.

        Raises
        ------
        TransactionLost : it was not included and can no longer be.
        NodeTimeout : it may still be included.
        """
        ...

    def wait_block(self, number: int, deadline: float) -> int:
        """Wait at most ``deadline`` seconds for a block; the newest block's number."""
        ...

    def advance(self, blocks: int, milliseconds: int) -> int: ...

    def close(self) -> None: ...
