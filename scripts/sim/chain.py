"""The real runtime in the embedded chain, with a clock that stands still between two ticks."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from decentralml.chain.calls import Call
from decentralml.chain.substrate import extrinsic, records
from decentralml.chain.substrate.extrinsic import Mortality, Terms
from decentralml.chain.substrate.runtime import Runtime
from decentralml.chain.substrate.wire import PalletCall, encode, to_pallet
from decentralml.devchain.chain import DevChain, Refused, Sealed
from decentralml.runtime import blob
from decentralml.types import Submission, Task

from .ledger import Account

START = 1_750_000_000_000
"""Unix milliseconds at genesis."""
PROPERTIES = {"ss58Format": 42, "tokenDecimals": 12, "tokenSymbol": "DML"}
LARGEST_BLOCK = 1_000
"""Transactions that are sealed together."""
_NEW_LOGIC = 1 << 127
"""The mark of ``pallet_balances`` on accounts made by its present rules."""
_SUCCESS = b"\0\0"
_EXHAUSTS = b"\1\0\6"
_ED25519 = b"\0"
"""The kind of signature in ``MultiSignature``."""


@dataclass(frozen=True, slots=True)
class _Immortal(Mortality):
    """Transactions that are good for ever: nothing to look up for each."""

    def encode(self) -> bytes:
        return b"\0"


@dataclass(frozen=True, slots=True)
class Sent:
    """A call on its way into a block."""

    account: Account
    call: PalletCall


class UnexpectedFailure(AssertionError):
    """The runtime refused what an agent had every reason to think it could do."""


class SimChain:
    """One chain; calls are queued and sealed together."""

    def __init__(self, folder: Path, endowed: Mapping[bytes, int], cache: Path) -> None:
        self.now = START
        self.transactions: Counter[str] = Counter()
        self.sealing = 0.0
        """Seconds of making blocks."""
        self.burned = 0
        self.slashed: Counter[tuple[int, int]] = Counter()
        """Planck that members lost over each submission."""
        self._queue: list[Sent] = []
        self.chain = _with_accounts(folder, endowed, cache, lambda: self.now)
        self.runtime = Runtime.load(self.chain.runtime_version, self.chain.metadata())
        self._eternal = _Immortal(0, self.chain.genesis)
        self._tasks = self.runtime.entry("Market", "Tasks")
        self._submissions = self.runtime.entry("Market", "Submissions")
        self._appeals = self.runtime.entry("Market", "Appeals")
        self._events = self.runtime.entry("System", "Events")
        self.issued = self.issuance()

    # -- sending

    def send(self, account: Account, call: Call | PalletCall) -> None:
        """Put a call into the next block."""
        wanted = call if isinstance(call, PalletCall) else to_pallet(call)
        self._queue.append(Sent(account, wanted))

    def seal(self) -> None:
        """Make the next block or blocks with all that is queued; at least one.

        Raises
        ------
        UnexpectedFailure
        """
        queue, self._queue = self._queue, []
        while True:
            some, queue = queue[:LARGEST_BLOCK], queue[LARGEST_BLOCK:]
            queue = self._block(some) + queue
            if not queue:
                return

    def _block(self, some: list[Sent]) -> list[Sent]:
        """Seals one block; returns what it had no room for."""
        nonces = []
        signed = []
        for each in some:
            nonces.append(each.account.nonce)
            signed.append(self._sign(each))
        start = time.perf_counter()
        outcomes = self.chain.seal(signed)
        self.sealing += time.perf_counter() - start
        left: list[Sent] = []
        waiting: set[str] = set()
        for each, nonce, outcome in zip(some, nonces, outcomes, strict=True):
            name, address = each.call.function, each.account.address
            if isinstance(outcome, Refused):
                full = outcome.result[:3] == _EXHAUSTS
                if not full and address not in waiting:
                    raise UnexpectedFailure(f"{name}: {outcome.reason}")
                if address not in waiting:
                    each.account.nonce = nonce
                    waiting.add(address)
                left.append(each)
                continue
            self.transactions[name] += 1
            if outcome.result != _SUCCESS:
                why = self._why(outcome.result)
                raise UnexpectedFailure(f"{name}: {why} ({each.call.arguments})")
        if len(left) == len(some) and some:
            raise UnexpectedFailure(f"{left[0].call.function} fits in no block")
        sealed = zip(some, outcomes, strict=True)
        self._note({outcome.index: each for each, outcome in sealed if isinstance(outcome, Sealed)})
        return left

    def _sign(self, sent: Sent) -> bytes:
        account = sent.account
        call = encode(self.runtime, sent.call)
        terms = Terms(self.chain.genesis, account.nonce, self._eternal)
        account.nonce += 1
        signature = account.sign(extrinsic.payload(self.runtime, call, terms))
        data = bytearray(extrinsic.estimate(self.runtime, call, account, terms).data)
        body = 1 << (data[0] & 3)  # the length before it is compact
        data[body + 34 : body + 99] = _ED25519 + signature
        return bytes(data)

    def _why(self, result: bytes) -> str:
        """The name of a dispatch error (``00 01 03 pallet error …`` is a pallet's)."""
        if result[2:3] == b"\3":
            pallet, name, _ = self.runtime.error(result[3], result[4])
            return f"{pallet}.{name}"
        return result[2:].hex()

    def _note(self, sent: Mapping[int, Sent]) -> None:
        """Reads the last block's events: fees that were burned, members that were slashed."""
        data = self.chain.storage(self.runtime.key(self._events))
        for record in self.runtime.value(self._events, data):
            pallet, event = record["event"]
            match pallet, event.name:
                case "TransactionPayment", "TransactionFeePaid":
                    self.burned += event.value["actual_fee"] + event.value["tip"]
                case "Aggregators", "Misconducted":
                    said = sent[record["phase"].value].call.arguments
                    self.slashed[said["task"], said["index"]] += event.value["slashed"]

    # -- reading

    def tasks(self, numbers: Iterable[int]) -> list[Task]:
        """Tasks, as the chain has them now."""
        numbers = list(numbers)
        keys = [self.runtime.key(self._tasks, number) for number in numbers]
        return [
            records.task(number, self.runtime.value(self._tasks, value))
            for number, (_, value) in zip(numbers, self.chain.query(keys), strict=True)
        ]

    def submissions(self, keys: Iterable[tuple[int, int]]) -> list[Submission | None]:
        """Submissions with their appeals; None for those whose record is gone."""
        keys = list(keys)
        wanted = [self.runtime.key(self._submissions, *key) for key in keys]
        wanted += [self.runtime.key(self._appeals, *key) for key in keys]
        values = [value for _, value in self.chain.query(wanted)]
        found: list[Submission | None] = []
        for key, value, appeal in zip(keys, values, values[len(keys) :], strict=False):
            if value is None:
                found.append(None)
                continue
            decoded = self.runtime.value(self._submissions, value)
            appealed = None if appeal is None else self.runtime.value(self._appeals, appeal)
            found.append(records.submission(*key, decoded, appealed))
        return found

    def assignment(self, task: int, public: bytes) -> int | None:
        """The index of an account's open submission."""
        found = self._value("Market", "Assignments", task, public)
        return None if found is None else int(found)

    def next_task(self) -> int:
        return int(self._value("Market", "NextTaskId"))

    def office(self) -> list[bytes]:
        return list(self._value("Aggregators", "InOffice"))

    def standing(self) -> set[bytes]:
        """Who stands for election or was elected."""
        held = self._value("Elections", "Members") + self._value("Elections", "RunnersUp")
        candidates = self._value("Elections", "Candidates")
        return {each["who"] for each in held} | {who for who, _ in candidates}

    def constant(self, pallet: str, name: str) -> Any:
        return self.runtime.constant(pallet, name)

    # -- money

    def total(self, public: bytes) -> int:
        """Planck of an account, whatever holds them."""
        data = self._value("System", "Account", public)["data"]
        return int(data["free"] + data["reserved"])

    def issuance(self) -> int:
        return int(self._value("Balances", "TotalIssuance"))

    def everybody(self) -> dict[bytes, int]:
        """Planck of every account that there is."""
        entry = self.runtime.entry("System", "Account")
        keys = self.chain.keys(self.runtime.prefix(entry), 1_000_000)
        return {
            self.runtime.keys_of(entry, key)[0]: int(data["free"] + data["reserved"])
            for key, value in self.chain.query(keys)
            for data in (self.runtime.value(entry, value)["data"],)
        }

    def held(self, public: bytes) -> int:
        """Planck of an account that any reason holds."""
        return sum(int(each["amount"]) for each in self._value("Balances", "Holds", public))

    def check_money(self) -> None:
        """Whether each planck is somewhere: only transaction fees were burned.

        Raises
        ------
        AssertionError
        """
        issuance = self.issuance()
        assert issuance == self.issued - self.burned, (issuance, self.issued, self.burned)
        assert sum(self.everybody().values()) == issuance

    def close(self) -> None:
        self.chain.close()

    def _value(self, pallet: str, item: str, *keys: Any) -> Any:
        entry = self.runtime.entry(pallet, item)
        return self.runtime.value(entry, self.chain.storage(self.runtime.key(entry, *keys)))


def _with_accounts(
    folder: Path, endowed: Mapping[bytes, int], cache: Path, clock: Callable[[], int]
) -> DevChain:
    """A chain of the shipped runtime whose genesis endows these accounts, too."""
    with DevChain.create(
        folder / "preset.sqlite", blob(), properties=PROPERTIES, cache=cache, clock=clock
    ) as preset:
        spec = preset.export_spec()
        runtime = Runtime.load(preset.runtime_version, preset.metadata())
    top = spec["genesis"]["raw"]["top"]
    accounts = runtime.entry("System", "Account")
    for public, free in endowed.items():
        data = {"free": free, "reserved": 0, "frozen": 0, "flags": _NEW_LOGIC}
        info = {"nonce": 0, "consumers": 0, "providers": 1, "sufficients": 0, "data": data}
        value = runtime.codec.encode(accounts.value, info)
        top["0x" + runtime.key(accounts, public).hex()] = "0x" + value.hex()
    issuance = runtime.entry("Balances", "TotalIssuance")
    key = "0x" + runtime.key(issuance).hex()
    total = runtime.value(issuance, bytes.fromhex(top[key][2:])) + sum(endowed.values())
    top[key] = "0x" + runtime.codec.encode(issuance.value, total).hex()
    return DevChain.create_from_spec(folder / "chain.sqlite", spec, cache=cache, clock=clock)
