"""What happened to a task or a result, in words: one line for each event that people care about."""

from __future__ import annotations

from collections.abc import Callable

from decentralml.chain import events
from decentralml.cli.units import format_amount, format_proportion
from decentralml.market.explaining.explain import Explanation
from decentralml.types import Address, Outcome, SubmissionStatus, Verdict

Called = Callable[[Address], str]
"""What this user calls an account."""
Amount = Callable[[int | None, int], str]
"""An amount of an asset; None is the native token."""


def tell(event: events.Event, called: Called, amount: Amount) -> str | None:
    """One event in words; None for those that only repeat what others say."""
    match event:
        case events.TaskCreated():
            return f"posted, with {format_amount(event.escrow)} in escrow"
        case events.TaskAccepted():
            return f"slot taken by {called(event.contributor)}, bond {format_amount(event.bond)}"
        case events.ResultSubmitted():
            return f"result sent: {event.cid}"
        case events.CommitteeDrawn():
            return f"drawn: {_all(event.members, called)}"
        case events.DrawPostponed():
            return f"draw put off to block {event.anchor}"
        case events.KeyHanded():
            return f"key handed to {_all(event.members, called)}"
        case events.Committed():
            return f"{called(event.member)} commits to a finding"
        case events.Revealed():
            found = f"{event.verdict}, score {format_proportion(event.score)}"
            failed = "" if event.segment is None else f", segment {event.segment} did not replay"
            return f"{called(event.member)} reveals: {found}{failed}"
        case events.MemberAbsent():
            return f"{called(event.member)} did not commit in time"
        case events.MemberUnrevealed():
            return f"{called(event.member)} did not reveal in time"
        case events.MemberReplaced():
            other = "nobody" if event.replacement is None else called(event.replacement)
            return f"{called(event.absent)} is replaced by {other}"
        case events.ResultValidated():
            panel = "jury" if event.jury else "committee"
            return f"the {panel} finds: {event.verdict}, score {format_proportion(event.score)}"
        case events.Overruled():
            held = format_amount(event.counter)
            return f"rejected against the committee, {held} held for an appeal"
        case events.Appealed():
            gold = ", with a gold opened" if event.gold else ""
            who, bond = called(event.appellant), format_amount(event.bond)
            return f"{who} appeals{gold}, bond {bond}; jury: {_all(event.jury, called)}"
        case events.AppealEnded():
            return f"the appeal is {'upheld' if event.upheld else 'not upheld'}"
        case events.KeyReleased():
            return f"key released by {called(event.by)}"
        case events.ResultAccepted():
            reward = amount(event.asset, event.reward)
            owed = "" if event.paid else "; it could not be paid yet"
            return f"accepted: reward {reward} to {called(event.contributor)}{owed}"
        case events.RewardClaimed():
            return f"the reward is paid to {called(event.contributor)}"
        case events.ResultRejected():
            reason = f": {event.reason}" if event.reason else ""
            return f"ended unpaid ({event.outcome}, verdict {event.verdict}){reason}"
        case events.FeePaid():
            fee = format_amount(event.amount)
            return f"fee {fee} to {called(event.member)}, from {event.source.lower()}"
        case events.BondReturned():
            return f"bond back to {called(event.contributor)}: {format_amount(event.amount)}"
        case events.AssignmentAbandoned():
            return f"slot given back, {format_amount(event.forfeited)} of the bond forfeited"
        case events.AssignmentExpired():
            return f"deadline missed, bond of {format_amount(event.forfeited)} forfeited"
        case events.EscrowRefunded():
            return f"{amount(event.asset, event.amount)} of the escrow back to the creator"
        case events.EscrowRefilled():
            return f"the creator fills the escrow up by {format_amount(event.amount)}"
        case events.Misconducted():
            lost = f", slashed {format_amount(event.slashed)}" if event.slashed else ""
            return f"{called(event.who)}: {event.misconduct}{lost}"
        case events.DepositReturned():
            return f"deposit back to {called(event.who)}: {format_amount(event.amount)}"
        case events.MergerAppointed():
            who = "nobody" if event.merger is None else called(event.merger)
            return f"{who} may publish the model besides the creator"
        case events.ModelPublished():
            return f"model published: {event.model}"
        case events.OtherEvent(pallet="Market"):
            return event.name
    return _PLAIN.get(type(event))


_PLAIN: dict[type, str] = {
    events.TaskWithdrawn: "withdrawn by its creator",
    events.TaskExpired: "its time is over",
    events.TaskCompleted: "the task is completed",
    events.TaskCleared: "the task is removed from storage",
    events.SubmissionCleared: "removed from storage",
}


def answer(found: Explanation, called: Called, amount: Amount) -> str:
    """Why a result was paid, or was not, in one sentence."""
    who = called(found.contributor)
    judged = found.jury or found.finding
    if found.paid:
        return f"{who} was paid {amount(found.terms.asset, found.terms.reward)}: {_because(found)}"
    if found.status is None:
        return f"{who} was not paid: it gave the slot back"
    if found.status is SubmissionStatus.EXPIRED:
        what = "send a result" if found.result is None else "hand over the key of its result"
        return f"{who} was not paid: it did not {what} in time"
    if found.status is SubmissionStatus.ACCEPTED:
        return f"{who} is still owed the reward, which its asset could not pay: decentralml claim"
    if found.status is not SubmissionStatus.REJECTED:
        return f"{who} is not paid yet: the result has not come to its end ({found.status})"
    match found.outcome:
        case Outcome.ACCEPTED:
            return f"{who} was not paid: nobody released the key of its result in time"
        case Outcome.OVERRULED:
            return f"{who} was not paid: the creator rejected the result against the committee"
        case Outcome.INCONCLUSIVE:
            return f"{who} was not paid: the panel came to no verdict"
    panel = "jury" if found.jury else "committee"
    if judged is not None and judged.verdict is not Verdict.FAIL:
        panel = "task's rules"
    return f"{who} was not paid: the {panel} failed the result"


def _because(found: Explanation) -> str:
    judged, panel = found.finding, "committee"
    if found.jury is not None:
        judged, panel = found.jury, "jury"
    if judged is None or judged.verdict is not Verdict.PASS:
        return "the creator accepted the result"
    return f"the {panel} passed the result, score {format_proportion(judged.score)}"


def _all(accounts: tuple[Address, ...], called: Called) -> str:
    return ", ".join(map(called, accounts))
