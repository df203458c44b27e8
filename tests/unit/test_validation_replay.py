"""Replaying segments: distances, what every checkpoint must be, and whose fault a failure is."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from replay_support import SEED, InProcess, lab, one_thread, packed, trace, write_result
from safetensors.torch import load_file, save_file

from decentralml.bundles.manifest import TaskManifest
from decentralml.bundles.replay import checkpoint_file
from decentralml.errors import NotReplayable, SegmentOutside
from decentralml.learning.tensors import TensorFile
from decentralml.types import Cid, TaskId, Trace, Verdict
from decentralml.validation import Bench, Drawn, ReplayReport, judge, replay_run
from decentralml.validation.distance import distances, worst
from decentralml.validation.findings import Report, parse_report
from decentralml.validation.replay import own_noise
from decentralml.validation.rerun import OTHER_ARITHMETIC

__all__ = ["one_thread"]


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TaskManifest, Path]:
    """A packed task, and the result of an honest run."""
    folder = tmp_path_factory.mktemp("honest")
    bundle, manifest = packed(folder)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    of = lab(manifest)
    result = write_result(of, of.honest(), folder / "result")
    torch.set_num_threads(threads)
    return bundle, manifest, result


Case = tuple[Path, TaskManifest, Path]


@pytest.fixture
def case(honest: Case, tmp_path: Path) -> Case:
    """The same with a result of one's own, to spoil."""
    bundle, manifest, result = honest
    return bundle, manifest, shutil.copytree(result, tmp_path / "result")


def replayed(
    case: Case,
    segments: tuple[int, ...] = (4, 1),
    runner: InProcess | None = None,
    committed: Trace | None = None,
) -> ReplayReport:
    bundle, manifest, result = case
    bench = Bench(result.parent / "scratch", runner=runner or InProcess())
    drawn = Drawn(SEED, committed or trace(result), segments)
    return replay_run(bundle, manifest, result, drawn, bench)


def spoil(result: Path, number: int, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    file = result / checkpoint_file(number)
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file)


def test_an_honest_run_passes(case: Case) -> None:
    runner = InProcess()
    report = replayed(case, runner=runner)
    assert report.verdict is Verdict.PASS, report
    assert [(s.segment, s.distance) for s in report.segments] == [(4, 0.0), (1, 0.0)]
    assert report.reasons == (
        "segments 4, 1 of 6 replayed: at most 0 of their update away, 0.001 is tolerated",
    )
    assert len(runner.runs) == 1
    assert runner.runs[0]["DML_REPLAY"] == "4,1"


def test_a_segment_that_was_not_trained_fails_and_is_named(case: Case) -> None:
    spoil(case[2], 2, lambda t: t["parameter.classifier.weight"].mul_(1.01))
    runner = InProcess()
    report = replayed(case, (3, 1, 5), runner)
    assert report.verdict is Verdict.FAIL
    assert report.failed == 1
    assert [s.verdict for s in report.segments] == [Verdict.PASS, Verdict.FAIL, Verdict.PASS]
    assert report.reasons[0].startswith("segment 1 (steps 4 to 8) did not replay: it ends 0.")
    assert "in parameter, 0.001 is tolerated" in report.reasons[0]
    assert runner.runs[1]["DML_REPLAY"] == "1"
    assert runner.runs[1].items() >= OTHER_ARITHMETIC.items()


def test_a_spoiled_start_is_found_by_the_segment_that_begins_with_it(case: Case) -> None:
    spoil(case[2], 2, lambda t: t["momentum.classifier.weight"].mul_(1.1))
    assert replayed(case, (2,)).failed == 2
    report = replayed(case, (1,))
    assert (report.failed, report.segments[0].group) == (1, "momentum")
    assert replayed(case, (0, 3, 4)).verdict is Verdict.PASS


def test_a_counter_that_is_one_off_fails(case: Case) -> None:
    spoil(case[2], 3, lambda t: t["buffer.features.1.num_batches_tracked"].add_(1))
    report = replayed(case, (2,))
    assert report.verdict is Verdict.FAIL
    assert report.segments[0].distance == math.inf


def test_another_order_than_the_chains_fails(case: Case) -> None:
    bundle, manifest, result = case
    bench = Bench(result.parent / "scratch", runner=InProcess())
    report = replay_run(bundle, manifest, result, Drawn(bytes(32), trace(result), (0,)), bench)
    assert report.failed == 0


def test_a_segment_outside_the_run_is_an_error(case: Case) -> None:
    with pytest.raises(SegmentOutside, match="segment 6 lies outside"):
        replayed(case, (2, 6))


def test_checkpoints_other_than_committed_fail(case: Case) -> None:
    committed = trace(case[2])
    spoil(case[2], 3, lambda t: t["parameter.classifier.bias"].add_(1))
    report = replayed(case, committed=committed)
    assert report.verdict is Verdict.FAIL
    assert report.failed is None
    assert "has the root" in report.reasons[0]


def test_a_tree_of_another_depth_fails(case: Case) -> None:
    committed = trace(case[2])
    extra = case[2] / checkpoint_file(committed.checkpoints)
    for number in range(2):
        extra = case[2] / checkpoint_file(committed.checkpoints + number)
        shutil.copy(case[2] / checkpoint_file(committed.checkpoints - 1), extra)
    report = replayed(case, committed=committed)
    assert report.verdict is Verdict.FAIL
    assert "9 checkpoints (depth 4), where 7 checkpoints (depth 3)" in report.reasons[0]


def test_terms_that_do_not_fit_the_bundle_are_the_creators_fault(case: Case) -> None:
    report = replayed(case, committed=Trace(bytes(32), 9))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "terms want 9 checkpoints" in report.reasons[0]


def retyped(tensors: dict[str, torch.Tensor]) -> None:
    tensors["momentum.classifier.bias"] = tensors["momentum.classifier.bias"].double()


SPOILED: dict[str, tuple[int, Callable[[dict[str, torch.Tensor]], object], str]] = {
    "without a tensor": (3, lambda t: t.pop("buffer.features.1.running_var"), "architecture"),
    "with one more": (3, lambda t: t.update(extra=torch.ones(1)), "architecture"),
    "without momentum": (3, lambda t: t.pop("momentum.classifier.bias"), "architecture"),
    "in doubles": (3, retyped, r"F32\[10\] and is F64\[10\]"),
    "of another step": (3, lambda t: t["step"].add_(1), "step 13, not of step 12"),
    "with NaN": (4, lambda t: t["parameter.classifier.bias"].fill_(math.nan), "NaN"),
    "not the base model": (0, lambda t: t["parameter.classifier.bias"].add_(1), "base model"),
    "with momentum at the start": (
        0,
        lambda t: t["momentum.classifier.bias"].fill_(1),
        "momentum.classifier.bias is not what every run begins with",
    ),
    "not the result": (6, lambda t: t["parameter.classifier.bias"].add_(1), "model of the last"),
}


@pytest.mark.parametrize(("number", "change", "said"), SPOILED.values(), ids=SPOILED)
def test_a_checkpoint_that_no_run_could_have_fails(
    case: Case, number: int, change: Callable[[dict[str, torch.Tensor]], object], said: str
) -> None:
    spoil(case[2], number, change)
    report = replayed(case, (4,))
    assert report.verdict is Verdict.FAIL, report
    assert re.search(said, report.reasons[0])
    assert checkpoint_file(number) in report.reasons[0]


def test_all_checkpoints_of_another_architecture_fail(case: Case) -> None:
    for number in range(7):
        spoil(case[2], number, lambda t: t.update(extra=torch.ones(1)))
    report = replayed(case)
    assert report.verdict is Verdict.FAIL
    assert "000000.safetensors: it is of another architecture" in report.reasons[0]


@pytest.mark.parametrize("junk", [b"", b"\x80\x04pickle", b"\xff" * 100])
def test_a_checkpoint_that_is_no_safetensors_file_fails(case: Case, junk: bytes) -> None:
    (case[2] / checkpoint_file(5)).write_bytes(junk)
    report = replayed(case)
    assert report.verdict is Verdict.FAIL
    assert "000005.safetensors" in report.reasons[0]


def test_an_environment_that_does_not_match_is_inconclusive(case: Case, tmp_path: Path) -> None:
    bundle, manifest = packed(tmp_path / "other", torch="1.0.0")
    runner = InProcess()
    report = replayed((bundle, manifest, case[2]), runner=runner)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "pinned to torch 1.0.0" in report.reasons[0]
    assert not runner.runs


def test_a_damaged_base_model_is_the_creators_fault(case: Case, tmp_path: Path) -> None:
    bundle = shutil.copytree(case[0], tmp_path / "bundle")
    (bundle / "model/model.safetensors").write_bytes(b"damaged")
    report = replayed((bundle, *case[1:]))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "model.safetensors" in report.reasons[0]


def test_a_script_that_leaves_nothing_is_inconclusive(case: Case) -> None:
    report = replayed(case, runner=InProcess(lambda _, output: shutil.rmtree(output)))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "nothing could be replayed" in report.reasons[0]


def test_a_segment_that_crashes_does_not_hide_one_that_fails(case: Case) -> None:
    def crash_of_4(_: int, output: Path) -> None:
        (output / checkpoint_file(5)).unlink(missing_ok=True)

    report = replayed(case, (4, 1), InProcess(crash_of_4))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert report.reasons[0].startswith("segment 4 (steps 16 to 20) could not be replayed")
    spoil(case[2], 2, lambda t: t["parameter.classifier.bias"].add_(1))
    report = replayed(case, (4, 1), InProcess(crash_of_4))
    assert (report.verdict, report.failed) == (Verdict.FAIL, 1)


def test_a_training_that_is_not_the_same_twice_is_inconclusive(case: Case) -> None:
    """An author's script with noise of its own fails nobody."""

    def noise(run: int, output: Path) -> None:
        torch.manual_seed(run)
        for file in (output / "checkpoints").glob("*[1-9].safetensors"):
            tensors = load_file(file)
            weight = tensors["parameter.classifier.weight"]
            weight.add_(torch.randn_like(weight) * 0.01)
            save_file(tensors, file)

    report = replayed(case, (1,), InProcess(noise))
    assert report.verdict is Verdict.INCONCLUSIVE, report
    assert "but so does other arithmetic on this machine" in report.reasons[0]
    spoil(case[2], 2, lambda t: t["parameter.classifier.weight"].mul_(100))
    report = replayed(case, (1,), InProcess(noise))
    assert report.verdict is Verdict.FAIL, report


def test_a_checkpoint_whose_replay_is_all_noise_fails_where_the_run_is_calm(case: Case) -> None:
    """Noise that is not the author's is no excuse: a contributor may have made it."""

    def noise(run: int, output: Path) -> None:
        file = output / checkpoint_file(2)
        if file.exists():
            tensors = load_file(file)
            tensors["parameter.classifier.weight"].add_(run)
            save_file(tensors, file)

    report = replayed(case, (1,), InProcess(noise))
    assert (report.verdict, report.failed) == (Verdict.FAIL, 1)
    assert "other arithmetic on this machine moves it by" in report.reasons[0]


def test_the_script_never_sees_where_a_segment_should_end(case: Case, tmp_path: Path) -> None:
    seen = []

    class Spy(InProcess):
        def __call__(self, command, *, mounts, **options):  # type: ignore[no-untyped-def]
            seen.append({name: sorted(p.name for p in f.iterdir()) for name, f in mounts.items()})
            return super().__call__(command, mounts=mounts, **options)

    replayed(case, (4, 1), Spy())
    assert seen[0]["checkpoints"] == ["000001.safetensors", "000004.safetensors"]
    assert set(seen[0]) == {"task", "model", "checkpoints"}


def test_judging_needs_what_the_chain_drew(case: Case) -> None:
    bundle, manifest, result = case
    bench = Bench(result.parent / "scratch", runner=InProcess())
    finding = judge(bundle, manifest, result, None, bench)
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "drew no segments" in finding.reasons[-1]


def test_a_finding_tells_of_the_replay(case: Case) -> None:
    bundle, manifest, result = case
    bench = Bench(result.parent / "scratch", runner=InProcess())
    finding = judge(bundle, manifest, result, None, bench, Drawn(SEED, trace(result), (0, 5)))
    assert finding.verdict is Verdict.PASS
    assert finding.metrics["replay_distance"] == 0.0
    assert finding.reasons[-1].startswith("segments 0, 5 of 6 replayed")


def test_a_failed_replay_is_a_fail_that_names_the_segment(case: Case) -> None:
    bundle, manifest, result = case
    spoil(result, 2, lambda t: t["momentum.classifier.bias"].add_(1))
    bench = Bench(result.parent / "scratch", runner=InProcess())
    drawn = Drawn(SEED, trace(result), (4, 1))
    finding = judge(bundle, manifest, result, None, bench, drawn)
    assert (finding.verdict, finding.score, finding.segment) == (Verdict.FAIL, 0, 1)
    report = Report("0x" + "00" * 32, TaskId(1), 0, Cid("bafy"), finding)
    assert parse_report(report.to_json()) == report


def test_own_noise_measures_the_authors_script(case: Case) -> None:
    bundle, manifest, result = case
    runner = InProcess()
    bench = Bench(result.parent / "scratch", runner=runner)
    assert own_noise(bundle, manifest, SEED, bench) == 0.0
    assert [run["DML_REPLAY"] for run in runner.runs] == ["0", "0"]
    broken = InProcess(lambda _, output: shutil.rmtree(output))
    with pytest.raises(NotReplayable, match="wrote no checkpoint"):
        own_noise(bundle, manifest, SEED, Bench(result.parent / "scratch", runner=broken))


def checkpoint(folder: Path, name: str, **tensors: torch.Tensor) -> TensorFile:
    save_file({key.replace("__", "."): value for key, value in tensors.items()}, folder / name)
    return TensorFile.open(folder / name)


def measured(folder: Path, start: float, ours: float, theirs: float) -> float:
    files = [
        checkpoint(folder, str(n), parameter__w=torch.full((4,), value, dtype=torch.float64))
        for n, value in enumerate((start, ours, theirs))
    ]
    return distances(*files, steps=10, tolerance=1e-3)["parameter"]


def test_a_distance_is_a_share_of_the_update_that_is_replayed(tmp_path: Path) -> None:
    assert measured(tmp_path, 0.0, 1.0, 1.25) == pytest.approx(0.25)
    assert measured(tmp_path, 5.0, 6.0, 6.25) == pytest.approx(0.25)


def test_who_does_not_move_is_a_whole_update_away(tmp_path: Path) -> None:
    assert measured(tmp_path, 5.0, 5.1, 5.0) == pytest.approx(1.0)


def test_where_nothing_moves_only_rounding_is_tolerated(tmp_path: Path) -> None:
    one = 2**-52
    assert measured(tmp_path, 1.0, 1.0, 1.0) == 0.0
    assert measured(tmp_path, 1.0, 1.0, 1.0 + 4 * one) < 1e-3
    assert measured(tmp_path, 1.0, 1.0, 1.0 + 1e-9) > 1
    assert measured(tmp_path, 0.0, 0.0, 1e-30) == math.inf


def test_a_large_group_hides_nothing_in_a_small_one(tmp_path: Path) -> None:
    big, small = torch.full((1000,), 100.0), torch.full((2,), 0.01)
    start = checkpoint(tmp_path, "0", parameter__w=big * 0, momentum__w=small * 0)
    ours = checkpoint(tmp_path, "1", parameter__w=big, momentum__w=small)
    theirs = checkpoint(tmp_path, "2", parameter__w=big, momentum__w=small * 1.5)
    found = distances(start, ours, theirs, 10, 1e-3)
    assert found["parameter"] == 0.0
    assert worst(found) == ("momentum", pytest.approx(0.5))


def test_what_is_no_number_is_farthest_of_all(tmp_path: Path) -> None:
    assert worst({"a": 3.0, "b": math.nan, "c": math.inf})[0] == "b"
    files = [
        checkpoint(tmp_path, str(n), w=torch.tensor([v])) for n, v in ((0, 0.0), (1, math.nan))
    ]
    assert not distances(files[0], files[1], files[0], 1, 1e-3)["w"] <= 1e-3


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_widths_are_compared_too(tmp_path: Path, dtype: torch.dtype) -> None:
    files = [
        checkpoint(tmp_path, str(n), parameter__w=torch.full((3,), v, dtype=dtype))
        for n, v in enumerate((0.0, 1.0, 1.5))
    ]
    assert distances(*files, 1, 0.1)["parameter"] == pytest.approx(0.5)


def test_small_floats_are_compared_as_they_are(tmp_path: Path) -> None:
    one, two = (torch.full((4,), value).to(torch.float8_e4m3fn) for value in (1.0, 2.0))
    files = [checkpoint(tmp_path, str(n), parameter__w=w) for n, w in enumerate((one, one, two))]
    assert distances(files[0], files[1], files[0], 1, 1e-3)["parameter"] == 0
    assert distances(*files, 1, 1e-3)["parameter"] == math.inf


def test_a_giant_hides_nothing_in_its_own_tensor(tmp_path: Path) -> None:
    start = torch.cat((torch.ones(1000), torch.full((10,), 1e9)))
    moved = start + torch.cat((torch.full((1000,), 1e-2), torch.full((10,), 1e6)))
    idle = torch.cat((start[:1000], moved[1000:]))
    files = [
        checkpoint(tmp_path, str(n), parameter__w=w) for n, w in enumerate((start, moved, idle))
    ]
    assert distances(*files, 10, 1e-3)["parameter"] == pytest.approx(0.01)
    assert distances(files[0], files[1], files[1], 10, 1e-3)["parameter"] == 0
