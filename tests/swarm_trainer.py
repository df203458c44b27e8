"""A training process of a swarm's node for tests: adds a little, syncs, and again.

    python swarm_trainer.py ROUNDS GATE RESULT PATIENCE

Goes on from what was merged until it has the model of round ROUNDS, each time once the file GATE is
there; writes to RESULT which model it ended with.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from pathlib import Path

import numpy as np

from decentralml.bundles.manifest import TensorSpec
from decentralml.chain.swarm.words import Presence
from decentralml.errors import DecentralMLError
from decentralml.learning.tensors import TensorFile, TensorWriter
from decentralml.swarm.link import Link

SPECS = {"weight": TensorSpec("F32", (4, 3)), "bias": TensorSpec("F32", (3,))}


def value(path: Path | None) -> float:
    if path is None:
        return 0.0
    return float(np.frombuffer(TensorFile.open(path).read("bias"), "<f4")[0])


def train(base: Path | None, folder: Path, number: int) -> Path:
    """A model that is the base and something of this process's own."""
    update = folder / f"update-{os.getpid()}-{number}.safetensors"
    with update.open("wb") as stream:
        writer = TensorWriter(stream, SPECS)
        for spec in SPECS.values():
            writer.write(np.full(spec.shape, value(base) + 1 + os.getpid() / 1e6, "<f4"))
    return update


def main(rounds: int, gate: Path, result: Path, patience: float) -> None:
    with Link.connect(patience=patience) as link:
        begun = link.begin({"process": os.getpid()})
        model, at = begun.newest, begun.round
        synced = []
        while at < rounds:
            while not gate.exists():
                time.sleep(0.02)
            update = train(model, begun.folder, at)
            done = link.sync(update, deadline=patience)
            model, at = done.path, done.round
            synced.append([done.round, done.merged, done.counted])
        assert model is not None
        ended = {"round": at, "sha256": hashlib.sha256(model.read_bytes()).hexdigest()}
        link.finish(Presence.INACTIVE)
    written = result.with_suffix(".part")
    written.write_text(json.dumps({**ended, "synced": synced}))
    written.rename(result)


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4]))
    except DecentralMLError as stopped:  # The node's own line comes after this one.
        sys.exit(f"training ends: {stopped}")
