"""The command line as tests call it, on the stage of :mod:`market_support`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result
from market_support import Stage

from decentralml.cli.main import cli

Run = Callable[..., Result]
"""Words of a command, and the exit code that it must end with."""


@pytest.fixture
def run(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Run:
    for name in [name for name in os.environ if name.startswith("DECENTRALML_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DECENTRALML_HOME", str(stage.home))
    monkeypatch.setenv("DECENTRALML_PASSPHRASE", "test")
    runner = CliRunner()

    def invoke(*words: object, code: int = 0) -> Result:
        result = runner.invoke(cli, [str(word) for word in words], prog_name="decentralml")
        assert result.exit_code == code, result.output
        return result

    return invoke


def ask(run: Run, *words: object) -> Any:
    """What a command answers with ``--json``."""
    result = run(*words, "--json")
    assert result.stderr == ""
    return json.loads(result.stdout)


def error(run: Run, *words: object) -> Any:
    """The error that a command ends with, with ``--json``."""
    result = run(*words, "--json", code=1)
    assert result.stdout == ""
    return json.loads(result.stderr)
