"""The command line."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import bars, collusion, copies, earnings, expected
from .market import Market, Size
from .parameters import FILE, OFFICE, load

RESULTS_PER_AGENT = 1.65
"""So that each contributor begins one or two results."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulates, prints, and says by the exit status whether the bars hold."""
    options = argparse.ArgumentParser(prog="scripts/sim", description=__doc__)
    options.add_argument("--agents", type=int, default=2000)
    options.add_argument("--results", type=int, help="submissions to begin, at least")
    options.add_argument("--seed", type=int, default=2026)
    options.add_argument("--parameters", type=Path, default=FILE)
    options.add_argument("--attempts", type=int, help="of each robbery; 0: none")
    options.add_argument("--plot", type=Path, default=Path("earnings.png"))
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args(arguments)
    parameters = load(chosen.parameters)
    if chosen.attempts is not None:
        parameters = parameters.with_attempts(chosen.attempts)
    results = chosen.results or round(chosen.agents * RESULTS_PER_AGENT)
    size = Size(chosen.agents, results, max(8, results // 60))
    say = _to_stderr if chosen.json else print
    say(f"seed {chosen.seed}: {chosen.agents} agents, {results} results or more")
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="decentralml-sim-") as name:
        folder = Path(name)
        market = Market(folder, folder, parameters, size, chosen.seed)
        market.run(say)
        market.chain.check_money()
        sent = sum(market.chain.transactions.values())
        head = market.chain.chain.head.hex()
        blocks = market.chain.chain.height
        market.chain.close()
        say(
            f"{len(market.agents)} agents sent {sent} transactions in {blocks} blocks, "
            f"{time.perf_counter() - start:.0f} s; last block {head}"
        )
        robberies: list[collusion.Robbery] = []
        copied: list[copies.Copies] = []
        if parameters.collusion_attempts:
            for colluders in parameters.collusion_office:
                say(f"{colluders} colluders of {OFFICE} …")
                at = folder / f"collusion-{colluders}"
                robberies += collusion.rob(at, folder, parameters, colluders)
            copied = copies.compare(folder / "copies", folder, parameters)
    found = earnings.rows(market.agents, expected.all_roles(parameters))
    wrong = bars.broken(found, robberies, copied)
    earnings.plot(chosen.plot, found, robberies)
    facts = {
        "seed": chosen.seed,
        "agents": len(market.agents),
        "transactions": sent,
        "blocks": blocks,
        "head": head,
        "burned": market.chain.burned,
        "calls": dict(market.chain.transactions),
        "outcomes": {" ".join(key): n for key, n in sorted(market.world.outcomes.items())},
        "earnings": [asdict(row) for row in found],
        "collusion": [asdict(each) | {"holds": each.holds} for each in robberies],
        "copies": [asdict(each) for each in copied],
        "broken": wrong,
    }
    if chosen.json:
        print(json.dumps(facts, indent=2))
    else:
        _show(found, robberies, copied, wrong)
        say(f"plot: {chosen.plot}; {time.perf_counter() - start:.0f} s")
    return 1 if wrong else 0


def _show(found: Any, robberies: Any, copied: Any, wrong: list[str]) -> None:
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 110)
    console.print(earnings.earnings_table(found))
    if robberies:
        console.print(earnings.collusion_table(robberies))
        console.print(earnings.copies_table(copied))
    for each in wrong:
        console.print(f"[bold red]broken:[/] {each}")
    if not wrong:
        console.print("The honest earn most in every role; all bounds hold; no planck is missing.")


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
