"""The streaming weighted mean against reading its bytes, PyTorch, Flower, and a growing crowd.

    python scripts/bench/merge.py [--models 10] [--elements 10000000] [--rounds 7] [--folder DIR]
                                  [--flower-python PYTHON] [--cpu]

Writes float32 models (10 of 10 million elements), then prints, each as the best of some rounds in
turns, files in the page cache, into a file that is new each time (with ``--cpu`` in processor time
of all threads, for a busy machine):

- reading the same bytes once, summed by NumPy, one thread: the bar is 1.5 times that;
- our merge, from files to a file that is on the disk (fsync), and without waiting for the disk;
- PyTorch: load every model, sum in float64, save;
- our merge from arrays that are in memory to a file that is, as near as there is to what Flower
  does;
- Flower's two aggregations, from arrays that are in memory to arrays (no file is read or
  written); the bar is a third of the faster. Without flwr beside this package name the Python
  that has it;
- loading an untrusted file with all its checks, against reading it once;
- the memory that a merge of 2 and of 100 models adds to an idle process.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import numpy as np

if TYPE_CHECKING:
    from decentralml.learning.update import Update

MIB = 1 << 20
FLOWER = """
import json, sys, time
import numpy as np
from flwr.common import Array, ArrayRecord, MetricRecord, RecordDict
from flwr.server.strategy.aggregate import aggregate
from flwr.serverapp.strategy.strategy_utils import aggregate_arrayrecords
rounds, layers, *files = sys.argv[1:]
models = []
for file in files:
    with open(file, "rb") as stream:
        size = int.from_bytes(stream.read(8), "little")
        stream.seek(8 + size)
        models.append(np.array_split(np.fromfile(stream, "f4"), int(layers)))
results = [(model, number + 1) for number, model in enumerate(models)]
records = [
    RecordDict({
        "arrays": ArrayRecord({str(k): Array(v) for k, v in enumerate(model)}),
        "metrics": MetricRecord({"num-examples": number}),
    })
    for model, number in results
]
found = {"aggregate": [], "aggregate_arrayrecords": []}
for _ in range(int(rounds)):
    start = time.perf_counter(); aggregate(results)
    found["aggregate"].append(time.perf_counter() - start)
    start = time.perf_counter(); aggregate_arrayrecords(records, "num-examples")
    found["aggregate_arrayrecords"].append(time.perf_counter() - start)
print(json.dumps({name: min(times) for name, times in found.items()}))
"""
LAYERS = 10


def write_models(folder: Path, count: int, elements: int) -> list[Path]:
    """Models of ten equal tensors."""
    from safetensors.numpy import save_file

    rng = np.random.default_rng(0)
    files = []
    for number in range(count):
        values = np.array_split(rng.standard_normal(elements, "f4"), LAYERS)
        files.append(folder / f"{number}.safetensors")
        save_file({f"layer{i}": part for i, part in enumerate(values)}, files[-1])
    return files


def read_once(files: list[Path]) -> float:
    """Every byte through a buffer, summed: what any merge must do at least."""
    buffer, total = np.empty(1 << 18, "f4"), 0.0
    for file in files:
        with file.open("rb", buffering=0) as stream:
            stream.seek(8 + int.from_bytes(stream.read(8), "little"))
            while got := stream.readinto(buffer):
                total += float(buffer[: got // 4].sum())
    return total


def streaming(files: list[Path], out: Path) -> None:
    from decentralml.learning.mean import weighted_mean
    from decentralml.learning.update import Update

    weighted_mean([Update(file, number + 1) for number, file in enumerate(files)], out)


def unsynced(files: list[Path], out: Path) -> None:
    """The same, without waiting for the disk."""
    with mock.patch("os.fsync", lambda file: None), mock.patch("os.fdatasync", lambda file: None):
        streaming(files, out)


def held(files: list[Path]) -> list[Update]:
    """The same models in memory."""
    from safetensors.numpy import load_file

    from decentralml.learning.sources import ArraySource
    from decentralml.learning.update import Update

    return [
        Update(file, number + 1, source=ArraySource(load_file(file)))
        for number, file in enumerate(files)
    ]


def from_memory(updates: list[Update], out: Path) -> None:
    from decentralml.learning.mean import weighted_mean

    weighted_mean(updates, out)


def in_memory(files: list[Path], out: Path) -> None:
    """What one writes with PyTorch: load every model, sum in float64, save."""
    from safetensors.torch import load_file, save_file

    models = [load_file(file) for file in files]
    total = sum(range(1, len(files) + 1))
    merged = {}
    for name, first in models[0].items():
        sums = sum(model[name].double() * ((i + 1) / total) for i, model in enumerate(models))
        merged[name] = sums.to(first.dtype)
    save_file(merged, out)


def checked(file: Path) -> None:
    from decentralml.bundles.manifest import ModelResult
    from decentralml.validation.checks import check_model

    check_model(file, ModelResult(None, 1 << 40))


def best(
    ways: dict[str, Callable[[], object]],
    rounds: int,
    clock: Callable[[], float],
    written: list[Path],
) -> dict[str, float]:
    """Seconds of each, the best of some rounds in turns; files written before are gone."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, way in ways.items():
            for file in written:
                file.unlink(missing_ok=True)
            start = clock()
            way()
            times[name].append(clock() - start)
    return {name: min(found[1:]) for name, found in times.items()}


def memory(file: Path, count: int, out: Path) -> int:
    """Bytes that a merge of so many models adds to a process of its own, at the highest."""
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[4])\n"
        "import merge; file, out = Path(sys.argv[1]), Path(sys.argv[3])\n"
        "import decentralml.learning.mean\n"
        "idle = merge.peak_memory(); merge.streaming([file] * int(sys.argv[2]), out)\n"
        "print(merge.peak_memory() - idle)"
    )
    command = [sys.executable, "-c", code, str(file), str(count), str(out)]
    command.append(str(Path(__file__).parent))
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def peak_memory() -> int:
    """Bytes at the highest; getrusage would count what the parent process had, too."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def flower(python: str, files: list[Path], rounds: int) -> dict[str, float] | None:
    """Seconds of Flower's ways, each the best of some rounds; it uses one core."""
    command = [python, "-c", FLOWER, str(rounds), str(LAYERS), *map(str, files)]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
    except OSError as error:
        sys.exit(f"{python}: {error.strerror}")
    if done.returncode:
        print(f"Flower was not measured: {done.stderr.strip().splitlines()[-1]}")
        return None
    return dict(json.loads(done.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=10)
    parser.add_argument("--elements", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", type=Path, help="where to write the models; default: /tmp")
    parser.add_argument("--flower-python", default=sys.executable)
    parser.add_argument("--cpu", action="store_true", help="processor time, on a busy machine")
    options = parser.parse_args()
    clock = time.process_time if options.cpu else time.perf_counter
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with (
        tempfile.TemporaryDirectory(prefix="merge-bench-", dir=options.folder) as name,
        tempfile.TemporaryDirectory(prefix="merge-bench-", dir=shared) as memory_name,
    ):
        folder = Path(name)
        files = write_models(folder, options.models, options.elements)
        updates = held(files)
        ways: dict[str, Callable[[], object]] = {
            "reading once, summed": lambda: read_once(files),
            "streaming mean, on the disk": lambda: streaming(files, folder / "ours"),
            "streaming mean, not waiting": lambda: unsynced(files, folder / "ours"),
            "mean, memory to memory": lambda: from_memory(updates, Path(memory_name) / "ours"),
            "PyTorch in memory": lambda: in_memory(files, folder / "theirs"),
            "one file, read and summed": lambda: read_once(files[:1]),
            "one file, checked": lambda: checked(files[0]),
        }
        written = [folder / "ours", folder / "theirs", Path(memory_name) / "ours"]
        found = best(ways, options.rounds, clock, written)
        rivals = flower(options.flower_python, files, options.rounds)
        streaming(files, folder / "ours")
        in_memory(files, folder / "theirs")
        print(f"{options.models} models of {options.elements:,} float32:")
        for way, seconds in found.items():
            print(f"  {way:28} {1000 * seconds:8.1f} ms")
        for way, seconds in (rivals or {}).items():
            print(f"  {'Flower ' + way:28} {1000 * seconds:8.1f} ms")
        read, ours, quick = list(found.values())[:3]
        print(f"mean / reading: {ours / read:.2f} on the disk, {quick / read:.2f} not waiting")
        print(f"PyTorch / mean: {found['PyTorch in memory'] / ours:.1f}")
        if rivals:
            fastest = min(rivals.values())
            alike = fastest / found["mean, memory to memory"]
            print(
                f"Flower / mean: {alike:.1f} from memory to memory, "
                f"{fastest / quick:.1f} from files, {fastest / ours:.1f} to the disk, too"
            )
        alone = found["one file, checked"] / found["one file, read and summed"]
        print(f"checking / reading: {alone:.2f}")
        two, many = (memory(files[0], count, folder / "out") for count in (2, 100))
        print(f"memory: +{two / MIB:.0f} MiB for 2 models, +{many / MIB:.0f} MiB for 100")
        print(f"largest difference from PyTorch's: {agree(folder / 'ours', folder / 'theirs'):.2g}")


def agree(first: Path, second: Path) -> float:
    from safetensors.numpy import load_file

    one, two = load_file(first), load_file(second)
    return max(float(np.abs(one[n].astype("f8") - two[n].astype("f8")).max()) for n in one)


if __name__ == "__main__":
    main()
