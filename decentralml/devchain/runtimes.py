"""The runtimes of a chain, loaded as they are needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import wasmtime

from decentralml.devchain.codec import DecodeError
from decentralml.devchain.executor import Executor
from decentralml.devchain.hashes import blake2_256
from decentralml.devchain.host import inside
from decentralml.devchain.module_cache import ModuleCache, make_engine
from decentralml.devchain.overlay import Overlay
from decentralml.devchain.state import MemoryState
from decentralml.devchain.version import RuntimeVersion
from decentralml.errors import ChainError, RuntimeUnusable

_MOST_LOADED: Final = 4


class Runtimes:
    def __init__(self, cache: Path) -> None:
        self._engine = make_engine()
        self._modules = ModuleCache(cache, self._engine)
        self._inside = self._modules.load_text(inside.SOURCE)
        self._loaded: dict[bytes, Executor] = {}

    def get(self, digest: bytes, code: Callable[[], bytes]) -> Executor:
        """The runtime whose code has this blake2-256 digest; `code` is asked once."""
        executor = self._loaded.pop(digest, None)
        if executor is None:
            executor = self._make(code())
        self._loaded[digest] = executor  # last used, last in the dictionary
        while len(self._loaded) > _MOST_LOADED:
            del self._loaded[next(iter(self._loaded))]
        return executor

    def of(self, code: bytes) -> Executor:
        return self.get(blake2_256(code), lambda: code)

    def version(self, code: bytes) -> bytes:
        """SCALE ``RuntimeVersion`` of `code`, from an instance of its own.

        Raises :class:`RuntimeUnusable`.
        """
        try:
            answer = self._make(code).call("Core_version", b"", Overlay(MemoryState({})))
            RuntimeVersion.decode(answer)
        except RuntimeUnusable:
            raise
        except (ChainError, DecodeError, UnicodeDecodeError) as error:
            raise RuntimeUnusable(f"it does not tell its version ({error})") from error
        return answer

    def _make(self, code: bytes) -> Executor:
        module: wasmtime.Module = self._modules.load(code)
        return Executor(module, self._inside, self._engine, self._read_version)

    def _read_version(self, code: bytes) -> bytes | None:
        try:
            return self.version(code)
        except RuntimeUnusable:
            return None
