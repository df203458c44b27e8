"""A Flower server for as long as one federation lasts: a SuperLink, and a run on it.

Flower's SuperLink is a program of its own; it is started here on the address that nodes connect
to, given this package's app, and stopped when the run is over. Nodes join with
``flower-supernode --superlink ADDRESS`` and run a client of their own.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from decentralml.config import Config
from decentralml.db.engine import database_url, open_database
from decentralml.errors import FlowerServerFailed
from decentralml.flower.settings import OUTCOME_FILE, RunSettings

LINK = "decentralml"
READY_SECONDS = 120.0
STOP_SECONDS = 10.0
POLL = 0.2
LAST_LINES = 8
"""Of Flower's own words, to be told when it fails."""
COLOUR = re.compile("\x1b\\[[0-9;]*m")
LOOPBACK = ("127.0.0.1", "localhost", "::1")

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Link:
    """Where the SuperLink listens, and with which certificate; without one, in the clear.

    Attributes
    ----------
    certificate, private_key, authority : PEM files.
    """

    host: str = "127.0.0.1"
    port: int = 9092
    certificate: Path | None = None
    private_key: Path | None = None
    authority: Path | None = None

    @property
    def secure(self) -> bool:
        return self.certificate is not None

    @property
    def local(self) -> str:
        """Its address as this machine reaches it."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host
        return f"{host}:{self.port}"

    def arguments(self) -> list[str]:
        """As ``flower-superlink`` takes them."""
        found = ["--host", self.host, "--port", str(self.port)]
        if not self.secure:
            return [*found, "--insecure"]
        return [
            *found,
            *("--ssl-certfile", str(self.certificate)),
            *("--ssl-keyfile", str(self.private_key)),
            *("--ssl-ca-certfile", str(self.authority)),
        ]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a federation came to.

    Attributes
    ----------
    model : the last model, a safetensors file.
    rounds : each round's report.
    """

    model: Path
    rounds: list[dict[str, Any]]


def serve(settings: RunSettings, link: Link, config: Config, out: Path, tell: Tell) -> Outcome:
    """Run one federation and return what came of it.

    Parameters
    ----------
    config : whose database keeps what is made, and whose home Flower's own files.
    out : folder for the last model and the outcome.
    tell : gets the lines of Flower's log.

    Raises
    ------
    FlowerServerFailed : the port is taken, a program failed, or the federation did.
    DatabaseError
    """
    open_database(config).close()  # Better now than after the first round.
    home = config.home / "flower" / str(link.port)
    home.mkdir(parents=True, exist_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    (out / OUTCOME_FILE).unlink(missing_ok=True)
    environment = _environment(home, config)
    app = _app(home / "app", settings)
    _configure(home, link)
    with _terminable(), _superlink(link, home, environment):
        run = subprocess.Popen(
            [_program("flwr"), "run", str(app), LINK, "--stream"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        last: deque[str] = deque(maxlen=LAST_LINES)
        with _stopping(run):
            assert run.stdout is not None
            for line in run.stdout:
                last.extend(filter(None, [_words(line)]))
                tell(COLOUR.sub("", line.rstrip()))
            code = run.wait()
    if not (out / OUTCOME_FILE).exists():
        words = " ".join(last) if code else "".join([*last][-1:])
        raise FlowerServerFailed(f"the Flower run ended early ({code})", words)
    document = json.loads((out / OUTCOME_FILE).read_text("utf-8"))
    if "error" in document:
        raise FlowerServerFailed(document["error"], document["message"])
    return Outcome(out / document["model"], document["rounds"])


@contextlib.contextmanager
def _superlink(link: Link, home: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """A SuperLink that answers; it is stopped at the end."""
    _require_free(link)
    log = home / "superlink.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [
                _program("flower-superlink"),
                *link.arguments(),
                *("--isolation", "subprocess", "--disable-runtime-dependency-installation"),
            ],
            env=dict(environment),
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
        with _stopping(process):
            deadline = time.monotonic() + READY_SECONDS
            while not _answers(link):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise FlowerServerFailed("flower-superlink did not start", _tail(log))
                time.sleep(POLL)
            yield


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does: no program of Flower's is left behind."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Signals are the main thread's.
        return

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _stopping(process: subprocess.Popen[Any]) -> Iterator[None]:
    """Ends a program with the block: politely, then not."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _require_free(link: Link) -> None:
    family = socket.AF_INET6 if ":" in link.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((link.host, link.port))
        except OSError as error:
            raise FlowerServerFailed(
                f"cannot listen on {link.host}:{link.port}",
                f"{error.strerror}; choose another address with --host and --port",
            ) from None


def _answers(link: Link) -> bool:
    host, _, port = link.local.rpartition(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1):
        return True
    return False


def _environment(home: Path, config: Config) -> dict[str, str]:
    """Flower keeps to its folder, tells nobody of its use, and finds its own programs."""
    bin_folder = str(Path(sys.executable).parent)
    return os.environ | {
        "DECENTRALML_HOME": str(config.home),
        "DECENTRALML_DATABASE": database_url(config),
        "FLWR_HOME": str(home),
        "FLWR_TELEMETRY_ENABLED": "0",
        "FLWR_DISABLE_UPDATE_CHECK": "1",
        "PATH": bin_folder + os.pathsep + os.environ.get("PATH", ""),
    }


def _program(name: str) -> str:
    """A program that Flower installed beside this interpreter, or elsewhere on the path."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else name


def _app(folder: Path, settings: RunSettings) -> Path:
    """The Flower app that is run: this package's, under this run's settings."""
    folder.mkdir(parents=True, exist_ok=True)
    package = folder / "decentralml_flower"
    package.mkdir(exist_ok=True)
    (package / "__init__.py").write_text("")
    for kind in ("server", "client"):
        # Flower looks for the assignment before it runs anything.
        lines = f"from decentralml.flower import {kind}_app\n\napp = {kind}_app.app\n"
        (package / f"{kind}.py").write_text(lines)
    values = "\n".join(f"{name} = {_toml(value)}" for name, value in settings.to_config().items())
    (folder / "pyproject.toml").write_text(
        f"""\
[project]
name = "decentralml-flower"
version = "{_version()}"
description = "A federation of DecentralML"
license = "Apache-2.0"
dependencies = []

[tool.flwr.app]
publisher = "decentralml"
fab-include = ["decentralml_flower/*.py"]

[tool.flwr.app.components]
serverapp = "decentralml_flower.server:app"
clientapp = "decentralml_flower.client:app"

[tool.flwr.app.config]
{values}
""",
        "utf-8",
    )
    return folder


def _configure(home: Path, link: Link) -> None:
    """Tell the ``flwr`` program where its SuperLink is."""
    trust = (
        f"root-certificates = {_toml(str(link.authority))}" if link.secure else "insecure = true"
    )
    (home / "config.toml").write_text(
        f"[superlink]\ndefault = {_toml(LINK)}\n\n"
        f"[superlink.{LINK}]\naddress = {_toml(link.local)}\n{trust}\n",
        "utf-8",
    )


def _toml(value: Any) -> str:
    """A text, a number or a truth value as TOML; JSON's are the same."""
    return json.dumps(value)


def _version() -> str:
    try:
        return version("decentralml")
    except PackageNotFoundError:
        return "0"


def _words(line: str) -> str:
    """A line without colour and the frame that Flower draws around errors; none if it is one."""
    return COLOUR.sub("", line).strip().strip("│╭╮╰╯─ ")


def _tail(log: Path) -> str:
    lines = log.read_text("utf-8", errors="replace").strip().splitlines()
    return lines[-1][:500] if lines else ""
