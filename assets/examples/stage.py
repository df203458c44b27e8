"""A stage for the worked examples: one home, and processes that run the ``decentralml`` command."""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parents[2]
CLEAN_STOP = 30.0
"""Seconds that a daemon has to end."""


class Stage:
    """One home; commands that end, and daemons that do not."""

    def __init__(self, home: Path, out: Path) -> None:
        self.home, self.out = home, out
        self.chain: list[str] = []
        self.environment = os.environ | {
            "DECENTRALML_HOME": str(home),
            "DECENTRALML_PASSPHRASE": secrets.token_urlsafe(16),
            "PYTHONPATH": str(ROOT),
        }

    def words(self, line: str, actor: str | None) -> list[str]:
        who = ["--as", actor] if actor else []
        return [sys.executable, "-m", "decentralml", *self.chain, *who, *shlex.split(line)]

    def run(self, line: str, actor: str | None = None) -> Any:
        """Run a command to its end; what it says as JSON."""
        done = subprocess.run(
            [*self.words(line, actor), "--json"],
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        if done.returncode:
            raise click.ClickException(f"`decentralml {line}` ended with {done.returncode}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def begin(self, stack: ExitStack, line: str, name: str, actor: str | None = None) -> Path:
        """Start a daemon that is stopped, by SIGTERM, with the stack; its log."""
        log = self.out / f"{name}.log"
        stream = stack.enter_context(log.open("wb"))
        process = subprocess.Popen(
            self.words(line, actor), env=self.environment, stdout=stream, stderr=stream
        )
        stack.callback(stop, process)
        return log


def stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(CLEAN_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def serve(stage: Stage, stack: ExitStack, block_time: str = "500ms") -> None:
    """Put the chain's file behind a node that everybody talks to from now on."""
    log = stage.begin(stack, f"chain serve --port 0 --block-time {block_time}", "chain")
    for _ in range(300):
        found = re.search(r"ws://[0-9.:]+", log.read_text())
        if found:
            stage.chain = ["--chain", found.group()]
            return
        time.sleep(0.1)
    raise click.ClickException("the chain is not served; see chain.log")
