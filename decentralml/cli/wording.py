"""Words and amounts that several commands print: what a result waits for, what a reward is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from decentralml.cli.units import format_amount, format_duration
from decentralml.types import Address, Outcome, Submission, SubmissionStatus

USUAL = {
    SubmissionStatus.ACCEPTED: Outcome.ACCEPTED,
    SubmissionStatus.REJECTED: Outcome.FAILED,
}

if TYPE_CHECKING:
    from decentralml.market.judging.lapses import Lapse
    from decentralml.market.progress import Awaited
    from decentralml.market.session import Session


def left(until: int, now: int) -> str:
    """How long it is until then."""
    return f"in {format_duration(until - now)}" if until > now else "over"


def status_of(found: Submission) -> str:
    """A result's status, and what came or will come of it where that does not go without saying."""
    if found.unpaid:
        return f"{found.status}, unpaid"
    if found.outcome is None or found.outcome is USUAL.get(found.status):
        return found.status
    if found.status is SubmissionStatus.REJECTED and found.outcome is Outcome.ACCEPTED:
        return f"{found.status}, key not released"
    return f"{found.status}, {found.outcome.lower()}"


def people(accounts: tuple[Address, ...], names: Mapping[Address, str]) -> str:
    """Accounts by the names that this user has for them."""
    return ", ".join(names.get(account, account) for account in accounts)


def waiting(awaited: Awaited, names: Mapping[Address, str], now: int) -> str:
    """``waits for commitments (ann, bob), 9m left``."""
    who = f" ({people(awaited.who, names)})" if awaited.who else ""
    if awaited.until is None:
        return f"waits for {awaited.what}{who}"
    late = awaited.until <= now
    time = "its time is over: settle it" if late else f"{format_duration(awaited.until - now)} left"
    return f"waits for {awaited.what}{who}, {time}"


_MISCONDUCT = {
    "Absent": "you did not commit to a finding in time",
    "Unrevealed": "you did not reveal what you had committed to",
    "Withheld": "you passed a result and did not release its key",
    "Overturned": "all in office found the opposite of your finding",
    "FailedGold": "you misjudged a result that its creator had planted",
}


def lapse_told(lapse: Lapse) -> str:
    """What a member was slashed for."""
    cost = "your bond is untouched this once"
    if lapse.slashed:
        cost = f"{format_amount(lapse.slashed)} of your bond are slashed"
    why = _MISCONDUCT.get(lapse.misconduct, "you broke a duty")
    about = more = ""
    if lapse.task is not None and lapse.index is not None:
        about = f" (result {lapse.index} of task {lapse.task})"
        more = f"; more: decentralml explain {lapse.task} {lapse.index}"
    return f"{why}{about}: {cost}{more}"


def asset_amount(session: Session, asset: int | None, amount: int) -> str:
    """An amount of the native token, or of an asset with its symbol."""
    if asset is None:
        return format_amount(amount)
    found = session.chain.asset(asset)
    if found is None:
        return f"{amount} of asset {asset}"
    return f"{format_amount(amount, found.decimals)} {found.symbol or f'of asset {asset}'}"
