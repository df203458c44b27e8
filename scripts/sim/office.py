"""Who is in office: real elections, in which a household of voters rotates the strategies.

A term lasts 50 blocks. Before it ends, the members of the next one stand and are voted for, and
those whose time is over renounce, which keeps their candidacy's deposit from being lost.
"""

from __future__ import annotations

from decentralml.chain import calls
from decentralml.chain.substrate.codec import Variant
from decentralml.chain.substrate.wire import PalletCall

from .chain import SimChain
from .ledger import Account, Agent, digest
from .parameters import OFFICE

STAKE = 1_000 * 10**12
_MANY = 64
"""More candidates than can stand: the witness that the election wants."""
_LEAVING = 10
"""Blocks before the end of a term in which the office changes."""


def reader_of(account: Account) -> bytes:
    """The X25519 key in a member's profile."""
    return digest("reader", account.address)


class Office:
    """Members in office, by term."""

    def __init__(self, chain: SimChain, voter: Account, terms: list[list[Agent]]) -> None:
        self._chain = chain
        self._voter = voter
        self._terms = terms
        self._length = int(chain.constant("Elections", "TermDuration"))
        self._agents = {member.account.public: member for term in terms for member in term}
        self._changed = 0
        self.members: list[Agent] = []

    def agent(self, public: bytes) -> Agent:
        return self._agents[public]

    def begin(self) -> None:
        """Everybody registers; the first term begins."""
        for member in self._agents.values():
            call = calls.RegisterAggregator("", reader_of(member.account))
            self._chain.send(member.account, call)
        self._stand(self._wanted(0))
        self._chain.seal()
        while self._chain.chain.height % self._length or not self._chain.office():
            self._chain.seal()
        self._look()

    def step(self) -> None:
        """Before each tick: elects the next term in time, and looks who is in office."""
        height = self._chain.chain.height
        term, left = height // self._length, self._length - height % self._length
        # The last block of a term elects before it takes calls.
        if self._changed < term and 1 < left <= _LEAVING and len(self._terms) > 1:
            self._changed = term
            coming = self._wanted(term)
            self._stand(coming)
            self._dismiss(coming)
        self._look()

    def _dismiss(self, coming: list[Agent]) -> None:
        """Who is not of the next term leaves now."""
        renounce = PalletCall(
            "Elections", "renounce_candidacy", {"renouncing": Variant("Member", None)}
        )
        for member in self.members:
            if member not in coming:
                self._chain.send(member.account, renounce)

    def _look(self) -> None:
        self.members = [self._agents[public] for public in self._chain.office()]

    def _wanted(self, term: int) -> list[Agent]:
        return self._terms[term % len(self._terms)]

    def _stand(self, wanted: list[Agent]) -> None:
        standing = self._chain.standing()
        for member in wanted:
            if member.account.public not in standing:
                call = PalletCall("Elections", "submit_candidacy", {"candidate_count": _MANY})
                self._chain.send(member.account, call)
        addresses = tuple(member.account.address for member in wanted)
        assert len(addresses) <= OFFICE
        self._chain.send(self._voter, calls.Vote(addresses, STAKE))
