"""``worker run`` and ``aggregator run``: a role's work, done without anybody at the keyboard."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from decentralml.cli.options import (
    EXISTING_FOLDER,
    FOLDER,
    Settings,
    choice,
    common,
    examples,
    pass_settings,
)
from decentralml.cli.output import Terminal, is_terminal, printable, to_plain
from decentralml.cli.units import AMOUNT, DURATION, PROPORTION
from decentralml.service.patience import is_full
from decentralml.service.reporting import Progress
from decentralml.types import ModelType, TaskType

if TYPE_CHECKING:
    from decentralml.market.daemons.loop import Daemon
    from decentralml.market.session import Session
    from decentralml.service.log import Log
    from decentralml.service.stopping import Stop

F = TypeVar("F", bound=Callable[..., Any])


def daemon_options(command: F) -> F:
    """What both have."""
    for option in (
        click.option(
            "--log-json", is_flag=True, help="Print a JSON document a line, on standard output."
        ),
        click.option(
            "--every", type=DURATION, default="3s", show_default=True, help="Between two looks."
        ),
        click.option("--once", is_flag=True, help="End when nothing is left to do now (for cron)."),
    ):
        command = option(command)
    return command


@click.group()
def worker() -> None:
    """A contributor's daemon: takes tasks by a policy, trains, sends, is paid, and again."""


@worker.command(
    "run",
    epilog=examples(
        "decentralml worker run --data ~/scans --creator hospital --min-reward 20 --as bob",
        "decentralml worker run --data ~/scans --min-standing 60% --at-most 2 --log-json --as bob",
    ),
)
@click.option(
    "--data", type=FOLDER, required=True, help="Your data: lent to scripts, read-only, at /data."
)
@click.option(
    "--type",
    "task_types",
    type=choice(TaskType),
    multiple=True,
    help="Only tasks of this type; may be repeated  [default: ModelContributor]",
)
@click.option(
    "--model-type",
    "model_types",
    type=choice(ModelType),
    multiple=True,
    help="Only of this type of model; may be repeated.",
)
@click.option(
    "--creator",
    "creators",
    multiple=True,
    metavar="ACCOUNT",
    help="Only of this creator; may be repeated.",
)
@click.option("--min-reward", metavar="TOKENS", default="0", show_default=True)
@click.option("--asset", type=click.IntRange(0), help="Rewards in this asset; else native tokens.")
@click.option("--max-bond", type=AMOUNT, help="Most that may be at stake for a task.")
@click.option(
    "--min-standing",
    type=PROPORTION,
    default="0",
    help="Least standing of a creator  [default: any]",
)
@click.option(
    "--at-most", type=click.IntRange(1, 100), default=1, show_default=True, help="Slots at a time."
)
@click.option(
    "--trust-setup",
    is_flag=True,
    help="Run set-up scripts OUTSIDE the sandbox: only with --creator.",
)
@click.option(
    "--no-sandbox",
    is_flag=True,
    help="Run scripts with all your rights: only with --creator.",
)
@click.option(
    "--time-limit", type=DURATION, default="1h", show_default=True, help="Of one training."
)
@click.option("--memory", type=click.IntRange(64), default=4096, show_default=True, metavar="MIB")
@daemon_options
@common
@pass_settings
def run_worker(
    settings: Settings,
    data: Path,
    task_types: tuple[str, ...],
    model_types: tuple[str, ...],
    creators: tuple[str, ...],
    min_reward: str,
    asset: int | None,
    max_bond: int | None,
    min_standing: int,
    at_most: int,
    trust_setup: bool,
    no_sandbox: bool,
    time_limit: int,
    memory: int,
    log_json: bool,
    once: bool,
    every: int,
) -> None:
    """Take tasks that the policy allows, train on DATA in the sandbox, send, and again.

    Stop it with Ctrl-C or SIGTERM, or kill it: started again, it goes on where it was, without
    training or paying twice. A task whose script fails on your data is given back and left alone.

    A script sees all of DATA, and what it makes of that goes to its creator: a dishonest one could
    hide your data in a model. Name whom you trust with --creator.
    """
    if (trust_setup or no_sandbox) and not creators:
        raise click.UsageError(
            "--trust-setup and --no-sandbox let strangers' scripts do anything; name whom you "
            "trust with --creator"
        )
    from decentralml.cli.creating import reward_of
    from decentralml.market.daemons.policy import WorkerPolicy
    from decentralml.market.daemons.worker import Worker

    with settings.session() as session:
        policy = WorkerPolicy(
            data=data.expanduser().resolve(),
            task_types=frozenset(map(TaskType, task_types))
            or frozenset({TaskType.MODEL_CONTRIBUTOR}),
            model_types=frozenset(map(ModelType, model_types)),
            creators=frozenset(session.resolve(name) for name in creators),
            minimum_reward=0 if min_reward == "0" else reward_of(session, min_reward, asset),
            asset=asset,
            largest_bond=max_bond,
            minimum_standing=min_standing,
            at_most=at_most,
            trust_setup=trust_setup,
            sandboxed=not no_sandbox,
            seconds=time_limit / 1000,
            memory=memory << 20,
        )
    policy.check()

    def visitor(log: Log, stop: Stop) -> Callable[[Session], bool]:
        if not creators:
            log.warn(
                "scripts of anybody's tasks see all of your data, and could hide it in what they "
                "send; name whom you trust with --creator"
            )
        return Worker(policy, log, stop).visit

    _run(settings, "worker", visitor, log_json, once, every)


@click.group()
def aggregator() -> None:
    """An aggregator's daemon: judges what it is drawn for, merges what it is appointed to."""


@aggregator.command(
    "run",
    epilog=examples(
        "decentralml aggregator run --as ann",
        "decentralml aggregator run --once --log-json --as ann",
    ),
)
@click.option(
    "--settle/--no-settle",
    default=True,
    show_default=True,
    help="Settle what anyone may, of others' results too.",
)
@click.option("--fail-unavailable", is_flag=True, help="Fail results that the store does not have.")
@click.option("--crashed", is_flag=True, help="Say so of what this machine cannot judge.")
@click.option(
    "--trusted-path",
    type=EXISTING_FOLDER,
    help="Data of yours to train on in its place, where you merge by fltrust.",
)
@daemon_options
@common
@pass_settings
def run_aggregator(
    settings: Settings,
    settle: bool,
    fail_unavailable: bool,
    crashed: bool,
    trusted_path: Path | None,
    log_json: bool,
    once: bool,
    every: int,
) -> None:
    """Judge, commit, reveal, release keys, hand keys over, settle, merge and publish: all that is
    due, as soon as it is.

    Stop it with Ctrl-C or SIGTERM, or kill it: started again, it goes on where it was, and never
    commits to two findings about one result.
    """
    from decentralml.market.daemons.aggregator import Aggregator

    def visitor(log: Log, stop: Stop) -> Callable[[Session], bool]:
        found = Aggregator(
            log,
            stop,
            settles=settle,
            fail_unavailable=fail_unavailable,
            crashed=crashed,
            trusted=trusted_path,
        )
        return found.visit

    _run(settings, "aggregator", visitor, log_json, once, every)


def _run(
    settings: Settings,
    kind: str,
    visitor: Callable[[Log, Stop], Callable[[Session], bool]],
    log_json: bool,
    once: bool,
    every: int,
) -> None:
    from decentralml.market.daemons.loop import Daemon, run_daemon
    from decentralml.market.session import Session
    from decentralml.service.stopping import Stop

    stop = Stop()
    log: Log = JsonLog() if log_json or settings.json else TerminalLog()
    config = settings.config()
    known: dict[str, Any] = {}

    def connect() -> Session:
        session = Session(config, passphrase=settings.passphrase, reporter=log)
        # A passphrase is asked for once, not whenever the node comes back.
        if "key" not in known:
            known["key"] = session.key
        session.key = known["key"]
        return session

    daemon: Daemon = Daemon(kind, connect, visitor(log, stop), log, stop, once, every / 1000)
    with stop.signals():
        run_daemon(daemon)


@contextmanager
def unless_full() -> Iterator[None]:
    """Say it if the disk has room for that: for want of words no daemon misses its deadlines."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise


class TerminalLog(Terminal):
    """Events as lines with their time, on standard error; below them, on a terminal, a line that
    says what goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = False

    def event(self, name: str, text: str, **facts: Any) -> None:
        with unless_full():
            self._wipe()
            click.echo(f"{datetime.now(UTC):%H:%M:%S}  {printable(text)}", err=True)

    def status(self, text: str) -> None:
        if is_terminal(sys.stderr):
            width = shutil.get_terminal_size().columns - 1
            click.echo(f"\r\x1b[K· {printable(text)}"[: width + 4], nl=False, err=True)
            self.shown = True

    def step(self, text: str) -> None:
        with unless_full():
            self._wipe()
            super().step(text)

    def warn(self, text: str) -> None:
        with unless_full():
            self._wipe()
            super().warn(text)
        self.warnings.clear()  # Nobody lists them in the end, and there may be many.

    def line(self, text: str) -> None:
        with unless_full():
            self._wipe()
            super().line(text)

    def _wipe(self) -> None:
        if self.shown:
            click.echo("\r\x1b[K", nl=False, err=True)
            self.shown = False


class JsonLog:
    """One JSON document a line, on standard output: ``time``, ``event``, ``text``, and facts."""

    def event(self, name: str, text: str, **facts: Any) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        document = {"time": now, "event": name, "text": printable(text)} | to_plain(facts)
        with unless_full():
            click.echo(json.dumps(document, ensure_ascii=False))
            sys.stdout.flush()

    def status(self, text: str) -> None:
        pass

    def step(self, text: str) -> None:
        self.event("step", text)

    def warn(self, text: str) -> None:
        self.event("warning", text)

    def line(self, text: str) -> None:
        self.event("output", text)

    @contextmanager
    def bar(self, label: str) -> Iterator[Progress]:
        yield lambda done, total: None
