#!/usr/bin/env python3
"""What a sync of a swarm costs: six nodes, real processes, real TLS, a real chain; and a merge.

    scripts/bench/swarm.py [--parameters 1000000] [--rounds 10] [--block-time 50ms | --shared]
    scripts/bench/swarm.py --merge-only

Each node is a `decentralml swarm run` of its own on loopback; this process plays the six training
processes, which all reach their sync point at the same moment. Prints the seconds from that moment
until the last of them has the merged model, beside the same mean of the same files in one process
(the peer: what is left if nobody has to agree on anything), and the ratio; and the processor time
of all nodes and the chain, which others on the machine do not lengthen. Then the peak memory of a
process that merges, against the number of nodes.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "assets/examples"), str(ROOT / "assets/examples/swarm")]

from run import NODES, prepare  # noqa: E402
from stage import Stage, serve  # noqa: E402

from decentralml.chain.swarm.words import MergeMethod  # noqa: E402
from decentralml.learning.examples import write_tensors  # noqa: E402
from decentralml.swarm.link import Link  # noqa: E402
from decentralml.swarm.merging.merge import merge  # noqa: E402

BAR = 1.0
CROWDS = (6, 24, 96)
MERGED = 250_000
"""Parameters of the models that memory is measured with."""
PATIENCE = 300.0


def write_model(path: Path, parameters: int, seed: int) -> Path:
    """A model of that size in a few tensors, as a training process would write it."""
    rng = np.random.default_rng(seed)
    sizes = [parameters // 2, parameters // 4, parameters - parameters // 2 - parameters // 4]
    values = {f"layer.{n}": rng.normal(size=size) for n, size in enumerate(sizes)}
    write_tensors(path, {name: value.astype(np.float32) for name, value in values.items()})
    return path


def syncs(options: argparse.Namespace, folder: Path) -> tuple[list[float], list[float]]:
    """Seconds of each round, and processor seconds."""
    with ExitStack() as stack:
        stage = Stage(folder, folder)
        model = write_model(folder / "model.safetensors", options.parameters, 0)
        swarm = prepare(stage, model, "mean", len(NODES))
        if not options.shared:
            serve(stage, stack, options.block_time)
        logs = [
            stage.begin(stack, f"swarm run {swarm} --log-json", f"node-{place}", name)
            for place, name in enumerate(NODES)
        ]
        sockets = [waited_for(log) for log in logs]
        links = [stack.enter_context(Link.connect(path)) for path in sockets]
        pool = stack.enter_context(ThreadPoolExecutor(len(NODES)))
        folders = [begun.folder for begun in pool.map(lambda link: link.begin(), links)]
        found, processor = [], []
        for number in range(options.rounds):
            updates = [
                write_model(place / f"update-{number}.safetensors", options.parameters, seed)
                for seed, place in enumerate(folders)
            ]
            started, spent = time.perf_counter(), processor_time()
            ended = list(
                pool.map(lambda pair: pair[0].sync(pair[1]), zip(links, updates, strict=True))
            )
            found.append(time.perf_counter() - started)
            processor.append(processor_time() - spent)
            contents = {synced.path.read_bytes() for synced in ended}
            assert len(contents) == 1 and ended[0].merged == len(NODES), "they differ"
            told = f"{found[-1]:.2f} s, processor time {processor[-1]:.2f} s"
            print(f"round {ended[0].round}: {told}", flush=True)
    return found, processor


def processor_time() -> float:
    """Seconds that this process and those it started have had of a processor."""
    children = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    total = 0.0
    for pid in (pid for told in children for pid in told.read_text().split()):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total + time.process_time()


def waited_for(log: Path) -> Path:
    """The socket of a node, once it waits for training."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if told := re.search(r'"waits for training at ([^"]+)"', log.read_text()):
            return Path(told[1])
        time.sleep(0.1)
    raise SystemExit(f"a node does not come up: {log.read_text()[-2000:]}")


def alone(parameters: int, folder: Path) -> float:
    """Seconds to merge as many files in one process, the quickest of five."""
    files = [write_model(folder / f"m{n}", parameters, n) for n in range(len(NODES))]
    times = []
    for _ in range(5):
        started = time.perf_counter()
        merge(MergeMethod.MEAN, files, [1] * len(files), folder / "out")
        times.append(time.perf_counter() - started)
    return min(times)


def memory(parameters: int, folder: Path) -> None:
    """Peak memory and seconds of merging processes."""
    files = [write_model(folder / f"c{n}", parameters, n) for n in range(CROWDS[0])]
    print(f"\nmerging {parameters:,} parameters: peak MiB of the process (seconds)")
    print(f"{'nodes':>7}" + "".join(f"{method.value:>20}" for method in MergeMethod))
    for count in CROWDS:
        line = f"{count:>7}"
        for method in MergeMethod:
            told = subprocess.run(
                [sys.executable, __file__, "--merge", method.value, str(count), *map(str, files)],
                check=True,
                capture_output=True,
                text=True,
            ).stdout.split()
            line += f"{told[0]:>12} ({float(told[1]):.1f})"
        print(line, flush=True)


def merge_once(words: list[str]) -> None:
    """In a process of its own: prints what :func:`memory` asks for."""
    method, count, files = MergeMethod(words[0]), int(words[1]), [Path(word) for word in words[2:]]
    started = time.perf_counter()
    chosen = [files[n % len(files)] for n in range(count)]
    merge(method, chosen, [1 + n % 7 for n in range(count)], files[0].with_name(f"out-{method}"))
    seconds = time.perf_counter() - started
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}", seconds)


def main() -> None:
    if sys.argv[1:2] == ["--merge"]:
        merge_once(sys.argv[2:])
        return
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--parameters", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=10)
    options.add_argument("--block-time", default="50ms")
    options.add_argument("--shared", action="store_true")
    options.add_argument("--merge-only", action="store_true")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="decentralml-swarm-") as name:
        folder = Path(name)
        if not chosen.merge_only:
            times, processor = syncs(chosen, folder)
            peer = alone(chosen.parameters, folder)
            middle = statistics.median(times)
            verdict = "within" if middle < BAR else "above"
            print(
                f"a sync of {chosen.parameters:,} parameters over {len(NODES)} nodes: "
                f"{middle:.2f} s ({min(times):.2f} to {max(times):.2f}), {verdict} the bar of "
                f"{BAR:.0f} s; processor time {statistics.median(processor):.2f} s; the mean alone "
                f"{peer:.3f} s, ratio {middle / peer:.0f}; load {os.getloadavg()[0]:.1f} on "
                f"{os.cpu_count()} cores"
            )
        memory(MERGED, folder)


if __name__ == "__main__":
    main()
