"""Each command does what it says, prints text for people and one JSON document for programs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from cli_support import Run, ask, error
from market_support import (
    AGGREGATORS,
    CONTRIBUTORS,
    CREATOR,
    GOOD,
    Stage,
)

from decentralml.types import UNIT, ValidationStrategy

BOB = CONTRIBUTORS[0]


def test_keys_are_made_listed_exported_imported_and_removed(run: Run, tmp_path: Path) -> None:
    made = ask(run, "keys", "new", "me")
    assert len(made["words"].split()) == 12
    assert [key["name"] for key in ask(run, "keys", "list")] == ["me"]
    assert made["address"] in run("keys", "list").stdout
    file = tmp_path / "me.json"
    run("keys", "export", "me", "--out", file)
    assert file.stat().st_mode & 0o077 == 0
    assert json.loads(run("keys", "export", "me").stdout)["address"] == made["address"]
    assert error(run, "keys", "export", "me", "--out", file)["class"] == "FileExistsError"
    (tmp_path / "words").write_text(made["words"] + "\n")
    again = ask(run, "keys", "import", "again", "--secret-file", tmp_path / "words")
    assert again["address"] == made["address"]
    assert error(run, "keys", "remove", "me")["class"] == "ConfirmationNeeded"
    assert error(run, "keys", "remove", "nobody")["class"] == "KeyUnknown"
    run("keys", "remove", "me", "--yes")
    assert [key["name"] for key in ask(run, "keys", "list")] == ["again"]


def test_a_polkadot_js_file_is_imported_with_its_own_passphrase(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ask(run, "keys", "new", "me")
    run("keys", "export", "me", "--out", tmp_path / "me.json")
    monkeypatch.setenv("DECENTRALML_FILE_PASSPHRASE", "wrong")
    words = ("keys", "import", "you", "--file", tmp_path / "me.json")
    assert error(run, *words)["class"] == "WrongPassphrase"
    monkeypatch.setenv("DECENTRALML_FILE_PASSPHRASE", "test")
    monkeypatch.setenv("DECENTRALML_PASSPHRASE", "another")
    assert ask(run, *words)["address"] == made["address"]


def test_tokens_are_sent_and_shown_exactly(run: Run) -> None:
    ask(run, "keys", "new", "me")
    sent = ask(run, "transfer", "me", "2.5", "--as", CREATOR)
    assert sent["amount"] == 2_500_000_000_000
    found = ask(run, "balance", "me")
    assert (found["free"], found["total"], found["held"]) == (sent["amount"], sent["amount"], {})
    assert "free     2.5\n" in run("balance", "me").stdout
    assert ask(run, "balance", "treasury")["total"] > 0
    nothing = error(run, "transfer", "me", "0", "--as", CREATOR)
    assert nothing["class"] == "CallInvalid"
    missing = error(run, "transfer", "me", "99999999999", "--as", CREATOR)
    assert "balance" in missing["message"]


def test_the_chain_is_shown_advanced_exported_and_reset(run: Run, tmp_path: Path) -> None:
    before = ask(run, "chain", "status")
    assert before["kind"] == "embedded"
    assert ask(run, "chain", "advance", "--blocks", 3)["block"] == before["block"] + 3
    moved = ask(run, "chain", "advance", "--time", "2h")
    assert moved["now"] - before["now"] >= 2 * 3_600_000
    elected = ask(run, "chain", "advance", "--to-election")["block"]
    assert elected == before["next_election"]
    run("chain", "advance", code=2)
    assert "train-federated" in run("runs", "list").stdout
    run("chain", "export-spec", "--out", tmp_path / "spec.json")
    assert "raw" in json.loads((tmp_path / "spec.json").read_text())["genesis"]
    assert "genesis" in run("chain", "status").stdout
    run("chain", "reset", code=1)
    run("chain", "reset", "--yes")
    again = ask(run, "chain", "status")
    assert (again["block"], again["genesis"]) == (0, before["genesis"])
    refusal = error(run, "chain", "reset", "--yes", "--chain", "ws://127.0.0.1:1")
    assert refusal["class"] == "EmbeddedOnly"


def test_aggregators_are_listed_shown_voted_for_and_resign(run: Run, stage: Stage) -> None:
    field = ask(run, "aggregators", "list")
    assert len(field["aggregators"]) == 3
    assert "https://dave.example" in run("aggregators", "list").stdout
    address = stage.as_(AGGREGATORS[0]).address
    assert ask(run, "aggregators", "show", AGGREGATORS[0])["account"] == address
    assert error(run, "aggregators", "show", BOB)["class"] == "NotAnAggregator"
    assert ask(run, "vote", AGGREGATORS[0], "--stake", 7, "--as", BOB)["vote"]["stake"] == 7 * UNIT
    run("vote", "--remove", "--as", BOB)
    run("vote", AGGREGATORS[0], "--as", BOB, code=2)
    run("vote", "--remove", "--stake", 5, code=2)
    twice = run("vote", AGGREGATORS[0], AGGREGATORS[0], "--stake", 7, "--as", BOB, code=2)
    assert "named twice" in twice.stderr
    words = ("aggregators", "apply", "--endpoint", "https://new.example", "--as", AGGREGATORS[0])
    run(*words)
    assert "nothing to do" in run(*words).stdout
    profile = ask(run, "aggregators", "show", AGGREGATORS[0])["profile"]
    assert profile["endpoint"] == "https://new.example"
    assert "nothing to do" in run("aggregators", "apply", "--as", AGGREGATORS[0]).stdout
    assert (
        "lost if nobody has voted for you by block"
        in run("aggregators", "apply", "--as", BOB).stdout
    )
    run("aggregators", "resign", "--as", AGGREGATORS[0])
    assert address not in json.dumps(ask(run, "aggregators", "list")["aggregators"])


def test_content_is_added_named_fetched_verified_and_carried(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "stuff"
    folder.mkdir()
    (folder / "a").write_text("a")
    cid = ask(run, "bundles", "add", folder)["cid"]
    assert ask(run, "bundles", "cid", folder)["cid"] == cid
    assert ask(run, "bundles", "verify", cid)["complete"]
    run("bundles", "get", cid, "--out", tmp_path / "again")
    assert (tmp_path / "again" / "a").read_text() == "a"
    assert ask(run, "bundles", "get", cid, "--out", tmp_path / "again")["cid"] == cid  # it is there
    (tmp_path / "again" / "a").write_text("b")
    assert error(run, "bundles", "get", cid, "--out", tmp_path / "again")["class"] == (
        "DestinationExists"
    )
    assert (tmp_path / "again" / "a").read_text() == "b"
    run("bundles", "export", cid, "--out", tmp_path / "stuff.car")
    other = ("--home", tmp_path / "other")
    assert error(run, "bundles", "verify", cid, *other)["class"] == "ObjectNotFound"
    assert ask(run, "bundles", "import", tmp_path / "stuff.car", *other)["cid"] == cid
    car = (tmp_path / "stuff.car").read_bytes()
    (tmp_path / "cut.car").write_bytes(car[:-3])
    assert error(run, "bundles", "import", tmp_path / "cut.car", *other)["class"] == "CarInvalid"
    absent = error(run, "bundles", "add", folder, "--storage", "http://127.0.0.1:9")
    assert absent["class"] == "DaemonUnavailable"


def test_tasks_and_results_are_shown_to_people_and_programs(run: Run, stage: Stage) -> None:
    assert run("list-tasks").stdout == "no tasks\n"
    task = stage.post(results=2, strategy=ValidationStrategy.MANUAL_ACCEPT)
    stage.contribute(BOB, task, GOOD)
    assert "ManualAccept" in run("list-tasks").stdout
    assert [found["id"] for found in ask(run, "list-tasks", "--open")] == [task]
    shown = ask(run, "show-task", task, "--as", BOB)
    assert Path(shown["work"]["result"], "model.safetensors").is_file()
    assert shown["results"] == {"PendingValidation": 1}
    assert "your work" in run("show-task", task, "--as", BOB).stdout
    waiting = run("show-task", task).stdout
    assert "waits for commitments" in waiting
    for name in AGGREGATORS:
        said = run("validate-task-results", task, "--as", name).stdout
        assert "Pass, score 100.00%; committed" in said
    for name in AGGREGATORS[:2]:
        assert "revealed" in run("validate-task-results", task, "--as", name).stdout
    (result,) = ask(run, "list-task-results", task)
    assert (result["status"], result["score"]) == ("Validated", 1_000_000)
    assert result["awaited"]["what"] == "the creator's decision"
    reviewed = run("validate-task-results", task, "--as", CREATOR).stdout
    assert "the committee: Pass" in reviewed
    assert "is sealed to" in reviewed
    ask(run, "accept-task-results", task, 0, "--as", CREATOR)
    assert "the release of its key" in run("list-task-results", task).stdout
    assert "released its key" in run("send-results", task, "--as", BOB).stdout
    assert "Accepted" in run("list-task-results", task).stdout
    assert "measured here: Pass" in run("validate-task-results", task, "--as", CREATOR).stdout
    standing = {each["role"]: each for each in ask(run, "reputation", BOB)["records"]}
    assert standing["Contributor"]["standing"] == 750_000
    assert "Contributor" in run("reputation", BOB).stdout
    run("withdraw-task", task, "--as", CREATOR)
    assert ask(run, "show-task", task)["task"]["status"] in ("Withdrawn", "Completed")
    assert "nothing" in run("settle", task, "--as", CREATOR).stdout


def test_a_rejection_is_appealed_against_and_all_in_office_judge_again(
    run: Run, stage: Stage
) -> None:
    task = stage.post(strategy=ValidationStrategy.MANUAL_ACCEPT, committee=1)
    stage.contribute(BOB, task, GOOD)
    stage.validate(task)
    words = ("reject-task-results", task, 0, "--reason", "no", "--as", CREATOR)
    assert "3 are held from you" in run(*words).stdout
    said = run("appeal", task, 0, "--as", BOB).stdout
    assert "is judged again by" in said
    assert "waits for commitments" in said
    stage.conclude(task)
    assert [each["status"] for each in ask(run, "list-task-results", task)] == ["Accepted"]
    # What all of them wrote, word for word, is told once.
    reports = re.findall(": report ([a-z0-9]+)", run("explain", task, 0).stdout)
    assert len(reports) == len(set(reports)) > 0
    assert error(run, "claim", task, 0, "--as", BOB)["class"] == "NothingUnpaid"
    assert "not cleared" in run("clear", task, "--as", BOB).stdout


def test_rewards_are_offered_in_assets_to_the_invited_with_golds(
    run: Run, stage: Stage, tmp_path: Path
) -> None:
    words = ("assets", "create", 7, "--symbol", "MED", "--name", "Credit", "--decimals", 2)
    run(*words, "--minimum", "0.01", "--as", CREATOR)
    run("assets", "mint", 7, CREATOR, "1000", "--as", CREATOR)
    run("assets", "transfer", 7, BOB, "2.5", "--as", CREATOR)
    assert "2.5" in run("assets", "balance", 7, BOB).stdout
    assert ask(run, "assets", "list")[0]["symbol"] == "MED"
    assert error(run, "assets", "mint", 8, BOB, "1", "--as", CREATOR)["class"] == "UnknownAsset"
    gold = tmp_path / "gold.toml"
    run("gold", gold, "--contributor", BOB, "--verdict", "fail", "--high", "0.3")
    post = (
        "create-task", stage.bundle, "--base-model", stage.model, "--reward", "12.5", "--asset", 7,
        "--fee", 1, "--validation-path", stage.validation_set, "--type", "ModelContributor",
        "--invited-only", "--gold", gold, "--challenge-time", "1h", "--min-standing", "40%",
        "--as", CREATOR,
    )  # fmt: skip
    said = run(*post).stdout
    assert "3 and 12.5 MED in escrow" in said
    shown = run("show-task", 0).stdout
    assert "12.5 MED" in shown
    assert "invited accounts only" in shown
    assert "12.5 MED" in run("list-tasks").stdout
    assert error(run, "accept-task", 0, "--as", BOB)["class"] == "NotInvited"
    run("invite", 0, BOB, "--as", CREATOR)
    run("accept-task", 0, "--as", BOB)
    run("uninvite", 0, BOB, "--as", CREATOR)
    assert error(run, "open-gold", 0, 0, gold, "--as", CREATOR)["class"] == "NotChallengeable"
    wrong = ("create-task", stage.bundle, "--reward", "1.234", "--asset", 7, "--fee", 1)
    assert "--reward" in run(*wrong, "--as", CREATOR, code=2).stderr
    assert "everybody in office" in run("aggregators", "hand-over", "--as", CREATOR).stdout


def test_a_result_is_rehearsed_before_it_is_sent(run: Run, stage: Stage) -> None:
    task = stage.post()
    run("accept-task", task, "--as", BOB)
    run("run-task", task, "--data", stage.work(BOB), "--as", BOB)
    words = ("validate-task-results", task, "--dry-run", "--as", BOB)
    assert "sealed to you" in run(*words).stdout
    assert (
        "would pass, score 100.00%" in run(*words, "--validation-path", stage.validation_set).stdout
    )
    run("validate-task-results", task, "--result-path", stage.bundle, "--as", BOB, code=2)


def test_a_number_that_no_task_or_result_can_have_is_unknown(run: Run, stage: Stage) -> None:
    task, most = stage.post(), 10**30
    assert error(run, "show-task", most)["class"] == "UnknownTask"
    assert error(run, "accept-task", most, "--as", BOB)["class"] == "UnknownTask"
    assert error(run, "settle", most, "--as", BOB)["class"] == "UnknownTask"
    decide = ("accept-task-results", task, most, "--as", CREATOR)
    assert error(run, *decide)["class"] == "UnknownSubmission"


def test_a_contributors_commands(run: Run, stage: Stage, tmp_path: Path) -> None:
    task = stage.post()
    assert error(run, "send-results", task, "--as", BOB)["class"] == "NotAssigned"
    assert "is yours:" in run("accept-task", task, "--as", BOB).stdout
    assert "is yours already" in run("accept-task", task, "--as", BOB).stdout
    result = run("run-task", task, "--data", stage.work(BOB), "--as", BOB)
    assert "trained" in result.stderr
    assert "send-results" in result.stdout
    assert (
        error(run, "send-results", task, "--result-path", tmp_path / "no", "--as", BOB)["class"]
        == "NothingToSend"
    )
    assert "is sent" in run("send-results", task, "--as", BOB).stdout
    assert "was sent before" in run("send-results", task, "--as", BOB).stdout
    other = stage.post()
    run("accept-task", other, "--as", BOB)
    run("abandon-task", other, "--as", BOB)
    assert ask(run, "show-task", other)["task"]["open_slots"] == 1


def test_no_sandbox_takes_an_explicit_flag(run: Run, stage: Stage) -> None:
    task = stage.post()
    run("accept-task", task, "--as", BOB)
    said = run("run-task", task, "--data", stage.work(BOB), "--no-sandbox", "--as", BOB)
    assert "WITHOUT a sandbox" in said.stderr


def test_doctor_names_what_is_wrong_and_how_to_mend_it(run: Run, stage: Stage) -> None:
    found = ask(run, "doctor")
    assert found["ok"]
    names = {check["name"] for check in found["checks"]}
    assert {"python", "packages", "home", "disk space", "sandbox", "runtime"} <= names
    assert "ok" in run("doctor").stdout
    broken = run("doctor", "--chain", "ws://127.0.0.1:9", "--storage", "http://127.0.0.1:9", code=1)
    assert "node: no node answers at ws://127.0.0.1:9" in broken.stdout
    assert "start `ipfs daemon`" in broken.stdout
    (stage.home / "keys").mkdir(mode=0o755, exist_ok=True)
    (stage.home / "keys").chmod(0o755)
    assert "chmod 700" in run("doctor", code=1).stdout
