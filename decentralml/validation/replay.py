"""Do parts of a contributor's training again, and compare.

The checkpoints were committed to before the chain drew which segments are replayed. Each drawn one
is trained again in the sandbox, by the task author's script, from the contributor's own checkpoint
at its start; what comes out must lie within the task's tolerance of the contributor's checkpoint at
its end: weights, buffers, and the optimizer's state, which is the next segment's start.

| what happens | verdict |
|---|---|
| the checkpoints are not those committed to, or of another architecture | Fail |
| the first is not the base model, or the last not the result | Fail |
| a segment ends farther away than the tolerance | Fail |
| but other arithmetic takes it as far here, and the run's first segment, too | Inconclusive |
| this machine's software is not what the task pins, or its base model is damaged | Inconclusive |
| the author's script crashes, takes too long, or writes nothing | Inconclusive |
| else | Pass |
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from decentralml.bundles.manifest import TaskManifest
from decentralml.bundles.replay import Environment, Recipe
from decentralml.errors import (
    CheckpointRefused,
    DamagedTensors,
    EnvironmentMismatch,
    NotReplayable,
    TraceMismatch,
)
from decentralml.learning.tensors import TensorFile
from decentralml.types import Trace, Verdict
from decentralml.validation.checkpoints import (
    Checkpoints,
    check_finite,
    check_same,
    check_start,
    read_checkpoints,
)
from decentralml.validation.distance import distances, worst
from decentralml.validation.evaluate import Bench
from decentralml.validation.rerun import OTHER_ARITHMETIC, Rerun, rerun
from decentralml.validation.segments import check_segments

NOISE = 10.0
"""A contributor's machine may differ from ours by so many times what our own two ways do."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What the chain says of a run that is to be replayed.

    Attributes
    ----------
    order_seed : 32 bytes that order the examples.
    trace : what the contributor committed to.
    segments : drawn after that, see :func:`~decentralml.validation.segments.drawn_segments`.
    """

    order_seed: bytes
    trace: Trace
    segments: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SegmentReplay:
    """What became of one drawn segment.

    Attributes
    ----------
    distance : of the group that is farthest, as a share of its update; None where the segment
        could not be replayed.
    group : which group that is.
    noise : how far other arithmetic on this machine moves the same group, where that was asked.
    """

    segment: int
    verdict: Verdict
    distance: float | None = None
    group: str = ""
    noise: float | None = None


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What became of a run, and of each drawn segment in the order of the draw."""

    verdict: Verdict
    reasons: tuple[str, ...]
    segments: tuple[SegmentReplay, ...] = ()

    @property
    def failed(self) -> int | None:
        """The first segment that did not replay."""
        return next((s.segment for s in self.segments if s.verdict is Verdict.FAIL), None)

    @property
    def distance(self) -> float | None:
        """The largest of a replayed segment."""
        return max((s.distance for s in self.segments if s.distance is not None), default=None)


def replay_run(
    bundle: Path, manifest: TaskManifest, result: Path, drawn: Drawn, bench: Bench
) -> ReplayReport:
    """Check a result's checkpoints, and replay the drawn segments.

    Parameters
    ----------
    bundle : the task's bundle, opened and verified; its manifest has ``replay``.
    result : the result's folder, checked before.

    Raises
    ------
    SegmentOutside : a segment was drawn that the run does not have.
    SandboxError : nothing could be run; says nothing about the result.
    """
    recipe = manifest.replay
    assert recipe is not None and manifest.base_model is not None, "the caller looks for it"
    check_segments(drawn.segments, recipe.checkpoints)
    if drawn.trace.checkpoints != recipe.checkpoints:
        return _whole(
            Verdict.INCONCLUSIVE,
            f"the task's terms want {drawn.trace.checkpoints} checkpoints, and its bundle makes "
            f"{recipe.checkpoints}",
        )
    try:
        checkpoints = read_checkpoints(result, recipe, drawn.trace)
        check_start(checkpoints[0], bundle / manifest.base_model)
        check_finite(checkpoints, {n for s in drawn.segments for n in (s, s + 1)})
        recipe.environment.check(Environment.here())
        return _replay(bundle, manifest, recipe, result, checkpoints, drawn, bench)
    except (CheckpointRefused, TraceMismatch) as error:
        return _whole(Verdict.FAIL, str(error))
    except (EnvironmentMismatch, DamagedTensors) as error:
        return _whole(Verdict.INCONCLUSIVE, str(error))


def own_noise(bundle: Path, manifest: TaskManifest, order_seed: bytes, bench: Bench) -> float:
    """How far the first segment is from itself when this machine computes it in another way.

    Where that is not far below the task's tolerance, honest contributors cannot be told from
    others, and the bundle should not be offered.

    Raises
    ------
    NotReplayable : the script fails.
    SandboxError
    """
    recipe = manifest.replay
    assert recipe is not None, "the caller looks for it"
    with bench.space() as space:
        one = rerun(bundle, manifest, order_seed, (0,), None, space / "noise", bench)
        other = rerun(
            bundle, manifest, order_seed, (0,), None, space / "noise-2", bench, OTHER_ARITHMETIC
        )
        if one.start is None or 0 not in one.ends or 0 not in other.ends:
            raise NotReplayable(other.problem if 0 in one.ends else one.problem)
        return worst(_distances(one.start, one.ends[0], other.ends[0], recipe))[1]


def _replay(
    bundle: Path,
    manifest: TaskManifest,
    recipe: Recipe,
    result: Path,
    checkpoints: Checkpoints,
    drawn: Drawn,
    bench: Bench,
) -> ReplayReport:
    with bench.space() as space:
        task = (bundle, manifest, drawn.order_seed)
        done = rerun(*task, drawn.segments, result, space / "replay", bench)
        if done.start is None:
            return _whole(Verdict.INCONCLUSIVE, f"nothing could be replayed: {done.problem}")
        check_same(checkpoints[0], done.start)
        found = [_compare(s, checkpoints, done, recipe) for s in drawn.segments]
        doubtful = [f.segment for f in found if f.verdict is Verdict.FAIL]
        if doubtful:
            again = rerun(*task, doubtful, result, space / "replay-2", bench, OTHER_ARITHMETIC)
            found = [_doubt(f, checkpoints, done, again, recipe) for f in found]
        if any(f.verdict is Verdict.INCONCLUSIVE and f.noise is not None for f in found):
            # Where the start cannot be replayed either, nobody is to blame.
            with contextlib.suppress(NotReplayable):
                found = _blame(found, own_noise(*task, bench), recipe)
    return _report(found, recipe, done.problem)


def _compare(segment: int, checkpoints: Checkpoints, done: Rerun, recipe: Recipe) -> SegmentReplay:
    replayed = done.ends.get(segment)
    if replayed is None or replayed.specs != checkpoints[0].specs:
        return SegmentReplay(segment, Verdict.INCONCLUSIVE)
    far = _distances(checkpoints[segment], replayed, checkpoints[segment + 1], recipe)
    group, distance = worst(far)
    verdict = Verdict.PASS if distance <= recipe.tolerance else Verdict.FAIL
    return SegmentReplay(segment, verdict, distance, group)


def _doubt(
    found: SegmentReplay, checkpoints: Checkpoints, done: Rerun, again: Rerun, recipe: Recipe
) -> SegmentReplay:
    """A failure counts only where our own arithmetic cannot be what made the difference."""
    other = again.ends.get(found.segment)
    if found.verdict is not Verdict.FAIL:
        return found
    if other is None or other.specs != checkpoints[0].specs:
        return replace(found, verdict=Verdict.INCONCLUSIVE)
    start, replayed = checkpoints[found.segment], done.ends[found.segment]
    far = _distances(start, replayed, checkpoints[found.segment + 1], recipe)
    noise = _distances(start, replayed, other, recipe)
    beyond = {
        group: distance
        for group, distance in far.items()
        if not distance <= max(recipe.tolerance, NOISE * noise[group])
    }
    if beyond:
        group, distance = worst(beyond)
        return SegmentReplay(found.segment, Verdict.FAIL, distance, group, noise[group])
    return replace(found, verdict=Verdict.INCONCLUSIVE, noise=noise[found.group])


def _blame(found: Sequence[SegmentReplay], calm: float, recipe: Recipe) -> list[SegmentReplay]:
    """Noise that the run has at its start is the author's; what it has only later is not.

    Otherwise a checkpoint could be made such that its replay is all noise, and no fault is found.
    """
    if not calm <= recipe.tolerance / NOISE:
        return list(found)
    return [
        f
        if f.verdict is not Verdict.INCONCLUSIVE or f.noise is None
        else replace(f, verdict=Verdict.FAIL)
        for f in found
    ]


def _distances(
    start: TensorFile, replayed: TensorFile, claimed: TensorFile, recipe: Recipe
) -> Mapping[str, float]:
    return distances(start, replayed, claimed, recipe.interval, recipe.tolerance)


def _report(found: Sequence[SegmentReplay], recipe: Recipe, problem: str) -> ReplayReport:
    for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
        concerned = [f for f in found if f.verdict is verdict]
        if concerned:
            reasons = tuple(_reason(f, recipe, problem) for f in concerned)
            return ReplayReport(verdict, reasons, tuple(found))
    report = ReplayReport(Verdict.PASS, (), tuple(found))
    names = ", ".join(str(f.segment) for f in found)
    return replace(
        report,
        reasons=(
            f"segments {names} of {recipe.segments} replayed: at most {report.distance:.2g} of "
            f"their update away, {recipe.tolerance:g} is tolerated",
        ),
    )


def _reason(found: SegmentReplay, recipe: Recipe, problem: str) -> str:
    first = found.segment * recipe.interval
    where = f"segment {found.segment} (steps {first} to {first + recipe.interval})"
    if found.distance is None:
        return f"{where} could not be replayed: {problem}"
    away = (
        f"{where} did not replay: it ends {found.distance:.2g} of its update away in "
        f"{found.group}, {recipe.tolerance:g} is tolerated"
    )
    if found.noise is None:
        return f"{away}; but it could not be replayed a second time"
    if found.verdict is Verdict.FAIL:
        return f"{away}; other arithmetic on this machine moves it by {found.noise:.2g}"
    return f"{away}; but so does other arithmetic on this machine, by {found.noise:.2g}"


def _whole(verdict: Verdict, reason: str) -> ReplayReport:
    return ReplayReport(verdict, (reason,))
