"""Who is waited for in a swarm, and why: from what the chain has, in words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from decentralml.chain.swarm.words import Node, Presence, Stage
from decentralml.errors.quantities import format_time
from decentralml.swarm.board import View
from decentralml.swarm.rounds.turns import awaited, is_due, quorum
from decentralml.types import Address

MOST_NAMED = 8
"""Nodes that one line names."""

Called = Callable[[Address], str]
"""What the user calls an account."""


@dataclass(frozen=True, slots=True)
class Awaited:
    """A node that is waited for."""

    who: Address
    why: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a swarm stands.

    Attributes
    ----------
    round : that is under way, or comes next.
    stage : ``"Collecting"``, ``"Drawing"``, ``"Merging"``, ``"Idle"`` between rounds, ``"Closed"``.
    text : all of this in one line.
    waits_for : who, and why each of them.
    needed, arrived : nodes; of ``Collecting``.
    snapshots : nodes that need not arrive, as their last update goes on being merged.
    until : chain time at which the stage ends without those it waits for; None: it does not.
    due : whether anyone's call moves it on now.
    """

    round: int
    stage: str
    text: str
    waits_for: tuple[Awaited, ...] = ()
    needed: int = 0
    arrived: int = 0
    snapshots: int = 0
    until: int | None = None
    due: bool = False


def standing(view: View, nodes: Mapping[Address, Node], called: Called) -> Standing:
    """Where a swarm stands, and who is waited for."""
    stands = view.round
    if stands is None:
        return _between(view, nodes, called)
    if stands.stage is Stage.COLLECTING:
        return _collecting(view, nodes, called)
    due = is_due(view)
    if stands.stage is Stage.DRAWING:
        text = (
            f"round {stands.number} drawing: {_many(stands.arrivals, 'node')} arrived; "
            f"waits for a node that draws the leader among {stands.candidates}"
        )
        return Standing(stands.number, stands.stage.value, text, due=due)
    assert stands.leader is not None, "a round is merged by its leader"
    attempt = stands.attempt + 1
    whole = attempt + stands.candidates
    nth = f" ({_nth(attempt)} of {whole})" if attempt > 1 else ""
    until = "" if stands.deadline is None else f" until {clock(stands.deadline)}"
    text = f"round {stands.number} merging: waits for leader {called(stands.leader)}{until}{nth}"
    if due:
        text += "; its time is over: the next call of any node replaces it"
    waits = (Awaited(stands.leader, "leads the round, and has not published"),)
    return Standing(stands.number, stands.stage.value, text, waits, until=stands.deadline, due=due)


def _between(view: View, nodes: Mapping[Address, Node], called: Called) -> Standing:
    newest = view.swarm.newest
    last = (
        "nothing is merged yet"
        if newest is None
        else f"round {newest.round} was merged by {called(newest.leader)}"
    )
    if view.swarm.closed:
        return Standing(view.number, "Closed", f"closed; {last}")
    snapshots = view.swarm.snapshots
    needed = quorum(view.swarm.terms.min_peers, snapshots)
    text = f"round {view.number} has not begun: {last}{_objected(view)}"
    unready = _unready(nodes)
    if view.swarm.present < needed:
        text += f"; {view.swarm.present} of {needed} needed are ready{_beside(snapshots)}"
        text += _waited(unready, called)
        ended, lacking = _lacking(view, nodes, needed - view.swarm.present - len(unready), called)
        unready, text = unready + ended, text + lacking
    due = is_due(view)
    return Standing(view.number, "Idle", text, unready, needed=needed, snapshots=snapshots, due=due)


def _collecting(view: View, nodes: Mapping[Address, Node], called: Called) -> Standing:
    stands = view.round
    assert stands is not None
    needed = quorum(view.swarm.terms.min_peers, stands.snapshots)
    missing = sorted(awaited(view, nodes), key=lambda node: node.account)
    waits = tuple(Awaited(node.account, _why(node)) for node in missing)
    if stands.arrivals < needed:
        waits += _unready(nodes)
        text = (
            f"round {stands.number} collecting: {stands.arrivals} of {needed} needed have arrived"
        )
    else:
        text = (
            f"round {stands.number} collecting: {stands.arrivals} of "
            f"{stands.arrivals + len(missing)} have arrived ({needed} needed)"
        )
    text += _beside(stands.snapshots)
    due = is_due(view)
    text += _waited(waits, called)
    ended, lacking = _lacking(view, nodes, needed - stands.arrivals - len(waits), called)
    waits, text = waits + ended, text + lacking
    if stands.deadline is not None:
        text += f"; until {clock(stands.deadline)}"
    if due:
        text += "; that is over: the next call of any node ends it"
    return Standing(
        stands.number,
        stands.stage.value,
        text,
        waits,
        needed,
        stands.arrivals,
        stands.snapshots,
        stands.deadline,
        due,
    )


def _unready(nodes: Mapping[Address, Node]) -> tuple[Awaited, ...]:
    """Nodes that could make a quorum, and for which no round waits as yet."""
    return tuple(
        Awaited(node.account, _why(node))
        for node in sorted(nodes.values(), key=lambda node: node.account)
        if node.presence in (Presence.REGISTERED, Presence.ABSENT)
    )


def _lacking(
    view: View, nodes: Mapping[Address, Node], short: int, called: Called
) -> tuple[tuple[Awaited, ...], str]:
    """Nodes that have ended their training, and what to do, where so many are too few to arrive."""
    if short <= 0:
        return (), ""
    snapshots = view.swarm.snapshots if view.round is None else view.round.snapshots
    # A snapshot counts already; one that trains again makes more only where nobody else arrives.
    of_use = {Presence.INACTIVE}
    if snapshots >= view.swarm.terms.min_peers:
        of_use.add(Presence.SNAPSHOT)
    ended = tuple(
        Awaited(node.account, f"ended as {node.presence.value.lower()}")
        for node in sorted(nodes.values(), key=lambda node: node.account)
        if node.presence in of_use and node.round != view.number
    )
    if not ended:
        return (), f"; {short} more must join"
    return ended, (
        f"; no round waits for {_named(ended, called)}: {short} more must join or train again, "
        "or the owner has to lower the minimum"
    )


def _beside(snapshots: int) -> str:
    return f", beside {_many(snapshots, 'snapshot')}" if snapshots else ""


def _objected(view: View) -> str:
    """How many say that the newest model cannot be used."""
    count = view.swarm.objections + view.swarm.others
    if not count:
        return ""
    over = "; the next call of any node overturns it" if is_due(view) else ""
    return f" ({_many(count, 'node')} cannot use that{over})"


def _why(node: Node) -> str:
    if node.presence is Presence.REGISTERED:
        return "registered, not ready"
    last = f"last seen round {node.round}" if node.round else "never arrived"
    if node.presence is Presence.ABSENT:
        return f"absent, {last}"
    return last if node.round else f"{node.presence.value.lower()}, never arrived"


def _waited(waits: tuple[Awaited, ...], called: Called) -> str:
    if not waits:
        return ""
    return f"; waits for {_named(waits, called)}"


def _named(waits: tuple[Awaited, ...], called: Called) -> str:
    told = ", ".join(f"{called(each.who)} ({each.why})" for each in waits[:MOST_NAMED])
    more = f" and {len(waits) - MOST_NAMED} more" if len(waits) > MOST_NAMED else ""
    return f"{told}{more}"


def tally(nodes: Mapping[Address, Node]) -> str:
    """``4 ready, 1 snapshot``."""
    counts = dict.fromkeys(Presence, 0)
    for node in nodes.values():
        counts[node.presence] += 1
    return ", ".join(f"{n} {presence.value.lower()}" for presence, n in counts.items() if n)


def clock(milliseconds: int) -> str:
    """A time of the chain's, UTC; today's without its date."""
    whole = format_time(milliseconds)
    today = f"{datetime.now(UTC):%Y-%m-%d} "
    return whole.removeprefix(today).removesuffix("Z") if whole.startswith(today) else whole


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _nth(number: int) -> str:
    ends = {1: "st", 2: "nd", 3: "rd"}
    end = "th" if 10 < number % 100 < 14 else ends.get(number % 10, "th")
    return f"{number}{end}"
