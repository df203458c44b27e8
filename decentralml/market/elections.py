"""Delegated proof of stake: who stands, who votes with how much, who is in office."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from decentralml.bundles.sealing import encryption_public_key
from decentralml.chain.api import Ballot, Receipt
from decentralml.chain.calls import (
    Batch,
    Call,
    Deregister,
    RegisterAggregator,
    RemoveVoter,
    RenounceCandidacy,
    SubmitCandidacy,
    TopUp,
    UpdateProfile,
    Vote,
)
from decentralml.errors import NotAnAggregator, TakenBack
from decentralml.market.session import Session
from decentralml.market.standings import standings
from decentralml.types import Address, AggregatorProfile, Role

PLACES = ("in office", "runner-up", "candidate", "registered")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One aggregator.

    Attributes
    ----------
    place : where the election has put it, one of :data:`PLACES`.
    standing : how it has kept to the rules, parts per million.
    """

    account: Address
    place: str
    profile: AggregatorProfile | None
    standing: int


@dataclass(frozen=True, slots=True)
class Field:
    """The state of the election.

    Attributes
    ----------
    aggregators : in office first, then runners-up, candidates, and the registered rest.
    round_ends : number of the block that elects anew.
    block : number of the newest block.
    """

    aggregators: tuple[Candidate, ...]
    round_ends: int
    block: int


def list_aggregators(session: Session) -> Field:
    """Everybody in office, running or registered."""
    election = session.chain.election()
    profiles = {profile.account: profile for profile in session.chain.profiles()}
    groups = (election.members, election.runners_up, election.candidates, tuple(profiles))
    places: dict[Address, str] = {}
    for place, accounts in zip(PLACES, groups, strict=True):
        for account in accounts:
            places.setdefault(account, place)
    standing = standings(session, places, Role.AGGREGATOR)
    found = tuple(
        Candidate(account, place, profiles.get(account), standing[account])
        for account, place in places.items()
    )
    return Field(found, election.round_ends, session.chain.info().block)


def show_aggregator(session: Session, account: Address) -> Candidate:
    """One aggregator. Raises NotAnAggregator."""
    for candidate in list_aggregators(session).aggregators:
        if candidate.account == account:
            return candidate
    raise NotAnAggregator(account)


def apply(session: Session, endpoint: str | None = None) -> Receipt | None:
    """Register as an aggregator with the key's own encryption key, and stand for election.

    What is done already is left out, so the same call brings a changed endpoint up to date (None
    leaves it as it is). None when there was nothing to do.
    """
    encryption_key = encryption_public_key(session.key.encryption_secret())
    election = session.chain.election()
    profile = session.chain.profile(session.address)
    calls: list[Call] = []
    if endpoint is None:
        endpoint = "" if profile is None else profile.endpoint
    if profile is None:
        calls.append(RegisterAggregator(endpoint, encryption_key))
    elif (profile.endpoint, profile.encryption_key) != (endpoint, encryption_key):
        calls.append(UpdateProfile(endpoint, encryption_key))
    if session.address not in (*election.members, *election.runners_up, *election.candidates):
        calls.append(SubmitCandidacy())
    if not calls:
        return None
    return session.chain.submit(calls[0] if len(calls) == 1 else Batch(tuple(calls)), session.key)


def top_up(session: Session) -> Receipt | None:
    """Fill the bond up again after it was slashed; None if it is full. Raises NotRegistered."""
    profile = session.chain.profile(session.address)
    if profile is not None and profile.bond >= session.chain.constants().aggregator_bond:
        return None
    return session.chain.submit(TopUp(), session.key)


def resign(session: Session) -> Receipt:
    """Leave the election (or the office), and take the bond back if no duties are left.

    Raises
    ------
    NotAnAggregator : the account neither runs nor is registered.
    """
    found = show_aggregator(session, session.address)
    calls: list[Call] = []
    if found.place != "registered":
        calls.append(RenounceCandidacy())
    if found.profile is not None and found.profile.duties == 0:
        calls.append(Deregister())
    if not calls:
        # Registered, with duties: the chain says what must be finished first.
        calls.append(Deregister())
    return session.chain.submit(calls[0] if len(calls) == 1 else Batch(tuple(calls)), session.key)


def vote(session: Session, candidates: Sequence[Address], stake: int) -> Ballot:
    """Vote for accounts with a stake; replaces the account's earlier vote.

    What the chain took: a stake larger than the balance counts as the balance.

    Raises
    ------
    TakenBack : a fork undid it.
    """
    session.chain.submit(Vote(tuple(candidates), stake), session.key)
    ballot = session.chain.ballot(session.address)
    if ballot is None:
        raise TakenBack("the vote")
    return ballot


def remove_vote(session: Session) -> Receipt:
    """Take the vote and its deposit back."""
    return session.chain.submit(RemoveVoter(), session.key)


def ballot(session: Session, account: Address) -> Ballot | None:
    """An account's vote, or None."""
    return session.chain.ballot(account)
