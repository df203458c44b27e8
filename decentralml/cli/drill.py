"""``drill``: what attacks do to a merge, tried on real digits, without a chain."""

from __future__ import annotations

import math
from statistics import mean
from typing import TYPE_CHECKING

import click

from decentralml.cli.options import Settings, common, examples, pass_settings
from decentralml.cli.output import document, table
from decentralml.errors import BadSettings
from decentralml.learning.attacks.names import Attack
from decentralml.learning.robust.rules import Mixing, Rule, RuleOptions

if TYPE_CHECKING:
    from decentralml.learning.attacks.drill import Drill, DrillResult

NONE = "none"
LAST = 3
"""Rounds at the end whose accuracies are averaged: a single one may be a lucky one."""


@click.command(
    epilog=examples(
        "decentralml drill",
        "decentralml drill --attack alie --attack backdoor --rule auto --rule median --rule krum",
        "decentralml drill --attack sign-flip --rule median --screen --bad 0.4 --seeds 3 --json",
    )
)
@click.option(
    "--attack",
    "attacks",
    type=click.Choice((NONE, *(attack.value for attack in Attack))),
    multiple=True,
    help="What the bad ones do (several times: each in turn); default: everything there is.",
)
@click.option(
    "--rule",
    "rules",
    type=click.Choice([rule.value for rule in Rule]),
    multiple=True,
    help="How updates are merged (several times: side by side); default: mean and auto.",
)
@click.option("--contributors", type=click.IntRange(2), default=10, show_default=True)
@click.option("--bad", type=float, default=0.3, show_default=True, help="Part of them that is bad.")
@click.option("--strength", type=float, help="Of a forged update; default: the attack's own.")
@click.option(
    "--tolerate",
    type=click.IntRange(0),
    help="Bad updates that the rules are to stand; default: as many as they can, 30 % at most.",
)
@click.option(
    "--mixing",
    type=click.Choice([mixing.value for mixing in Mixing]),
    help="What is done before the rule.",
)
@click.option("--screen", is_flag=True, help="First leave out who is evidently bad (auto does).")
@click.option("--rounds", type=click.IntRange(1), default=15, show_default=True)
@click.option("--seeds", type=click.IntRange(1), default=1, show_default=True, help="Repetitions.")
@common
@pass_settings
def drill(
    settings: Settings,
    attacks: tuple[str, ...],
    rules: tuple[str, ...],
    contributors: int,
    bad: float,
    strength: float | None,
    tolerate: int | None,
    mixing: str | None,
    screen: bool,
    rounds: int,
    seeds: int,
) -> None:
    """Try what attackers do to a merge: a federation of handwritten digits with bad contributors.

    Prints the merged model's accuracy in percent on digits that nobody trained on (mean of the
    last three rounds and of the seeds), by attack and rule; "none" is the federation without the
    bad ones. Takes seconds each; needs the package mlxtend. Interrupted with Ctrl-C it shows what
    it has tried; nothing is kept.
    """
    settings.anew = True  # Before the imports, which take a moment, too.
    from decentralml.learning.attacks.drill import Drill, run_drill
    from decentralml.learning.examples import read_mnist

    attackers = round(bad * contributors) if 0 <= bad < 1 else contributors
    if attackers == contributors:
        raise BadSettings("--bad", bad, "at least 0, and so that one of them is honest")
    if strength is not None and not math.isfinite(strength):
        raise BadSettings("--strength", strength, "a finite number")
    chosen = [None if name == NONE else Attack(name) for name in attacks] or [None, *Attack]
    columns = [Rule(name) for name in dict.fromkeys(rules)] or [Rule.MEAN, Rule.AUTO]
    options = RuleOptions(
        bad=tolerate, mixing=None if mixing is None else Mixing(mixing), screen=screen or None
    )
    plans = [
        Drill(attack, rule, options, contributors - attackers, attackers, rounds, seed, strength)
        for attack in dict.fromkeys(chosen)
        for rule in columns
        for seed in range(seeds)
    ]
    digits = read_mnist()
    played: list[tuple[Drill, DrillResult]] = []
    try:
        for number, plan in enumerate(plans):
            result = run_drill(plan, digits=digits)
            played.append((plan, result))
            settings.terminal.step(
                f"drill {number + 1} of {len(plans)}: {plan.attack or NONE}, {plan.rule}, "
                f"seed {plan.seed}: {100 * _accuracy(result):.1f} %"
            )
    except KeyboardInterrupt:
        if played and not settings.json:
            _print(played, list(dict.fromkeys(chosen)), columns)
        raise
    if settings.json:
        document([_facts(plan, result) for plan, result in played])
        return
    _print(played, list(dict.fromkeys(chosen)), columns)
    click.echo(
        f"accuracy in percent; {attackers} of {contributors} contributors are bad; "
        f"rounds: {rounds}, seeds: {seeds}"
    )


def _print(
    played: list[tuple[Drill, DrillResult]], attacks: list[Attack | None], rules: list[Rule]
) -> None:
    """The table of what was tried; where that is not all, gaps are dashes."""
    names = [str(rule) for rule in rules]
    rows = [
        [attack or NONE, *(_cell(played, attack, rule) for rule in rules)] for attack in attacks
    ]
    if Attack.BACKDOOR in attacks:
        rows.append(["backdoor works", *(_opened(played, rule) for rule in rules)])
    table(("attack", *names), rows, right=" ".join(names))


def _accuracy(result: DrillResult) -> float:
    return mean(result.accuracy[-LAST:])


def _cell(played: list[tuple[Drill, DrillResult]], attack: Attack | None, rule: Rule) -> str:
    found = [_accuracy(result) for plan, result in played
             if (plan.attack, plan.rule) == (attack, rule)]  # fmt: skip
    return f"{100 * mean(found):.1f}" if found else "-"


def _opened(played: list[tuple[Drill, DrillResult]], rule: Rule) -> str:
    """How often the backdoor works at the end."""
    found = [result.backdoor for plan, result in played
             if (plan.attack, plan.rule) == (Attack.BACKDOOR, rule)]  # fmt: skip
    return f"{100 * mean(found):.0f} %" if found else "-"


def _facts(plan: Drill, result: DrillResult) -> dict[str, object]:
    return {
        "attack": plan.attack or NONE,
        "rule": plan.rule,
        "seed": plan.seed,
        "honest": plan.honest,
        "bad": plan.attackers if plan.attack else 0,
        "accuracy": result.accuracy,
        "backdoor": result.backdoor,
        "left_out_last": dict(result.report.rejected) if result.report else None,
    }
