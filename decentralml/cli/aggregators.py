"""``aggregators`` and ``vote``: delegated proof of stake."""

from __future__ import annotations

import click

from decentralml.cli.options import Settings, common, examples, pass_settings
from decentralml.cli.output import details, document, table
from decentralml.cli.units import AMOUNT, format_amount, format_proportion
from decentralml.cli.wording import lapse_told, people
from decentralml.types import TaskId


@click.group()
def aggregators() -> None:
    """The aggregators that token holders elect: who they are, and becoming one."""


@aggregators.command("list", epilog=examples("decentralml aggregators list"))
@common
@pass_settings
def list_(settings: Settings) -> None:
    """List who is in office, who runs, and who is registered."""
    from decentralml.market.elections import list_aggregators
    from decentralml.market.judging.lapses import new_lapses

    with settings.session() as session:
        field = list_aggregators(session)
        names = session.names
        # What is told is told once: not to a program that asked for something else.
        lapses = () if settings.json else new_lapses(session)
    if settings.json:
        document(field)
        return
    for lapse in lapses:
        settings.terminal.warn(lapse_told(lapse))
    rows = [
        (
            names.get(found.account, found.account),
            found.place,
            format_proportion(found.standing),
            *(
                (profile.endpoint, format_amount(profile.bond), profile.duties, profile.missed)
                if (profile := found.profile)
                else ("(not registered)", "", "", "")
            ),
        )
        for found in field.aggregators
    ]
    if rows:
        table(
            ("aggregator", "place", "standing", "endpoint", "bond", "duties", "missed"),
            rows,
            right="standing bond duties missed",
        )
    else:
        click.echo("no aggregators; apply with: decentralml aggregators apply")
    click.echo(f"next election at block {field.round_ends} (now {field.block})")


@aggregators.command(epilog=examples("decentralml aggregators show alice"))
@click.argument("account", required=False)
@common
@pass_settings
def show(settings: Settings, account: str | None) -> None:
    """Show one aggregator: place, standing, profile, duties, its own vote."""
    from decentralml.market.elections import ballot, show_aggregator

    with settings.session() as session:
        address = session.resolve(account) if account else session.address
        found = show_aggregator(session, address)
        vote_ = ballot(session, address)
    if settings.json:
        document(
            {
                "account": address,
                "place": found.place,
                "standing": found.standing,
                "profile": found.profile,
                "vote": vote_,
            }
        )
        return
    profile = found.profile
    details(
        [
            ("aggregator", address),
            ("place", found.place),
            ("standing", format_proportion(found.standing)),
            ("endpoint", profile and profile.endpoint),
            ("bond", profile and format_amount(profile.bond)),
            ("duties", profile and str(profile.duties)),
            ("missed", profile and str(profile.missed)),
            ("sealing key", profile and "0x" + profile.encryption_key.hex()),
            ("own vote", vote_ and f"{format_amount(vote_.stake)} for {len(vote_.candidates)}"),
        ]
    )


@aggregators.command(
    epilog=examples(
        "decentralml aggregators apply --as bob",
        "decentralml aggregators apply --endpoint https://ml.example.org --as bob",
    )
)
@click.option("--endpoint", metavar="URL", help="Where you can be reached; may be left out.")
@common
@pass_settings
def apply(settings: Settings, endpoint: str | None) -> None:
    """Register as an aggregator (with a bond) and stand for election.

    Keys are wrapped to an encryption key that is derived from your key. Run it again to change
    the endpoint, or to stand again. The deposit of a candidate who gets no place, not even as a
    runner-up, is lost: see that somebody votes for you, or resign before the election.
    """
    from decentralml.market.elections import apply as stand

    with settings.session() as session:
        receipt = stand(session, endpoint)
        address, who = session.address, session.called(session.address)
        deposit = session.chain.constants().candidacy_bond
        election = session.chain.election()
    if settings.json:
        document({"account": address, "block": receipt.block if receipt else None})
    elif receipt:
        click.echo(f"{who} stands for election (block {receipt.block})")
        if address in election.candidates:
            click.echo(
                f"the {format_amount(deposit)} of your candidacy are lost if nobody has voted for "
                f"you by block {election.round_ends}: decentralml vote, or aggregators resign"
            )
    else:
        click.echo(f"{who} is registered and stands already; nothing to do")


@aggregators.command("top-up", epilog=examples("decentralml aggregators top-up --as bob"))
@common
@pass_settings
def top_up(settings: Settings) -> None:
    """Fill your bond up again after it was slashed; below half of it nobody is drawn."""
    from decentralml.market.elections import top_up as fill_up

    with settings.session() as session:
        receipt = fill_up(session)
        address = session.address
    if settings.json:
        document({"account": address, "block": receipt and receipt.block})
    elif receipt is None:
        click.echo("your bond is full; nothing to do")
    else:
        click.echo(f"your bond is full again (block {receipt.block})")


@aggregators.command(
    "hand-over",
    epilog=examples(
        "decentralml aggregators hand-over --as ann",
        "decentralml aggregators hand-over 3 --as hospital",
    ),
)
@click.argument("task", type=click.IntRange(0), required=False)
@common
@pass_settings
def hand_over(settings: Settings, task: int | None) -> None:
    """Give the keys of validation sets that you have to those in office who have none.

    Of one TASK, or of all that go on. `validate-task-results` does the same for its task; do this
    before you leave office, and as a creator after an election.
    """
    from decentralml.market.exchange.handover import hand_over as give
    from decentralml.market.exchange.handover import hand_over_all

    with settings.session() as session:
        if task is None:
            given = hand_over_all(session)
        else:
            given = {TaskId(task): give(session, TaskId(task))}
        names = session.names
    if settings.json:
        document({"given": given})
        return
    for number, members in given.items():
        if members:
            click.echo(f"task {number}: gave the key to {people(members, names)}")
    if not any(given.values()):
        click.echo("everybody in office has the keys that you have")


@aggregators.command(epilog=examples("decentralml aggregators resign --as bob"))
@common
@pass_settings
def resign(settings: Settings) -> None:
    """Leave the election or the office; the bond returns once no duties are left."""
    from decentralml.market.elections import resign as leave

    with settings.session() as session:
        receipt = leave(session)
        address, who = session.address, session.called(session.address)
        profile = session.chain.profile(address)
    if settings.json:
        document({"account": address, "block": receipt.block, "registered": profile is not None})
    elif profile is None:
        click.echo(f"{who} has left and its bond is back (block {receipt.block})")
    else:
        click.echo(
            f"{who} no longer runs (block {receipt.block}); finish {profile.duties} duties, "
            "then run this again to get the bond back"
        )


@click.command(
    epilog=examples(
        "decentralml vote ann bob cleo --stake 200 --as vera",
        "decentralml vote --remove --as vera",
    )
)
@click.argument("candidates", nargs=-1)
@click.option("--stake", type=AMOUNT, help="Tokens behind the vote; they stay yours, locked.")
@click.option("--remove", is_flag=True, help="Take the vote back.")
@common
@pass_settings
def vote(settings: Settings, candidates: tuple[str, ...], stake: int | None, remove: bool) -> None:
    """Vote for CANDIDATES (names or addresses), best first; replaces an earlier vote."""
    from decentralml.market import elections

    if remove and (candidates or stake is not None):
        raise click.UsageError("--remove takes neither candidates nor a stake")
    if not remove and (not candidates or stake is None):
        raise click.UsageError("name at least one candidate, and a stake with --stake")
    with settings.session() as session:
        if remove or stake is None:
            elections.remove_vote(session)
            ballot = None
        else:
            chosen = [session.resolve(name) for name in candidates]
            if len(set(chosen)) < len(chosen):
                raise click.UsageError("a candidate is named twice")
            ballot = elections.vote(session, chosen, stake)
    if settings.json:
        document({"vote": ballot})
    elif ballot is None:
        click.echo("vote removed; its stake is free again")
    else:
        click.echo(f"voted for {len(ballot.candidates)} with {format_amount(ballot.stake)}")
        if stake is not None and ballot.stake < stake:
            click.echo(f"that is all there is: {format_amount(stake)} was asked for")
