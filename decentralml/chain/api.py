"""What the rest of the project asks of a chain, whichever chain it is.

:class:`Chain` is implemented once for Substrate (:mod:`decentralml.chain.substrate.client`), over
the embedded chain or a node. Hashes that a record tells are ``0x``-prefixed hexadecimal text,
amounts planck, times Unix milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self, TypeVar

from decentralml.chain.swarm.api import SwarmChain, SwarmConstants
from decentralml.types import (
    Address,
    AggregatorProfile,
    Balance,
    Election,
    Reputation,
    Role,
    Share,
    Submission,
    Task,
    TaskId,
)

if TYPE_CHECKING:
    from decentralml.chain.calls import Call
    from decentralml.chain.events import Event
    from decentralml.chain.feed import Feed
    from decentralml.chain.history import Evidence, History, Step
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
    """Least bond of a contributor for one assignment, and of an appeal."""
    draw_period: int
    """Milliseconds in which a committee can be drawn."""
    sealing_period: int
    """Milliseconds in which a contributor can hand a panel the key of its result."""
    commit_period: int
    """Milliseconds in which a panel can commit."""
    reveal_period: int
    """Milliseconds in which it can reveal."""
    appeal_period: int
    """Milliseconds: the least time to appeal against a creator that rejected against the panel."""
    release_period: int
    """Milliseconds in which the key of an accepted result can be released."""
    retention_period: int
    """Milliseconds after which what has ended may be cleared."""
    deposit_base: int
    """Planck held for each thing stored."""
    deposit_per_byte: int
    """Planck held besides for each byte that it can be long."""
    half_life: int
    """Milliseconds in which deeds come to count half."""
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
    swarm: SwarmConstants


@dataclass(frozen=True, slots=True)
class Ballot:
    """One account's vote."""

    candidates: tuple[Address, ...]
    stake: int
    deposit: int


class AssetStatus(StrEnum):
    LIVE = "Live"
    FROZEN = "Frozen"
    """Nobody can send any of it."""
    DESTROYING = "Destroying"


@dataclass(frozen=True, slots=True)
class AssetInfo:
    """An asset that rewards can be in."""

    id: int
    owner: Address
    name: str
    symbol: str
    decimals: int
    supply: int
    minimum: int
    """The least that an account can have of it, in its smallest units."""
    status: AssetStatus


@dataclass(frozen=True, slots=True)
class AssetBalance:
    """One account's units of one asset."""

    free: int
    held: dict[str, int] = field(default_factory=dict)
    """By reason, as in :class:`~decentralml.types.Balance`."""
    frozen: bool = False
    """Whether the owner of the asset keeps the account from sending it."""


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


class Chain(SwarmChain, Protocol):
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

    def invited(self, task: TaskId, address: Address) -> bool:
        """Whether the account may take a slot of a task with ``Access.INVITED``."""
        ...

    def share(self, task: TaskId, member: Address) -> Share | None:
        """The key of the task's sealed validation set for one member, or None."""
        ...

    def merger(self, task: TaskId) -> Address | None:
        """Who may publish the task's model besides its creator, or None."""
        ...

    def admitted(self, task: TaskId, limit: int = 1000) -> list[Address]:
        """Accounts with a share or an invitation of the task's in storage, in no order."""
        ...

    def balance(self, address: Address) -> Balance: ...

    def asset(self, asset: int) -> AssetInfo | None:
        """What an asset is, or None if there is none of that number."""
        ...

    def assets(self, limit: int = 1000) -> list[AssetInfo]:
        """The chain's assets, in no particular order."""
        ...

    def asset_balance(self, asset: int, address: Address) -> AssetBalance:
        """The account's units of an asset; none of one that does not exist."""
        ...

    def reputation(self, address: Address, role: Role) -> Reputation:
        """What the account did in a role, as of now; a record of nothing if it did nothing."""
        ...

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

    def block_hash(self, number: int) -> bytes | None:
        """The hash (32 bytes) of a block, or None if the chain has none of that number."""
        ...

    def events(self, block: int) -> tuple[Event, ...]:
        """Every event of one block, in order."""
        ...

    def history(self, task: TaskId, index: int | None = None) -> History:
        """What happened to a result, or to a task as a whole, up to now.

        Reads some blocks for each thing that happened, times the logarithm of the chain's length,
        also of what is no longer in storage.

        Raises
        ------
        UnknownTask, UnknownSubmission : there never was one.
        StatePruned : the node has forgotten the states of that time.
        """
        ...

    def lapses(self, member: Address, since: int) -> tuple[Step, ...]:
        """The calls after a block in which a member was found to have broken a duty.

        What a bond lost and got back in between two looks at it may be missed: it is found by
        bisection.

        Raises
        ------
        StatePruned, BlockUnknown
        """
        ...

    def evidence(self, history: History) -> Evidence:
        """What shows the history of a result to whoever knows the hashes of its blocks.

        Raises
        ------
        StatePruned
        """
        ...

    def proven(self, task: TaskId, index: int, until: int, evidence: Evidence) -> History:
        """The history of a result that evidence shows; of this chain only block hashes are asked
        (and the metadata of older runtimes).

        Raises
        ------
        EvidenceRefused : it shows nothing of the kind on this chain.
        """
        ...

    def feed(self) -> Feed:
        """The chain block by block."""
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
