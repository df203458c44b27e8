"""Errors of the pallet ``market``."""

from __future__ import annotations

from typing import ClassVar

from decentralml.chain.errors.short import Below, Short
from decentralml.errors import CallRefused
from decentralml.errors.quantities import format_time


class MarketRefused(CallRefused):
    """An error of the pallet ``market``."""

    home: ClassVar[str] = "Market"


class UnknownTask(MarketRefused):
    message = "there is no task {task}; `decentralml list-tasks` shows those there are"


class UnknownSubmission(MarketRefused):
    message = (
        "task {task} has no result {index}; `decentralml list-task-results {task}` shows "
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
    message = (
        "{signer} has sent its result of task {task} already; another one takes another slot, once "
        "this one has ended: decentralml accept-task {task}"
    )


class DeadlinePassed(MarketRefused):
    message = "the deadline at task {task} has passed; anyone can settle it now"


class NotPendingValidation(MarketRefused):
    message = "result {index} of task {task} does not wait for validation; see `show-task {task}`"


class NotValidated(MarketRefused):
    message = "result {index} of task {task} does not wait for its creator; see `show-task {task}`"


class CommitteeAlreadyDrawn(MarketRefused):
    message = "the committee of result {index} of task {task} is drawn; its members judge now"


class CommitteeNotReady(MarketRefused):
    message = (
        "the committee of result {index} of task {task} cannot be drawn before the next "
        "block; try again then"
    )


class NoEligibleAggregator(MarketRefused):
    message = (
        "no aggregator in office can be drawn for result {index} of task {task}; elect some "
        "(`decentralml aggregators apply`, `decentralml vote`)"
    )


class NotCommitteeMember(MarketRefused):
    message = (
        "{signer} has no seat on the committee of result {index} of task {task}; sign with "
        "a member's key (--as)"
    )


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
    message = "the review time is between one second and 30 days; choose a time between"


class NothingToSettle(MarketRefused):
    message = "nothing at task {task} is past its deadline; wait for it (`show-task {task}`)"


class NothingAccepted(MarketRefused):
    message = "task {task} has no accepted result to make a model of; accept one first"


class AmountOverflow(MarketRefused):
    message = "reward, fee and slots come to more tokens than can exist; lower them"


class InvalidChallengeTime(MarketRefused):
    message = "the time to appeal is at most 30 days (0: none); choose a time between"


class InvalidTolerance(MarketRefused):
    message = "a tolerance is at most a million parts per million; correct it"


class InvalidReputation(MarketRefused):
    message = "a minimum reputation is at most a million parts per million; correct it"


class InvalidReplay(MarketRefused):
    message = (
        "a run to replay has 2 to 4096 checkpoints, of whose segments 1 to 16 are replayed; "
        "correct the bundle's recipe"
    )


class InvalidReader(MarketRefused):
    message = (
        "the key that results are to be released to is none; post the task with a key's own "
        "encryption key"
    )


class UnknownAsset(MarketRefused):
    message = "the chain has no asset {asset}; `decentralml assets list` shows those there are"


class CannotReceive(MarketRefused):
    message = (
        "{signer} cannot have the asset that task {task} pays in (too few native tokens, too many "
        "assets, or blocked by the asset's owner); send it native tokens first "
        "(`decentralml transfer`), or choose another task"
    )


class SealMissing(MarketRefused):
    message = "results of task {task} must be sealed; send yours with `send-results`"


class SealUnexpected(MarketRefused):
    message = (
        "task {task} is from before results were sealed, and nobody could open one; send yours "
        "unsealed"
    )


class StillUnpaid(MarketRefused):
    message = (
        "money in an asset is still held for this and could not be paid yet; claim it before you "
        "clear it"
    )


class BondTooSmall(Below, MarketRefused):
    message = (
        "the bond of a contributor must cover the fees of a whole committee, and be at least the "
        "chain's least bond{numbers}; raise it, or lower the fee"
    )


class FeeTooSmall(Below, MarketRefused):
    message = (
        "the fee of a committee's members, who have to work for it, is below the chain's "
        "least{numbers}; raise it"
    )


class NotInvited(MarketRefused):
    message = "{signer} is not invited to task {task}; ask its creator, or choose another"


class ReputationTooLow(Below, MarketRefused):
    proportion = True
    message = (
        "task {task} asks for a better standing than {signer} has as a contributor{numbers}; have "
        "results accepted at other tasks first (`decentralml list-tasks`)"
    )


class TraceMissing(MarketRefused):
    message = (
        "results of task {task} are replayed and need the checkpoints of their training; train "
        "with the bundle's trainer and send the whole folder"
    )


class TraceUnexpected(MarketRefused):
    message = "results of task {task} are not replayed; send yours without checkpoints"


class WrongCheckpoints(MarketRefused):
    message = (
        "a result of task {task} must have exactly the checkpoints that its terms ask for; train "
        "with the bundle's trainer to the end"
    )


class SegmentOutsideRun(MarketRefused):
    message = (
        "an attestation on result {index} of task {task} names a segment that was not drawn; "
        "name one of those that were replayed"
    )


class NotSealing(MarketRefused):
    message = (
        "nobody waits for the key of result {index} of task {task} now; see `show-task {task}`"
    )


class NotCommitting(MarketRefused):
    message = "result {index} of task {task} takes no commitments now; see `show-task {task}`"


class NotRevealing(MarketRefused):
    message = (
        "nothing is revealed on result {index} of task {task} before all have committed or "
        "the time for it is over, nor after the end; see `show-task {task}`"
    )


class WrongRecipient(MarketRefused):
    message = (
        "a key for result {index} of task {task} is wrapped for somebody who does not wait "
        "for it; wrap it for those who do, each once"
    )


class WrapMissing(MarketRefused):
    message = (
        "a member of the panel of result {index} of task {task} would stay without its key; "
        "hand all of them at once"
    )


class AlreadyCommitted(MarketRefused):
    message = (
        "{signer} has committed to a finding on result {index} of task {task}; reveal that "
        "one when all have committed"
    )


class NotCommitted(MarketRefused):
    message = (
        "{signer} committed to nothing on result {index} of task {task}, so there is nothing "
        "to reveal; leave it to the others"
    )


class CommitmentMismatch(MarketRefused):
    message = (
        "what {signer} reveals on result {index} of task {task} is not what it committed to; "
        "reveal the same finding with the same salt"
    )


class AlreadyRevealed(MarketRefused):
    message = (
        "{signer} has revealed its finding on result {index} of task {task}; nothing is left to do"
    )


class NotReleasing(MarketRefused):
    message = (
        "result {index} of task {task} does not wait for its key's release; see `show-task {task}`"
    )


class WrongKey(MarketRefused):
    message = (
        "this is not the key that result {index} of task {task} was sealed with, wrapped for "
        "its creator; release the one that its digest names"
    )


class NotChallengeable(MarketRefused):
    message = (
        "the outcome of result {index} of task {task} cannot be appealed against, or no "
        "longer; see `show-task {task}`"
    )


class NotParty(MarketRefused):
    message = (
        "{signer} has no part in result {index} of task {task} that this needs; sign with the "
        "key of who has (--as)"
    )


class CannotAppeal(MarketRefused):
    message = (
        "the outcome of result {index} of task {task} is what {signer} wants; the other side "
        "may appeal against it"
    )


class AppealUnaffordable(Short, MarketRefused):
    message = (
        "{signer} cannot pay what is held for an appeal over result {index} of task "
        "{task}{numbers}, and who appeals, or rejects against the committee, must be able to; "
        "send tokens to {signer} (`decentralml transfer`)"
    )


class UnknownGold(MarketRefused):
    message = "task {task} was not posted with this gold; open one whose commitment is in its terms"


class GoldAgrees(MarketRefused):
    message = (
        "the finding on result {index} of task {task} agrees with this gold; there is nothing "
        "to appeal against"
    )


class NotSharer(MarketRefused):
    message = (
        "{signer} neither created task {task} nor has its validation set's key, and so cannot "
        "give it; ask who has it"
    )


class AlreadyShared(MarketRefused):
    message = (
        "a member named has the key of task {task}'s validation set already; only the creator "
        "replaces it, or the member itself discards it"
    )


class NoShare(MarketRefused):
    message = "{signer} has no key of task {task}'s validation set; there is nothing to discard"


class NotInvitational(MarketRefused):
    message = "task {task} is open to everybody; there is nobody to invite"


class NotEnded(MarketRefused):
    message = "this has not ended yet; clear it when it has (`show-task {task}`)"


class TooEarly(MarketRefused):
    """``since`` is the time from which on it can be cleared, Unix milliseconds, where known."""

    message = "this has ended too recently to be cleared; try again {when} (`show-task {task}`)"

    def words(self) -> dict[str, str]:
        since = vars(self).get("since")
        return {"when": "later" if since is None else f"from {format_time(since)} on"}


class StillStored(MarketRefused):
    message = "task {task} still has results, invitations or shares in storage; clear these first"


class NothingUnpaid(MarketRefused):
    message = "the reward of result {index} of task {task} is not owed; nothing is left to do"


class NotPublisher(MarketRefused):
    message = (
        "{signer} is neither the creator of task {task} nor its merger; sign with the key of one "
        "of them (--as)"
    )


class CreatorCannotMerge(MarketRefused):
    message = "{signer} created task {task} and merges it without being appointed; name another"


class NoMerger(MarketRefused):
    message = "task {task} has no merger to dismiss; nothing is left to do"
