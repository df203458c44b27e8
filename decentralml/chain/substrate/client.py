"""The marketplace's :class:`~decentralml.chain.api.Chain` on Substrate, over any transport."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from decentralml.chain.api import (
    AssetBalance,
    AssetInfo,
    Ballot,
    ChainInfo,
    Constants,
    Receipt,
)
from decentralml.chain.substrate.clock import SYSTEM, Clock
from decentralml.chain.substrate.reader import Reader
from decentralml.chain.substrate.runtime import Runtime
from decentralml.chain.swarm.api import SwarmConstants
from decentralml.errors import RuntimeMismatch, RuntimeOutdated, WrongGenesis
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
    from decentralml.chain.journal import Journal
    from decentralml.chain.keys import Signer
    from decentralml.chain.substrate.past import Past
    from decentralml.chain.substrate.sender import Sender
    from decentralml.chain.substrate.states import States
    from decentralml.chain.substrate.swarm_reader import SwarmReader
    from decentralml.chain.substrate.transport import Transport
    from decentralml.chain.swarm.words import Meeting, Node, Round, Seat, Swarm, SwarmId

SPEC_NAME = "decentralml"
SPEC_VERSION = 4
"""The oldest version of the runtime that this program can talk to."""
VERSION_CHECK_SECONDS = 6.0
"""How long a runtime's version is taken for granted; a runtime can change with any block."""


class SubstrateChain:
    """One Substrate chain of the marketplace, embedded or remote (see the transport).

    Of a chain whose runtime is too old, :meth:`info` can still be asked; whatever reads or sends
    more raises ``RuntimeOutdated``.

    Parameters
    ----------
    genesis : the genesis hash that the chain must have, if one is known.
    journal : folder for notes of what is sent (:mod:`decentralml.chain.journal`); None: no notes.
    clock : the time that it goes by.

    Raises, when it is made: ``WrongGenesis`` if ``genesis`` is given and is not the chain's;
    ``RuntimeMismatch`` if the chain is not one of this marketplace.
    """

    def __init__(
        self,
        transport: Transport,
        genesis: str | None = None,
        journal: Path | None = None,
        clock: Clock = SYSTEM,
    ) -> None:
        self.transport = transport
        self._clock = clock
        self._journals = journal
        self._journal: Journal | None = None
        self._genesis = transport.genesis()
        found = "0x" + self._genesis.hex()
        if genesis is not None and genesis.lower() != found:
            raise WrongGenesis(genesis, found, transport.address)
        self._runtime: Runtime | None = None
        self._checked = 0.0

    # What it is.

    def runtime(self, fresh: bool = False) -> Runtime:
        """The chain's present runtime; its version is asked for again now and then."""
        now = self._clock.steady()
        if self._runtime is None or fresh or now - self._checked > VERSION_CHECK_SECONDS:
            version = self.transport.version()
            if self._runtime is None or self._runtime.version != version:
                if version.spec_name != SPEC_NAME:
                    missing = f"it is not {SPEC_NAME}"
                    raise RuntimeMismatch(version.spec_name, version.spec_version, missing)
                self._runtime = Runtime.load(version, self.transport.metadata())
            self._checked = now
        return self._runtime

    def present(self, fresh: bool = False) -> Runtime:
        """The chain's runtime, if it is one that this program can talk to."""
        runtime = self.runtime(fresh)
        version = runtime.version
        if version.spec_version < SPEC_VERSION:
            raise RuntimeOutdated(version.spec_name, version.spec_version, SPEC_VERSION)
        return runtime

    def info(self) -> ChainInfo:
        runtime = self.runtime(fresh=True)
        version = runtime.version
        properties = self.transport.properties()
        return ChainInfo(
            name=self.transport.name(),
            genesis="0x" + self._genesis.hex(),
            spec_name=version.spec_name,
            spec_version=version.spec_version,
            block=self.transport.head().number,
            now=Reader(runtime, self.transport).now(),
            development=self.transport.development(),
            token_symbol=str(properties.get("tokenSymbol", "")),
            decimals=int(str(properties.get("tokenDecimals", 0))),
            kind=self.transport.kind,
            address=self.transport.address,
        )

    def constants(self) -> Constants:
        constant = self.present().constant
        return Constants(
            minimum_bond=constant("Market", "MinimumBond"),
            draw_period=constant("Market", "DrawPeriod"),
            sealing_period=constant("Market", "SealingPeriod"),
            commit_period=constant("Market", "CommitPeriod"),
            reveal_period=constant("Market", "RevealPeriod"),
            appeal_period=constant("Market", "AppealPeriod"),
            release_period=constant("Market", "ReleasePeriod"),
            retention_period=constant("Market", "RetentionPeriod"),
            deposit_base=constant("Market", "DepositBase"),
            deposit_per_byte=constant("Market", "DepositPerByte"),
            half_life=constant("Reputation", "HalfLife"),
            minimum_duration=constant("Market", "MinimumDuration"),
            maximum_duration=constant("Market", "MaximumDuration"),
            max_slots=constant("Market", "MaxSlots"),
            aggregator_bond=constant("Aggregators", "Bond"),
            candidacy_bond=constant("Elections", "CandidacyBond"),
            voting_bond_base=constant("Elections", "VotingBondBase"),
            voting_bond_factor=constant("Elections", "VotingBondFactor"),
            desired_members=constant("Elections", "DesiredMembers"),
            term_blocks=constant("Elections", "TermDuration"),
            existential_deposit=constant("Balances", "ExistentialDeposit"),
            swarm=SwarmConstants(
                deposit_base=constant("Swarm", "DepositBase"),
                deposit_per_byte=constant("Swarm", "DepositPerByte"),
                minimum_wait=constant("Swarm", "MinimumWait"),
                maximum_wait=constant("Swarm", "MaximumWait"),
                max_peers=constant("Swarm", "MaxPeers"),
                price_wait=constant("Swarm", "PriceWait"),
            ),
        )

    # What it holds.

    @property
    def _reader(self) -> Reader:
        return Reader(self.present(), self.transport)

    def now(self) -> int:
        return self._reader.now()

    def task(self, task: TaskId) -> Task:
        return self._reader.task(task)

    def tasks(self, limit: int = 20, before: TaskId | None = None) -> list[Task]:
        return self._reader.tasks(limit, before)

    def submission(self, task: TaskId, index: int) -> Submission:
        return self._reader.submission(task, index)

    def submissions(
        self, task: TaskId, limit: int = 100, before: int | None = None
    ) -> list[Submission]:
        return self._reader.submissions(task, limit, before)

    def open_assignment(self, task: TaskId, address: Address) -> int | None:
        return self._reader.open_assignment(task, address)

    def invited(self, task: TaskId, address: Address) -> bool:
        return self._reader.invited(task, address)

    def share(self, task: TaskId, member: Address) -> Share | None:
        return self._reader.share(task, member)

    def merger(self, task: TaskId) -> Address | None:
        return self._reader.merger(task)

    def admitted(self, task: TaskId, limit: int = 1000) -> list[Address]:
        return self._reader.admitted(task, limit)

    def balance(self, address: Address) -> Balance:
        return self._reader.balance(address)

    def asset(self, asset: int) -> AssetInfo | None:
        return self._reader.asset(asset)

    def assets(self, limit: int = 1000) -> list[AssetInfo]:
        return self._reader.assets(limit)

    def asset_balance(self, asset: int, address: Address) -> AssetBalance:
        return self._reader.asset_balance(asset, address)

    def reputation(self, address: Address, role: Role) -> Reputation:
        return self._reader.reputation(address, role)

    def profile(self, address: Address) -> AggregatorProfile | None:
        return self._reader.profile(address)

    def profiles(self, limit: int = 1000) -> list[AggregatorProfile]:
        return self._reader.profiles(limit)

    def election(self) -> Election:
        return self._reader.election()

    def ballot(self, address: Address) -> Ballot | None:
        return self._reader.ballot(address)

    def total_issuance(self) -> int:
        return self._reader.total_issuance()

    def block_hash(self, number: int) -> bytes | None:
        return self.transport.block_hash(number)

    def events(self, block: int) -> tuple[Event, ...]:
        return self._reader.events(block)

    # Its swarms.

    @property
    def _swarms(self) -> SwarmReader:
        from decentralml.chain.substrate.swarm_reader import SwarmReader

        return SwarmReader(self.present(), self.transport)

    def swarm(self, swarm: SwarmId) -> Swarm:
        return self._swarms.swarm(swarm)

    def swarms(self, limit: int = 20, before: SwarmId | None = None) -> list[Swarm]:
        return self._swarms.swarms(limit, before)

    def seat(self, swarm: SwarmId, who: Address) -> Seat | None:
        return self._swarms.seat(swarm, who)

    def seats(self, swarm: SwarmId, limit: int = 1000) -> list[Seat]:
        return self._swarms.seats(swarm, limit)

    def node(self, swarm: SwarmId, who: Address) -> Node | None:
        return self._swarms.node(swarm, who)

    def nodes(self, swarm: SwarmId, limit: int = 1000) -> list[Node]:
        return self._swarms.nodes(swarm, limit)

    def certificate(self, swarm: SwarmId, who: Address) -> bytes | None:
        return self._swarms.certificate(swarm, who)

    def round(self, swarm: SwarmId) -> Round | None:
        return self._swarms.round(swarm)

    def meeting(self, swarm: SwarmId, who: Address) -> Meeting:
        return self._swarms.meeting(swarm, who)

    # What happened on it.

    def history(self, task: TaskId, index: int | None = None) -> History:
        from decentralml.chain.substrate.states import LiveStates

        past = self._past(LiveStates(self.transport), self.transport.head().number)
        return past.of_task(task) if index is None else past.of_result(task, index)

    def lapses(self, member: Address, since: int) -> tuple[Step, ...]:
        from decentralml.chain.substrate.states import LiveStates

        past = self._past(LiveStates(self.transport), self.transport.head().number)
        return past.lapses(member, since)

    def evidence(self, history: History) -> Evidence:
        from decentralml.chain.substrate.states import LiveStates

        assert history.index is not None, "only results have receipts"
        # Once more, reading only what has to be shown.
        states = LiveStates(self.transport)
        past = self._past(states, history.until)
        past.of_result(history.number, history.index, history.changes)
        return states.evidence(history.changes)

    def proven(self, task: TaskId, index: int, until: int, evidence: Evidence) -> History:
        from decentralml.chain.substrate.states import ProvenStates
        from decentralml.errors import EvidenceRefused

        states = ProvenStates(evidence, self.transport.block_hash)
        found = self._past(states, until).of_result(task, index, evidence.changes)
        if found.changes != evidence.changes:
            raise EvidenceRefused("it leaves out a block in which something happened")
        if states.surplus():
            raise EvidenceRefused("it holds more than it takes")
        return found

    def feed(self) -> Feed:
        from decentralml.chain.substrate.feed import SubstrateFeed

        return SubstrateFeed(self.transport, self.present(), self._older)

    def _past(self, states: States, until: int) -> Past:
        from decentralml.chain.substrate.past import Past

        return Past(states, self.present(), self._older, until)

    def _older(self, block: int) -> Runtime:
        """The runtime that made a block: the one in force after the block before."""
        before = self.transport.block_hash(max(block - 1, 0))
        return Runtime.load(self.transport.version(before), self.transport.metadata(before))

    # What it is asked to do. Commands that only read do not pay for importing how to.

    def fee(self, call: Call, signer: Signer, tip: int = 0) -> int:
        return self._sender().fee(call, signer, tip)

    def submit(self, call: Call, signer: Signer, tip: int = 0) -> Receipt:
        return self._sender().submit(call, signer, tip)

    def wait_block(self, number: int, deadline: float | None = None) -> int:
        if deadline is None:
            deadline = 60.0 + 12.0 * max(0, number - self.transport.head().number)
        return self.transport.wait_block(number, deadline)

    def advance(self, blocks: int = 0, milliseconds: int = 0) -> int:
        return self.transport.advance(blocks, milliseconds)

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()
        self.transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _sender(self) -> Sender:
        from decentralml.chain.journal import Journal
        from decentralml.chain.substrate.intents import Intents
        from decentralml.chain.substrate.sender import Sender

        if self._journal is None and self._journals is not None:
            self._journal = Journal(self._journals / self._genesis.hex()[:16])
        runtime = self.present(fresh=True)
        return Sender(
            runtime,
            self.transport,
            Reader(runtime, self.transport),
            self._genesis,
            Intents(self.transport, self._journal, self._clock),
        )
