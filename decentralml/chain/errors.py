"""What the chain answers to a call that it includes and refuses: one class for each error.

The classes carry the runtime's own names; their pallet is ``pallet``. The message says what to do.
What a call named (``task``, ``index``) and who signed it (``signer``) are attributes. A test
compares the errors of ``market`` and ``aggregators`` with the metadata of the shipped runtime.
Errors of other pallets that have no class here get one when they are first met, see
:func:`refusal`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from decentralml.errors import CallRefused


class MarketRefused(CallRefused):
    """An error of the pallet ``market``."""

    home: ClassVar[str] = "Market"


class UnknownTask(MarketRefused):
    message = "there is no task {task}; `decentralml list-tasks` shows those there are"


class UnknownSubmission(MarketRefused):
    message = (
        "task {task} has no submission {index}; `decentralml list-task-results {task}` shows "
        "those there are"
    )


class UnknownParent(MarketRefused):
    message = "there is no parent task {parent}; `decentralml list-tasks` shows those there are"


class ParentNotPublished(MarketRefused):
    message = (
        "the parent task {parent} has no published model to continue from; `federate` it first"
    )


class TaskFull(MarketRefused):
    message = "every slot of task {task} is taken; one opens again if its holder gives up or fails"


class TaskExpired(MarketRefused):
    message = "the time to accept task {task} is over; choose another (`decentralml list-tasks`)"


class TaskWithdrawn(MarketRefused):
    message = "task {task} was withdrawn by its creator; choose another (`decentralml list-tasks`)"


class TaskCompleted(MarketRefused):
    message = "every slot of task {task} has ended; choose another (`decentralml list-tasks`)"


class NotCreator(MarketRefused):
    message = "{signer} did not create task {task}; sign with its creator's key (--as)"


class CreatorCannotContribute(MarketRefused):
    message = "{signer} created task {task} and cannot work on it; sign with another key (--as)"


class AlreadyAssigned(MarketRefused):
    message = "{signer} has task {task} already; send its result, or abandon it, before the next"


class NotAssigned(MarketRefused):
    message = "{signer} does not hold a slot of task {task}; `decentralml accept-task {task}` first"


class AlreadySubmitted(MarketRefused):
    message = "{signer} has sent its result of task {task}; wait until it is validated"


class DeadlinePassed(MarketRefused):
    message = "the deadline at task {task} has passed; anyone can settle it now"


class NotPendingValidation(MarketRefused):
    message = (
        "submission {index} of task {task} does not wait for validation; see `show-task {task}`"
    )


class NotValidated(MarketRefused):
    message = (
        "submission {index} of task {task} does not wait for its creator; see `show-task {task}`"
    )


class CommitteeAlreadyDrawn(MarketRefused):
    message = "the committee of submission {index} of task {task} is drawn; its members can attest"


class CommitteeNotReady(MarketRefused):
    message = (
        "the committee of submission {index} of task {task} cannot be drawn before the next "
        "block; try again then"
    )


class NoEligibleAggregator(MarketRefused):
    message = (
        "no aggregator in office can be drawn for submission {index} of task {task}; elect some "
        "(`decentralml aggregators apply`, `decentralml vote`)"
    )


class NotCommitteeMember(MarketRefused):
    message = (
        "{signer} has no seat on the committee of submission {index} of task {task}; sign with "
        "a member's key (--as)"
    )


class AlreadyAttested(MarketRefused):
    message = "{signer} has attested submission {index} of task {task}; nothing is left to do"


class NotManual(MarketRefused):
    message = "task {task} is not ManualAccept: its committee decides, not its creator"


class InvalidCid(MarketRefused):
    message = "the chain takes CIDs of version 1 in base32 (bafy…); compute it with `bundles cid`"


class InvalidScore(MarketRefused):
    message = "a score is at most a million parts per million; correct it"


class InvalidCommitteeSize(MarketRefused):
    message = "a committee has 1, 3, 5, 7 or 9 members; choose one of these"


class InvalidSlots(MarketRefused):
    message = "a task asks for 1 to 10,000 results; choose a number between"


class InvalidExpiry(MarketRefused):
    message = "a task expires between one second and 365 days from now; choose a time between"


class InvalidWorkingTime(MarketRefused):
    message = "the working time is between one second and 365 days; choose a time between"


class InvalidReviewTime(MarketRefused):
    message = "the review time is between one second and 365 days; choose a time between"


class NothingToSettle(MarketRefused):
    message = "nothing at task {task} is past its deadline; wait for it (`show-task {task}`)"


class NothingAccepted(MarketRefused):
    message = "task {task} has no accepted result to make a model of; accept one first"


class AmountOverflow(MarketRefused):
    message = "reward, fee and slots come to more tokens than can exist; lower them"


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
    message = "{signer} still owes attestations; give them, or wait for their deadline"


class InvalidEndpoint(AggregatorsRefused):
    message = "an endpoint is printable text such as a URL; correct it"


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


class UnableToPayBond(ElectionsRefused):
    message = "{signer} cannot pay the deposit of a vote; send tokens to it first"


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


class InsufficientCandidateFunds(ElectionsRefused):
    message = "{signer} cannot pay the bond of a candidate; send tokens to it first"


class TokenRefused(CallRefused):
    """A transfer or hold that the accounts' balances do not allow (``sp_runtime::TokenError``)."""

    home: ClassVar[str] = "Token"


class FundsUnavailable(TokenRefused):
    message = (
        "{signer} has too little free balance for this; `decentralml balance` shows it, send "
        "tokens to it (`decentralml transfer`)"
    )


class OnlyProvider(TokenRefused):
    message = "this would leave {signer} without the tokens that keep its account; send less"


class BelowMinimum(TokenRefused):
    message = "an account cannot exist with less than the existential deposit; send more"


class CannotCreate(TokenRefused):
    message = "the receiver's account cannot be made with this; send at least the minimum"


class Frozen(TokenRefused):
    message = (
        "the tokens are locked by a vote; take it back first (`decentralml vote --remove`), or "
        "send less"
    )


class NotExpendable(TokenRefused):
    message = "this would empty {signer}'s account; keep at least the existential deposit"


class BalancesRefused(CallRefused):
    """An error of the library pallet that keeps balances."""

    home: ClassVar[str] = "Balances"


class InsufficientBalance(BalancesRefused):
    message = "{signer} has too little free balance; send tokens to it (`decentralml transfer`)"


class LiquidityRestrictions(BalancesRefused):
    message = "the tokens are locked or held; `decentralml balance` shows what is free"


class ExistentialDeposit(BalancesRefused):
    message = "the receiver's account would stay below the existential deposit; send more"


class Expendability(BalancesRefused):
    message = "this would remove {signer}'s account; keep at least the existential deposit"


class ArithmeticRefused(CallRefused):
    """A number that came out of range (``sp_runtime::ArithmeticError``)."""

    home: ClassVar[str] = "Arithmetic"


class Overflow(ArithmeticRefused):
    message = "an amount in the call is too large; lower it"


class Underflow(ArithmeticRefused):
    message = "{signer} has less than this call takes; `decentralml balance` shows what there is"


class DivisionByZero(ArithmeticRefused):
    message = "an amount in the call makes the runtime divide by zero; correct it"


class BadOrigin(CallRefused):
    message = "{signer} may not make this call; sign with the key of who may (--as)"


def _families() -> dict[str, type[CallRefused]]:
    return {family.home: family for family in CallRefused.__subclasses__() if family.home}


_FAMILIES = _families()
_CLASSES: dict[tuple[str, str], type[CallRefused]] = {
    (family.home, error.__name__): error
    for family in _FAMILIES.values()
    for error in family.__subclasses__()
}
_CLASSES["", "BadOrigin"] = BadOrigin


def explicit(pallet: str) -> frozenset[str]:
    """Names of a pallet's errors that have a class in this module."""
    return frozenset(name for home, name in _CLASSES if home == pallet)


def refusal(pallet: str, name: str, docs: str, **facts: Any) -> CallRefused:
    """The error of a name, as an instance of its own class.

    A name without a class here gets one: a subclass of its pallet's (or of ``CallRefused``), the
    same for as long as the process lives.
    """
    found = _CLASSES.get((pallet, name))
    if found is None:
        base = _FAMILIES.get(pallet, CallRefused)
        found = _CLASSES[pallet, name] = type(name, (base,), {"__doc__": docs or None})
    return found(pallet, name, docs, **facts)
