"""Runs that were not trained as they should have been, against the committee's replay."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from replay_support import (
    CHEATS,
    SEED,
    InProcess,
    Lab,
    Run,
    apart,
    farthest,
    lab,
    one_thread,
    packed,
    trace,
    write_result,
)

from decentralml.bundles.replay import checkpoint_file
from decentralml.learning.replay.order import batch
from decentralml.types import Verdict
from decentralml.validation import Bench, Drawn, drawn_segments, replay_run
from decentralml.validation.segments import detection_probability

__all__ = ["one_thread"]

DISHONEST = {
    "flipped_labels": {0, 1, 2, 3, 4, 5},
    "own_data": {0, 1, 2, 3, 4, 5},
    "half_batches": {0, 1, 2, 3, 4, 5},
    "quarter_skipped": {3},
    "honest_where_expected": {1, 2, 3, 4},
    "interpolated": {0, 1, 2, 3, 4, 5},
    "frozen": {0, 1, 2, 3, 4, 5},
    "tiny_steps": {0, 1, 2, 3, 4, 5},
    "hidden_in_state": {2},
    "one_leap": {3},
    "behind_a_giant": {0, 1, 2, 3, 4, 5},
}
"""Of six segments, those that a cheat did not train: exactly those must fail."""
DRAWS = 400


@pytest.fixture(scope="module")
def of() -> Lab:
    return lab()


def failing(of: Lab, run: Run, folder: Path) -> set[int]:
    far = farthest(of, run, folder)
    return {n for n, distance in enumerate(far) if not distance <= of.recipe.tolerance}


@pytest.mark.parametrize("cheat", DISHONEST)
def test_exactly_the_segments_that_were_not_trained_fail(
    of: Lab, cheat: str, tmp_path: Path
) -> None:
    assert failing(of, CHEATS[cheat](of), tmp_path) == DISHONEST[cheat]


def test_one_exchanged_example_is_found_in_the_steps_that_take_it(of: Lab, tmp_path: Path) -> None:
    steps = range(of.recipe.steps)
    taken = {
        step // of.recipe.interval
        for step in steps
        if 0 in batch(SEED, step, of.recipe.batch_size, len(of.inputs))
    }
    found = failing(of, CHEATS["one_example"](of), tmp_path)
    assert taken
    assert found == taken


def test_an_honest_run_on_two_threads_passes(of: Lab, tmp_path: Path) -> None:
    torch.set_num_threads(2)
    run = of.honest()
    torch.set_num_threads(1)
    assert max(farthest(of, run, tmp_path)) < of.recipe.tolerance / 10


def test_bending_within_the_tolerance_passes_and_gets_nowhere(of: Lab, tmp_path: Path) -> None:
    """Nothing finds it; it is bounded: by the tolerance in a segment, by little over the run."""
    run, honest = CHEATS["within_tolerance"](of), of.honest()
    assert not failing(of, run, tmp_path)
    assert apart(run[-1], honest[-1]) < 0.05 * apart(honest[0], honest[-1])


@pytest.mark.parametrize("cheat", ["honest_where_expected", "quarter_skipped", "one_leap"])
@pytest.mark.parametrize("drawn", [1, 3])
def test_draws_find_a_cheat_as_often_as_computed(cheat: str, drawn: int) -> None:
    dishonest, segments = DISHONEST[cheat], 6
    seeds = (hashlib.sha256(bytes([n >> 8, n & 255])).digest() for n in range(DRAWS))
    found = sum(not dishonest.isdisjoint(drawn_segments(s, segments + 1, drawn)) for s in seeds)
    expected = detection_probability(segments, len(dishonest), drawn)
    assert found / DRAWS == pytest.approx(expected, abs=4 * (0.25 / DRAWS) ** 0.5)
    assert expected >= 1 - (1 - len(dishonest) / segments) ** drawn - 1e-12


@pytest.mark.parametrize("cheat", ["interpolated", "tiny_steps", "hidden_in_state"])
def test_the_verdict_on_a_cheat_whose_segments_are_drawn_is_fail(
    of: Lab, cheat: str, tmp_path: Path
) -> None:
    bundle, manifest = packed(tmp_path)
    result = write_result(of, CHEATS[cheat](of), tmp_path / "result")
    segments = tuple(sorted(DISHONEST[cheat])[:2])
    bench = Bench(tmp_path / "scratch", runner=InProcess())
    report = replay_run(bundle, manifest, result, Drawn(SEED, trace(result), segments), bench)
    assert report.verdict is Verdict.FAIL
    assert report.failed == segments[0]


def test_a_cheat_that_commits_to_the_right_files_and_shows_others_fails(
    of: Lab, tmp_path: Path
) -> None:
    """It saw the draw, and trains the drawn segment only now."""
    bundle, manifest = packed(tmp_path)
    result = write_result(of, CHEATS["quarter_skipped"](of), tmp_path / "result")
    committed = trace(result)
    training = of.training()
    training.restore(result / checkpoint_file(3))
    training.advance(of.recipe.interval)
    training.save(result / checkpoint_file(4))
    bench = Bench(tmp_path / "scratch", runner=InProcess())
    report = replay_run(bundle, manifest, result, Drawn(SEED, committed, (3,)), bench)
    assert report.verdict is Verdict.FAIL
    assert "the root" in report.reasons[0]


def test_weights_that_blow_up_the_training_do_not_pass(of: Lab, tmp_path: Path) -> None:
    run = of.honest()
    for number in (3, 4):
        run[number] = run[number] | {
            name: value * 0 + 1e38
            for name, value in run[number].items()
            if name.startswith("parameter.")
        }
    bundle, manifest = packed(tmp_path)
    result = write_result(of, run, tmp_path / "result")
    bench = Bench(tmp_path / "scratch", runner=InProcess())
    report = replay_run(bundle, manifest, result, Drawn(SEED, trace(result), (3,)), bench)
    assert report.verdict is not Verdict.PASS
