"""The line that says what a command with ``--wait`` waits for."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from decentralml.cli.output import is_terminal, printable
from decentralml.cli.wording import people, waiting
from decentralml.types import Address

if TYPE_CHECKING:
    from decentralml.market.staying import Waits


class WaitingLine:
    """What is waited for, on standard error: one line that a terminal repaints, and takes away
    before anything else is printed. Elsewhere a line for each change. With ``quiet``: nothing.
    """

    def __init__(self, names: Mapping[Address, str], quiet: bool) -> None:
        self.names = names
        self.quiet = quiet
        self.said = ""

    def __call__(self, waits: Waits, now: int) -> None:
        if self.quiet:
            return
        if is_terminal(sys.stderr):
            text = "; ".join(
                f"result {index} {waiting(each, self.names, now)}" for index, each in waits.items()
            )
            width = shutil.get_terminal_size().columns - 1
            click.echo(f"\r\x1b[K{printable(text)[:width]}", nl=False, err=True)
            return
        text = "; ".join(
            f"result {index} waits for {each.what} ({people(each.who, self.names) or 'nobody'})"
            for index, each in waits.items()
        )
        if text and text != self.said:
            click.echo(f"· {printable(text)}", err=True)
            self.said = text
