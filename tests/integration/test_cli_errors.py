"""What a command says when it cannot: in the user's own words, with numbers and the remedy."""

from __future__ import annotations

import re

from cli_support import Run, ask, error
from market_support import AGGREGATORS, CONTRIBUTORS, CREATOR, WEAK, Stage

from decentralml.cli.units import format_amount, format_time
from decentralml.market.creating.offer import HOUR
from decentralml.types import UNIT, ValidationStrategy

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


def test_a_path_is_told_as_it_is(run: Run, stage: Stage) -> None:
    task = stage.post()
    run("accept-task", task, "--as", BOB)
    bob = stage.as_(BOB)
    output = bob.work(task).attempt(0).output
    assert str(output) in error(run, "send-results", task, "--as", BOB)["message"]
    crowd = stage.root / "crowd"
    for number in range(9):
        (crowd / f"folder-{number}").mkdir(parents=True)
    told = error(run, "send-results", task, "--result-path", crowd, "--as", BOB)["message"]
    assert "folder-4, …" in told and "folder-5" not in told


def test_a_decision_that_is_not_asked_for_costs_no_fee(run: Run, stage: Stage) -> None:
    task = stage.post(strategy=ValidationStrategy.MANUAL_ACCEPT)
    stage.contribute(BOB, task)
    before = ask(run, "balance", CREATOR)["total"]
    for deciding in (("accept-task-results",), ("reject-task-results", "--reason", "no")):
        told = error(run, *deciding, task, 0, "--as", CREATOR)
        assert told["class"] == "NotValidated" and "show-task 0" in told["message"]
    assert ask(run, "balance", CREATOR)["total"] == before


def test_a_result_is_called_a_result(run: Run, stage: Stage) -> None:
    task = stage.post()
    stage.contribute(BOB, task)
    assert "has no result 7" in error(run, "settle", task, 7, "--as", BOB)["message"]
    assert "result 0 of task 0" in error(run, "appeal", task, 0, "--as", BOB)["message"]
    assert run("list-task-results", task).stdout.startswith("result  contributor")
    shown = run("show-task", task, "--as", BOB).stdout
    assert "submission" not in shown.lower()
    assert "result 0, PendingValidation" in shown


def test_there_is_nothing_to_do_where_there_is_nothing_to_do(run: Run, stage: Stage) -> None:
    before = ask(run, "chain", "status")["block"]
    assert "nothing to do" in run("aggregators", "top-up", "--as", AGGREGATORS[0]).stdout
    assert ask(run, "aggregators", "top-up", "--as", AGGREGATORS[0])["block"] is None
    assert "nothing to do" in run("chain", "upgrade").stdout
    upgraded = ask(run, "chain", "upgrade")
    assert (upgraded["before"], upgraded["block"]) == (upgraded["after"], None)
    assert ask(run, "chain", "status")["block"] == before


def test_a_creator_does_not_invite_itself(run: Run, stage: Stage) -> None:
    task = stage.post(invited_only=True)
    told = error(run, "invite", task, CREATOR, "--as", CREATOR)
    assert (told["class"], told["message"][-13:]) == ("TermsInvalid", "invite others")
    posting = ("create-task", stage.bundle, "--reward", 1, "--fee", 1, "--invite", CREATOR)
    assert error(run, *posting, "--as", CREATOR)["class"] == "TermsInvalid"
    assert len(ask(run, "list-tasks")) == 1


def test_a_receipt_goes_into_a_folder_that_was_not_there(run: Run, stage: Stage) -> None:
    task = stage.post()
    stage.contribute(BOB, task)
    file = stage.root / "new" / "folder" / "receipt.json"
    run("explain", task, 0, "--receipt", file)
    assert "every statement follows" in run("verify-receipt", file).stdout
    beneath = file / "receipt.json"
    told = run("explain", task, 0, "--receipt", beneath, code=1)
    assert str(file) in told.stderr
    assert "\n" not in told.stderr.strip().splitlines()[-1]


def test_a_dry_run_says_what_would_be_and_never_what_was_judged(run: Run, stage: Stage) -> None:
    task = stage.post()
    run("accept-task", task, "--as", BOB)
    words = ("validate-task-results", task, "--dry-run", "--as", BOB)
    assert "--data DIR" in error(run, *words)["message"]
    run("run-task", task, "--data", stage.work(BOB), "--as", BOB)
    unknown = run(*words).stdout
    assert "cannot be known here" in unknown and "sealed to you" in unknown
    passing = run(*words, "--validation-path", stage.validation_set).stdout
    assert "would pass, score 100.00%" in passing and "on your data" in passing
    weak = stage.work(BOB, WEAK)
    failing = run(*words, "--result-path", weak, "--validation-path", stage.validation_set).stdout
    assert "would fail" in failing and "gains nothing" in failing
    shown = run("list-task-results", task).stdout
    assert "Assigned" in shown and "Fail" not in shown


def test_who_has_too_little_is_told_how_much_it_takes_and_what_there_is(
    run: Run, stage: Stage
) -> None:
    posting = ("create-task", stage.bundle, "--base-model", stage.model, "--fee", 1, "--as", "poor")
    task = stage.post(minimum_reputation=900_000, bond=5 * UNIT)
    ask(run, "keys", "new", "poor")
    told = error(run, "transfer", CREATOR, 1, "--as", "poor")["message"]
    assert "poor cannot pay its fee of 0.0" in told and "(0 are free)" in told
    run("transfer", "poor", 4, "--as", CREATOR)
    told = error(run, *posting, "--reward", 40)["message"]
    assert "(it takes 43; 4 are free)" in told and "decentralml transfer" in told
    # What only the chain knows is worked out when it has refused.
    told = error(run, *posting, "--reward", "0.999")["message"]
    assert re.search(r"\(it takes 4\.0[0-9]+; 3\.9[0-9]+ are free\)", told)
    told = error(run, "transfer", CREATOR, 50, "--as", "poor")["message"]
    assert re.search(r"\(it takes 50\.\d+; 3\.\d+ are free\)", told)
    told = error(run, "aggregators", "apply", "--as", "poor")["message"]
    assert re.search(r"\(it takes \d+\.?\d*; 3\.\d+ are free\)", told)
    told = error(run, "accept-task", task, "--as", "poor")["message"]
    assert "(at least 90.00%; it is 50.00%)" in told and "list-tasks" in told
    rich = stage.post(bond=5 * UNIT)
    told = error(run, "accept-task", rich, "--as", "poor")["message"]
    assert re.search(r"\(it takes 5; 3\.\d+ are free\)", told)


def test_terms_below_the_chains_least_are_told_with_it(run: Run, stage: Stage) -> None:
    posting = ("create-task", stage.bundle, "--base-model", stage.model, "--reward", 1)
    told = error(run, *posting, "--fee", "0.01", "--as", CREATOR)["message"]
    assert "(at least 0.1; it is 0.01)" in told
    told = error(run, *posting, "--fee", 2, "--bond", "5.5", "--as", CREATOR)["message"]
    assert "(at least 6; it is 5.5)" in told


def test_too_little_of_an_asset_is_told_in_the_asset(run: Run, stage: Stage) -> None:
    run("assets", "create", 7, "--symbol", "MED", "--name", "Medical", "--as", CREATOR)
    run("assets", "mint", 7, CREATOR, 5, "--as", CREATOR)
    posting = ("create-task", stage.bundle, "--base-model", stage.model, "--fee", 1)
    told = error(run, *posting, "--reward", 6, "--asset", 7, "--as", CREATOR)["message"]
    assert "(it takes 6 MED; 5 MED are free)" in told
    told = error(run, "assets", "transfer", 7, BOB, 8, "--as", CREATOR)["message"]
    assert "(it takes 8 MED; 5 MED are free)" in told


def test_who_cannot_pay_for_an_appeal_is_told_the_bond(run: Run, stage: Stage) -> None:
    task = stage.post(challenge_time=HOUR, minimum_gain=0)
    stage.contribute(BOB, task, WEAK)
    stage.conclude(task)
    bob = stage.as_(BOB)
    assert bob.chain.submission(task, 0).window is not None
    creator = stage.as_(CREATOR)
    run("vote", "--remove", "--as", CREATOR)
    spare = creator.chain.balance(creator.address).free - 2 * UNIT
    run("transfer", BOB, format_amount(spare), "--as", CREATOR)
    told = error(run, "appeal", task, 0, "--as", CREATOR)
    assert told["class"] == "AppealUnaffordable"
    assert re.search(r"\(it takes 3\.?\d*; 1\.\d+ are free\)", told["message"])


def test_what_cannot_be_cleared_yet_is_told_with_the_time(run: Run, stage: Stage) -> None:
    task = stage.post()
    stage.contribute(BOB, task)
    stage.conclude(task)
    bob = stage.as_(BOB)
    ended = bob.chain.submission(task, 0).ended_at
    assert ended is not None
    told = error(run, "clear", task, 0, "--as", BOB)
    assert told["class"] == "TooEarly"
    when = format_time(ended + bob.chain.constants().retention_period)
    assert f"try again from {when} on" in told["message"]
    assert when in run("clear", task, "--as", BOB).stdout
