"""Merging what strangers sent: drift, NaN, odd types, name clashes, empty and rejected rounds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from memory_support import peak_of
from safetensors.torch import load_file, save_file

from decentralml.errors import (
    AllUpdatesRejected,
    BadEvaluation,
    BadRuleOption,
    BaseMismatch,
    BaseNeeded,
    DamagedTensors,
    NotFinite,
    NoUpdates,
    ReferenceNeeded,
    StructureMismatch,
    TooManyBad,
    UnusableUpdate,
    WeightsNotTaken,
    ZeroWeight,
)
from decentralml.learning.federate import federate
from decentralml.learning.models import DigitNet, load_model, save_model
from decentralml.learning.robust import streams
from decentralml.learning.robust.merge import merge_updates
from decentralml.learning.robust.rules import Mixing, Rule, RuleOptions
from decentralml.learning.robust.worth import as_weights, leave_one_out
from decentralml.learning.tensors import TensorFile
from decentralml.learning.update import Update

NEEDS_BASE = (Rule.CENTRED_CLIPPING, Rule.NORM_CLIPPING)
ALL = [rule for rule in Rule if rule is not Rule.FLTRUST]
ROBUST = [rule for rule in ALL if rule is not Rule.MEAN]


def sent(folder: Path, name: str, tensors: Mapping[str, torch.Tensor], examples: int = 1) -> Update:
    path = folder / f"{name}.safetensors"
    save_file(dict(tensors), path)
    return Update(path, examples, contributor=name)


def crowd(folder: Path, count: int = 11, size: int = 40) -> list[Update]:
    generator = torch.Generator().manual_seed(0)
    return [
        sent(folder, f"c{i}", {"w": 1 + torch.randn(size, generator=generator)})
        for i in range(count)
    ]


@pytest.fixture
def base(tmp_path: Path) -> TensorFile:
    save_file({"w": torch.zeros(40)}, tmp_path / "base.safetensors")
    return TensorFile.open(tmp_path / "base.safetensors")


@pytest.mark.parametrize("rule", ROBUST)
def test_nan_in_one_of_a_hundred_is_left_out_and_named(
    tmp_path: Path, base: TensorFile, rule: Rule
) -> None:
    updates = crowd(tmp_path, 100)
    updates[41] = sent(tmp_path, "hospital", {"w": torch.full((40,), float("nan"))})
    options = RuleOptions(bad=10)
    report = merge_updates(updates, tmp_path / "out", rule=rule, base=base, options=options)
    assert list(report.rejected) == [41]
    assert report.parts[41].name == "hospital" and "'w'" in report.parts[41].rejected
    assert torch.isfinite(load_file(tmp_path / "out")["w"]).all()


def test_nan_in_one_of_a_hundred_stops_a_mean_by_name(tmp_path: Path) -> None:
    updates = crowd(tmp_path, 100)
    updates[41] = sent(tmp_path, "hospital", {"w": torch.full((40,), float("inf"))})
    with pytest.raises(NotFinite, match="hospital"):
        merge_updates(updates, tmp_path / "out")
    careful = RuleOptions(drop_unusable=True)
    report = merge_updates(updates, tmp_path / "out", options=careful)
    assert list(report.rejected) == [41] and report.parts[41].share == 0
    assert sum(part.share or 0 for part in report.parts) == pytest.approx(1)


@pytest.mark.parametrize(
    "drifted",
    [
        {"w": torch.zeros(41)},
        {"w": torch.zeros(40, dtype=torch.float16)},
        {"w": torch.zeros(40), "more": torch.zeros(1)},
        {"v": torch.zeros(40)},
    ],
)
def test_an_update_that_drifted_in_structure_is_left_out_of_robust_merges(
    tmp_path: Path, base: TensorFile, drifted: dict[str, torch.Tensor]
) -> None:
    updates = [sent(tmp_path, "other", drifted), *crowd(tmp_path, 10)]
    report = merge_updates(updates, tmp_path / "out", rule=Rule.MEDIAN)
    assert list(report.rejected) == [0] and "should be" in report.rejected[0]
    merge_updates(updates, tmp_path / "out", rule=Rule.MEDIAN, base=base)
    with pytest.raises(StructureMismatch, match=r"c0|other"):
        merge_updates(updates, tmp_path / "out")
    strict = RuleOptions(drop_unusable=False)
    with pytest.raises(StructureMismatch):
        merge_updates(updates, tmp_path / "out", rule=Rule.MEDIAN, options=strict)


def test_a_pickle_and_a_missing_file_are_left_out(tmp_path: Path) -> None:
    updates = crowd(tmp_path, 5)
    torch.save({"w": torch.zeros(40)}, tmp_path / "pickle.safetensors")
    updates += [Update(tmp_path / "pickle.safetensors", 1), Update(tmp_path / "nowhere", 1)]
    report = merge_updates(updates, tmp_path / "out", rule=Rule.MEDIAN)
    assert list(report.rejected) == [5, 6]
    with pytest.raises(DamagedTensors):
        merge_updates(updates, tmp_path / "out")


@pytest.mark.parametrize("rule", ALL)
def test_an_empty_round_is_refused(tmp_path: Path, rule: Rule) -> None:
    with pytest.raises(NoUpdates):
        merge_updates([], tmp_path / "out", rule=rule)


@pytest.mark.parametrize("rule", ROBUST)
def test_a_round_of_nothing_but_bad_updates_says_why_and_writes_nothing(
    tmp_path: Path, base: TensorFile, rule: Rule
) -> None:
    updates = [sent(tmp_path, f"c{i}", {"w": torch.full((40,), torch.nan)}) for i in range(11)]
    (tmp_path / "out").write_bytes(b"older")
    with pytest.raises(AllUpdatesRejected, match=r"all 11 updates.*c0.*NaN.*8 more"):
        merge_updates(updates, tmp_path / "out", rule=rule, base=base)
    assert (tmp_path / "out").read_bytes() == b"older"


def test_a_round_of_free_riders_alone_has_nothing_to_merge(
    tmp_path: Path, base: TensorFile
) -> None:
    updates = [sent(tmp_path, f"c{i}", {"w": torch.zeros(40)}) for i in range(4)]
    with pytest.raises(AllUpdatesRejected, match="base model again"):
        merge_updates(updates, tmp_path / "out", rule=Rule.AUTO, base=base)


@pytest.mark.parametrize("rule", ALL)
def test_zero_weights_are_refused(tmp_path: Path, base: TensorFile, rule: Rule) -> None:
    with pytest.raises(ZeroWeight):
        merge_updates(crowd(tmp_path), tmp_path / "out", [0.0] * 11, rule=rule, base=base)


def test_weights_that_are_left_over_can_be_zero_together(tmp_path: Path) -> None:
    updates = [*crowd(tmp_path, 3), sent(tmp_path, "bad", {"w": torch.full((40,), torch.nan)})]
    with pytest.raises(ZeroWeight):
        merge_updates(updates, tmp_path / "out", [0, 0, 0, 1], rule=Rule.MEDIAN)


@pytest.mark.parametrize("rule", [Rule.KRUM, Rule.BULYAN])
def test_rules_without_weights_say_so(tmp_path: Path, rule: Rule) -> None:
    with pytest.raises(WeightsNotTaken, match=str(rule)):
        merge_updates(crowd(tmp_path), tmp_path / "out", [1.0] * 10 + [2.0], rule=rule)
    merge_updates(crowd(tmp_path), tmp_path / "out", [3.0] * 11, rule=rule)


@pytest.mark.parametrize("rule", [Rule.AUTO, Rule.MEDIAN, Rule.GEOMETRIC_MEDIAN, *NEEDS_BASE])
def test_a_base_model_of_another_task_is_named(tmp_path: Path, rule: Rule) -> None:
    save_file({"w": torch.zeros(39)}, tmp_path / "other.safetensors")
    other = TensorFile.open(tmp_path / "other.safetensors")
    options = RuleOptions(drop_unusable=False)
    with pytest.raises(BaseMismatch, match=r"F32\[39\].*F32\[40\].*base model of their task"):
        merge_updates(crowd(tmp_path), tmp_path / "out", rule=rule, base=other, options=options)
    with pytest.raises(BaseMismatch):
        merge_updates(crowd(tmp_path), tmp_path / "out", rule=rule, base=other)


@pytest.mark.parametrize("rule", NEEDS_BASE)
def test_rules_that_measure_from_the_base_model_ask_for_it(tmp_path: Path, rule: Rule) -> None:
    with pytest.raises(BaseNeeded, match="base model"):
        merge_updates(crowd(tmp_path), tmp_path / "out", rule=rule)


def test_fltrust_asks_for_its_reference(tmp_path: Path, base: TensorFile) -> None:
    with pytest.raises(BaseNeeded):
        merge_updates(crowd(tmp_path), tmp_path / "out", rule=Rule.FLTRUST)
    with pytest.raises(ReferenceNeeded):
        merge_updates(crowd(tmp_path), tmp_path / "out", rule=Rule.FLTRUST, base=base)
    against = sent(tmp_path, "mine", {"w": torch.full((40,), -1.0)}).tensors()
    with pytest.raises(AllUpdatesRejected, match="way of the reference"):
        merge_updates(
            crowd(tmp_path), tmp_path / "out", rule=Rule.FLTRUST, base=base, reference=against
        )


def test_a_base_model_or_a_reference_that_is_not_finite_is_named(
    tmp_path: Path, base: TensorFile
) -> None:
    odd = sent(tmp_path, "odd", {"w": torch.full((40,), torch.nan)}).tensors()
    with pytest.raises(NotFinite, match="the base model"):
        merge_updates(crowd(tmp_path), tmp_path / "out", rule=Rule.AUTO, base=odd)
    with pytest.raises(NotFinite, match="the reference"):
        merge_updates(
            crowd(tmp_path), tmp_path / "out", rule=Rule.FLTRUST, base=base, reference=odd
        )


TYPES: dict[str, torch.Tensor] = {
    "bfloat16": torch.tensor([1.0, 2.0, -3.0], dtype=torch.bfloat16),
    "half": torch.tensor([1.0, 2.0, -3.0], dtype=torch.float16),
    "double": torch.tensor([1e300, 2.0, -3.0], dtype=torch.float64),
    "int64": torch.tensor([2**60 + 1, -5, 7]),
    "uint8": torch.tensor([255, 0, 7], dtype=torch.uint8),
    "flags": torch.tensor([True, False, True]),
    "scalar": torch.tensor(2.5),
    "count": torch.tensor(12),
    "empty": torch.zeros(0, 3),
}


@pytest.mark.parametrize("mixing", [Mixing.NONE, Mixing.NEAREST_NEIGHBOURS, Mixing.BUCKETING])
@pytest.mark.parametrize("rule", ALL)
def test_every_type_and_a_tensor_without_dimensions_come_through(
    tmp_path: Path, rule: Rule, mixing: Mixing
) -> None:
    """Where all agree; the double is kept small where squares are needed, and large integers
    pass through float64 where they are mixed."""
    value = dict(TYPES, double=torch.tensor([1.5, 2.0, -3.0], dtype=torch.float64))
    if mixing is not Mixing.NONE:
        value["int64"] = torch.tensor([2**40 + 1, -5, 7])
    updates = [sent(tmp_path, f"c{i}", value) for i in range(15)]
    zeros = sent(tmp_path, "zeros", {name: torch.zeros_like(v) for name, v in value.items()})
    options = RuleOptions(mixing=mixing, bad=1)
    merge_updates(updates, tmp_path / "out", rule=rule, base=zeros.tensors(), options=options)
    merged = load_file(tmp_path / "out")
    assert merged.keys() == value.keys()
    for name, wanted in value.items():
        assert merged[name].dtype == wanted.dtype and merged[name].shape == wanted.shape
        if mixing is Mixing.NONE:
            assert torch.equal(merged[name], wanted), name
        else:
            torch.testing.assert_close(merged[name], wanted)


@pytest.mark.parametrize("count", [4, 5])
def test_the_median_takes_every_type(tmp_path: Path, count: int) -> None:
    generator = torch.Generator().manual_seed(count)
    values = []
    for _ in range(count):
        floats = {str(t): torch.randn(50, generator=generator).to(t) for t in (
            torch.bfloat16, torch.float16, torch.float32, torch.float64)}  # fmt: skip
        values.append(floats | {"i": torch.randint(-9, 9, (50,), generator=generator)})
    updates = [sent(tmp_path, f"c{i}", value) for i, value in enumerate(values)]
    merge_updates(updates, tmp_path / "out", rule=Rule.MEDIAN)
    for name, found in load_file(tmp_path / "out").items():
        wanted = np.median([v[name].double().numpy() for v in values], axis=0)
        if found.dtype.is_floating_point:
            near = 2 * torch.finfo(found.dtype).eps
            np.testing.assert_allclose(found.double().numpy(), wanted, rtol=near, atol=near)
        else:
            np.testing.assert_array_equal(found.numpy(), np.rint(wanted))


def test_values_whose_squares_are_beyond_all_numbers_are_left_out(tmp_path: Path) -> None:
    updates = crowd(tmp_path, 9)
    doubles = [
        sent(tmp_path, f"d{i}", {"w": load_file(u.path)["w"].double()})
        for i, u in enumerate(updates)
    ]
    doubles.append(sent(tmp_path, "giant", {"w": torch.full((40,), 1e200, dtype=torch.float64)}))
    for rule in (Rule.AUTO, Rule.KRUM, Rule.GEOMETRIC_MEDIAN):
        report = merge_updates(doubles, tmp_path / "out", rule=rule)
        assert list(report.rejected) == [9] and "beyond" in report.rejected[9]
        with pytest.raises(UnusableUpdate, match="giant"):
            strict = RuleOptions(drop_unusable=False)
            merge_updates(doubles, tmp_path / "out", rule=rule, options=strict)
        assert load_file(tmp_path / "out")["w"].abs().max() < 10


def test_contributors_of_one_name_are_told_apart_by_their_place(tmp_path: Path) -> None:
    updates = [Update(update.path, 1, contributor="twin") for update in crowd(tmp_path, 6)]
    updates[2] = Update(tmp_path / "nowhere", 1, contributor="twin")
    report = merge_updates(updates, tmp_path / "out", rule=Rule.MEDIAN)
    assert len(report.parts) == 6 and list(report.rejected) == [2]


def test_two_tensors_of_one_name_are_refused(tmp_path: Path) -> None:
    one = '"w":{"dtype":"F32","shape":[1],"data_offsets":[%d,%d]}'
    header = ("{" + one % (0, 4) + "," + one % (4, 8) + "}").encode()
    (tmp_path / "clash").write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    with pytest.raises(DamagedTensors):
        merge_updates([Update(tmp_path / "clash", 1)], tmp_path / "out")


@pytest.mark.parametrize(
    "options", [{"bad": -1}, {"bucket": 0}, {"rounds": 0}, {"clip": 0.0}, {"clip": float("nan")}]
)
def test_options_out_of_range_are_named(options: dict[str, Any]) -> None:
    with pytest.raises(BadRuleOption, match=next(iter(options))):
        RuleOptions(**options)


def test_more_bad_ones_than_a_rule_can_stand_are_refused(tmp_path: Path) -> None:
    for rule, bad in ((Rule.KRUM, 5), (Rule.BULYAN, 3), (Rule.MEDIAN, 6), (Rule.AUTO, 6)):
        with pytest.raises(TooManyBad, match=f"cannot stand {bad} bad"):
            merge_updates(crowd(tmp_path), tmp_path / "out", rule=rule, options=RuleOptions(bad))


@pytest.mark.parametrize("rule", ROBUST)
def test_the_same_updates_give_the_same_bytes(
    tmp_path: Path, base: TensorFile, rule: Rule, monkeypatch: pytest.MonkeyPatch
) -> None:
    updates = crowd(tmp_path)
    merge_updates(updates, tmp_path / "out", rule=rule, base=base)
    first = (tmp_path / "out").read_bytes()
    monkeypatch.setattr("decentralml.learning.stack.THREADS", 1)
    merge_updates(updates, tmp_path / "out", rule=rule, base=base)
    assert (tmp_path / "out").read_bytes() == first


@pytest.mark.parametrize("rule", [Rule.MEAN, Rule.MEDIAN, Rule.AUTO, Rule.KRUM])
def test_progress_ends_at_all_that_is_read(tmp_path: Path, rule: Rule) -> None:
    seen: list[tuple[int, int | None]] = []
    merge_updates(
        crowd(tmp_path), tmp_path / "out", rule=rule, progress=lambda *at: seen.append(at)
    )
    assert seen == sorted(seen, key=lambda at: at[0])
    assert seen[-1][1] is not None and seen[-1][0] <= seen[-1][1]


def test_a_robust_merge_needs_little_memory_for_large_models(tmp_path: Path) -> None:
    update = sent(tmp_path, "large", {"w": torch.randn(2_000_000)})
    peak = peak_of(lambda: merge_updates([update] * 40, tmp_path / "out", rule=Rule.MEDIAN))
    assert peak < 12 * 8 * streams.ELEMENTS  # 320 MB of updates.


def test_federate_reports_its_rule_and_reads_bases_from_folders(tmp_path: Path) -> None:
    models = []
    for seed in range(5):
        torch.manual_seed(seed)
        models.append(save_model(DigitNet(widths=(2, 2)), tmp_path / str(seed)))
    updates = [Update(model, 1) for model in models[:4]]
    merge = federate(updates, tmp_path / "merged", rule=Rule.CENTRED_CLIPPING, base=models[4])
    assert merge.path == tmp_path / "merged" and merge.report.rule is Rule.CENTRED_CLIPPING
    shares = [part.share or 0.0 for part in merge.report.parts]
    assert sum(shares) + merge.report.base_share == pytest.approx(1)
    load_model(merge.path)


def test_a_contributors_worth_is_what_the_merge_loses_without_it(tmp_path: Path) -> None:
    values = [1.0, 1.0, 4.0, -8.0]
    updates = [sent(tmp_path, f"c{i}", {"w": torch.full((4,), v)}) for i, v in enumerate(values)]

    def near_two(model: Path) -> float:
        return -abs(load_file(model)["w"][0].item() - 2.0)

    worth = leave_one_out(updates, near_two)
    whole = -abs(sum(values) / 4 - 2)
    wanted = [whole + abs(sum(v for j, v in enumerate(values) if j != i) / 3 - 2) for i in range(4)]
    assert worth == pytest.approx(wanted) and worth[3] < 0 < worth[2]
    assert as_weights(worth)[3] == 0
    with pytest.raises(BadEvaluation):
        leave_one_out(updates, lambda model: float("nan"))
    with pytest.raises(NoUpdates):
        leave_one_out(updates[:1], near_two)
