"""Node.js programs of ``tests/conformance/js``: other people's clients, and chopsticks.

``scripts/test`` installs the packages. Where they, or Node.js, are missing, tests that need them
are skipped; with ``CI=true`` they fail.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest
from rpc_support import free_port, wait_for

JS = Path(__file__).parent / "conformance" / "js"
PACKAGES = JS / "node_modules"
SCRIPT_SECONDS = 120


def missing(what: str, remedy: str) -> NoReturn:
    """Skip loudly; in CI, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} must be there in CI: {remedy}")
    pytest.skip(f"SKIPPED, NOT PASSED: {what} is missing ({remedy})")


def node_js() -> str:
    found = shutil.which("node")
    if found is None:
        missing("Node.js", "install Node.js 20 or newer")
    if not PACKAGES.is_dir():
        missing("tests/conformance/js/node_modules", f"npm ci --prefix {JS}")
    return found


def run_script(name: str, *arguments: str) -> dict[str, Any]:
    """What a script of ours reports: one line of JSON."""
    # Node.js 20 has WebSocket behind this flag, later ones without it.
    command = [node_js(), "--experimental-websocket", str(JS / name), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SCRIPT_SECONDS, cwd=JS)
    assert done.returncode == 0, f"{name} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


@contextmanager
def chopsticks(folder: Path, source: str) -> Iterator[str]:
    """The address of a chopsticks that makes blocks when asked to. `source` says what it starts
    from: ``--genesis=FILE``, a specification, or ``--endpoint=URL``, the head of a chain."""
    port = free_port()
    program = PACKAGES / "@acala-network" / "chopsticks" / "chopsticks.cjs"
    command = [node_js(), str(program), source, "--host=127.0.0.1", f"--port={port}"]
    url = f"ws://127.0.0.1:{port}"
    with (folder / "chopsticks.log").open("w") as output:
        process = subprocess.Popen(
            [*command, "--build-block-mode=Manual"], stdout=output, stderr=output, cwd=folder
        )
    try:
        wait_for(url)
        yield url
    finally:
        process.kill()
        process.wait(20)
