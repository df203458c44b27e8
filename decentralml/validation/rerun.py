"""Have the task author's script do segments of a run again, in the sandbox.

It finds the bundle in ``/task``, the base model in ``/model``, and in ``/checkpoints`` the state at
the start of each segment: never the one at its end, which it is to find by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from decentralml.bundles.manifest import MODEL_FILE, TaskManifest
from decentralml.bundles.replay import checkpoint_file
from decentralml.errors import DamagedTensors
from decentralml.learning.replay.variables import CHECKPOINTS_MOUNT, variables
from decentralml.learning.tensors import TensorFile
from decentralml.storage.staging import lend
from decentralml.validation.evaluate import Bench

START = checkpoint_file(0)
OTHER_ARITHMETIC: Mapping[str, str] = {
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "MKL_CBWR": "COMPATIBLE",
}
"""Makes PyTorch compute as on the oldest processor that it runs on."""
SLACK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Rerun:
    """What a script made of some segments.

    Attributes
    ----------
    start : the state in which every run begins, or None if it wrote none.
    ends : the states at the ends of segments, for those that it wrote.
    problem : why some are missing, in words.
    """

    start: TensorFile | None
    ends: Mapping[int, TensorFile]
    problem: str


def rerun(
    bundle: Path,
    manifest: TaskManifest,
    order_seed: bytes,
    segments: Sequence[int],
    result: Path | None,
    space: Path,
    bench: Bench,
    arithmetic: Mapping[str, str] | None = None,
) -> Rerun:
    """Run the script.

    Parameters
    ----------
    result : folder of the result with the checkpoints at which the segments start; segment 0
        needs none: it begins as every run does.
    space : empty folder for what goes in and comes out; it must outlive the answer.
    arithmetic : variables that change how numbers are computed.

    Raises
    ------
    SandboxError
    """
    recipe = manifest.replay
    assert recipe is not None and manifest.base_model is not None, "the caller looks for it"
    lent = space / CHECKPOINTS_MOUNT
    lent.mkdir(parents=True)
    for segment in segments:
        if segment:
            assert result is not None, "only segment 0 begins without a checkpoint"
            lend(result / checkpoint_file(segment), lent / Path(checkpoint_file(segment)).name)
    model = bundle / manifest.base_model
    one = recipe.checkpoint_bytes((model / MODEL_FILE).stat().st_size) // recipe.checkpoints
    outcome = bench.run(
        space.name,
        manifest.run,
        {"task": bundle, "model": model, CHECKPOINTS_MOUNT: lent},
        space / "output",
        recipe.time_limit,
        output_bytes=one * (len(segments) + 1) + SLACK_BYTES,
        environment={**variables(order_seed, segments), **(arithmetic or {})},
    )
    ends = {s: _open(space / "output" / checkpoint_file(s + 1)) for s in segments}
    return Rerun(
        _open(space / "output" / START),
        {segment: file for segment, file in ends.items() if file is not None},
        f"{manifest.run} wrote no checkpoint"
        if outcome.ok
        else f"{manifest.run} {outcome.describe()}",
    )


def _open(file: Path) -> TensorFile | None:
    try:
        return TensorFile.open(file)
    except DamagedTensors:
        return None
