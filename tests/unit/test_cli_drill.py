"""``drill``: the table and the document it prints, and what it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from decentralml.cli.main import cli

TINY = ["drill", "--rounds", "1", "--contributors", "4", "--bad", "0.25"]


def test_a_tiny_drill_prints_a_table_and_says_how_it_goes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("mlxtend")
    words = ["--attack", "none", "--attack", "backdoor", "--rule", "median", "--seeds", "2"]
    assert not cli.main([*TINY, *words], standalone_mode=False)
    out, err = capsys.readouterr()
    head, clean, attacked, door, terms = out.splitlines()
    assert head.split() == ["attack", "median"]
    assert clean.split()[0] == "none" and 0 < float(clean.split()[1]) <= 100
    assert attacked.startswith("backdoor ") and door.startswith("backdoor works")
    assert "1 of 4 contributors are bad; rounds: 1, seeds: 2" in terms
    assert "drill 4 of 4: backdoor, median, seed 1" in err


def test_the_document_has_each_run_with_its_rounds(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("mlxtend")
    words = ["--attack", "free-rider", "--rule", "auto", "--json"]
    assert not cli.main([*TINY, *words], standalone_mode=False)
    (run,) = json.loads(capsys.readouterr().out)
    assert (run["attack"], run["rule"], run["honest"], run["bad"]) == ("free-rider", "auto", 3, 1)
    assert len(run["accuracy"]) == 1 and "base model" in run["left_out_last"]["3"]


def test_interrupted_it_shows_what_it_has_and_says_that_nothing_is_kept(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlxtend")
    from decentralml.learning.attacks import drill

    real, calls = drill.run_drill, []

    def once(plan: drill.Drill, **other: Any) -> drill.DrillResult:
        if calls:
            raise KeyboardInterrupt
        calls.append(plan)
        return real(plan, **other)

    monkeypatch.setattr(drill, "run_drill", once)
    with pytest.raises(SystemExit) as ended:
        cli.main([*TINY, "--attack", "none", "--rule", "mean", "--rule", "median"])
    assert ended.value.code == 130
    out, err = capsys.readouterr()
    head, row = out.splitlines()
    assert head.split() == ["attack", "mean", "median"] and row.split()[2] == "-"
    assert float(row.split()[1]) > 0
    assert "interrupted; the same command begins anew" in err


@pytest.mark.parametrize(
    "words",
    [["--bad", "1"], ["--bad", "-0.1"], ["--bad", "nan"], ["--bad", "0.9"],
     ["--strength", "inf"], ["--rule", "krum", "--tolerate", "9"]],
)  # fmt: skip
def test_what_makes_no_sense_is_one_line(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("mlxtend")
    assert cli.main([*TINY, *words], standalone_mode=False) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and "Traceback" not in line
