"""The verdict on a result, by the task's policy.

| what happens | verdict |
|---|---|
| the files are not what the manifest asks for | Fail |
| ``minimum_gain`` is above zero and the base model came back unchanged | Fail |
| the score, or its gain over the base model, is below the task's minimum | Fail |
| the prediction script fails on a contributor's sound model | Inconclusive |
| the prediction script fails on an engineer's model, but not on the base model | Fail |
| predictions are NaN or infinite, but not those of the base model | Fail |
| CustomAccept: the validator says so | Pass or Fail |
| CustomAccept: the validator crashes, loops, or writes no proper verdict | Inconclusive |
| something is to be measured and there is no usable validation set | Inconclusive |
| the task's training is replayable, and drawn parts of it do not replay | Fail |
| they cannot be replayed here, or none were drawn | Inconclusive |
| else | Pass |

AutoAccept and ManualAccept are judged alike: what differs is who decides then, the committee or
the creator with the committee's finding in front of it. All comparisons are between integers.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from decentralml.bundles.fields import parse_json
from decentralml.bundles.manifest import (
    LABELS_FILE,
    MODEL_FILE,
    Evaluation,
    LabelsResult,
    TaskManifest,
)
from decentralml.errors import (
    DamagedTensors,
    EvaluationFailed,
    LabelsRefused,
    ManifestError,
    MetricUnknown,
    ModelRefused,
    PredictionsInvalid,
    ValidationSetInvalid,
)
from decentralml.types import PPM, TaskType, ValidationStrategy, Verdict
from decentralml.validation import custom
from decentralml.validation.checks import check_result, read_labels, same_tensors
from decentralml.validation.evaluate import Bench, evaluate, evaluate_base
from decentralml.validation.findings import Finding
from decentralml.validation.replay import Drawn, ReplayReport, replay_run
from decentralml.validation.scores import Score, score_annotation

GOLD_FILE = "gold.json"
MAX_GOLD_BYTES = 64 << 20
NOTHING_DRAWN = "the training cannot be checked: the chain drew no segments to replay"


def judge(
    bundle: Path,
    manifest: TaskManifest,
    result: Path,
    validation_set: Path | None,
    bench: Bench,
    drawn: Drawn | None = None,
) -> Finding:
    """What a committee member finds about a result.

    Parameters
    ----------
    bundle : the task's bundle, opened and verified.
    result : the result's folder, opened and its signature verified
        (:func:`~decentralml.bundles.pack.open_result`).
    validation_set : the opened folder that the creator sealed to the committee, or None.
    bench : where and how strangers' code is run.
    drawn : what the chain says of the run, for tasks whose manifest has ``replay``.

    Raises
    ------
    SegmentOutside : a segment was drawn that the run does not have.
    SandboxError : this machine could not run what had to be run; there is no finding.
    """
    try:
        check_result(result, manifest, bundle)
    except (ModelRefused, LabelsRefused) as error:
        return _fail(f"{error.file}: {error.problem}")
    finding = _evaluated(bundle, manifest, result, validation_set, bench)
    if manifest.replay is None or finding.verdict is Verdict.FAIL:
        return finding
    if drawn is None:
        return _and_replay(finding, ReplayReport(Verdict.INCONCLUSIVE, (NOTHING_DRAWN,)))
    return _and_replay(finding, replay_run(bundle, manifest, result, drawn, bench))


def _evaluated(
    bundle: Path,
    manifest: TaskManifest,
    result: Path,
    validation_set: Path | None,
    bench: Bench,
) -> Finding:
    if manifest.strategy is ValidationStrategy.CUSTOM_ACCEPT:
        return custom.judge(bundle, manifest, result, validation_set, bench)
    if isinstance(manifest.result, LabelsResult):
        return _judge_labels(manifest, manifest.result, result, validation_set)
    return _judge_model(bundle, manifest, result, validation_set, bench)


def _and_replay(finding: Finding, report: ReplayReport) -> Finding:
    """A finding that did not fail, and what became of the replay."""
    if report.verdict is Verdict.FAIL:
        return Finding(Verdict.FAIL, 0, report.reasons, segment=report.failed)
    metrics = dict(finding.metrics)
    if report.distance is not None and math.isfinite(report.distance):
        metrics["replay_distance"] = report.distance
    reasons = (*finding.reasons, *report.reasons)
    if report.verdict is Verdict.INCONCLUSIVE:
        return replace(finding, verdict=Verdict.INCONCLUSIVE, score=0, reasons=reasons)
    return replace(finding, reasons=reasons, metrics=metrics)


def _judge_labels(
    manifest: TaskManifest, schema: LabelsResult, result: Path, validation_set: Path | None
) -> Finding:
    if validation_set is None:
        if manifest.evaluation is not None or manifest.validation_set is not None:
            return _inconclusive("there is no validation set to compare the labels with")
        return _passed_checks("the labels follow the task's schema")
    try:
        gold = read_gold(validation_set / GOLD_FILE)
        score = score_annotation(read_labels(result / LABELS_FILE, schema), gold)
    except (PredictionsInvalid, ValidationSetInvalid) as error:
        return _inconclusive(error.problem)
    return against_minimums(score, None, manifest.evaluation)


def _judge_model(
    bundle: Path,
    manifest: TaskManifest,
    result: Path,
    validation_set: Path | None,
    bench: Bench,
) -> Finding:
    evaluation = manifest.evaluation
    unchanged = _unchanged(bundle, manifest, result)
    if unchanged and evaluation and (evaluation.minimum_gain or 0) > 0:
        return _fail("the base model came back unchanged: it gains nothing")
    if evaluation is None:
        finding = _passed_checks("the model has the tensors that the task asks for")
    elif validation_set is None:
        return _inconclusive("there is no validation set to measure the model with")
    else:
        finding = _measure(bundle, manifest, evaluation, result, validation_set, bench)
    if unchanged:
        note = "note: the base model came back unchanged"
        return replace(finding, reasons=(*finding.reasons, note))
    return finding


def _measure(
    bundle: Path,
    manifest: TaskManifest,
    evaluation: Evaluation,
    result: Path,
    validation_set: Path,
    bench: Bench,
) -> Finding:
    try:
        score = evaluate(bundle, manifest, result, validation_set, bench)
    except EvaluationFailed as failure:
        return _blame(bundle, manifest, failure, validation_set, bench)
    except (ValidationSetInvalid, MetricUnknown) as error:
        return _inconclusive(str(error))
    base = None
    if evaluation.minimum_gain is not None:
        try:
            base = evaluate_base(bundle, manifest, validation_set, bench)
        except EvaluationFailed as failure:
            return _inconclusive(f"the base model cannot be measured: {failure.problem}")
    return against_minimums(score, base, evaluation)


def _blame(
    bundle: Path,
    manifest: TaskManifest,
    failure: EvaluationFailed,
    validation_set: Path,
    bench: Bench,
) -> Finding:
    """Whose fault is it that a model gave no usable predictions?

    A contributor's sound model differs from the base model in its numbers alone, so that only
    predictions that are no numbers can be its fault; an engineer's model is the engineer's code.
    """
    may_be_the_models = manifest.task_type is TaskType.MODEL_ENGINEER or not failure.finite
    if not may_be_the_models:
        return _inconclusive(failure.problem)
    if manifest.base_model is None:
        return _inconclusive(f"{failure.problem}; without a base model the fault is nobody's")
    try:
        evaluate_base(bundle, manifest, validation_set, bench)
    except EvaluationFailed:
        return _inconclusive(f"{failure.problem}; the base model fares no better")
    return _fail(f"{failure.problem}; the base model can be measured")


def against_minimums(score: Score, base: Score | None, evaluation: Evaluation | None) -> Finding:
    """Pass or Fail by the task's minimum score and minimum gain over the base model."""
    reasons = [f"measured {_percent(score.ppm)}"]
    short = False
    if evaluation is not None and evaluation.minimum_score is not None:
        least = evaluation.minimum_score
        short = score.ppm < least
        reasons.append(f"{'below' if short else 'at least'} the minimum of {_percent(least)}")
    if base is not None and evaluation is not None and evaluation.minimum_gain is not None:
        gain, least = score.ppm - base.ppm, evaluation.minimum_gain
        short = short or gain < least
        reasons.append(
            f"a gain of {_percent(gain)} over the base model's {_percent(base.ppm)}, "
            f"{'less than' if gain < least else 'at least'} the {_percent(least)} asked for"
        )
    return Finding(
        Verdict.FAIL if short else Verdict.PASS,
        score.ppm,
        tuple(reasons),
        score.metrics,
        None if base is None else base.ppm,
    )


def _unchanged(bundle: Path, manifest: TaskManifest, result: Path) -> bool:
    if manifest.base_model is None:
        return False
    try:
        return same_tensors(bundle / manifest.base_model / MODEL_FILE, result / MODEL_FILE)
    except DamagedTensors:
        return False  # The result was checked: it is the creator's own base model.


def read_gold(file: Path) -> dict[str, str]:
    """Gold labels by item. Raises :class:`ValidationSetInvalid`."""
    try:
        with file.open("rb") as stream:
            document = parse_json(stream.read(MAX_GOLD_BYTES + 1), file.name, MAX_GOLD_BYTES)
    except FileNotFoundError:
        raise ValidationSetInvalid(file.name, "the validation set has no such file") from None
    except ManifestError as error:
        raise ValidationSetInvalid(file.name, error.reason) from None
    if not document or not all(isinstance(label, str) for label in document.values()):
        raise ValidationSetInvalid(file.name, "it is no object of item to label")
    return document


def _percent(ppm: int) -> str:
    sign = "-" if ppm < 0 else ""
    return f"{sign}{abs(ppm) * 100 // PPM}.{abs(ppm) * 10_000 // PPM % 100:02} %"


def _fail(reason: str) -> Finding:
    return Finding(Verdict.FAIL, 0, (reason,))


def _inconclusive(reason: str) -> Finding:
    return Finding(Verdict.INCONCLUSIVE, 0, (reason,))


def _passed_checks(reason: str) -> Finding:
    return Finding(Verdict.PASS, 0, (reason, "the task asks for no measurement"))
