"""Sketches of ended results are read once, by whichever process comes first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from told_support import MEMBERS, Paper, result

from decentralml.market.judging import told
from decentralml.types import Address, TaskId
from decentralml.validation.findings import SKETCH_SIZE, SKETCH_UNIT

ANN, BEN = map(Address, ("ann", "ben"))
ONE = (SKETCH_UNIT, *(0,) * (SKETCH_SIZE - 1))
TWO = (*(0,) * (SKETCH_SIZE - 1), SKETCH_UNIT)


@pytest.mark.parametrize("ended", [5, 150])
def test_a_new_process_reads_only_what_is_new_however_much_has_ended(
    tmp_path: Path, ended: int
) -> None:
    paper = Paper(tmp_path)
    for index in range(ended):
        paper.add(result(index, ANN, index, index + 1), ONE)
    judged = result(ended, BEN, 1000, None)
    paper.add(judged, None)
    assert len(paper.sketches().ended_before(judged)) == ended
    later = result(ended + 1, BEN, 1000, None)
    paper.add(later, None)
    paper.asked, paper.read = [], []
    found = paper.sketches().ended_before(later)
    assert len(found) == ended and all(each.sketch == ONE for each in found)
    assert not paper.read and sorted(paper.asked) == [ended, ended + 1]


def test_what_ends_late_what_is_given_back_and_what_never_came_is_minded(tmp_path: Path) -> None:
    paper = Paper(tmp_path)
    paper.add(result(0, ANN, 1, None), ONE)
    paper.add(replace(result(1, ANN, 0, 2), submitted_at=None), None)  # It expired.
    paper.add(result(4, ANN, 3, 4), TWO)  # Two and three were given back.
    judged = result(5, BEN, 10, None)
    paper.add(judged, None)
    assert [each.index for each in paper.sketches().ended_before(judged)] == [4]
    paper.results[0] = result(0, ANN, 1, 11)
    paper.asked = []
    assert [each.index for each in paper.sketches().ended_before(judged)] == [4]
    again = result(6, BEN, 12, None)
    paper.add(again, None)
    assert [each.index for each in paper.sketches().ended_before(again)] == [0, 4]
    assert not {1, 2, 3, 4} & set(paper.asked)


def test_a_report_that_cannot_be_read_is_asked_for_again_an_hour_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paper = Paper(tmp_path)
    paper.add(result(0, ANN, 1, 9), ONE)
    away = {f"0/{member}": paper.reports.pop(f"0/{member}") for member in MEMBERS[:2]}  # type: ignore[call-overload]
    judged = result(1, BEN, 10, None)
    paper.add(judged, None)
    now = 10.0
    monkeypatch.setattr(told.time, "time", lambda: now)
    assert paper.sketches().ended_before(judged)[0].sketch is None
    paper.reports.update(away)
    paper.read = []
    assert paper.sketches().ended_before(judged)[0].sketch is None and not paper.read
    now += told.AGAIN_SECONDS
    assert paper.sketches().ended_before(judged)[0].sketch == ONE
    paper.read = []
    now += told.AGAIN_SECONDS
    assert paper.sketches().ended_before(judged)[0].sketch == ONE and not paper.read


def test_a_line_that_was_cut_off_is_read_from_the_chain_again(tmp_path: Path) -> None:
    paper = Paper(tmp_path)
    for index in range(3):
        paper.add(result(index, ANN, index, index + 1), ONE)
    judged = result(3, BEN, 10, None)
    paper.add(judged, None)
    whole = paper.sketches().ended_before(judged)
    file = next(tmp_path.rglob("1-7.jsonl"))
    file.write_text(file.read_text()[:-20])
    paper.read = []
    assert paper.sketches().ended_before(judged) == whole
    assert paper.read == ["2/mia", "2/moe"], "two of three are a majority"
    paper.read = []
    assert paper.sketches().ended_before(judged) == whole and not paper.read


def test_what_is_remembered_gives_way_to_the_chain(tmp_path: Path) -> None:
    paper = Paper(tmp_path)
    paper.add(result(0, ANN, 1, 2), ONE)
    judged = result(1, BEN, 10, None)
    paper.add(judged, None)
    (known,) = paper.sketches().ended_before(judged)
    paper.add(result(0, ANN, 1, 3), TWO)  # Other blocks.
    fresh = paper.sketches().confirmed(known)
    assert fresh is not None and (fresh.ended_at, fresh.sketch) == (3, TWO)
    (known,) = paper.sketches().ended_before(judged)
    assert known == fresh
    paper.add(result(0, ANN, 1, None), TWO)  # And others again, in which it goes on.
    sketches = paper.sketches()
    sketches.confirmed(known)
    assert sketches.ended_before(judged) == []
    paper.add(result(0, ANN, 1, 4), ONE)
    (known,) = sketches.ended_before(judged)
    assert (known.ended_at, known.sketch) == (4, ONE)
    del paper.results[0]  # Cleared.
    assert paper.sketches().confirmed(known) is None


def test_a_task_of_a_chain_begun_anew_has_a_file_of_its_own(tmp_path: Path) -> None:
    paper = Paper(tmp_path)
    paper.add(result(0, ANN, 1, 2), ONE)
    judged = result(1, BEN, 10, None)
    paper.add(judged, None)
    paper.sketches().ended_before(judged)
    names = [file.name for file in tmp_path.rglob("*.jsonl")]
    assert names == [f"{TaskId(1)}-{paper.task().created_at}.jsonl"]


def test_a_majority_of_those_that_revealed_says_what_a_sketch_is(tmp_path: Path) -> None:
    for liars, expected in ((1, ONE), (2, TWO), (0, ONE)):
        paper = Paper(tmp_path / str(liars))
        says = {member: TWO if place < liars else ONE for place, member in enumerate(MEMBERS)}
        paper.add(result(0, ANN, 1, 2), says)
        judged = result(1, BEN, 10, None)
        paper.add(judged, None)
        assert paper.sketches().ended_before(judged)[0].sketch == expected
