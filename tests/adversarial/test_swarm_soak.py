"""Rounds on rounds while nodes are killed and started again at random: all end with one model.

``DECENTRALML_SOAK_ROUNDS=50`` makes it longer, ``DECENTRALML_SOAK_SEED`` another one.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from pathlib import Path

import pytest
from swarm_processes_support import Station, each, theatre
from swarm_support import until

ROUNDS = int(os.environ.get("DECENTRALML_SOAK_ROUNDS", "6"))
SEED = int(os.environ.get("DECENTRALML_SOAK_SEED", "6"))
EVERY = 2.0
"""Seconds between two strikes."""
LONGEST_ROUND = 30.0


@pytest.mark.timeout(60 + LONGEST_ROUND * ROUNDS)
def test_nodes_killed_at_random_end_with_one_model(tmp_path: Path) -> None:
    """Node alone, or with its training: whoever is struck is started again when next drawn."""
    dice = random.Random(SEED)
    done: Counter[str] = Counter()
    with theatre(tmp_path, 6, leader_timeout=3_000) as stage:
        each(stage.stations, lambda station: station.start(ROUNDS, patience=600))
        until(lambda: stage.newest() >= 1)
        started = time.monotonic()
        down: set[str] = set()
        while stage.newest() < ROUNDS:
            station = dice.choice(stage.stations)
            done[strike(station, dice, down)] += 1
            until_next = time.monotonic() + EVERY
            until(lambda end=until_next: time.monotonic() > end)
            assert time.monotonic() - started < LONGEST_ROUND * ROUNDS, "rounds do not get on"
        took = time.monotonic() - started
        for station in stage.stations:
            if station.name in down:
                station.start(ROUNDS, patience=600)
        rounds = stage.ended_alike()
        merged = stage.merged()
        ends = Counter(type(event).__name__ for event in stage.events())
        print({name: ends[name] for name in ("RoundVoided", "MergedOverturned", "LeaderReplaced")})
        print(f"{ROUNDS} rounds in {took:.0f} s, {dict(done)}; ended at {rounds}")
        print("updates merged:", [merged[number].merged for number in sorted(merged)])
        assert rounds == {stage.newest()}


def strike(station: Station, dice: random.Random, down: set[str]) -> str:
    """Kill what runs, start what does not; which was done."""
    if station.name in down:
        down.remove(station.name)
        station.start(ROUNDS, patience=600)
        return "started"
    if station.result.exists():
        return "spared"
    down.add(station.name)
    if dice.random() < 0.5:
        station.kill_node()
        return "node killed"
    station.end()
    return "both killed"
