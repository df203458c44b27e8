"""What a stranger's program prints: read to the end, kept to a limit, harmless to look at."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO

CHUNK = 1 << 16
MAX_LINE = 4096
TAIL_LINES = 50
PATIENCE = 10.0
"""Seconds to wait for the end of the pipe after the program's."""
CUT = "[more was printed than is kept]"


def readable(text: bytes) -> str:
    """UTF-8 text without control characters, which could play tricks on a terminal."""
    return "".join(
        c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}"
        for c in text.decode("utf-8", "replace")
    )


class Log:
    """Reads a pipe to its end in a thread of its own.

    The first ``limit`` bytes go, cleaned and line by line, to ``file`` and to ``on_line``; then
    only the last lines are remembered. Memory and disk stay flat however much is printed.
    """

    def __init__(
        self,
        pipe: int,
        limit: int,
        file: Path | None,
        on_line: Callable[[str], None] | None,
    ) -> None:
        self._pipe = pipe
        self._left = limit
        self._on_line = on_line
        self._file: IO[str] | None = None
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._file = file.open("w", encoding="utf-8")
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._read, name="sandbox-log", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        rest = b""
        with os.fdopen(self._pipe, "rb", buffering=0) as pipe:
            while chunk := pipe.read(CHUNK):
                if self._left <= 0:
                    # Of what nobody keeps, only the end may be wanted.
                    rest = (rest + chunk)[-TAIL_LINES * MAX_LINE :]
                    continue
                *lines, rest = (rest + chunk).replace(b"\r\n", b"\n").split(b"\n")
                for line in lines:
                    self._line(line)
                while len(rest) > MAX_LINE:
                    self._line(rest[:MAX_LINE])
                    rest = rest[MAX_LINE:]
        for line in rest.removesuffix(b"\n").split(b"\n") if rest else ():
            self._line(line)

    def _line(self, line: bytes) -> None:
        text = readable(line[:MAX_LINE].rpartition(b"\r")[2])
        self._tail.append(text)
        if self._left <= 0:
            return
        self._left -= len(line) + 1
        try:
            for kept in (text,) if self._left > 0 else (text, CUT):
                self._keep(kept)
        except Exception as error:
            # Whoever listens failed (a full disk, say): go on reading, or the program would hang.
            self._error = error
            self._left = 0

    def _keep(self, text: str) -> None:
        if self._file is not None:
            self._file.write(text + "\n")
            self._file.flush()
        if self._on_line is not None:
            self._on_line(text)

    def close(self) -> str:
        """Wait for the end of the pipe; the last lines.

        Raises what ``on_line`` or writing the file raised.
        """
        self._thread.join(timeout=PATIENCE)
        if self._file is not None:
            self._file.close()
        if self._error is not None:
            raise self._error
        return "\n".join(self._tail)
