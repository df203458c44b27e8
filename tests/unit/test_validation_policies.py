"""The verdict on a result, policy by policy. What the sandbox would do is played here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from decentralml.bundles.manifest import (
    Evaluation,
    LabelsResult,
    ModelResult,
    TaskManifest,
    TensorSpec,
    Validator,
)
from decentralml.errors import ManifestError, SandboxFailed
from decentralml.sandbox import Limits, Outcome, Reason
from decentralml.types import (
    AnnotationType,
    Cid,
    ModelType,
    TaskId,
    TaskType,
    ValidationStrategy,
    Verdict,
)
from decentralml.validation import Bench, Finding, Report, judge, parse_report

LABELS = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0])
EVALUATION = Evaluation("predict.py", "accuracy", None, None, 30)
TASK = TaskManifest(
    name="digits",
    task_type=TaskType.MODEL_CONTRIBUTOR,
    strategy=ValidationStrategy.AUTO_ACCEPT,
    model_type=ModelType.VISION,
    run="start_task.sh",
    setup=None,
    base_model="base",
    result=ModelResult({"weight": TensorSpec("F32", (2,))}, 1 << 20),
    evaluation=EVALUATION,
    validator=None,
    validation_set=None,
)
CUSTOM = replace(
    TASK,
    strategy=ValidationStrategy.CUSTOM_ACCEPT,
    evaluation=None,
    validator=Validator("validator.py", 7),
)
ENGINEER = replace(TASK, task_type=TaskType.MODEL_ENGINEER, result=ModelResult(None, 1 << 20))


def right(count: int) -> np.ndarray:
    """Predictions of which ``count`` in ten are right."""
    return np.where(np.arange(10) < count, LABELS, (LABELS + 1) % 3)


CRASH = Outcome(1, Reason.EXITED, 0.1, "Traceback\nValueError: oh\n")
LOOP = Outcome(137, Reason.TIMEOUT, 30.0, "", "stopped after its time limit of 30 s")


@dataclass
class Play:
    """A runner that does as told for each model, by the name of the folder at ``/model``."""

    acts: Mapping[str, Any]
    ran: list[str] = field(default_factory=list)
    seen: dict[str, list[str]] = field(default_factory=dict)
    limits: list[Limits] = field(default_factory=list)

    def __call__(
        self, command: list[str], *, mounts: Mapping[str, Path], output: Path, **options: Any
    ) -> Outcome:
        name = mounts["model"].name
        self.ran.append(name)
        self.seen = {k: sorted(p.name for p in v.iterdir()) for k, v in mounts.items()}
        self.limits.append(options["limits"])
        act = self.acts[name]
        if isinstance(act, Exception):
            raise act
        if isinstance(act, Outcome):
            return act
        output.mkdir()
        if isinstance(act, np.ndarray):
            save_file({"predictions": act}, output / "predictions.safetensors")
        else:
            act(output)
        return Outcome(0, Reason.EXITED, 0.1, "")


@dataclass
class Scene:
    folder: Path

    def __post_init__(self) -> None:
        self.bundle = self.folder / "bundle"
        self.result = self.model(self.folder / "result", 2.0)
        self.model(self.bundle / "base", 1.0)
        self.data = self.folder / "data"
        self.data.mkdir()
        save_file({"inputs": np.zeros((10, 4), "u1")}, self.data / "inputs.safetensors")
        save_file({"labels": LABELS}, self.data / "labels.safetensors")

    def model(self, folder: Path, value: float) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        save_file({"weight": np.full(2, value, "f4")}, folder / "model.safetensors")
        (folder / "structure.json").write_text('{"class": "Linear", "arguments": {}}')
        (folder / "model.py").write_text("")
        return folder

    def bench(self, play: Play | Mapping[str, Any]) -> Bench:
        runner = play if isinstance(play, Play) else Play(play)
        return Bench(self.folder / "scratch", cache=self.folder / "cache", runner=runner)

    def judge(
        self, task: TaskManifest, play: Play | Mapping[str, Any], data: bool = True
    ) -> Finding:
        return judge(self.bundle, task, self.result, self.data if data else None, self.bench(play))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def asking(score: int | None = None, gain: int | None = None) -> TaskManifest:
    return replace(TASK, evaluation=replace(EVALUATION, minimum_score=score, minimum_gain=gain))


def test_the_prediction_script_never_sees_the_labels(scene: Scene) -> None:
    play = Play({"result": right(9)})
    finding = scene.judge(TASK, play)
    assert (finding.verdict, finding.score) == (Verdict.PASS, 900_000)
    assert finding.metrics == {"accuracy": 0.9, "examples": 10}
    assert play.seen["data"] == ["inputs.safetensors"]
    assert play.limits[0].seconds == 30


@pytest.mark.parametrize(
    ("minimum", "verdict"),
    [(0, "Pass"), (899_999, "Pass"), (900_000, "Pass"), (900_001, "Fail"), (1_000_000, "Fail")],
)
def test_the_minimum_score_is_exact(scene: Scene, minimum: int, verdict: str) -> None:
    finding = scene.judge(asking(score=minimum), {"result": right(9)})
    assert finding.verdict == verdict
    assert finding.score == 900_000


@pytest.mark.parametrize(
    ("minimum", "base", "verdict"),
    [
        (100_000, 8, "Pass"),
        (100_001, 8, "Fail"),
        (0, 9, "Pass"),
        (1, 9, "Fail"),
        (-100_000, 10, "Pass"),
        (-99_999, 10, "Fail"),
    ],
)
def test_the_minimum_gain_is_exact(scene: Scene, minimum: int, base: int, verdict: str) -> None:
    finding = scene.judge(asking(gain=minimum), {"result": right(9), "base": right(base)})
    assert finding.verdict == verdict
    assert finding.base_score == base * 100_000


def test_the_base_model_is_measured_once(scene: Scene) -> None:
    play = Play({"result": right(9), "base": right(8)})
    task = asking(gain=100_000)
    first, second = scene.judge(task, play), scene.judge(task, play)
    assert first == second
    assert play.ran == ["result", "base", "result"]
    (scene.bundle / "predict.py").write_text("# another script")
    scene.judge(task, play)
    assert play.ran[3:] == ["result", "base"]


def test_a_damaged_memory_of_the_base_model_is_measured_again(scene: Scene) -> None:
    play = Play({"result": right(9), "base": right(8)})
    scene.judge(asking(gain=0), play)
    (memory,) = (scene.folder / "cache").iterdir()
    memory.write_text("{")
    assert scene.judge(asking(gain=0), play).base_score == 800_000


def test_the_base_model_returned_unchanged_fails_where_a_gain_is_asked(scene: Scene) -> None:
    scene.model(scene.result, 1.0)
    play = Play({})
    finding = scene.judge(asking(gain=1), play)
    assert finding.verdict is Verdict.FAIL
    assert "unchanged" in finding.reasons[0]
    assert play.ran == []


def test_the_base_model_returned_unchanged_is_noted_elsewhere(scene: Scene) -> None:
    scene.model(scene.result, 1.0)
    finding = scene.judge(TASK, {"result": right(9)})
    assert finding.verdict is Verdict.PASS
    assert "unchanged" in finding.reasons[-1]


def test_a_result_of_the_wrong_form_fails_and_nothing_is_run(scene: Scene) -> None:
    save_file({"weight": np.array([np.nan, 1], "f4")}, scene.result / "model.safetensors")
    for task in (TASK, CUSTOM):
        play = Play({})
        finding = scene.judge(task, play)
        assert (finding.verdict, finding.score, play.ran) == (Verdict.FAIL, 0, [])
        assert "NaN" in finding.reasons[0]


def write(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda output: (output / name).write_bytes(content)


GARBAGE = {
    "crash": CRASH,
    "loop": LOOP,
    "nothing": lambda output: None,
    "no tensors": write("predictions.safetensors", b"garbage"),
    "other name": lambda output: save_file(
        {"guesses": right(9)}, output / "predictions.safetensors"
    ),
    "too few": right(9)[:5],
    "wrong shape": np.zeros((10, 3, 2)),
    "floats for classes": right(9).astype("f4"),
}


@pytest.mark.parametrize("act", GARBAGE.values(), ids=GARBAGE)
def test_a_script_that_fails_on_a_contributor_s_model_is_nobody_s_fault(
    scene: Scene, act: Any
) -> None:
    finding = scene.judge(asking(gain=1), {"result": act, "base": right(9)})
    assert (finding.verdict, finding.score) == (Verdict.INCONCLUSIVE, 0)


@pytest.mark.parametrize("act", GARBAGE.values(), ids=GARBAGE)
def test_a_script_that_fails_on_an_engineer_s_model_alone_is_the_engineer_s_fault(
    scene: Scene, act: Any
) -> None:
    finding = scene.judge(ENGINEER, {"result": act, "base": right(9)})
    assert finding.verdict is Verdict.FAIL
    finding = scene.judge(ENGINEER, {"result": act, "base": act})
    # The base model's score is remembered from above: only without it is the script to blame.
    assert finding.verdict is Verdict.FAIL
    (scene.bundle / "predict.py").write_text("# another script")
    finding = scene.judge(ENGINEER, {"result": act, "base": act})
    assert finding.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("task", [TASK, ENGINEER], ids=["contributor", "engineer"])
def test_predictions_that_are_no_numbers_are_the_model_s_fault(
    scene: Scene, task: TaskManifest
) -> None:
    nan = np.full((10, 3), np.nan)
    finding = scene.judge(task, {"result": nan, "base": right(9)})
    assert finding.verdict is Verdict.FAIL
    (scene.bundle / "predict.py").write_text("# another script")
    finding = scene.judge(task, {"result": nan, "base": nan})
    assert finding.verdict is Verdict.INCONCLUSIVE


def test_without_a_base_model_an_engineer_s_crash_is_inconclusive(scene: Scene) -> None:
    finding = scene.judge(replace(ENGINEER, base_model=None), {"result": CRASH})
    assert finding.verdict is Verdict.INCONCLUSIVE


def test_a_base_model_that_cannot_be_measured_is_inconclusive(scene: Scene) -> None:
    finding = scene.judge(asking(gain=0), {"result": right(9), "base": LOOP})
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "base model" in finding.reasons[0]


def test_no_validation_set_is_inconclusive(scene: Scene) -> None:
    assert scene.judge(TASK, {}, data=False).verdict is Verdict.INCONCLUSIVE


def test_a_bad_validation_set_is_inconclusive(scene: Scene) -> None:
    save_file({"labels": LABELS[:3]}, scene.data / "labels.safetensors")
    assert scene.judge(TASK, {"result": right(9)}).verdict is Verdict.INCONCLUSIVE


def test_an_unknown_metric_is_inconclusive(scene: Scene) -> None:
    task = replace(TASK, evaluation=replace(EVALUATION, metric="beauty"))
    assert scene.judge(task, {"result": right(9)}).verdict is Verdict.INCONCLUSIVE


def test_without_an_evaluation_the_checks_decide(scene: Scene) -> None:
    finding = scene.judge(replace(TASK, evaluation=None), {}, data=False)
    assert (finding.verdict, finding.score) == (Verdict.PASS, 0)


def test_manual_accept_gives_the_creator_the_same_finding(scene: Scene) -> None:
    manual = replace(asking(score=950_000), strategy=ValidationStrategy.MANUAL_ACCEPT)
    play = {"result": right(9)}
    assert scene.judge(manual, play) == scene.judge(asking(score=950_000), play)


def test_a_machine_without_a_sandbox_finds_nothing(scene: Scene) -> None:
    with pytest.raises(SandboxFailed):
        scene.judge(TASK, {"result": SandboxFailed("no")})


def verdict(word: Any = "pass", score: Any = 0.93, reason: Any = "good", **more: Any) -> Any:
    document = {"verdict": word, "score": score, "reason": reason, **more}
    return write("verdict.json", json.dumps(document).encode())


@pytest.mark.parametrize(("word", "found"), [("pass", Verdict.PASS), ("fail", Verdict.FAIL)])
def test_the_creator_s_validator_decides(scene: Scene, word: str, found: Verdict) -> None:
    play = Play({"result": verdict(word)})
    finding = scene.judge(CUSTOM, play)
    assert (finding.verdict, finding.score) == (found, 930_000)
    assert finding.reasons == ("the validator says: good",)
    assert play.seen["data"] == ["inputs.safetensors", "labels.safetensors"]
    assert play.limits[0].seconds == 7


INCONCLUSIVE = {
    "crash": CRASH,
    "loop": LOOP,
    "too much": Outcome(137, Reason.OUTPUT, 1.0, "", "its output is larger than 256 MiB"),
    "link": Outcome(0, Reason.REFUSED, 1.0, "", "/output/verdict.json: it is a symbolic link"),
    "nothing": lambda output: None,
    "folder": lambda output: (output / "verdict.json").mkdir(),
    "garbage": write("verdict.json", b"\x80\x04garbage"),
    "huge": write("verdict.json", b"{" * 1_000_000),
    "deep": write("verdict.json", b'{"verdict":' * 5000),
    "other word": verdict("accept"),
    "no word": verdict(["pass"]),
    "score above one": verdict(score=1.5),
    "score below zero": verdict(score=-0.1),
    "NaN": write("verdict.json", b'{"verdict": "pass", "score": NaN, "reason": "x"}'),
    "infinite": write("verdict.json", b'{"verdict": "pass", "score": 1e999, "reason": "x"}'),
    "text for score": verdict(score="1"),
    "truth for score": verdict(score=True),
    "no reason": verdict(reason=None),
    "long reason": verdict(reason="x" * 1000),
    "unknown field": verdict(bribe=1),
}


@pytest.mark.parametrize("act", INCONCLUSIVE.values(), ids=INCONCLUSIVE)
def test_whatever_else_a_validator_does_is_inconclusive(scene: Scene, act: Any) -> None:
    finding = scene.judge(CUSTOM, {"result": act})
    assert (finding.verdict, finding.score) == (Verdict.INCONCLUSIVE, 0)
    assert all(len(reason) <= 500 and reason.isprintable() for reason in finding.reasons)


ANNOTATION = replace(
    TASK,
    task_type=TaskType.DATA_ANNOTATORS,
    base_model=None,
    evaluation=None,
    result=LabelsResult(AnnotationType.IMAGE, ("cat", "dog"), None, 1000),
)


def test_annotations_are_compared_with_gold(scene: Scene) -> None:
    (scene.result / "labels.json").write_text('{"a": "cat", "b": "cat", "c": "dog"}')
    (scene.data / "gold.json").write_text('{"a": "cat", "b": "dog"}')
    least = replace(ANNOTATION, evaluation=replace(EVALUATION, minimum_score=600_000))
    assert scene.judge(ANNOTATION, {}).score == 500_000
    assert scene.judge(ANNOTATION, {}).verdict is Verdict.PASS
    assert scene.judge(least, {}).verdict is Verdict.FAIL
    assert scene.judge(ANNOTATION, {}, data=False).verdict is Verdict.PASS
    assert scene.judge(least, {}, data=False).verdict is Verdict.INCONCLUSIVE
    (scene.data / "gold.json").write_text("[]")
    assert scene.judge(ANNOTATION, {}).verdict is Verdict.INCONCLUSIVE
    (scene.data / "gold.json").unlink()
    assert scene.judge(ANNOTATION, {}).verdict is Verdict.INCONCLUSIVE


def test_annotations_outside_the_schema_fail(scene: Scene) -> None:
    (scene.result / "labels.json").write_text('{"a": "cow"}')
    assert scene.judge(ANNOTATION, {}).verdict is Verdict.FAIL


def report(finding: Finding) -> Report:
    return Report("0x" + "ab" * 32, TaskId(7), 3, Cid("bafyresult"), finding)


@pytest.mark.parametrize(
    "finding",
    [
        Finding(Verdict.PASS, 900_000, ("measured 90.00 %",), {"accuracy": 0.9}, 850_000),
        Finding(Verdict.INCONCLUSIVE, 0, ("it crashed",)),
    ],
)
def test_a_report_is_read_as_it_was_written(finding: Finding) -> None:
    assert parse_report(report(finding).to_json()) == report(finding)


def test_equal_findings_have_equal_reports() -> None:
    one = Finding(Verdict.PASS, 1, ("x",), {"a": 1.0, "b": 2.0})
    other = Finding(Verdict.PASS, 1, ("x",), {"b": 2.0, "a": 1.0})
    assert report(one).to_json() == report(other).to_json()


def test_reasons_become_printable_lines_of_bounded_length() -> None:
    finding = Finding(Verdict.FAIL, 0, ("\x1b[2J\nx" * 1000, "same", "same"))
    assert len(finding.reasons) == 2
    assert all(r.isprintable() and len(r) <= 500 for r in finding.reasons)
    assert parse_report(report(finding).to_json()).finding == finding


@pytest.mark.parametrize(
    "change",
    [{"score": 1_000_001}, {"score": -1}, {"verdict": "Maybe"}, {"x": 1}, {"metrics": {"a": "b"}}],
)
def test_a_malformed_report_is_refused(change: dict[str, Any]) -> None:
    document = json.loads(report(Finding(Verdict.FAIL, 0, ("x",))).to_json())
    with pytest.raises(ManifestError):
        parse_report(json.dumps(document | change).encode())
