"""Tables fit the terminal: strangers' addresses are shortened there, and nowhere else."""

from __future__ import annotations

import re
import sys

import pytest

from decentralml.cli.output import table

ADDRESS = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"


def shown(width: int, terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    table(("task", "waits for", "creator"), [(3, "commitments", ADDRESS)], right="task")


@pytest.mark.parametrize(
    ("width", "terminal", "whole"), [(60, True, False), (100, True, True), (60, False, True)]
)
def test_addresses_are_whole_wherever_there_is_room_or_no_terminal(
    width: int,
    terminal: bool,
    whole: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown(width, terminal, monkeypatch)
    text = capsys.readouterr().out
    assert (ADDRESS in text) is whole
    assert ("5Grw…utQY" in text) is not whole


def test_lines_of_a_narrow_table_break_between_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "44")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    row = (3, "ModelContributor", "InProgress", "", "in 6d23h", "hospital")
    table(("task", "work", "status", "reason", "expires", "creator"), [row], right="task")
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert [line.split() for line in lines] == [
        ["task", "work", "status", "expires", "creator"],
        ["3", "Model", "In", "in", "6d23h", "hospital"],
        ["Contributor", "Progress"],
    ]


RESULTS = (
    *("result", "contributor", "standing", "status", "verdict", "score"),
    *("waits for", "from", "due", "reason"),
)
ROWS = [
    (0, "//Bob", "75.00 %", "PendingValidation", "", "", "commitments", "//Dave", "in 1h59m", ""),
    (1, ADDRESS, "50.00 %", "Rejected, inconclusive", "Inconclusive", "0.00 %", "", "", "", "why"),
]


@pytest.mark.parametrize(
    ("width", "left_out"), [(80, ["standing", "from"]), (64, ["standing", "from", "verdict"])]
)
def test_a_table_of_many_columns_does_without_some_before_it_breaks_words(
    width: int,
    left_out: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    spare = ("standing", "from", "verdict", "reason")
    table(RESULTS, ROWS, right="result standing score", spare=spare)
    said = capsys.readouterr()
    text = re.sub(r"\x1b\[[0-9;]*m", "", said.out)
    whole = ["Pending", "Validation", "commitments", "inconclusive", "5Grw…utQY", "contributor"]
    assert all(word in text for word in whole), text
    assert max(map(len, text.splitlines())) <= width
    assert f"not shown: {', '.join(left_out)} (" in said.err
    assert ("Inconclusive" in text) is ("verdict" not in left_out)


def test_where_there_is_room_nothing_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    table(RESULTS, ROWS, right="result standing score", spare=("standing", "from"))
    said = capsys.readouterr()
    assert "standing" in said.out and not said.err
