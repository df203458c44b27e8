"""Who sends nothing of its own: what validation says of free riders and copycats."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from test_validation_policies import Scene, asking, right

from decentralml.learning.attacks.names import Attack
from decentralml.learning.attacks.updates import forge
from decentralml.learning.robust.merge import merge_updates
from decentralml.learning.robust.rules import Rule
from decentralml.learning.tensors import TensorFile
from decentralml.learning.update import Update
from decentralml.types import Verdict
from decentralml.validation.likeness import NEAR, likeness


def sent(folder: Path, name: str, values: np.ndarray) -> Path:
    save_file({"weight": values.astype("f4")}, folder / name)
    return folder / name


def test_a_free_rider_fails_wherever_any_gain_is_asked(tmp_path: Path) -> None:
    """Returned to the bit it is not even run; with some noise it is measured, and gains nothing."""
    scene = Scene(tmp_path)
    honest = [Update(scene.result, 1)]
    base = scene.bundle / "base" / "model.safetensors"
    out = scene.result / "model.safetensors"
    forge(Attack.FREE_RIDER, honest, TensorFile.open(base), out)
    finding = scene.judge(asking(gain=1), {})
    assert finding.verdict is Verdict.FAIL and "unchanged" in finding.reasons[0]
    scene.model(scene.result, 1.0001)
    finding = scene.judge(asking(gain=1), {"result": right(6), "base": right(6)})
    assert finding.verdict is Verdict.FAIL and "gain" in " ".join(finding.reasons)


def test_a_copy_is_evidently_one_and_is_worth_nothing_more_to_an_automatic_merge(
    tmp_path: Path,
) -> None:
    """Its verdict is the creator's: where results are accepted by verdict alone it passes."""
    rng = np.random.default_rng(0)
    base = sent(tmp_path, "base", np.zeros(500))
    honest = [Update(sent(tmp_path, f"h{i}", 0.1 + rng.standard_normal(500)), 1) for i in range(4)]
    forge(Attack.COPYCAT, honest, TensorFile.open(base), tmp_path / "copy")
    apart = likeness(tmp_path / "copy", honest[0].file, base)
    assert apart is not None and apart < NEAR
    updates = [*honest, replace(honest[0], path=tmp_path / "copy")]
    report = merge_updates(updates, tmp_path / "out", rule=Rule.AUTO, base=TensorFile.open(base))
    assert list(report.rejected) == [4] and report.parts[4].share == 0
