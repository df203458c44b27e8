"""What an attack on the marketplace costs whom: an office of seven, and books that are kept.

Every attack is made of transactions on the shipped runtime in the embedded chain. What a party
lost is the change of all that it has, free or held, less what its own transactions cost, against
what was due to it; a table of it all is printed at the end of each file (``pytest -s``).
"""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from chain_support import (
    AGGREGATORS,
    MORE_MEMBERS,
    VOTERS,
    by_address,
    elect,
    embedded,
    encryption_key,
    new_home,
    pass_time,
    shipped_runtime,
)
from panel_support import Sent, commit, finding, reveal, wrap_for

from decentralml.bundles.wraps import key_digest, open_wrap, wrap
from decentralml.chain import calls
from decentralml.chain.api import Chain, Receipt
from decentralml.chain.keys import Key
from decentralml.errors import WrongWrap
from decentralml.types import UNIT, Address, Attestation, Phase, Verdict

MEMBERS = (*AGGREGATORS, *MORE_MEMBERS)
FEE = UNIT // 2
REWARD = 5 * UNIT
BOND = 2 * UNIT
JURY_FEES = FEE * len(MEMBERS)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; planck, or milliseconds."""

    victim: str
    attack: str
    lost: int
    bound: int
    paid: int | None
    """What the attackers lost by it."""
    unit: int


@dataclass
class Books:
    """Who had what at the start of an attack, on one chain."""

    chain: Chain
    parties: Iterable[Key]
    rows: list[Row]
    _before: dict[Address, int] = field(default_factory=dict)
    _since: int = 0

    def __post_init__(self) -> None:
        self._since = self.chain.info().block
        self._before = {key.address: self._total(key) for key in self.parties}

    def lost(self, *keys: Key) -> int:
        """Planck that these lost so far, not counting their transactions' fees."""
        spent = self._fees()
        before = sum(self._before[key.address] for key in keys)
        fees = sum(spent.get(key.public_key, 0) for key in keys)
        return before - sum(self._total(key) for key in keys) - fees

    def check(
        self,
        victim: str,
        attack: str,
        lost: int,
        bound: int = 0,
        paid: int | None = None,
        unit: int = UNIT,
    ) -> None:
        """Hold what was lost against its bound, and note it for the table."""
        self.rows.append(Row(victim, attack, lost, bound, paid, unit))
        assert lost <= bound, f"{attack}: the {victim} lost {lost}, more than {bound}"

    def _total(self, key: Key) -> int:
        balance = self.chain.balance(key.address)
        return balance.free + sum(balance.held.values())

    def _fees(self) -> Mapping[bytes, int]:
        """What each account's transactions cost, those that failed included."""
        runtime, transport = shipped_runtime(), self.chain.transport  # type: ignore[attr-defined]
        entry = runtime.entry("System", "Events")
        spent: dict[bytes, int] = {}
        for number in range(self._since + 1, self.chain.info().block + 1):
            data = transport.storage(runtime.key(entry), self.chain.block_hash(number))
            for record in runtime.value(entry, data):
                pallet, event = record["event"]
                if (pallet, event.name) == ("TransactionPayment", "TransactionFeePaid"):
                    who, paid = event.value["who"], event.value["actual_fee"]
                    spent[who] = spent.get(who, 0) + paid + event.value["tip"]
        return spent


@functools.cache
def _template() -> Path:
    """A chain with the office elected, made once in a test run and copied for each attack."""
    folder = Path(tempfile.mkdtemp(prefix="decentralml-attacks-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    home = new_home(folder)
    with embedded(home) as chain:
        elect(chain, MEMBERS)
        assert set(chain.election().members) == {key.address for key in MEMBERS}
    return home / "chain.sqlite"


@contextmanager
def elected(folder: Path) -> Iterator[Chain]:
    """A chain of one attack's own, with all members in office."""
    home = new_home(folder)
    shutil.copy(_template(), home / "chain.sqlite")
    with embedded(home) as chain:
        yield chain


def print_table(rows: Iterable[Row]) -> None:
    """What each attack cost: tokens, or hours (h) where only time was lost."""
    print(f"\n{'victim':<12} {'attack':<66} {'lost':>8} {'at most':>8} {'attacker':>9}")
    for row in rows:
        paid = "" if row.paid is None else f"{row.paid / UNIT:.2f}"
        mark = "" if row.unit == UNIT else " h"
        lost, bound = (f"{amount / row.unit:.2f}{mark}" for amount in (row.lost, row.bound))
        print(f"{row.victim:<12} {row.attack:<66} {lost:>8} {bound:>8} {paid:>9}")


def vote(chain: Chain, sent: Sent, said: Callable[[Address], Verdict | Attestation]) -> Receipt:
    """Have the whole panel commit and reveal, each member what `said` gives for it."""
    panel = chain.submission(sent.task, sent.index).panel
    findings = {seat.member: _attestation(said(seat.member)) for seat in panel}
    for member, found in findings.items():
        commit(chain, sent, member, found)
    for member, found in findings.items():
        receipt = reveal(chain, sent, member, found)
    return receipt


def unless(friends: Iterable[Address], truth: Verdict) -> Callable[[Address], Verdict]:
    """Honest members say the truth, Pass or Fail; friends of the attacker the other one."""
    lie = Verdict.FAIL if truth is Verdict.PASS else Verdict.PASS
    known = set(friends)
    return lambda member: lie if member in known else truth


def looking(chain: Chain, sent: Sent, truth: Verdict) -> Callable[[Address], Verdict]:
    """What members find that look: Fail without the key that was promised, or where what was
    handed to others, or will be released, is not that key's; else what the result is worth."""
    submission = chain.submission(sent.task, sent.index)
    reader = chain.task(sent.task).terms.reader
    seats = {seat.member: seat.wrap for seat in submission.panel}
    right = submission.seal
    assert right is not None

    def find(member: Address) -> Verdict:
        handed = seats[member]
        assert handed is not None
        try:
            key = open_wrap(handed, by_address(member).encryption_secret())
        except WrongWrap:
            return Verdict.FAIL
        due = [handed == wrap(key, encryption_key(by_address(m))) for m, handed in seats.items()]
        promised = (key_digest(key), key_digest(wrap(key, reader)))
        is_kept = all(due) and promised == (right.key_digest, right.release)
        return truth if is_kept else Verdict.FAIL

    return find


def members(chain: Chain, sent: Sent) -> list[Address]:
    """The committee."""
    return [seat.member for seat in chain.submission(sent.task, sent.index).committee]


def give_key(chain: Chain, sent: Sent) -> None:
    """Hand the key to whoever on the panel has not got it, if anyone."""
    waiting = chain.submission(sent.task, sent.index)
    if waiting.phase is Phase.SEALING:
        missing = [seat.member for seat in waiting.panel if seat.wrap is None]
        wraps = tuple((member, wrap_for(chain, sent, member)) for member in missing)
        chain.submit(calls.HandKey(sent.task, sent.index, wraps), sent.contributor)


def settle(chain: Chain, sent: Sent) -> Receipt:
    """Let the present deadline pass, and have a bystander settle."""
    deadline = chain.submission(sent.task, sent.index).deadline
    assert deadline is not None
    pass_time(chain, deadline)
    return chain.submit(calls.Settle(sent.task, sent.index), VOTERS[0])


def _attestation(said: Verdict | Attestation) -> Attestation:
    return finding(said) if isinstance(said, Verdict) else said
