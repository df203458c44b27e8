"""``swarm create|grant|revoke|change|close|clear``: what a swarm's owner does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from decentralml.chain.swarm.words import (
    MAX_SPREAD,
    MAX_WEIGHTAGE,
    Admission,
    MergeMethod,
    SwarmId,
)
from decentralml.cli.options import (
    EXISTING_FILE,
    Settings,
    choice,
    common,
    examples,
    pass_settings,
)
from decentralml.cli.output import details, document
from decentralml.cli.swarm_prices import on_closing, on_revoking, seats_of
from decentralml.cli.swarming import SWARM, node_home, tell
from decentralml.cli.units import AMOUNT, DURATION, format_amount

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from decentralml.chain.swarm.calls import GrantSeat, RevokeSeat
    from decentralml.chain.swarm.words import SwarmTerms
    from decentralml.market.session import Session
    from decentralml.swarm.config import SwarmConfig
    from decentralml.types import Address

TENTHS = click.FloatRange(0, MAX_SPREAD / 10)


@click.command(
    epilog=examples(
        "decentralml swarm create --model model.safetensors --min-peers 4 --as alice",
        "decentralml swarm create --model model.safetensors --min-peers 3 --max-peers 20 "
        "--merge coordmedian --admission sale --price 5 --as alice",
    )
)
@click.option("--model", type=EXISTING_FILE, help="Safetensors whose structure all updates have.")
@click.option("--config", type=EXISTING_FILE, help="A configuration file, in place of --model.")
@click.option("--update-limit", type=click.IntRange(1), help="Bytes of an update, at most.")
@click.option("--sync-frequency", type=click.IntRange(1), help="Batches between two merges.")
@click.option("--min-peers", type=click.IntRange(1), required=True, help="Fewest to merge.")
@click.option("--max-peers", type=click.IntRange(1), default=64, show_default=True, help="Seats.")
@click.option(
    "--merge",
    type=choice(MergeMethod),
    default=MergeMethod.MEAN.value.lower(),
    show_default=True,
    help="How updates become one model.",
)
@click.option(
    "--admission",
    type=choice(Admission),
    default=Admission.INVITED.value.lower(),
    show_default=True,
    help="How a seat is had.",
)
@click.option("--price", type=AMOUNT, default="0", help="Of a seat, with --admission sale.")
@click.option(
    "--quorum-wait",
    type=DURATION,
    default="30s",
    show_default=True,
    help="Longest wait for stragglers once --min-peers have arrived.",
)
@click.option(
    "--leader-timeout",
    type=DURATION,
    default="10m",
    show_default=True,
    help="After which a leader that has not published is replaced.",
)
@click.option(
    "--spread",
    type=TENTHS,
    default=3.0,
    show_default=True,
    help="Deadline: the median lateness plus so many median deviations.",
)
@click.option(
    "--max-weightage",
    type=click.IntRange(1, MAX_WEIGHTAGE),
    help="Most that a node may say its updates weigh  "
    f"[default: {MAX_WEIGHTAGE} of invited nodes, 1 where anybody can have a seat]",
)
@common
@pass_settings
def create(
    settings: Settings,
    model: Path | None,
    config: Path | None,
    update_limit: int | None,
    sync_frequency: int | None,
    min_peers: int,
    max_peers: int,
    merge: str,
    admission: str,
    price: int,
    quorum_wait: int,
    leader_timeout: int,
    spread: float,
    max_weightage: int | None,
) -> None:
    """Make a swarm; you are its owner."""
    from decentralml.chain.swarm.calls import CreateSwarm
    from decentralml.chain.swarm.events import SwarmCreated
    from decentralml.chain.swarm.words import SwarmTerms

    if (model is None) is (config is None):
        raise click.UsageError("name a model with --model, or a configuration with --config")
    wanted = _config(model, config, update_limit, sync_frequency)
    _check(min_peers, max_peers, Admission(admission), price)
    with settings.session() as session:
        cid = session.objects.put_bytes(wanted.encode())
        session.objects.publish(cid)
        terms = SwarmTerms(
            config=cid,
            merge=MergeMethod(merge),
            min_peers=min_peers,
            max_peers=max_peers,
            admission=Admission(admission),
            price=price,
            quorum_wait=quorum_wait,
            leader_timeout=leader_timeout,
            spread=round(10 * spread),
            max_weightage=max_weightage or _MOST[Admission(admission)],
        )
        receipt = session.chain.submit(CreateSwarm(terms), session.key)
        created = receipt.find(SwarmCreated)
        assert created is not None, "a swarm that was made is told"
        number = created.swarm
        kept = node_home(session, number)
        kept.make()
        file = kept.folder / "config.json"
        file.write_bytes(wanted.encode())
    _warn_of_halves(settings, terms)
    _warn_of_weights(settings, terms)
    if settings.json:
        made = {"swarm": number, "config": cid, "file": str(file), "fee": receipt.fee}
        document(made | {"warnings": settings.terminal.warnings})
        return
    click.echo(f"swarm {number} (fee {format_amount(receipt.fee)})")
    details(
        [
            ("configuration", cid),
            ("file", f"{file} (for members without your storage)"),
            (
                "members",
                f"{_ENTRY[terms.admission].format(number)}: decentralml swarm join {number} "
                "--address HOST:PORT",
            ),
        ]
    )


_ENTRY = {
    Admission.OPEN: "anybody may join",
    Admission.INVITED: "decentralml swarm grant {} ACCOUNT, then each",
    Admission.SALE: "decentralml swarm buy {}, then each",
}
"""How a member comes to join."""
_MOST = {Admission.OPEN: 1, Admission.INVITED: MAX_WEIGHTAGE, Admission.SALE: 1}
"""What a node may weigh, at most, unless the owner says."""


def _config(
    model: Path | None, config: Path | None, limit: int | None, frequency: int | None
) -> SwarmConfig:
    from decentralml.swarm.config import SwarmConfig, config_of

    training = {} if frequency is None else {"sync_frequency": frequency}
    if model is not None:
        return config_of(model, update_bytes=limit, training=training)
    assert config is not None
    found = SwarmConfig.read(config)
    return replace(
        found,
        update_bytes=limit or found.update_bytes,
        training={**found.training, **training},
    )


def _check(min_peers: int, max_peers: int, admission: Admission, price: int) -> None:
    if min_peers > max_peers:
        raise click.UsageError(
            f"--min-peers {min_peers} is above --max-peers {max_peers}: no round would ever end"
        )
    if (price > 0) is not (admission is Admission.SALE):
        raise click.UsageError("--price goes with --admission sale, and only with it")


def _warn_of_halves(settings: Settings, terms: SwarmTerms) -> None:
    """Say so where both sides of a network that splits may have enough nodes to merge."""
    least, seats = terms.min_peers, terms.max_peers
    if 2 * least <= seats:
        settings.terminal.warn(
            f"{least} of {seats} nodes may merge: should the network split, both sides may, and "
            f"what one of them merged is overturned; safe is --min-peers {seats // 2 + 1}, or "
            f"--max-peers {2 * least - 1}"
        )


def _warn_of_weights(settings: Settings, terms: SwarmTerms) -> None:
    """Say so where who is not invited may outweigh all others."""
    if terms.admission is not Admission.INVITED and terms.max_weightage > _MOST[terms.admission]:
        settings.terminal.warn(
            f"anybody can have a seat, and say that its updates weigh up to {terms.max_weightage} "
            "times as much as another's; safe is --max-weightage 1"
        )


@click.command(
    epilog=examples(
        "decentralml swarm change 3 --min-peers 3 --as alice",
        "decentralml swarm change 3 --leader-timeout 2m --as alice",
    )
)
@click.argument("swarm_id", metavar="SWARM", type=SWARM)
@click.option("--min-peers", type=click.IntRange(1), help="Fewest to merge.")
@click.option("--max-peers", type=click.IntRange(1), help="Seats.")
@click.option("--merge", type=choice(MergeMethod), help="How updates become one model.")
@click.option("--admission", type=choice(Admission), help="How a seat is had.")
@click.option("--price", type=AMOUNT, help="Of a seat, with --admission sale.")
@click.option("--quorum-wait", type=DURATION, help="Longest wait for stragglers.")
@click.option("--leader-timeout", type=DURATION, help="After which a leader is replaced.")
@click.option("--spread", type=TENTHS, help="Median deviations that are waited for.")
@click.option(
    "--max-weightage",
    type=click.IntRange(1, MAX_WEIGHTAGE),
    help="Most that a node may say its updates weigh; of those that said more, what counts.",
)
@common
@pass_settings
def change(settings: Settings, /, swarm_id: int, **given: Any) -> None:
    """Change the terms of your swarm, between rounds or while one waits for more nodes."""
    from decentralml.chain.swarm.calls import SetSwarmTerms

    words = {name: value for name, value in given.items() if value is not None}
    if not words:
        raise click.UsageError("name what to change")
    if "merge" in words:
        words["merge"] = MergeMethod(words["merge"])
    if "admission" in words:
        words["admission"] = Admission(words["admission"])
    if "spread" in words:
        words["spread"] = round(10 * words["spread"])
    with settings.session() as session:
        before = session.chain.swarm(SwarmId(swarm_id)).terms
        terms = replace(before, **words)
        _check(terms.min_peers, terms.max_peers, terms.admission, terms.price)
        receipt = session.chain.submit(SetSwarmTerms(SwarmId(swarm_id), terms), session.key)
    if "min_peers" in words or "max_peers" in words:
        _warn_of_halves(settings, terms)
    if "max_weightage" in words or "admission" in words:
        _warn_of_weights(settings, terms)
    facts = {"swarm": swarm_id, "terms": terms, "warnings": settings.terminal.warnings}
    tell(settings, f"swarm {swarm_id} is changed", receipt, **facts)


@click.command(epilog=examples("decentralml swarm grant 3 bob carol --as alice"))
@click.argument("swarm_id", metavar="SWARM", type=SWARM)
@click.argument("accounts", nargs=-1, required=True)
@common
@pass_settings
def grant(settings: Settings, swarm_id: int, accounts: tuple[str, ...]) -> None:
    """Give ACCOUNTS a seat (a licence) in your swarm."""
    from decentralml.chain.swarm.calls import GrantSeat

    with settings.session() as session:
        found = {name: session.resolve(name) for name in accounts}
        _each(settings, session, found, lambda who: GrantSeat(SwarmId(swarm_id), who), "has a seat")


@click.command(epilog=examples("decentralml swarm revoke 3 mallory --as alice"))
@click.argument("swarm_id", metavar="SWARM", type=SWARM)
@click.argument("accounts", nargs=-1, required=True)
@common
@pass_settings
def revoke(settings: Settings, swarm_id: int, accounts: tuple[str, ...]) -> None:
    """Take seats away: their nodes are strangers from now on, and what they paid goes back.

    A price that is on hold goes back from there; one that you have, you pay.
    """
    from decentralml.chain.swarm.calls import RevokeSeat

    number = SwarmId(swarm_id)
    with settings.session() as session:
        found = {name: session.resolve(name) for name in accounts}
        back = on_revoking(session.chain, number, found.values())
        if not settings.confirm(f"Take the seats of {', '.join(accounts)} away?{back}"):
            raise click.Abort
        _each(settings, session, found, lambda who: RevokeSeat(number, who), "has no seat any more")


def _each(
    settings: Settings,
    session: Session,
    accounts: Mapping[str, Address],
    call: Callable[[Address], GrantSeat | RevokeSeat],
    what: str,
) -> None:
    from decentralml.chain.swarm.events import SeatEnded

    done: list[dict[str, Any]] = []
    for name, who in accounts.items():
        receipt = session.chain.submit(call(who), session.key)
        done.append({"account": who, "fee": receipt.fee})
        text = f"{name} {what}"
        if ended := receipt.find(SeatEnded):
            done[-1]["refunded"] = ended.refunded
            text += f", and {format_amount(ended.refunded)} back" if ended.refunded else ""
        if not settings.json:
            click.echo(f"{text} (fee {format_amount(receipt.fee)})")
    if settings.json:
        document(done)


@click.command(epilog=examples("decentralml swarm close 3 --as alice"))
@click.argument("swarm_id", metavar="SWARM", type=SWARM)
@common
@pass_settings
def close(settings: Settings, swarm_id: int) -> None:
    """Close your swarm: no round opens any more; one that is under way ends.

    Prices of seats that are not yours yet go back to the buyers, however long you wait.
    """
    from decentralml.chain.swarm.calls import CloseSwarm

    with settings.session() as session:
        swarm = session.chain.swarm(SwarmId(swarm_id))
        back, told = on_closing(session.chain, swarm)
        if not settings.confirm(f"Close swarm {swarm_id} for good?{told and f' {told}.'}"):
            raise click.Abort
        receipt = session.chain.submit(CloseSwarm(swarm.id), session.key)
    text = f"swarm {swarm_id} is closed{told and f'; {told}'}"
    tell(settings, text, receipt, swarm=swarm_id, refunded=back)


@click.command(epilog=examples("decentralml swarm clear 3 --as alice"))
@click.argument("swarm_id", metavar="SWARM", type=SWARM)
@common
@pass_settings
def clear(settings: Settings, swarm_id: int) -> None:
    """Remove a closed swarm, seat by seat: all deposits go back. Anybody may.

    The price of a seat goes back too, unless it was due when the swarm was closed.
    """
    from decentralml.chain.swarm.calls import ClearSeat, RemoveSwarm
    from decentralml.chain.swarm.events import PriceCollected, SeatEnded

    number, cleared, refunded, paid = SwarmId(swarm_id), 0, 0, 0
    with settings.session() as session:
        while seats := session.chain.seats(number):
            for seat in seats:
                receipt = session.chain.submit(ClearSeat(number, seat.holder), session.key)
                ended, collected = receipt.find(SeatEnded), receipt.find(PriceCollected)
                cleared += 1
                refunded += 0 if ended is None else ended.refunded
                paid += 0 if collected is None else collected.paid
        receipt = session.chain.submit(RemoveSwarm(number), session.key)
    text = f"swarm {swarm_id} and {seats_of(cleared)} are removed"
    if refunded or paid:
        prices = f"{format_amount(refunded)} to buyers, {format_amount(paid)} to the owner"
        text += f"; prices on hold: {prices}"
    facts = {"seats": cleared, "refunded": refunded, "paid": paid}
    tell(settings, text, receipt, swarm=swarm_id, **facts)
