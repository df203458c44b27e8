"""``swarm buy|identity|join|ready|finish|leave``: what a member does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from decentralml.chain.swarm.words import MAX_WEIGHTAGE, Presence, SwarmId
from decentralml.cli.options import EXISTING_FILE, Settings, common, examples, pass_settings
from decentralml.cli.output import details, document
from decentralml.cli.swarm_prices import COMES_BACK, before_buying, of_own, on_leaving
from decentralml.cli.swarming import SWARM, node_home, tell
from decentralml.cli.units import AMOUNT, format_amount

if TYPE_CHECKING:
    from decentralml.swarm.identity.own import Identity

ENDS = {
    "snapshot": Presence.SNAPSHOT,
    "active": Presence.ACTIVE,
    "inactive": Presence.INACTIVE,
}


@click.command(
    epilog=examples(
        "decentralml swarm buy 3 --as bob", "decentralml swarm buy 3 --at-most 5 --as bob"
    )
)
@click.argument("swarm_id", metavar="SWARM", type=SWARM)
@click.option("--at-most", type=AMOUNT, help="Most to pay  [default: what it costs now]")
@common
@pass_settings
def buy(settings: Settings, swarm_id: int, at_most: int | None) -> None:
    """Take a seat (a licence) of a swarm that is open or sells them.

    The price is on hold for a time before it is the owner's: it comes back if the owner takes the
    seat away, or closes the swarm meanwhile.
    """
    from decentralml.chain.swarm.calls import TakeSeat

    with settings.session() as session:
        chain = session.chain
        swarm = chain.swarm(SwarmId(swarm_id))
        price = swarm.terms.price
        if at_most is None and price:
            terms = before_buying(price, chain.constants().swarm.price_wait)
            if not settings.confirm(f"Buy a seat in swarm {swarm_id}? {terms}"):
                raise click.Abort
        most = price if at_most is None else at_most
        receipt = chain.submit(TakeSeat(swarm.id, most), session.key)
        seat = chain.seat(swarm.id, session.address)
        told = of_own(swarm, seat, chain.now())
    facts = {"paid": seat.paid, "due": seat.due} if seat else {}
    text = f"you have a seat in swarm {swarm_id}" + (f": {told}" if told else "")
    tell(settings, text, receipt, swarm=swarm_id, **facts)
    if told and not settings.json:
        click.echo(COMES_BACK)


@click.command(
    epilog=examples(
        "decentralml swarm identity 3 --as bob",
        "decentralml swarm identity 3 --rotate --as bob",
        "decentralml swarm identity 3 --certificate node.pem --key-file node.key --as bob",
    )
)
@click.argument("swarm_id", metavar="SWARM", type=SWARM)
@click.option("--rotate", is_flag=True, help="Make another; join registers it.")
@click.option("--days", type=click.IntRange(1, 3650), default=365, show_default=True)
@click.option("--certificate", type=EXISTING_FILE, help="Take your own (PEM), with --key-file.")
@click.option("--key-file", type=EXISTING_FILE, help="Its private key (PEM).")
@common
@pass_settings
def identity(
    settings: Settings,
    swarm_id: int,
    rotate: bool,
    days: int,
    certificate: Path | None,
    key_file: Path | None,
) -> None:
    """Show your node's certificate; make it, if there is none. Nothing goes to the chain.

    A certificate of SWARM that is made here names it, and is of no use in another one.
    """
    from decentralml.swarm.identity.certificate import Scope
    from decentralml.swarm.identity.own import (
        load_identity,
        make_identity,
        open_identity,
        store_identity,
    )
    from decentralml.swarm.node.joining import own_identity

    if (certificate is None) is not (key_file is None):
        raise click.UsageError("--certificate and --key-file go together")
    with settings.session() as session:
        home = node_home(session, swarm_id)
        home.make()
        number, genesis = SwarmId(swarm_id), session.genesis.hex()
        scope = Scope(genesis, number)
        if certificate is not None and key_file is not None:
            # One that is of no use here must not become the newest.
            facts = open_identity(certificate, key_file).facts
            facts.check_scope(f"the certificate {certificate}", scope, session.address)
            found = store_identity(home.identities, certificate.read_bytes(), key_file.read_bytes())
        elif rotate:
            found = make_identity(
                home.identities, genesis=genesis, swarm=number, account=session.address, days=days
            )
        else:
            found = own_identity(home, scope, session.address, days)
        found.facts.check_scope("the certificate", scope, session.address)
        node = session.chain.node(number, session.address)
        registered = node is not None and node.identity == found.digest
        shown = load_identity(home.identities, None if node is None else node.identity)
    warning = found.facts.warning()
    if settings.json:
        document(
            {
                "certificate": str(found.chain),
                "key": str(found.key),
                "sha256": found.digest,
                "valid_from": found.facts.valid_from.isoformat(),
                "valid_until": found.facts.valid_until.isoformat(),
                "names": list(found.facts.names),
                "registered": registered,
                "shown": shown.digest,
            }
        )
        return
    details(
        [
            ("certificate", found.chain),
            ("key", found.key),
            ("sha256", found.digest.hex()),
            ("valid until", f"{found.facts.valid_until:%Y-%m-%d %H:%M:%SZ}"),
            ("for", ", ".join(found.facts.names) or "any swarm (it names none)"),
            (
                "registered",
                "yes" if registered else f"no: decentralml swarm join {swarm_id}",
            ),
        ]
    )
    if warning:
        settings.terminal.warn(warning)


@click.command(
    epilog=examples(
        "decentralml swarm join 3 --address node.example.org:7443 --as bob",
        "decentralml swarm join 3 --weightage 10 --no-lead --as bob",
    )
)
@click.argument("swarm_id", metavar="SWARM", type=SWARM)
@click.option("--address", metavar="HOST:PORT", help="Where the others reach your file server.")
@click.option(
    "--weightage",
    type=int,
    help=f"Of your updates in merges, 1 to what the swarm allows ({MAX_WEIGHTAGE} at most)  "
    "[default: 1]",
)
@click.option("--lead/--no-lead", default=None, help="Whether you may be drawn as leader.")
@click.option("--certificate", type=EXISTING_FILE, help="Your own certificate (PEM).")
@click.option("--key-file", type=EXISTING_FILE, help="Its private key (PEM).")
@common
@pass_settings
def join(
    settings: Settings,
    swarm_id: int,
    address: str | None,
    weightage: int | None,
    lead: bool | None,
    certificate: Path | None,
    key_file: Path | None,
) -> None:
    """Register your node in SWARM: certificate, address, weight. Again to change any of it.

    Takes a seat of an open swarm; of others it must be granted or bought before.
    """
    from decentralml.swarm.identity.own import open_identity
    from decentralml.swarm.node.joining import join as register

    if (certificate is None) is not (key_file is None):
        raise click.UsageError("--certificate and --key-file go together")
    own: Identity | None = None
    if certificate is not None and key_file is not None:
        own = open_identity(certificate, key_file)
    with settings.session() as session:
        number = SwarmId(swarm_id)
        if address is None and session.chain.node(number, session.address) is None:
            raise click.UsageError("name where the others reach your file server: --address")
        found = register(
            session.chain,
            session.key,
            number,
            node_home(session, swarm_id),
            session.genesis,
            address=address,
            weightage=weightage,
            willing=lead,
            identity=own,
        )
    if settings.json:
        done = {"took_seat": found.took_seat, "registered": found.registered}
        document({"swarm": swarm_id, "node": found.node, **done})
        return
    node = found.node
    if found.took_seat:
        click.echo(f"took a seat in swarm {swarm_id}")
    leads = "may lead" if node.willing else "does not lead"
    if node.barred:
        leads = "is barred from leading: a model of its was overturned"
    click.echo(
        f"{'registered' if found.registered else 'registered already'}: {node.address}, weight "
        f"{node.weightage}, {leads}"
    )
    click.echo(f"start the node: decentralml swarm run {swarm_id}")


@click.command(epilog=examples("decentralml swarm ready 3 --as bob"))
@click.argument("swarm_id", metavar="SWARM", type=SWARM)
@common
@pass_settings
def ready(settings: Settings, swarm_id: int) -> None:
    """Have rounds wait for your node. (A node that runs says so itself.)"""
    from decentralml.chain.swarm.calls import Ready

    with settings.session() as session:
        receipt = session.chain.submit(Ready(SwarmId(swarm_id)), session.key)
    tell(settings, f"rounds of swarm {swarm_id} wait for your node", receipt, swarm=swarm_id)


@click.command(
    epilog=examples(
        "decentralml swarm finish 3 --as bob", "decentralml swarm finish 3 inactive --as bob"
    )
)
@click.argument("swarm_id", metavar="SWARM", type=SWARM)
@click.argument("how", type=click.Choice(list(ENDS), case_sensitive=False), default="snapshot")
@common
@pass_settings
def finish(settings: Settings, swarm_id: int, how: str) -> None:
    """End your training: leave its last update as a snapshot that goes on being merged (default),
    stay active to lead and serve, or inactive, without weight."""
    from decentralml.chain.swarm.calls import FinishTraining

    with settings.session() as session:
        call = FinishTraining(SwarmId(swarm_id), ENDS[how])
        receipt = session.chain.submit(call, session.key)
    tell(settings, f"your training in swarm {swarm_id} has ended: {how}", receipt, swarm=swarm_id)


@click.command(epilog=examples("decentralml swarm leave 3 --as bob"))
@click.argument("swarm_id", metavar="SWARM", type=SWARM)
@common
@pass_settings
def leave(settings: Settings, swarm_id: int) -> None:
    """Give your seat up: your node is removed, deposits come back, a price does not.

    Except of a swarm that was closed before the price was the owner's.
    """
    from decentralml.chain.errors.swarm import NoSeat
    from decentralml.chain.swarm.calls import GiveUpSeat
    from decentralml.chain.swarm.events import SeatEnded

    with settings.session() as session:
        number = SwarmId(swarm_id)
        swarm = session.chain.swarm(number)
        seat = session.chain.seat(number, session.address)
        if seat is None:
            raise NoSeat.foreseen(swarm=number)
        price = on_leaving(swarm, seat)
        if not settings.confirm(f"Give up your seat in swarm {swarm_id}{price}?"):
            raise click.Abort
        receipt = session.chain.submit(GiveUpSeat(number), session.key)
        ended = receipt.find(SeatEnded)
    refunded = 0 if ended is None else ended.refunded
    back = f", and have {format_amount(refunded)} back" if refunded else ""
    text = f"you have left swarm {swarm_id}{back}"
    tell(settings, text, receipt, swarm=swarm_id, refunded=refunded)
