"""What the rest of the project asks of a chain, whichever chain it is.

:class:`Chain` is implemented once for Substrate (:mod:`decentralml.chain.substrate.client`), over
the embedded chain or a node. Hashes are ``0x``-prefixed hexadecimal text, amounts planck, times
Unix milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self, TypeVar

from decentralml.types import (
    Address,
    AggregatorProfile,
    Balance,
    Election,
    Submission,
    Task,
    TaskId,
)

if TYPE_CHECKING:
    from decentralml.chain.calls import Call
    from decentralml.chain.events import Event
    from decentralml.chain.keys import Signer

E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class ChainInfo:
    """Which chain this is, and where it stands."""

    name: str
    genesis: str
    spec_name: str
    spec_version: int
    block: int
    """Number of the newest block."""
    now: int
    development: bool
    """Whether the well-known development keys may be used on it."""
    token_symbol: str
    decimals: int
    kind: Literal["embedded", "remote"]
    address: str
    """The chain file, or the node's WebSocket address."""


@dataclass(frozen=True, slots=True)
class Constants:
    """The chain's own limits and prices, as its runtime states them."""

    minimum_bond: int
    """Least bond of a contributor for one assignment."""
    draw_period: int
    """Milliseconds in which a committee can be drawn."""
    attestation_period: int
    """Milliseconds in which a committee can attest."""
    minimum_duration: int
    """Milliseconds; the shortest time that a task's terms can set."""
    maximum_duration: int
    max_slots: int
    aggregator_bond: int
    candidacy_bond: int
    voting_bond_base: int
    voting_bond_factor: int
    """Deposit of a voter: the base, and this much for each candidate voted for."""
    desired_members: int
    term_blocks: int
    existential_deposit: int


@dataclass(frozen=True, slots=True)
class Ballot:
    """One account's vote."""

    candidates: tuple[Address, ...]
    stake: int
    deposit: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A call that was included in a block and succeeded."""

    block_hash: str
    block: int
    index: int
    """Position of the transaction in the block."""
    extrinsic_hash: str
    fee: int
    """Planck paid for the transaction, tip included."""
    events: tuple[Event, ...]

    def find(self, kind: type[E]) -> E | None:
        """The first event of a kind, or None."""
        return next((event for event in self.events if isinstance(event, kind)), None)


class Chain(Protocol):
    """One chain. Every method raises :class:`~decentralml.errors.ChainError` subclasses."""

    def info(self) -> ChainInfo: ...

    def constants(self) -> Constants: ...

    def now(self) -> int:
        """The chain's clock: the time of its newest block; embedded: of a block sealed now."""
        ...

    def task(self, task: TaskId) -> Task:
        """One task.

        Raises
        ------
        UnknownTask : the chain has none of that number.
        """
        ...

    def tasks(self, limit: int = 20, before: TaskId | None = None) -> list[Task]:
        """Tasks, newest first, with numbers below ``before``."""
        ...

    def submission(self, task: TaskId, index: int) -> Submission:
        """One submission.

        Raises
        ------
        UnknownSubmission : the task has none of that index.
        """
        ...

    def submissions(
        self, task: TaskId, limit: int = 100, before: int | None = None
    ) -> list[Submission]:
        """Submissions of a task, newest first, with indices below ``before``."""
        ...

    def open_assignment(self, task: TaskId, address: Address) -> int | None:
        """Index of the account's submission that has not ended, or None."""
        ...

    def balance(self, address: Address) -> Balance: ...

    def profile(self, address: Address) -> AggregatorProfile | None:
        """The account's profile as an aggregator, or None if it is not one."""
        ...

    def profiles(self, limit: int = 1000) -> list[AggregatorProfile]:
        """Registered aggregators, in office or not, in no particular order."""
        ...

    def election(self) -> Election: ...

    def ballot(self, address: Address) -> Ballot | None:
        """The account's vote, or None if it has not voted."""
        ...

    def total_issuance(self) -> int:
        """All planck that exist."""
        ...

    def events(self, block: int) -> tuple[Event, ...]:
        """Every event of one block, in order."""
        ...

    def fee(self, call: Call, signer: Signer, tip: int = 0) -> int:
        """Planck that submitting the call would cost now, tip included; nothing is sent."""
        ...

    def submit(self, call: Call, signer: Signer, tip: int = 0) -> Receipt:
        """Sign a call, have it included in a block, and wait for that.

        Raises
        ------
        CallRefused : it was included and failed; one subclass for each error of a pallet.
        TransactionInvalid : it cannot be included (for example, the fee cannot be paid).
        TransactionLost : it is certain that it was not and will not be included.
        NodeTimeout : it may still be included; ``extrinsic_hash`` and ``expires`` say which.
        """
        ...

    def wait_block(self, number: int, deadline: float | None = None) -> int:
        """Wait until the chain has block ``number``; its newest block's number.

        The embedded chain seals empty blocks to get there. ``deadline`` is in seconds from now;
        without one, a generous one that grows with the number of blocks.
        """
        ...

    def advance(self, blocks: int = 0, milliseconds: int = 0) -> int:
        """Seal empty blocks and move the clock (embedded chain only); the newest block's number.

        Raises
        ------
        EmbeddedOnly : a node's clock is its own.
        """
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
