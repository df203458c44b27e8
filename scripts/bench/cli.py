#!/usr/bin/env python3
"""Start-up of the command line, as ratios against ``python -c "import click"`` in the same run.

    scripts/bench/cli.py [--runs N] [--tasks N]

Bars: ``--help`` within 4 times, ``list-tasks`` on a small chain within 10 times; on a chain of
100,000 tasks the whole process within 0.4 s and 200 MB. Each figure is the best of N runs, taken
in turns so that a busy machine slows all of them alike.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BARS = {"--help": 4.0, "list-tasks": 10.0}
LARGE_SECONDS, LARGE_MEGABYTES = 0.4, 200
TASKS = 10


# In a small process of its own: what is measured would else inherit this one's peak memory.
MEASURE = """
import os, sys, time
started = time.perf_counter()
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ,
                       file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
_, status, usage = os.wait4(child, 0)
print(time.perf_counter() - started, usage.ru_maxrss * 1024 / 1e6)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def measure(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Seconds and peak megabytes of a process."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *command],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=ROOT,
    )
    seconds, megabytes = map(float, done.stdout.split())
    return seconds, megabytes


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
            bond=3 * UNIT,
            reader=bytes(range(32)),
            expires_at=session.chain.now() + 3_600_000,
            working_time=3_600_000,
            review_time=3_600_000,
        )
        for _ in range(TASKS):
            session.chain.submit(CreateTask(terms), session.key)


def large_chain(home: Path, tasks: int) -> None:
    """The small chain, with copies of its first task up to `tasks`."""
    from devchain import fill, open_

    with open_(home / "chain.sqlite") as chain:
        fill(chain, tasks)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--tasks", type=int, default=100_000, help="on the large chain")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as small, tempfile.TemporaryDirectory() as large:
        small_chain(Path(small))
        shutil.copytree(small, large, dirs_exist_ok=True)
        large_chain(Path(large), options.tasks)
        decentralml = [sys.executable, "-m", "decentralml"]
        commands = {
            "import click": ([sys.executable, "-c", "import click"], small),
            "--help": ([*decentralml, "--help"], small),
            "list-tasks": ([*decentralml, "list-tasks"], small),
            "large": ([*decentralml, "list-tasks", "--limit", "20"], large),
        }
        best = dict.fromkeys(commands, (float("inf"), float("inf")))
        for _ in range(options.runs):
            for name, (command, home) in commands.items():
                environment = os.environ | {"DECENTRALML_HOME": home, "PYTHONPATH": str(ROOT)}
                best[name] = min(best[name], measure(command, environment))
    peer, _ = best["import click"]
    print(f"python -c 'import click'  {1000 * peer:6.0f} ms")
    missed = False
    for name, bar in BARS.items():
        ratio = best[name][0] / peer
        missed |= ratio > bar
        print(
            f"decentralml {name:<12}  {1000 * best[name][0]:6.0f} ms  {ratio:5.2f} times, "
            f"bar {bar:.0f}: {'MISSED' if ratio > bar else 'met'}"
        )
    took, megabytes = best["large"]
    over = took > LARGE_SECONDS or megabytes > LARGE_MEGABYTES
    print(
        f"20 of {options.tasks:,} tasks: {took:.2f} s and {megabytes:.0f} MB, "
        f"bar {LARGE_SECONDS} s and {LARGE_MEGABYTES} MB: {'MISSED' if over else 'met'}"
    )
    return 1 if missed or over else 0


if __name__ == "__main__":
    sys.exit(main())
