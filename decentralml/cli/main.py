"""The ``decentralml`` command: which commands there are, and how errors and signals end it.

A command's module is imported only when that command runs, so that ``--help`` stays instant.
"""

from __future__ import annotations

import _thread
import errno
import os
import signal
import sys
import time
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click
from click.exceptions import NoArgsIsHelpError

from decentralml import __version__
from decentralml.cli.options import Settings, global_options
from decentralml.cli.output import document, named, printable
from decentralml.errors import DecentralMLError, KeysError

INTERRUPTED = 130

COMMANDS: dict[str, dict[str, tuple[str, str]]] = {
    "For creators": {
        "train-model": ("models", "Make a first model with the creator's bundle."),
        "evaluate-model": ("models", "Measure a model on labelled data."),
        "create-task": ("creating", "Post a task with its reward in escrow."),
        "list-task-results": ("results", "List the results of a task."),
        "accept-task-results": ("results", "Accept and pay results (ManualAccept)."),
        "reject-task-results": ("results", "Reject a result, with a reason (ManualAccept)."),
        "invite": ("access", "Let accounts work on a task that only the invited may."),
        "uninvite": ("access", "Take invitations back."),
        "gold": ("appeals", "Write down what you know of a result that you plant."),
        "open-gold": ("appeals", "Prove that a planted result was misjudged."),
        "train-federated": ("federated", "Train over rounds, each of which is a task."),
        "runs": ("federated", "List federated runs; show how one has gone."),
        "federate": ("merging", "Merge accepted models into the next one and publish it."),
        "merge-labels": ("labels", "Merge accepted label sets; show how annotators agree."),
        "withdraw-task": ("tasks", "Take back the slots nobody works on."),
    },
    "For contributors": {
        "list-tasks": ("tasks", "List tasks, newest first."),
        "show-task": ("tasks", "Show one task: terms, deadlines, results."),
        "accept-task": ("working", "Take a slot of a task; fetch and verify its bundle."),
        "run-task": ("working", "Run a task's script in the sandbox on your data."),
        "send-results": ("working", "Check, sign, seal and send a result; hand on its key."),
        "abandon-task": ("working", "Give an accepted slot back."),
        "worker": ("daemons", "Run a worker that takes tasks by a policy, trains and sends."),
    },
    "For aggregators and voters": {
        "validate-task-results": ("validating", "Validate results under the task's policy."),
        "aggregator": ("daemons", "Run an aggregator that judges, merges and publishes."),
        "aggregators": ("aggregators", "List, apply, show, hand over, resign."),
        "vote": ("aggregators", "Vote for aggregators with a stake."),
    },
    "For everybody": {
        "appeal": ("appeals", "Have all in office judge a result again."),
        "settle": ("tasks", "Move on what a deadline has ended."),
        "claim": ("appeals", "Have a reward paid that could not be paid before."),
        "clear": ("tasks", "Remove what has ended; deposits return."),
        "explain": ("explaining", "Say why a result was paid, or not; write a receipt."),
        "verify-receipt": ("explaining", "Check a receipt against any node."),
        "models": ("lineage", "List, show, fetch and trace models."),
        "adapt": ("adapting", "Make a meta-learned model your own with a few examples."),
        "reputation": ("standing", "Show how an account has kept to the rules."),
    },
    "For groups without a centre": {
        "swarm": ("swarm", "Train one model in a swarm of nodes that lead in turn."),
    },
    "Keys and tokens": {
        "keys": ("keys", "Make, import, list, export and remove keys."),
        "balance": ("tokens", "Show what an account has and what is held."),
        "transfer": ("tokens", "Send tokens."),
        "assets": ("assets", "Tokens of your own: create, mint, send, show."),
    },
    "Machinery": {
        "bundles": ("bundles", "Add, fetch, verify, export and import content."),
        "index": ("index", "The searchable index of the chain: status, sync, rebuild."),
        "chain": ("chain", "Serve, show, advance and reset the chain."),
        "example-data": ("examples", "Write example data sets."),
        "simulate": ("simulate", "Simulate a federation of many clients on this machine."),
        "drill": ("drill", "Try what attackers do to a merge, on real digits."),
        "flower-server": ("flower", "Run a Flower federation on the database."),
        "doctor": ("doctor", "Say what works here, and how to mend what does not."),
        "completion": ("completion", "Print the shell's completion script."),
    },
}
_MODULES = {name: entry for section in COMMANDS.values() for name, entry in section.items()}


class Root(click.Group):
    """The group of all commands: lazy, in sections, with one-line errors."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _MODULES:
            return None
        module = import_module(f"decentralml.cli.{_MODULES[cmd_name][0]}")
        command = getattr(module, cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, entries in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl([(name, text) for name, (_, text) in entries.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            from difflib import get_close_matches

            near = get_close_matches(args[0], _MODULES, n=1)
            if not near:
                raise
            message = f"no such command {args[0]!r}; did you mean {near[0]!r}?"
            raise click.UsageError(message, ctx) from None

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run, and end the process with 0, 1 (error), 2 (usage) or 130 (Ctrl-C)."""
        words = list(sys.argv[1:] if args is None else args)
        settings = Settings()
        extra = {"obj": settings, "auto_envvar_prefix": "DECENTRALML"} | extra
        try:
            code = super().main(
                words, prog_name or "decentralml", complete_var, standalone_mode=False, **extra
            )
        except Exception as error:
            # Before the options are parsed only the words can say how errors are wanted.
            as_json = settings.json or "--json" in words
            code = _report(error, as_json, settings)
        if standalone_mode:
            sys.exit(code if isinstance(code, int) else 0)
        return code


def _report(error: Exception, as_json: bool, settings: Settings) -> int:
    """Print an error, as a line or as a document, and return the exit code it means."""
    code, facts = 1, {}
    names = settings.names()
    if isinstance(error, click.Abort):
        # click raises Abort in place of both; only the context says which it was.
        if isinstance(error.__context__, EOFError):
            message = "a question got no answer; pass --yes or --passphrase-file instead"
        else:
            what = "begins anew" if settings.anew else "resumes where it stopped"
            code, message = INTERRUPTED, f"interrupted; the same command {what}"
    elif isinstance(error, NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return 2
    elif isinstance(error, click.UsageError):
        code, message = 2, _usage(error)
    elif isinstance(error, click.ClickException):
        message = error.format_message()
    elif isinstance(error, DecentralMLError):
        # What is wrong with a key is told with its address: its name is there already.
        message = str(error) if isinstance(error, KeysError) else named(str(error), names)
        facts = error.facts()
    elif isinstance(error, OSError):
        message, facts = _system(error), {"errno": error.errno, "file": error.filename}
    else:
        if os.environ.get("DECENTRALML_DEBUG"):
            raise error
        message = (
            f"unexpected {type(error).__name__}: {error}; this is a fault of decentralml, "
            "please report it (DECENTRALML_DEBUG=1 shows where it happened)"
        )
    if as_json:
        document({"class": type(error).__name__, "message": message, "facts": facts}, sys.stderr)
    else:
        click.echo(f"error: {printable(message)}", err=True)
    return code


def _usage(error: click.UsageError) -> str:
    where = error.ctx.command_path if error.ctx else "decentralml"
    said = error.format_message().rstrip(".").replace("valid integer range", "whole number")
    if isinstance(error, click.NoSuchOption) and error.option_name.lstrip("-")[:1].isdigit():
        said = "a negative number makes no sense here"
    return f"{said}; see: {where} --help"


def _system(error: OSError) -> str:
    place = f" ({error.filename})" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full{place}; free some space and run the same command again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"no permission{place}; run: decentralml doctor"
    return f"{error.strerror or error}{place}"


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="decentralml %(version)s")
@global_options
def cli() -> None:
    """A marketplace for machine learning that a blockchain coordinates.

    The global options also work after a command's name, and each has an environment variable:
    DECENTRALML_HOME, _PROFILE, _CHAIN, _STORAGE, _KEY, _PASSPHRASE (or _PASSPHRASE_FILE), _JSON.
    Amounts are tokens (2.5), durations 90s, 45m, 2h30m, 7d.

    \b
    First steps:
      decentralml doctor
      decentralml keys new me
      decentralml list-tasks
    """


def _unraisable(dropped: Any) -> None:
    """Let a Ctrl-C that fell into a callback, where Python drops it, come again in a moment."""
    main_thread = _thread.get_ident()  # No other is ever interrupted.

    def again() -> None:
        time.sleep(0.02)
        signal.pthread_kill(main_thread, signal.SIGINT)

    if dropped.exc_type is KeyboardInterrupt:
        _thread.start_new_thread(again, ())
    else:
        sys.__unraisablehook__(dropped)


def main() -> NoReturn:
    """What the ``decentralml`` script calls."""
    sys.unraisablehook = _unraisable
    if not os.environ.get("DECENTRALML_DEBUG"):
        warnings.simplefilter("ignore")
    cli.main()
    raise SystemExit(0)
