"""What each strategy earned: rows, a table for the terminal, and a plot."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from decentralml.types import UNIT

from .ledger import Agent

if TYPE_CHECKING:
    from rich.table import Table

    from .collusion import Robbery
    from .copies import Copies

_LEGEND = "(points: measured; line: bound; shaded: 3 deviations of chance)"
ROLES = ("contributor", "creator", "aggregator")
PER = {"contributor": "result begun", "creator": "result that passed", "aggregator": "seat"}


@dataclass(frozen=True, slots=True)
class Row:
    """One strategy of one role; money in tokens."""

    role: str
    strategy: str
    agents: int
    jobs: int
    per_job: float
    spread: float
    """Standard deviation, between agents, of what they earned per job."""
    per_agent: float
    expected: float | None
    """Per job, by arithmetic (:mod:`.expected`)."""


def rows(agents: Iterable[Agent], expected: Mapping[str, Mapping[str, float]]) -> list[Row]:
    """A row for each strategy, honest first, then by what they earned per job."""
    groups: dict[tuple[str, str], list[Agent]] = {}
    for agent in agents:
        groups.setdefault((agent.role, agent.strategy), []).append(agent)
    found = [_row(*key, group, expected) for key, group in groups.items()]
    found.sort(key=lambda row: (ROLES.index(row.role), row.strategy != "honest", -row.per_job))
    return found


def _row(
    role: str, strategy: str, group: list[Agent], expected: Mapping[str, Mapping[str, float]]
) -> Row:
    jobs = sum(agent.jobs for agent in group)
    total = sum(agent.earned for agent in group) / UNIT
    each = [agent.earned / UNIT / agent.jobs for agent in group if agent.jobs]
    mean = expected.get(role, {}).get(strategy)
    return Row(
        role,
        strategy,
        len(group),
        jobs,
        total / jobs if jobs else 0.0,
        statistics.stdev(each) if len(each) > 1 else 0.0,
        total / len(group),
        None if mean is None else mean / UNIT,
    )


def earnings_table(found: Sequence[Row]) -> Table:
    from rich.table import Table

    table = Table(title="Earnings by strategy (tokens)")
    for name in ("role", "strategy"):
        table.add_column(name)
    for name in ("agents", "jobs", "per job", "spread", "expected", "per agent"):
        table.add_column(name, justify="right")
    for row in found:
        table.add_row(
            row.role,
            row.strategy.replace("_", " "),
            str(row.agents),
            str(row.jobs),
            f"{row.per_job:+.3f}",
            f"{row.spread:.3f}",
            "" if row.expected is None else f"{row.expected:+.3f}",
            f"{row.per_agent:+.2f}",
            style="bold" if row.strategy == "honest" else None,
            end_section=row is [each for each in found if each.role == row.role][-1],
        )
    return table


def collusion_table(found: Sequence[Robbery]) -> Table:
    from rich.table import Table

    table = Table(title="What a colluding minority takes (tokens per attempt)")
    table.add_column("victim")
    table.add_column("robbed by")
    for name in ("of 13", "challenge", "robbed", "bound", "holds", "lost", "at most", "coalition"):
        table.add_column(name, justify="right")
    for each in found:
        table.add_row(
            each.victim,
            each.by,
            str(each.colluders),
            "yes" if each.challenge else "no",
            f"{each.measured:.2%} of {each.attempts}",
            f"{each.bound:.2%}",
            "yes" if each.holds else "NO",
            f"{each.lost / UNIT:+.3f}",
            f"{each.most / UNIT:.3f}",
            f"{each.coalition / UNIT:+.3f}",
        )
    return table


def copies_table(found: Sequence[Copies]) -> Table:
    from rich.table import Table

    table = Table(title="What one training earns, sent once or several times (tokens)")
    for name in ("replay", "strategy"):
        table.add_column(name)
    for name in ("trainings", "paid", "per training"):
        table.add_column(name, justify="right")
    for each in found:
        table.add_row(
            "yes" if each.replay else "no",
            each.strategy,
            str(each.trainings),
            str(each.paid),
            f"{each.earned / UNIT:+.3f}",
        )
    return table


def plot(path: Path, found: Sequence[Row], robberies: Sequence[Robbery]) -> None:
    """Earnings per job by strategy, a panel a role, and collusion against its bound."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(2, 2, figsize=(12, 8.5), layout="constrained")
    for panel, role in zip(panels.flat, ROLES, strict=False):
        mine = [row for row in found if row.role == role][::-1]
        names = [row.strategy.replace("_", " ") for row in mine]
        colours = ["#2a7f4f" if row.strategy == "honest" else "#b0b7c3" for row in mine]
        spreads = [row.spread for row in mine]
        panel.barh(names, [row.per_job for row in mine], xerr=spreads, color=colours, capsize=2)
        expected = [(row.expected, n) for n, row in enumerate(mine) if row.expected is not None]
        panel.plot(*zip(*expected, strict=True), "k|", markersize=12, label="expected")
        panel.axvline(0, color="black", linewidth=0.8)
        panel.set_title(f"{role}s: tokens per {PER[role]}")
        panel.legend(loc="best", frameon=False)
    _plot_collusion(panels.flat[3], robberies)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _plot_collusion(panel, robberies: Sequence[Robbery]) -> None:  # type: ignore[no-untyped-def]
    for by, challenge, colour in (
        ("colluder", False, "#c0504d"),
        ("colluder", True, "#2a7f4f"),
        ("staller", True, "#8064a2"),
        ("robber", False, "#e6a23c"),
        ("robber", True, "#4f81bd"),
    ):
        mine = [each for each in robberies if (each.by, each.challenge) == (by, challenge)]
        if not mine:
            continue
        share = [each.colluders / 13 for each in mine]
        time = "with" if challenge else "without"
        label = f"{mine[0].victim} by a {by}, {time} a challenge time"
        bounds = [each.bound for each in mine]
        error = [3 * each.deviation for each in mine]
        low = [max(0.0, bound - by) for bound, by in zip(bounds, error, strict=True)]
        high = [bound + by for bound, by in zip(bounds, error, strict=True)]
        panel.plot(share, bounds, color=colour, linewidth=1)
        panel.fill_between(share, low, high, color=colour, alpha=0.12)
        panel.plot(share, [each.measured for each in mine], "o", color=colour, label=label)
    panel.set_title("Robbed attempts, by the colluders' part of the office\n" + _LEGEND)
    panel.xaxis.set_major_formatter("{x:.0%}")
    panel.yaxis.set_major_formatter("{x:.0%}")
    panel.legend(frameon=False)
