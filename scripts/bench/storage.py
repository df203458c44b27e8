#!/usr/bin/env python
"""Adding one gigabyte to the local block store, against `ipfs add --only-hash` in the same run.

    DECENTRALML_KUBO=/path/to/ipfs python scripts/bench/storage.py [--folder F] [--rounds N]

Prints seconds, rates, the ratio, and the peak memory of adding a small and a large file. The bar:
hashing at 1 GB/s, or adding (hashing, deduplicating, writing and syncing) at twice the speed of
Kubo's hashing; the best round of each counts, since noise only slows. Exits 1 below both.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GIGABYTE = 10**9
SMALL = 64 * 10**6
PIECE = 1 << 20
CHILD = """
import json, resource, sys, time
from pathlib import Path
from decentralml.storage.local import BlockStore
from decentralml.storage.objects import Objects
from decentralml.storage.unixfs import cid_of
file, store = map(Path, sys.argv[1:])
started = time.perf_counter()
cid = Objects(BlockStore(store)).add(file) if store != Path() else cid_of(file)
seconds = time.perf_counter() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps([cid, seconds, peak]))
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--folder", type=Path, help="where to work; a temporary one else")
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    kubo = os.environ.get("DECENTRALML_KUBO") or shutil.which("ipfs")
    if kubo is None:
        sys.exit("no ipfs to compare with: set DECENTRALML_KUBO (scripts/lib/build-kubo makes one)")
    with tempfile.TemporaryDirectory(dir=chosen.folder) as temporary:
        sys.exit(measure(Path(temporary), kubo, chosen.rounds))


def measure(folder: Path, kubo: str, rounds: int) -> int:
    environment = {**os.environ, "IPFS_PATH": str(folder / "ipfs")}
    subprocess.run(
        [kubo, "init", "--profile=test"], env=environment, check=True, capture_output=True
    )
    small, large = folder / "small", folder / "large"
    fill(small, SMALL)
    fill(large, GIGABYTE)
    _, _, small_peak = ours(small, folder / "store")
    hashing, adding, theirs = [], [], []
    peak = 0
    for number in range(1, rounds + 1):
        ours_cid, seconds, _ = ours(large, None)
        hashing.append(seconds)
        started = time.perf_counter()
        said = subprocess.run(
            [kubo, "add", "-Q", "--only-hash", "--cid-version=1", str(large)],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        theirs.append(time.perf_counter() - started)
        if said.stdout.strip() != ours_cid:
            sys.exit(f"CIDs differ: {ours_cid} here, {said.stdout.strip()} from Kubo")
        shutil.rmtree(folder / "store", ignore_errors=True)
        added_cid, seconds, peak = ours(large, folder / "store")
        assert added_cid == ours_cid
        adding.append(seconds)
        print(
            f"round {number}: hash {hashing[-1]:.2f} s, ipfs add --only-hash {theirs[-1]:.2f} s, "
            f"add to the store {adding[-1]:.2f} s"
        )
    return report(hashing, adding, theirs, small_peak, peak)


def report(
    hashing: list[float], adding: list[float], theirs: list[float], small_peak: int, peak: int
) -> int:
    rate = GIGABYTE / min(hashing)
    ratio = min(theirs) / min(adding)
    for name, seconds in (
        ("hashing", hashing),
        ("adding to the store", adding),
        ("ipfs add --only-hash", theirs),
    ):
        best, middle = (GIGABYTE / s / 1e9 for s in (min(seconds), statistics.median(seconds)))
        print(f"{name:21} {best:5.2f} GB/s at best, {middle:5.2f} in the median")
    print(f"adding is {ratio:.2f} times as fast as ipfs add --only-hash (best of each)")
    print(f"peak memory: {small_peak / 1e6:.0f} MB for 64 MB, {peak / 1e6:.0f} MB for 1 GB")
    good = rate >= 1e9 or ratio >= 2
    print("bar (hashing at 1 GB/s, or twice Kubo): " + ("met" if good else "MISSED"))
    return 0 if good else 1


def ours(file: Path, store: Path | None) -> tuple[str, float, int]:
    """CID, seconds and peak memory of a process that adds (or hashes) the file."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(file), str(store or "")],
        check=True,
        capture_output=True,
        text=True,
    )
    cid, seconds, peak = json.loads(done.stdout)
    return cid, seconds, peak


def fill(file: Path, size: int) -> None:
    with file.open("wb") as stream:
        while (left := size - stream.tell()) > 0:
            stream.write(os.urandom(min(PIECE, left)))


if __name__ == "__main__":
    main()
