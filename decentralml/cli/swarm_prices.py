"""``swarm collect``, and what other commands of ``swarm`` say of the prices of seats.

Whose a price is, and when, :mod:`decentralml.chain.swarm.prices` says.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from decentralml.chain.swarm.prices import comes_back, is_due
from decentralml.chain.swarm.words import Seat, Swarm, SwarmId
from decentralml.cli.options import Settings, common, examples, pass_settings
from decentralml.cli.output import document
from decentralml.cli.swarming import SWARM
from decentralml.cli.units import format_amount, format_duration, format_time

if TYPE_CHECKING:
    from decentralml.chain.api import Chain
    from decentralml.types import Address

COMES_BACK = (
    "It comes back if the owner takes the seat away, or closes the swarm before; not if you leave"
)
"""What becomes of a price that is on hold."""


@click.command(epilog=examples("decentralml swarm collect 3 --as alice"))
@click.argument("swarm_id", metavar="SWARM", type=SWARM)
@common
@pass_settings
def collect(settings: Settings, swarm_id: int) -> None:
    """Have the owner be paid the price of each seat that is due. Anybody may.

    What a seat was sold for is on hold for a time, and the owner's from then on.
    """
    from decentralml.chain.swarm.calls import CollectPrice

    fees = 0
    with settings.session() as session:
        swarm = session.chain.swarm(SwarmId(swarm_id))
        due, waiting = _on_hold(session.chain, swarm)
        for seat in due:
            fees += session.chain.submit(CollectPrice(swarm.id, seat.holder), session.key).fee
    paid, later = _sum(due), _sum(waiting)
    first = None if swarm.closed else min((seat.due or 0 for seat in waiting), default=None)
    if settings.json:
        facts = {"swarm": swarm_id, "seats": len(due), "paid": paid, "fee": fees}
        document({**facts, "waiting": later, "next": first})
        return
    click.echo(
        f"the owner has {format_amount(paid)}, of {seats_of(len(due))} (fee {format_amount(fees)})"
        if due
        else f"no price in swarm {swarm_id} is due"
    )
    if first is not None:
        click.echo(f"{format_amount(later)} on hold, the first until {format_time(first)}")
    elif waiting:
        click.echo(f"{format_amount(later)} goes back: decentralml swarm clear {swarm_id}")


def before_buying(price: int, wait: int) -> str:
    """What a buyer should know of ``price``, which is on hold for ``wait`` milliseconds."""
    paid, time = format_amount(price), format_duration(wait)
    return f"{paid} is on hold for {time}, then the owner's. {COMES_BACK}."


def of_own(swarm: Swarm, seat: Seat | None, now: int) -> str | None:
    """What was paid for one's own seat, and where that is; None if it cost nothing."""
    if seat is None or not seat.paid:
        return None
    paid = format_amount(seat.paid)
    if seat.due is None:
        return f"{paid}, the owner has it"
    if comes_back(swarm, seat):
        return f"{paid} on hold, comes back: decentralml swarm leave {swarm.id}"
    if is_due(swarm, seat, now):
        return f"{paid} on hold, the owner's since {format_time(seat.due)}"
    return f"{paid} on hold until {format_time(seat.due)}, then the owner's"


def of_owner(chain: Chain, swarm: Swarm) -> str | None:
    """What is on hold for a swarm's owner; None if nothing is."""
    due, waiting = _on_hold(chain, swarm)
    if not due and not waiting:
        return None
    text = f"{format_amount(_sum(due) + _sum(waiting))} on hold"
    if due:
        text += f", {format_amount(_sum(due))} of it yours: decentralml swarm collect {swarm.id}"
    return text


def on_leaving(swarm: Swarm, seat: Seat) -> str:
    """What becomes of the price if the holder leaves, as part of a question; perhaps nothing."""
    if not seat.paid:
        return ""
    paid = format_amount(seat.paid)
    if comes_back(swarm, seat):
        return f" ({paid} comes back, as the swarm was closed early)"
    return f" (the {paid} paid for it is the owner's)"


def on_closing(chain: Chain, swarm: Swarm) -> tuple[int, str]:
    """Planck of prices that go back to buyers if a swarm is closed now, and how to say so."""
    _, waiting = _on_hold(chain, swarm)
    back = _sum(waiting)
    text = f"prices on hold go back: {format_amount(back)}, of {seats_of(len(waiting))}"
    return back, text if waiting else ""


def on_revoking(chain: Chain, swarm: SwarmId, accounts: Iterable[Address]) -> str:
    """What the owner gives back with seats, as part of a question; perhaps nothing."""
    seats = [seat for who in accounts if (seat := chain.seat(swarm, who)) is not None]
    held = _sum(seat for seat in seats if seat.due is not None)
    own = _sum(seat for seat in seats if seat.due is None)
    parts = [f"{format_amount(held)} from hold"] * bool(held)
    parts += [f"{format_amount(own)} of yours"] * bool(own)
    return f" {' and '.join(parts)} goes back." if parts else ""


def seats_of(count: int) -> str:
    """``1 seat``, ``2 seats``."""
    return f"{count} seat{'' if count == 1 else 's'}"


def _on_hold(chain: Chain, swarm: Swarm) -> tuple[list[Seat], list[Seat]]:
    """Seats of which a price is on hold: those of which it is the owner's now, and the others."""
    now = chain.now()
    seats = [seat for seat in chain.seats(swarm.id, max(swarm.seats, 1)) if seat.due is not None]
    seats.sort(key=lambda seat: seat.due or 0)
    due = [seat for seat in seats if is_due(swarm, seat, now)]
    return due, [seat for seat in seats if seat not in due]


def _sum(seats: Iterable[Seat]) -> int:
    return sum(seat.paid for seat in seats)
