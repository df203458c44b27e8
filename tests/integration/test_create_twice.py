"""One wish, said twice: two terminals at once, or the same command a moment later."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_support import Run, ask, error
from click.testing import CliRunner
from market_support import CREATOR, Stage

from decentralml.cli import options
from decentralml.cli.main import cli
from decentralml.errors import AlreadyPosted
from decentralml.market.creating.creator import create_task
from decentralml.market.creating.lately import LATELY_MILLISECONDS
from decentralml.market.node import advance
from decentralml.market.tasks import withdraw_task


def posting(stage: Stage, *more: object) -> tuple[object, ...]:
    return (
        "create-task", stage.bundle, "--base-model", stage.model, "--type", "ModelContributor",
        "--validation-path", stage.validation_set, "--reward", 5, "--fee", 1, "--as", CREATOR,
        *more,
    )  # fmt: skip


def tasks(stage: Stage) -> int:
    return len(stage.as_(CREATOR).chain.tasks())


def test_of_two_processes_at_once_one_posts_and_the_other_asks(stage: Stage) -> None:
    known = {key: value for key, value in os.environ.items() if "DECENTRALML" not in key}
    place = str(Path(__file__).parents[2])
    environment = known | {"DECENTRALML_HOME": str(stage.home), "PYTHONPATH": place}
    command = [sys.executable, "-m", "decentralml", *map(str, posting(stage, "--json"))]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    both = [subprocess.Popen(command, env=environment, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    said = [process.communicate(timeout=120) for process in both]
    assert sorted(process.returncode for process in both) == [0, 1], said
    refused = json.loads(next(err for process, (_, err) in zip(both, said, strict=True)
                              if process.returncode))  # fmt: skip
    assert refused["class"] == "AlreadyPosted" and "--again" in refused["message"]
    assert tasks(stage) == 1


def test_again_posts_another_and_so_do_other_terms(stage: Stage, run: Run) -> None:
    ask(run, *posting(stage))
    assert error(run, *posting(stage))["class"] == "AlreadyPosted"
    assert tasks(stage) == 1
    ask(run, *posting(stage, "--again"))
    ask(run, *posting(stage, "--yes"))
    ask(run, *posting(stage, "--results", 2))
    assert tasks(stage) == 4


@pytest.mark.parametrize(("answer", "count"), [("y\n", 2), ("n\n", 1)])
def test_at_a_terminal_one_is_asked(
    stage: Stage, run: Run, monkeypatch: pytest.MonkeyPatch, answer: str, count: int
) -> None:
    run(*posting(stage))
    monkeypatch.setattr(options.Settings, "interactive", True)
    result = CliRunner().invoke(cli, [str(word) for word in posting(stage)], input=answer)
    assert "Another?" in result.stderr
    assert (result.exit_code == 0) == (count == 2)
    assert tasks(stage) == count


def test_what_was_withdrawn_or_is_long_ago_stands_in_nobodys_way(stage: Stage, run: Run) -> None:
    first = ask(run, *posting(stage))["task"]
    withdraw_task(stage.as_(CREATOR), first)
    ask(run, *posting(stage))
    advance(stage.as_(CREATOR), milliseconds=LATELY_MILLISECONDS)
    ask(run, *posting(stage))
    assert tasks(stage) == 3


def test_a_program_that_asks_twice_means_it_unless_it_says_otherwise(stage: Stage) -> None:
    creator, offer = stage.as_(CREATOR), stage.offer()
    for _ in range(2):
        create_task(creator, stage.bundle, offer)
    with pytest.raises(AlreadyPosted) as caught:
        create_task(creator, stage.bundle, offer, again=False)
    assert caught.value.task == 1
