#!/usr/bin/env python3
"""Start-up of the command line, as ratios against ``python -c "import click"`` in the same run.

    scripts/bench/cli.py [--runs N]

Bars: ``--help`` within 4 times, ``list-tasks`` on a small chain within 10 times. Each figure is
the best of N runs, taken in turns so that a busy machine slows all of them alike.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BARS = {"--help": 4.0, "list-tasks": 10.0}
TASKS = 10


def seconds(command: list[str], environment: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True, cwd=ROOT)
    return time.perf_counter() - started


def small_chain(home: Path) -> None:
    """A chain with a few tasks."""
    from decentralml.chain.calls import CreateTask
    from decentralml.config import Config
    from decentralml.market.session import Session
    from decentralml.types import (
        UNIT,
        Cid,
        ModelType,
        StorageType,
        TaskType,
        Terms,
        ValidationStrategy,
    )

    with Session(Config(home, key="//Alice")) as session:
        terms = Terms(
            task_type=TaskType.MODEL_CONTRIBUTOR,
            strategy=ValidationStrategy.AUTO_ACCEPT,
            model_type=ModelType.VISION,
            storage=StorageType.IPFS,
            bundle=Cid("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"),
            reward=UNIT,
            fee=UNIT,
            committee_size=3,
            slots=1,
            expires_at=session.chain.now() + 3_600_000,
            working_time=3_600_000,
            review_time=3_600_000,
        )
        for _ in range(TASKS):
            session.chain.submit(CreateTask(terms), session.key)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"DECENTRALML_HOME": folder, "PYTHONPATH": str(ROOT)}
        small_chain(Path(folder))
        decentralml = [sys.executable, "-m", "decentralml"]
        commands = {
            "import click": [sys.executable, "-c", "import click"],
            "--help": [*decentralml, "--help"],
            "list-tasks": [*decentralml, "list-tasks"],
        }
        best = dict.fromkeys(commands, float("inf"))
        for _ in range(runs):
            for name, command in commands.items():
                best[name] = min(best[name], seconds(command, environment))
    peer = best["import click"]
    print(f"python -c 'import click'  {1000 * peer:6.0f} ms")
    missed = False
    for name, bar in BARS.items():
        ratio = best[name] / peer
        missed |= ratio > bar
        print(
            f"decentralml {name:<12}  {1000 * best[name]:6.0f} ms  {ratio:5.2f} times, "
            f"bar {bar:.0f}: {'MISSED' if ratio > bar else 'met'}"
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
