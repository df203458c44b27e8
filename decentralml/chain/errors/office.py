"""Errors of the aggregators and of their election."""

from __future__ import annotations

from typing import ClassVar

from decentralml.chain.errors.short import Short
from decentralml.errors import CallRefused


class AggregatorsRefused(CallRefused):
    """An error of the pallet ``aggregators``."""

    home: ClassVar[str] = "Aggregators"


class NotRegistered(AggregatorsRefused):
    message = "{signer} is not an aggregator; register with `decentralml aggregators apply`"


class AlreadyRegistered(AggregatorsRefused):
    message = "{signer} is an aggregator already; there is nothing to register"


class InOffice(AggregatorsRefused):
    message = "{signer} is in office; renounce it first (`decentralml aggregators resign`)"


class OnDuty(AggregatorsRefused):
    message = "{signer} still sits on a panel; do its part, or wait for their deadline"


class InvalidEndpoint(AggregatorsRefused):
    message = "an endpoint is printable text such as a URL; correct it"


class BondComplete(AggregatorsRefused):
    message = "the bond of {signer} is complete; there is nothing to fill up"


class ElectionsRefused(CallRefused):
    """An error of the library pallet that elects the aggregators."""

    home: ClassVar[str] = "Elections"


class UnableToVote(ElectionsRefused):
    message = "nobody stands for election yet; vote when `decentralml aggregators list` shows some"


class NoVotes(ElectionsRefused):
    message = "a vote names at least one candidate; give one"


class TooManyVotes(ElectionsRefused):
    message = "a vote cannot name more accounts than stand for election; name fewer"


class MaximumVotesExceeded(ElectionsRefused):
    message = "a vote names at most 16 accounts; name fewer"


class LowBalance(ElectionsRefused):
    message = "the stake of a vote must be more than the existential deposit; raise it"


class UnableToPayBond(Short, ElectionsRefused):
    message = "{signer} cannot pay the deposit of a vote{numbers}; send tokens to it first"


class MustBeVoter(ElectionsRefused):
    message = "{signer} has not voted; there is no vote to take back"


class DuplicatedCandidate(ElectionsRefused):
    message = "{signer} stands for election already; wait for the next election"


class TooManyCandidates(ElectionsRefused):
    message = "as many stand for election as can; try again after the next election"


class MemberSubmit(ElectionsRefused):
    message = "{signer} is in office already; it stands for the next election by itself"


class RunnerUpSubmit(ElectionsRefused):
    message = "{signer} is a runner-up already; it stands for the next election by itself"


class InsufficientCandidateFunds(Short, ElectionsRefused):
    message = "{signer} cannot pay the bond of a candidate{numbers}; send tokens to it first"
