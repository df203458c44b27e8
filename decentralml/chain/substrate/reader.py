"""Reading the marketplace's state: storage keys out, the project's own words back.

Nothing here reads more than it was asked for, so that its cost does not grow with the chain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from decentralml.chain import ss58
from decentralml.chain.api import AssetBalance, AssetInfo, Ballot
from decentralml.chain.errors import UnknownSubmission, UnknownTask
from decentralml.chain.substrate import accounts, records
from decentralml.chain.substrate.codec import Variant
from decentralml.chain.substrate.runtime import Runtime
from decentralml.chain.substrate.values import EncodeError
from decentralml.types import (
    Address,
    AggregatorProfile,
    Balance,
    Election,
    Reputation,
    Role,
    Share,
    Submission,
    SubmissionStatus,
    Task,
    TaskId,
)

if TYPE_CHECKING:
    from decentralml.chain.events import Event
    from decentralml.chain.substrate.transport import Transport

_MAY_BE_APPEALED = frozenset({SubmissionStatus.VALIDATED, SubmissionStatus.APPEALED})
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Census:
    """What some calls must say of the chain's present state."""

    candidates: int
    """How many stand for election."""
    standing: Variant | None
    """Where the signer stands in it (``Renouncing``), or None."""


@dataclass(frozen=True, slots=True)
class Reader:
    """The chain's newest state, through one runtime's eyes."""

    runtime: Runtime
    transport: Transport

    def now(self) -> int:
        return self.transport.clock(self._value("Timestamp", "Now"))

    def task(self, task: TaskId) -> Task:
        value = self._named("Market", "Tasks", task)
        if value is None:
            raise UnknownTask("Market", "UnknownTask", task=task)
        return self._record(records.task, task, value)

    def tasks(self, limit: int, before: TaskId | None) -> list[Task]:
        """Numbers are given out in order and never taken back, so nothing has to be searched."""
        end = self._value("Market", "NextTaskId")
        end = end if before is None else min(end, before)
        numbers = list(range(end - 1, max(end - limit, 0) - 1, -1))
        values = self._values("Market", "Tasks", [(number,) for number in numbers])
        return [
            self._record(records.task, number, value)
            for number, value in zip(numbers, values, strict=True)
            if value is not None
        ]

    def submission(self, task: TaskId, index: int) -> Submission:
        value = self._named("Market", "Submissions", task, index)
        if value is None:
            raise UnknownSubmission("Market", "UnknownSubmission", task=task, index=index)
        return self._submissions(task, {index: value})[0]

    def submissions(self, task: TaskId, limit: int, before: int | None) -> list[Submission]:
        """Abandoned ones leave gaps, so it may take several rounds to find ``limit`` of them."""
        end = self.task(task).submissions
        end = end if before is None else min(end, before)
        found: list[Submission] = []
        while end > 0 and len(found) < limit:
            start = max(0, end - (limit - len(found)))
            indices = list(range(end - 1, start - 1, -1))
            keys = [(task, index) for index in indices]
            values = self._values("Market", "Submissions", keys)
            found += self._submissions(task, dict(zip(indices, values, strict=True)))
            end = start
        return found

    def _submissions(self, task: TaskId, values: dict[int, Any]) -> list[Submission]:
        """Stored submissions by index, with their appeals."""
        present = {index: value for index, value in values.items() if value is not None}
        appealed = [
            index for index, value in present.items() if value["state"].name in _MAY_BE_APPEALED
        ]
        keys = [(task, index) for index in appealed]
        appeals = dict(zip(appealed, self._values("Market", "Appeals", keys), strict=True))
        return [
            self._record(records.submission, task, index, value, appeals.get(index))
            for index, value in present.items()
        ]

    def open_assignment(self, task: TaskId, address: Address) -> int | None:
        index = self._value("Market", "Assignments", task, ss58.decode(address))
        return None if index is None else int(index)

    def invited(self, task: TaskId, address: Address) -> bool:
        account = ss58.decode(address)
        entry = self.runtime.entry("Market", "Invitations")
        return self.transport.storage(self.runtime.key(entry, task, account)) is not None

    def share(self, task: TaskId, member: Address) -> Share | None:
        value = self._value("Market", "Shares", task, ss58.decode(member))
        return None if value is None else self._record(records.share, value)

    def merger(self, task: TaskId) -> Address | None:
        value = self._named("Market", "Mergers", task)
        return None if value is None else self._record(records.merger, value)

    def admitted(self, task: TaskId, limit: int) -> list[Address]:
        found: dict[Address, None] = {}
        for name in ("Shares", "Invitations"):
            entry = self.runtime.entry("Market", name)
            for key in self.transport.keys(self.runtime.key(entry, task), limit):
                _, account = self._record(self.runtime.keys_of, entry, key)
                found[ss58.encode(bytes(account))] = None
        return list(found)

    def balance(self, address: Address) -> Balance:
        account = ss58.decode(address)
        stored, holds, locks = self._several(
            ("System", "Account", (account,)),
            ("Balances", "Holds", (account,)),
            ("Balances", "Locks", (account,)),
        )
        return self._record(accounts.balance, stored, holds, locks)

    def asset(self, asset: int) -> AssetInfo | None:
        details, metadata = self._several(
            ("Assets", "Asset", (asset,)), ("Assets", "Metadata", (asset,))
        )
        return None if details is None else self._record(accounts.asset, asset, details, metadata)

    def assets(self, limit: int) -> list[AssetInfo]:
        entry = self.runtime.entry("Assets", "Asset")
        keys = self.transport.keys(self.runtime.prefix(entry), limit)
        numbers = [self._record(self.runtime.keys_of, entry, key)[0] for key in keys]
        return [found for number in numbers if (found := self.asset(number)) is not None]

    def asset_balance(self, asset: int, address: Address) -> AssetBalance:
        account = ss58.decode(address)
        stored, holds = self._several(
            ("Assets", "Account", (asset, account)), ("AssetsHolder", "Holds", (asset, account))
        )
        return self._record(accounts.asset_balance, stored, holds)

    def reputation(self, address: Address, role: Role) -> Reputation:
        value = self._value("Reputation", "Records", ss58.decode(address), role.value)
        half_life = self.runtime.constant("Reputation", "HalfLife")
        return self._record(accounts.reputation, role, value, self.now(), half_life)

    def profile(self, address: Address) -> AggregatorProfile | None:
        account = ss58.decode(address)
        value = self._value("Aggregators", "Profiles", account)
        return None if value is None else self._record(accounts.profile, account, value)

    def profiles(self, limit: int) -> list[AggregatorProfile]:
        entry = self.runtime.entry("Aggregators", "Profiles")
        keys = self.transport.keys(self.runtime.prefix(entry), limit)
        found = []
        for key, data in zip(keys, self.transport.query(keys), strict=True):
            value = self.runtime.value(entry, data)
            if value is not None:
                (account,) = self._record(self.runtime.keys_of, entry, key)
                found.append(self._record(accounts.profile, account, value))
        return found

    def election(self) -> Election:
        members, runners_up, candidates, block = self._several(
            ("Elections", "Members", ()),
            ("Elections", "RunnersUp", ()),
            ("Elections", "Candidates", ()),
            ("System", "Number", ()),
        )
        term = self.runtime.constant("Elections", "TermDuration")
        return self._record(accounts.election, members, runners_up, candidates, block, term)

    def ballot(self, address: Address) -> Ballot | None:
        value = self._value("Elections", "Voting", ss58.decode(address))
        return self._record(accounts.ballot, value)

    def total_issuance(self) -> int:
        return int(self._value("Balances", "TotalIssuance"))

    def nonce(self, account: bytes) -> int:
        return int(self._value("System", "Account", account)["nonce"])

    def census(self, address: Address) -> Census:
        """What the election's calls must say of its present state."""
        election = self.election()
        standing: Variant | None = None
        if address in election.members:
            standing = Variant("Member")
        elif address in election.runners_up:
            standing = Variant("RunnerUp")
        elif address in election.candidates:
            standing = Variant("Candidate", len(election.candidates))
        return Census(len(election.candidates), standing)

    def stored_events(self, block: bytes) -> list[dict[str, Any]]:
        """The decoded ``System.Events`` of a block."""
        entry = self.runtime.entry("System", "Events")
        stored = self.transport.storage(self.runtime.key(entry), block)
        events: list[dict[str, Any]] = self.runtime.value(entry, stored)
        return events

    def events(self, block: int) -> tuple[Event, ...]:
        # Most commands read no events and need not pay for importing all their classes.
        from decentralml.chain.substrate.events import typed

        found = self.transport.block_hash(block)
        if found is None:
            return ()
        stored = self.stored_events(found)
        return tuple(self._record(typed, self.runtime, record["event"]) for record in stored)

    def _value(self, pallet: str, item: str, *keys: Any) -> Any:
        entry = self.runtime.entry(pallet, item)
        return self.runtime.value(entry, self.transport.storage(self.runtime.key(entry, *keys)))

    def _named(self, pallet: str, item: str, *numbers: int) -> Any:
        """The value under numbers that a person named: None also where no such number can be."""
        try:
            return self._value(pallet, item, *numbers)
        except EncodeError:
            return None

    def _values(self, pallet: str, item: str, keys: list[tuple[Any, ...]]) -> list[Any]:
        return self._several(*((pallet, item, each) for each in keys))

    def _several(self, *wanted: tuple[str, str, tuple[Any, ...]]) -> list[Any]:
        entries = [self.runtime.entry(pallet, item) for pallet, item, _ in wanted]
        keys = [
            self.runtime.key(entry, *each[2]) for entry, each in zip(entries, wanted, strict=True)
        ]
        return [
            self.runtime.value(entry, data)
            for entry, data in zip(entries, self.transport.query(keys), strict=True)
        ]

    def _record(self, make: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """A record of ours, or a runtime whose layout this program cannot read."""
        try:
            return make(*args, **kwargs)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise self.runtime.mismatch(
                f"what it stores has another layout ({make.__name__}: {error!r})"
            ) from None
