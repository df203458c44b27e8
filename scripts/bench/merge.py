"""The streaming weighted mean against PyTorch's mean of whole models in memory.

    python scripts/bench/merge.py [--models 10] [--megabytes 100] [--folder DIR]

Prints the time of both (each in a process of its own, median of three, files in the page cache),
their ratio, and the memory that each added to an idle process, for two models and for many.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

MIB = 1 << 20
REPEATS = 3


def write_models(folder: Path, count: int, megabytes: int) -> None:
    """Float models of ten equal matrices and some small vectors, as networks have them."""
    from safetensors.numpy import save_file

    rng = np.random.default_rng(0)
    rows = max(1, megabytes * MIB // 4 // 10 // 1024)
    for number in range(count):
        tensors = {f"layer{i}.weight": rng.standard_normal((rows, 1024), "f4") for i in range(10)}
        tensors |= {f"layer{i}.bias": rng.standard_normal(1024, "f4") for i in range(10)}
        tensors["num_batches_tracked"] = np.array(number)
        save_file(tensors, folder / f"{number}.safetensors")
    save_file({"tiny": np.zeros(1, "f4")}, folder / "tiny.safetensors")


def streaming(files: list[Path], out: Path) -> None:
    from decentralml.learning.mean import weighted_mean
    from decentralml.learning.update import Update

    weighted_mean([Update(file, number + 1) for number, file in enumerate(files)], out)


def in_memory(files: list[Path], out: Path) -> None:
    """What one writes with PyTorch: load every model, sum in float64, save."""
    from safetensors.torch import load_file, save_file

    models = [load_file(file) for file in files]
    total = sum(range(1, len(files) + 1))
    merged = {}
    for name, first in models[0].items():
        sums = sum(model[name].double() * ((i + 1) / total) for i, model in enumerate(models))
        merged[name] = (sums if first.is_floating_point() else sums.round()).to(first.dtype)
    save_file(merged, out)


WAYS = {"streaming": streaming, "in-memory": in_memory}


def measure(way: str, files: list[Path], out: Path) -> None:
    """In a process of its own: seconds, and bytes of memory beyond what imports took."""
    WAYS[way]([out.with_name("tiny.safetensors")], out)  # Imports are not what is measured.
    idle = peak_memory()
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        WAYS[way](files, out)
        seconds.append(time.perf_counter() - started)
    print(json.dumps([statistics.median(seconds), peak_memory() - idle]))


def peak_memory() -> int:
    """Bytes at the highest; getrusage would count what the parent process had, too."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=10)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--folder", type=Path, help="where to write the models; default: /tmp")
    parser.add_argument("--measure", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        files = [options.folder / f"{n}.safetensors" for n in range(options.models)]
        measure(options.measure, files, options.folder / f"{options.measure}.out")
        return
    with tempfile.TemporaryDirectory(prefix="merge-bench-", dir=options.folder) as name:
        folder = Path(name)
        write_models(folder, options.models, options.megabytes)
        found = {}
        for way in WAYS:
            for count in (2, options.models):
                command = [sys.executable, __file__, "--measure", way, "--folder", name]
                command += ["--models", str(count)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                found[way, count] = json.loads(done.stdout)
                seconds, added = found[way, count]
                print(
                    f"{way:10} {count:3} models of {options.megabytes} MiB: {seconds:6.2f} s, "
                    f"{count * options.megabytes / seconds:6.0f} MiB/s, +{added / MIB:6.0f} MiB"
                )
        ours, theirs = found["streaming", options.models], found["in-memory", options.models]
        print(
            f"streaming takes {ours[0] / theirs[0]:.2f} times the time of in-memory "
            f"and {ours[1] / theirs[1]:.3f} times its memory"
        )
        same = agree(folder / "streaming.out", folder / "in-memory.out")
        print(f"largest difference of the two results: {same:.2g}")


def agree(first: Path, second: Path) -> float:
    from safetensors.numpy import load_file

    one, two = load_file(first), load_file(second)
    return max(float(np.abs(one[n].astype("f8") - two[n].astype("f8")).max()) for n in one)


if __name__ == "__main__":
    main()
