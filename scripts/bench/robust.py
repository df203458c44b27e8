"""The robust rules against byzfl's, on 20 updates of a million float32 in memory.

    python scripts/bench/robust.py [--updates 20] [--elements 1000000] [--rounds 8]

byzfl is given its best of two: NumPy arrays or PyTorch tensors. Ours reads the arrays through the
same interface as files and writes a safetensors file, to memory. Each time is the best of some
rounds in turns. The bars: median and trimmed mean 8 times, the others 3 times in geometric mean,
none slower.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from decentralml.learning.robust.merge import merge_updates
from decentralml.learning.robust.rules import Mixing, Rule, RuleOptions
from decentralml.learning.sources import ArraySource
from decentralml.learning.update import Update

NEIGHBOURS = Mixing.NEAREST_NEIGHBOURS


def aggregators() -> ModuleType:
    """byzfl's, without torchvision, which its package imports beside them."""
    spec = importlib.util.find_spec("byzfl")
    if spec is None or spec.submodule_search_locations is None:
        sys.exit("byzfl is not installed: pip install byzfl==0.0.11")
    bare = ModuleType("byzfl")
    bare.__path__ = list(spec.submodule_search_locations)
    sys.modules["byzfl"] = bare
    return importlib.import_module("byzfl.aggregators")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--updates", type=int, default=20)
    parser.add_argument("--elements", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--cpu", action="store_true", help="processor time, on a busy machine")
    options = parser.parse_args()
    import torch

    theirs, clock = aggregators(), time.process_time if options.cpu else time.perf_counter
    count, bad = options.updates, int(0.3 * options.updates)
    arrays = np.random.default_rng(0).standard_normal((count, options.elements), "f4")
    tensors = torch.from_numpy(arrays)
    base = ArraySource({"w": np.zeros(options.elements, "f4")})
    updates = [Update(Path(str(i)), 1, source=ArraySource({"w": a})) for i, a in enumerate(arrays)]
    trim, nnm = theirs.TrMean(f=bad), theirs.NNM(f=bad)
    clip = 0.9 * math.sqrt(options.elements)
    pairs: dict[str, tuple[Callable[[Any], Any], Rule, RuleOptions]] = {
        "median": (theirs.Median(), Rule.MEDIAN, RuleOptions()),
        "trimmed-mean": (trim, Rule.TRIMMED_MEAN, RuleOptions(bad=bad)),
        "geometric-median": (theirs.GeometricMedian(), Rule.GEOMETRIC_MEDIAN, RuleOptions()),
        "krum": (theirs.Krum(f=bad), Rule.KRUM, RuleOptions(bad=bad)),
        "multi-krum": (theirs.MultiKrum(f=bad), Rule.MULTI_KRUM, RuleOptions(bad=bad)),
        "centred-clipping": (
            lambda x: theirs.CenteredClipping(L=3, tau=clip)(x),
            Rule.CENTRED_CLIPPING,
            RuleOptions(clip=clip),
        ),
        "norm-clipping": (
            lambda x: theirs.Average()(theirs.Clipping(c=clip)(_copy(x))),
            Rule.NORM_CLIPPING,
            RuleOptions(clip=clip),
        ),
        "mixing, then mean": (
            lambda x: theirs.Average()(nnm(x)),
            Rule.MEAN,
            RuleOptions(bad=bad, mixing=NEIGHBOURS),
        ),
        "mixing, then trimmed-mean": (
            lambda x: trim(nnm(x)),
            Rule.TRIMMED_MEAN,
            RuleOptions(bad=bad, mixing=NEIGHBOURS),
        ),
        "bucketing, then median": (
            lambda x: theirs.Median()(theirs.Bucketing(s=2)(x)),
            Rule.MEDIAN,
            RuleOptions(mixing=Mixing.BUCKETING),
        ),
    }
    print(f"{count} updates of {options.elements:,} float32, {bad} bad; {os.cpu_count()} cores")
    print(f"{'rule':26} {'ours':>9} {'byzfl: numpy':>14} {'torch':>9} {'ratio':>7}")
    ratios = {}
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # byzfl writes no file.
    with tempfile.TemporaryDirectory(prefix="robust-bench-", dir=memory) as folder:
        out = Path(folder) / "out"
        for name, (oracle, rule, settings) in pairs.items():
            mine: Callable[[], object] = lambda rule=rule, settings=settings: merge_updates(  # noqa: E731
                updates, out, rule=rule, base=base, options=settings
            )
            ways = (mine, lambda: oracle(arrays), lambda: oracle(tensors))  # noqa: B023
            times = [math.inf] * 3
            for _ in range(options.rounds):
                for place, way in enumerate(ways):
                    out.unlink(missing_ok=True)
                    start = clock()
                    way()
                    times[place] = min(times[place], clock() - start)
            ratios[name] = min(times[1:]) / times[0]
            shown = [f"{1000 * each:.0f} ms" for each in times]
            print(f"{name:26} {shown[0]:>9} {shown[1]:>14} {shown[2]:>9} {ratios[name]:>6.1f}x")
    others = [ratio for name, ratio in ratios.items() if name not in ("median", "trimmed-mean")]
    mean = math.exp(sum(map(math.log, others)) / len(others))
    print(f"the others: {mean:.1f}x in geometric mean, at least {min(others):.1f}x")


def _copy(vectors: Any) -> Any:
    """byzfl clips in place."""
    return vectors.copy() if isinstance(vectors, np.ndarray) else vectors.clone()


if __name__ == "__main__":
    main()
