#!/usr/bin/env python3
"""How fast the embedded chain is, in-process: each line a measure and what it is held against.

    scripts/bench/devchain.py [--tasks 100000] [--transfers 2000]

The same chain over WebSocket beside a real node and chopsticks: scripts/bench/rpc.py.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from chain_support import terms  # noqa: E402
from devchain_support import (  # noqa: E402
    account,
    new_chain,
    nonce,
    set_storage,
    shared_cache,
    signed,
    transfer,
)

from decentralml.chain.calls import CreateTask  # noqa: E402
from decentralml.chain.substrate.client import SubstrateChain  # noqa: E402
from decentralml.chain.substrate.embedded import EmbeddedTransport  # noqa: E402
from decentralml.chain.substrate.wire import encode, to_pallet  # noqa: E402
from decentralml.devchain.chain import DevChain, Sealed  # noqa: E402
from decentralml.devchain.codec import u64  # noqa: E402
from decentralml.devchain.hashes import blake2_128, storage_prefix  # noqa: E402
from decentralml.devchain.state import MAIN  # noqa: E402
from decentralml.devchain.trie import state_root, stored  # noqa: E402

ALICE, BOB = account("Alice"), account("Bob")
TASKS = storage_prefix("Market", "Tasks")
READ = """
import sys, time
start = time.perf_counter()
from pathlib import Path
from decentralml.devchain.chain import DevChain
with DevChain.open(Path(sys.argv[1]), cache=Path(sys.argv[1]).parent) as chain:
    keys = chain.keys(bytes.fromhex(sys.argv[2]), 20)
    assert len([v for _, v in chain.query(keys) if v]) == int(sys.argv[3])
took = time.perf_counter() - start
status = Path("/proc/self/status").read_text()
print(took, int(status.partition("VmHWM:")[2].split()[0]) / 1024)
"""


def create_task(chain: DevChain) -> bytes:
    """``Market.create_task``, by the chain's own metadata."""
    client = SubstrateChain(EmbeddedTransport(chain, ""))
    return encode(client.runtime(), to_pallet(CreateTask(terms(client))))


def task_key(task: int) -> bytes:
    return TASKS + blake2_128(u64(task)) + u64(task)


def one_by_one(chain: DevChain, count: int, call: Callable[[], bytes]) -> tuple[float, float]:
    """Milliseconds of a block with one extrinsic, on disk when it ends: median by the clock, and
    mean of the processor alone (on a shared machine the clock tells of the others)."""
    first = nonce(chain, ALICE.public)
    extrinsics = [signed(chain, ALICE, first + n, call()) for n in range(count)]
    took = []
    processor = time.process_time()
    for extrinsic in extrinsics:
        start = time.perf_counter()
        sealed = chain.submit(extrinsic)
        took.append((time.perf_counter() - start) * 1000)
        assert sealed.result == b"\0\0", sealed.result.hex()
    return statistics.median(took), (time.process_time() - processor) * 1000 / count


def in_one_block(chain: DevChain, count: int) -> tuple[float, float]:
    """Balance transfers a second, in blocks of up to `count`: by the clock, by the processor."""
    best = (0.0, 0.0)
    for _ in range(3):
        first = nonce(chain, ALICE.public)
        call = transfer(BOB.public, 1000)
        extrinsics = [signed(chain, ALICE, first + n, call) for n in range(count)]
        start, processor = time.perf_counter(), time.process_time()
        done = sum(isinstance(o, Sealed) for o in chain.seal(extrinsics))
        took, used = time.perf_counter() - start, time.process_time() - processor
        best = max(best, (done / took, done / used))
    return best


def fill(chain: DevChain, tasks: int) -> None:
    """Make the chain hold `tasks` tasks: copies of the first, put into the state by sudo."""
    value = chain.storage(task_key(0))
    assert value is not None
    for start in range(1, tasks, 4000):
        items = {task_key(n): value for n in range(start, min(tasks, start + 4000))}
        items[storage_prefix("Market", "NextTaskId")] = u64(min(tasks, start + 4000))
        extrinsic = signed(chain, ALICE, nonce(chain, ALICE.public), set_storage(items))
        assert chain.submit(extrinsic).result == b"\0\0"


def read_twenty(path: Path, expected: int) -> tuple[float, float]:
    """Seconds and MiB of a process that imports, opens and reads 20 tasks."""
    best = (9e9, 0.0)
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-c", READ, str(path), TASKS.hex(), str(expected)],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONPATH": str(ROOT)},
        )
        seconds, memory = map(float, done.stdout.split())
        best = min(best, (seconds, memory))
    return best


def roots(chain: DevChain) -> tuple[float, float]:
    """Seconds to a state root by the touched paths only, and from the whole state."""
    start = time.perf_counter()
    values = {key: chain._store.value(MAIN, key) for key in chain.keys(b"", 10_000_000)}
    state_root({key: stored(*value) for key, value in values.items() if value})
    whole = time.perf_counter() - start
    changes = {task_key(n): b"changed" for n in range(20)}
    start = time.perf_counter()
    chain._state.update(MAIN, changes, 1)
    return time.perf_counter() - start, whole


def few_and_many(small: Path, full: Path) -> tuple[float, float]:
    """Milliseconds of the processor for a block that creates a task, on a new chain and on `full`,
    in turns: the fastest tenth, since on a busy machine the rest tells of the others."""
    new_chain(small).close()
    os.sync()  # what filling the chain has left to write is not the blocks' doing
    took: tuple[list[float], list[float]] = ([], [])
    with open_(small) as few, open_(full) as many:
        for _ in range(90):
            for chain, times in zip((few, many), took, strict=True):
                call = create_task(chain)
                extrinsic = signed(chain, ALICE, nonce(chain, ALICE.public), call)
                start = time.process_time()
                chain.submit(extrinsic)
                times.append((time.process_time() - start) * 1000)
    return statistics.quantiles(took[0], n=10)[0], statistics.quantiles(took[1], n=10)[0]


def open_(path: Path) -> DevChain:
    return DevChain.open(path, cache=shared_cache())


def pages(path: Path) -> int:
    """Bytes of the database, its log included."""
    with sqlite3.connect(path) as file:
        count, size = (file.execute(f"PRAGMA page_{of}").fetchone()[0] for of in ("count", "size"))
    return int(count * size)


def say(what: str, value: str, against: str) -> None:
    print(f"{what:<52} {value:>14}   {against}", flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--tasks", type=int, default=100_000)
    options.add_argument("--transfers", type=int, default=2000)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="decentralml-bench-") as folder:
        path = Path(folder) / "chain.sqlite"
        with new_chain(path) as chain:
            chain.submit(signed(chain, ALICE, 0, create_task(chain)))
            rate, alone = in_one_block(chain, chosen.transfers)
            ratio = f"{rate / 1000:.2f} x the bar of 1,000 (processor alone: {alone:.0f})"
            say("transfers a second in one block", f"{rate:.0f}", ratio)
            took, alone = one_by_one(chain, 300, lambda: transfer(BOB.public, 1000))
            ratio = f"{1000 / took:.0f} a second (processor alone: {alone:.2f} ms)"
            say("a block of one transfer", f"{took:.2f} ms", ratio)
            before = pages(path)
            one_by_one(chain, 100, lambda: create_task(chain))
            grown = (pages(path) - before) / 100
            fill(chain, chosen.tasks)
            path_only, whole = roots(chain)
            ratio = f"1/{whole / path_only:.0f} of the whole state's"
            say("a state root with 20 changed tasks", f"{path_only * 1000:.2f} ms", ratio)
        few, many = few_and_many(Path(folder) / "small.sqlite", path)
        ratio = f"{many / few:.2f} x with 100"
        say(f"a block that creates a task beside {chosen.tasks}", f"{many:.2f} ms", ratio)
        with open_(path) as chain:
            start = time.perf_counter()
            chain.submit(signed(chain, ALICE, nonce(chain, ALICE.public), create_task(chain)))
            first = (time.perf_counter() - start) * 1000
            say("first block after opening, runtime loaded from cache", f"{first:.0f} ms", "")
        seconds, memory = read_twenty(path, 20)
        small, _ = read_twenty(Path(folder) / "small.sqlite", 20)
        say(
            "a process that opens and reads 20 tasks",
            f"{seconds * 1000:.0f} ms",
            f"{seconds / small:.2f} x with 100, {memory:.0f} MiB",
        )
        say("what a block with a task adds to the file", f"{grown / 1024:.1f} KiB", "")
        say("file with all tasks", f"{path.stat().st_size / 2**20:.0f} MiB", "")


if __name__ == "__main__":
    main()
