"""What a command says when it cannot: in the user's own words, with numbers and the remedy."""

from __future__ import annotations

from cli_support import Run, ask, error
from market_support import CONTRIBUTORS, CREATOR, Stage

BOB = CONTRIBUTORS[0]


def test_errors_call_accounts_by_the_names_that_this_user_has_for_them(
    run: Run, stage: Stage
) -> None:
    task = stage.post()
    ask(run, "keys", "new", "carl")
    told = error(run, "abandon-task", task, "--as", "carl")
    assert told["message"].startswith("carl does not hold a slot")
    assert told["facts"]["signer"] == stage.as_(CREATOR).resolve("carl")
    # A development key is known by its name, too, and an account without one by its address.
    assert error(run, "abandon-task", task, "--as", BOB)["message"].startswith("//Bob does not")
    stranger = "5CGYyLcrWUfBDKExbvRjDQinEoCZWQmD6SjaXBLhny6A2wjE"
    assert error(run, "aggregators", "show", stranger)["message"].startswith(stranger)
    # What is wrong with a key is told with its address.
    assert told["facts"]["signer"] in error(run, "keys", "new", "carl")["message"]


def test_a_result_is_called_a_result(run: Run, stage: Stage) -> None:
    task = stage.post()
    stage.contribute(BOB, task)
    assert "has no result 7" in error(run, "settle", task, 7, "--as", BOB)["message"]
    assert "result 0 of task 0" in error(run, "appeal", task, 0, "--as", BOB)["message"]
    assert run("list-task-results", task).stdout.startswith("result  contributor")
    shown = run("show-task", task, "--as", BOB).stdout
    assert "submission" not in shown.lower()
    assert "result 0, PendingValidation" in shown
