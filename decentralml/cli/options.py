"""The options every command has, where they are kept, and how a command gets its session."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from decentralml import config as configuration
from decentralml.cli.output import Terminal, is_terminal
from decentralml.errors import (
    ConfigError,
    ConfirmationNeeded,
    DecentralMLError,
    PassphraseRequired,
)
from decentralml.types import LLM_TYPES, Address, ModelType

if TYPE_CHECKING:
    from decentralml.market.session import Session

F = TypeVar("F", bound=Callable[..., Any])

FOLDER = click.Path(file_okay=False, path_type=Path)
EXISTING_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)
EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

LONGEST_PASSPHRASE = 65_536
"""Characters of a passphrase's file that are read."""


@dataclass
class Settings:
    """The global options of one invocation, from before and after the command's name."""

    home: Path | None = None
    profile: str | None = None
    chain: str | None = None
    storage: str | None = None
    key: str | None = None
    passphrase_file: Path | None = None
    json: bool = False
    yes: bool = False
    anew: bool = False
    """Whether the command, interrupted, keeps nothing of what it did: it says so itself."""
    _terminal: Terminal | None = field(default=None, repr=False)
    _session: Session | None = field(default=None, repr=False)

    @property
    def terminal(self) -> Terminal:
        if self._terminal is None:
            self._terminal = Terminal(quiet=self.json)
        return self._terminal

    def config(self) -> configuration.Config:
        return configuration.load(
            self.home, self.profile, chain=self.chain, storage=self.storage, key=self.key
        )

    def session(self) -> Session:
        """A session on the configured chain and store; use it in a ``with``."""
        from decentralml.market.session import Session

        self._session = Session(self.config(), passphrase=self.passphrase, reporter=self.terminal)
        return self._session

    def names(self) -> Mapping[Address, str]:
        """What this user calls accounts; nothing is read for it before a command has a session."""
        with suppress(DecentralMLError, OSError):
            return {} if self._session is None else self._session.names
        return {}

    def passphrase(self, name: str, confirm: bool = False) -> str:
        """The passphrase of a key: from the file, the environment or a prompt."""
        if self.passphrase_file is not None:
            try:
                with self.passphrase_file.open(encoding="utf-8") as file:
                    return file.read(LONGEST_PASSPHRASE).splitlines()[0]
            except (OSError, UnicodeDecodeError, IndexError) as error:
                problem = getattr(error, "strerror", None) or "it is empty or not text"
                raise ConfigError(
                    f"no passphrase in {self.passphrase_file} ({problem}); "
                    "write it on the file's first line"
                ) from None
        named = os.environ.get("DECENTRALML_PASSPHRASE")
        if named is not None:
            return named
        if not is_terminal(sys.stdin):
            raise PassphraseRequired(name, new=confirm)
        return str(
            click.prompt(
                f"Passphrase of key {name}", hide_input=True, confirmation_prompt=confirm, err=True
            )
        )

    @property
    def interactive(self) -> bool:
        """Whether somebody can be asked."""
        return not self.json and is_terminal(sys.stdin)

    def confirm(self, question: str) -> bool:
        """Ask before something that cannot be undone; ``--yes`` answers.

        Raises
        ------
        ConfirmationNeeded : there is no terminal to ask on, or a program reads the answer.
        """
        if self.yes:
            return True
        if not self.interactive:
            raise ConfirmationNeeded(question)
        return click.confirm(question, err=True)


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    settings = ctx.ensure_object(Settings)
    if value is not None and param.name is not None:
        setattr(settings, param.name, value)


_GLOBAL: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (
        ("--home",),
        {"type": FOLDER, "help": "Folder of settings, keys, chain file and blocks."},
    ),
    (("--profile",), {"metavar": "NAME", "help": "Section of config.toml to use."}),
    (
        ("--chain",),
        {"metavar": "CHAIN", "help": "'embedded', or a node's address: ws://host:port."},
    ),
    (
        ("--storage",),
        {"metavar": "STORE", "help": "'local', or a Kubo RPC: http://127.0.0.1:5001."},
    ),
    (
        ("--as", "key"),
        {"metavar": "NAME", "help": "Key that signs (//Alice on a development chain)."},
    ),
    (
        ("--passphrase-file",),
        {"type": FILE, "help": "File whose first line is the key's passphrase."},
    ),
    (("--json", "json"), {"is_flag": True, "help": "Print one JSON document."}),
    (("--yes", "yes"), {"is_flag": True, "help": "Do not ask before what cannot be undone."}),
)
SHOWN_EVERYWHERE = ("key", "json")


def global_options(command: F) -> F:
    """The global options, for the command group itself."""
    return _decorate(command, hidden=())


def common(command: F) -> F:
    """The global options after a command's own: all work, the usual two are in its help."""
    names = tuple(words[-1].lstrip("-").replace("-", "_") for words, _ in _GLOBAL)
    return _decorate(command, hidden=tuple(n for n in names if n not in SHOWN_EVERYWHERE))


def _decorate(command: F, hidden: tuple[str, ...]) -> F:
    for words, attributes in reversed(_GLOBAL):
        name = words[-1].lstrip("-").replace("-", "_")
        option = click.option(
            *words,
            default=None,
            expose_value=False,
            callback=_keep,
            is_eager=True,
            hidden=name in hidden,
            **attributes,
        )
        command = option(command)
    return command


pass_settings = click.make_pass_decorator(Settings, ensure=True)


def choice(kind: type[Any]) -> click.Choice[Any]:
    """A choice among an enumeration's values, and other names of them, whatever their case."""
    others = LLM_TYPES if kind is ModelType else ()
    return click.Choice([*(member.value for member in kind), *others], case_sensitive=False)


def examples(*lines: str) -> str:
    """The part of a command's help that shows how it is used."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
