"""Copies: what a task says of them, when there is a sketch, and whose an update is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from safetensors.numpy import save_file
from test_bundles_manifest import ANNOTATION, TASK
from told_support import Paper, result

from decentralml.bundles.judging import Copies
from decentralml.bundles.manifest import check_task, parse_task
from decentralml.bundles.merge import MergePlan, Privacy
from decentralml.bundles.settings import read_settings
from decentralml.errors import ManifestError
from decentralml.market.judging.copies import own_sketch
from decentralml.market.judging.twins import without_copies
from decentralml.types import Address, Submission, Verdict
from decentralml.validation.findings import SKETCH_SIZE, SKETCH_UNIT, Finding

MINE = (SKETCH_UNIT, *(0,) * (SKETCH_SIZE - 1))
OTHER = (*(0,) * (SKETCH_SIZE - 1), SKETCH_UNIT)
PASSED = Finding(Verdict.PASS, 900_000, ("measured 90.00 %",), sketch=MINE)
ANN, BEN, CAT = map(Address, ("ann", "ben", "cat"))


def found(
    home: Path,
    judged: Submission,
    *others: tuple[Submission, tuple[int, ...] | None],
) -> Finding:
    """What becomes of a result that passes, among others with these sketches."""
    paper = Paper(home)
    paper.add(judged, None)
    for other, numbers in others:
        paper.add(other, numbers)
    return without_copies(paper.sketches(), judged, PASSED)


def test_an_earlier_ended_equal_one_fails_it_and_keeps_what_was_measured(tmp_path: Path) -> None:
    finding = found(tmp_path, result(1, BEN, 20, None), (result(0, ANN, 5, 20), MINE))
    assert (finding.verdict, finding.score) == (Verdict.FAIL, 900_000)
    assert finding.reasons == (
        "same update as result 0 of ann, sent earlier: their directions are 0 apart, "
        "by their sketches",
        *PASSED.reasons,
    )


@pytest.mark.parametrize(
    "other",
    [
        (result(0, ANN, 5, 21), MINE),  # It ended after this one was sent.
        (result(0, ANN, 5, None), MINE),
        (result(2, ANN, 30, 40), MINE),  # It came later.
        (result(0, ANN, 5, 10), OTHER),
        (result(0, ANN, 5, 10), None),  # Most of its reports have none, or cannot be read.
        (result(0, BEN, 5, 10), MINE),  # The contributor's own.
    ],
)
def test_nothing_else_does(tmp_path: Path, other: Any) -> None:
    assert found(tmp_path, result(1, BEN, 20, None), other) == PASSED


def test_of_equal_results_the_first_sent_is_the_original(tmp_path: Path) -> None:
    first, copied = result(0, ANN, 1, 2), result(1, BEN, 3, 4)
    again = found(tmp_path, result(2, ANN, 5, None), (copied, MINE), (first, MINE))
    assert again == PASSED
    third = found(tmp_path / "third", result(2, CAT, 5, None), (copied, MINE), (first, MINE))
    assert third.verdict is Verdict.FAIL and "result 0 of ann" in third.reasons[0]


def test_a_near_copy_is_pointed_out_only(tmp_path: Path) -> None:
    near = (SKETCH_UNIT, SKETCH_UNIT // 50, *(0,) * (SKETCH_SIZE - 2))
    finding = found(tmp_path, result(1, BEN, 20, None), (result(0, ANN, 5, 10), near))
    assert finding.verdict is Verdict.PASS
    assert finding.reasons[1].startswith("near copy: the direction of its update is 0.02 from")


# --- when there is a sketch


@pytest.mark.parametrize("private", [False, True])
def test_an_update_whose_merge_is_private_has_no_sketch(tmp_path: Path, private: bool) -> None:
    start = np.zeros((64, 64), np.float32)
    for name, weight in (("base", start), ("received", start + 1)):
        (tmp_path / name).mkdir()
        save_file({"weight": weight}, tmp_path / name / "model.safetensors")
    plan = MergePlan(privacy=Privacy(1.0, 1.0, 1e-5)) if private else None
    task = SimpleNamespace(base_model=tmp_path / "base", manifest=replace(TASK, merge=plan))
    folder = SimpleNamespace(
        received=lambda _: tmp_path / "received", decoded=lambda _: tmp_path / "decoded"
    )
    session = SimpleNamespace(genesis=bytes(32), work=lambda _: folder)
    made = own_sketch(cast(Any, session), cast(Any, task), result(0, ANN, 1, None))
    assert (made is None) == private


# --- what a task says


def test_a_task_that_allows_copies_says_so_and_others_say_nothing(tmp_path: Path) -> None:
    assert b"copies" not in TASK.to_json() and parse_task(TASK.to_json()).copies is Copies.REFUSE
    allowing = replace(TASK, copies=Copies.ALLOW)
    assert parse_task(allowing.to_json()) == allowing
    (tmp_path / "task.toml").write_text('copies = "allow"\n')
    assert read_settings(tmp_path).copies is Copies.ALLOW
    (tmp_path / "task.toml").write_text('copies = "sometimes"\n')
    with pytest.raises(ManifestError, match="refuse, allow"):
        read_settings(tmp_path)


def test_labels_are_no_copies() -> None:
    with pytest.raises(ManifestError, match="copies is of models"):
        check_task(replace(ANNOTATION, copies=Copies.ALLOW))
