"""What commands print: tables or one JSON document on standard output, the rest on standard error.

rich is imported only for a terminal. Whatever came from a chain or a bundle was written by a
stranger, so control characters never reach the terminal.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, TextIO

import click

from decentralml.market.plain import to_plain as to_plain
from decentralml.service.reporting import PATIENCE, Progress
from decentralml.types import Address

LONGEST_WORD = 16
"""Letters; longer ones may be broken in a narrow terminal."""
_ADDRESS = re.compile(
    r"\b([1-9A-HJ-NP-Za-km-z]{4})[1-9A-HJ-NP-Za-km-z]{38,40}([1-9A-HJ-NP-Za-km-z]{4})\b"
)
"""An account: by its name where it has one here, else shortened where a terminal is too narrow."""

_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])")
"""Where a name made of words has another word."""
_ALONE = re.compile(rf"(?<![/.-]){_ADDRESS.pattern}(?![/.-]\w)")
"""One that is no part of a path."""


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody sits at it; a stream that was closed before the program began is None."""
    return stream is not None and stream.isatty()


def printable(text: object) -> str:
    """Text without control characters (a stranger's escape sequences), on one line."""
    return "".join(c if c.isprintable() else "�" if c not in "\n\t" else " " for c in str(text))


def named(text: str, names: Mapping[Address, str]) -> str:
    """Text in which accounts that this user has names for are called by them; paths stay."""
    return _ALONE.sub(lambda found: names.get(Address(found[0]), found[0]), text)


def document(value: Any, stream: Any = None) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(to_plain(value), indent=2, ensure_ascii=False), file=stream)


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    right: str = "",
    spare: Sequence[str] = (),
) -> None:
    """Print rows under columns; ``right`` names the columns that are aligned to the right.

    A column is a number's if its name is among the words of ``right``.

    Parameters
    ----------
    spare : columns that a terminal which is too narrow for whole words does without, the first
        first; which they were is said.
    """
    numeric = set(right.split())
    cells = [[printable(cell) for cell in row] for row in rows]
    if is_terminal(sys.stdout):
        _rich_table(columns, cells, numeric, spare)
        return
    widths = [max([len(name), *(len(row[n]) for row in cells)]) for n, name in enumerate(columns)]
    for row in [list(columns), *cells]:
        parts = [
            cell.rjust(width) if name in numeric else cell.ljust(width)
            for cell, width, name in zip(row, widths, columns, strict=True)
        ]
        click.echo("  ".join(parts).rstrip())


def _rich_table(
    columns: Sequence[str], cells: list[list[str]], numeric: set[str], spare: Sequence[str]
) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    gap, names = 2, list(columns)
    if not _fits(names, cells, gap, console.width):
        cells = [[_ADDRESS.sub(r"\1…\2", cell) for cell in row] for row in cells]
    if not _fits(names, cells, gap, console.width):
        # Lines break between words only, also between those of a name such as InProgress.
        gap = 1
        full = [n for n in range(len(names)) if any(row[n] for row in cells)]
        cells = [[_HUMP.sub(" ", row[n]) for n in full] for row in cells]
        names = [names[n] for n in full]
    left_out: list[str] = []
    for name in spare:
        if name in names and not _words_fit(names, cells, gap, console.width):
            left_out.append(name)
            cells = [[*row[: names.index(name)], *row[names.index(name) + 1 :]] for row in cells]
            names.remove(name)
    drawn = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False)
    widths = _narrowed(names, cells, console.width - gap * (len(names) - 1))
    for name, width in zip(names, widths, strict=True):
        justify: Literal["left", "right"] = "right" if name in numeric else "left"
        drawn.add_column(name, justify=justify, overflow="fold", width=width)
    for row in cells:
        drawn.add_row(*(Text(cell) for cell in row))
    console.print(drawn)
    if left_out:
        where = "a wider terminal has room for it, and so has --json"
        click.echo(f"not shown: {', '.join(left_out)} ({where})", err=True)


def _fits(names: Sequence[str], cells: list[list[str]], gap: int, width: int) -> bool:
    return sum(_widths(names, cells)) + gap * (len(names) - 1) <= width


def _widths(names: Sequence[str], cells: list[list[str]]) -> list[int]:
    return [max([len(name), *(len(row[n]) for row in cells)]) for n, name in enumerate(names)]


def _narrowed(names: Sequence[str], cells: list[list[str]], room: int) -> list[int]:
    """Widths of columns that fit into the room: down to their longest words, then below."""
    widths = _widths(names, cells)
    for floors in (_longest(names, cells), [1] * len(widths)):
        while sum(widths) > room and any(w > f for w, f in zip(widths, floors, strict=True)):
            spare = [w if w > f else 0 for w, f in zip(widths, floors, strict=True)]
            widths[spare.index(max(spare))] -= 1
    return widths


def _longest(names: Sequence[str], cells: list[list[str]]) -> list[int]:
    """The longest word of each column."""
    return [
        max(len(word) for text in (name, *(row[n] for row in cells)) for word in text.split())
        for n, name in enumerate(names)
    ]


def _words_fit(names: Sequence[str], cells: list[list[str]], gap: int, width: int) -> bool:
    """Whether no word has to be broken, but those that are no words, such as CIDs."""
    words = sum(min(longest, LONGEST_WORD) for longest in _longest(names, cells))
    return words + gap * (len(names) - 1) <= width


def details(pairs: Sequence[tuple[str, object]]) -> None:
    """Print names and values, one a line; pairs whose value is None are left out."""
    shown = [(name, printable(value)) for name, value in pairs if value is not None]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        click.echo(f"{name.ljust(width)}  {value}")


class Terminal:
    """Steps and progress on standard error; silent when ``quiet`` (with ``--json``)."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.warnings: list[str] = []

    def step(self, text: str) -> None:
        if not self.quiet:
            click.echo(f"· {printable(text)}", err=True)

    def warn(self, text: str) -> None:
        self.warnings.append(text)
        if not self.quiet:
            click.echo(f"warning: {printable(text)}", err=True)

    def line(self, text: str) -> None:
        if not self.quiet:
            click.echo(f"  {printable(text)}", err=True)

    @contextmanager
    def bar(self, label: str) -> Iterator[Progress]:
        """A progress bar that appears once a step has taken longer than a second."""
        if self.quiet or not is_terminal(sys.stderr):
            yield lambda done, total: None
            return
        bar = Bar(label)
        try:
            yield bar.update
        finally:
            bar.close()


class Bar:
    """A progress bar on standard error that waits before it shows itself."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.started = time.monotonic()
        self.show: Callable[[int, int | None], None] | None = None
        self.stop: Callable[[], None] = lambda: None

    def update(self, done: int, total: int | None) -> None:
        if self.show is None:
            if time.monotonic() - self.started < PATIENCE:
                return
            self.show = self._open(total)
        self.show(done, total)

    def _open(self, total: int | None) -> Callable[[int, int | None], None]:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        task = bars.add_task(printable(self.label), total=total)
        bars.start()
        self.stop = bars.stop
        return lambda done, whole: bars.update(task, completed=done, total=whole)

    def close(self) -> None:
        self.stop()
