"""Compiled runtimes, kept between processes: compiling takes a second, loading milliseconds.

A file holds the digest of what follows and then wasmtime's own serialisation. Its name says what
it was made from: the code, the version of wasmtime, the machine and our settings. What does not
match is made anew.
"""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Callable
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Final

import wasmtime
import zstandard

from decentralml.devchain.hashes import blake2_256
from decentralml.errors import RuntimeUnusable

_COMPRESSED: Final = bytes.fromhex("52bc537646db8e05")
"""What a zstd-compressed ``:code`` starts with (``sp-maybe-compressed-blob``)."""
_MAGIC: Final = b"\0asm"
_LARGEST_CODE: Final = 50 << 20
_SETTINGS: Final = "1 fixed-memory speed stack-1M"
_DIGEST: Final = 32


def make_engine() -> wasmtime.Engine:
    config = wasmtime.Config()
    # The host keeps the address of the memory between calls.
    config.memory_may_move = False
    config.cranelift_opt_level = "speed"
    config.max_wasm_stack = 1 << 20
    return wasmtime.Engine(config)


def decompress(code: bytes) -> bytes:
    """The WebAssembly in a chain's ``:code``."""
    if not code.startswith(_COMPRESSED):
        return code
    try:
        inflate = zstandard.ZstdDecompressor().stream_reader(code[len(_COMPRESSED) :])
        wasm: bytes = inflate.read(_LARGEST_CODE + 1)
    except zstandard.ZstdError as error:
        raise RuntimeUnusable(f"its compression is damaged ({error})") from error
    if len(wasm) > _LARGEST_CODE:
        raise RuntimeUnusable(f"it is larger than {_LARGEST_CODE >> 20} MiB")
    return wasm


class ModuleCache:
    """Compiled modules of one engine. A folder that cannot be written to is done without."""

    def __init__(self, folder: Path, engine: wasmtime.Engine) -> None:
        self._folder = folder
        self._engine = engine

    def load(self, code: bytes) -> wasmtime.Module:
        """The compiled form of a chain's `code` (compressed or not), from the cache if it is
        there."""

        def compile_it() -> wasmtime.Module:
            wasm = decompress(code)
            if not wasm.startswith(_MAGIC):
                raise RuntimeUnusable("it is not WebAssembly")
            return wasmtime.Module(self._engine, wasm)

        return self._load(code, compile_it)

    def load_text(self, source: str) -> wasmtime.Module:
        """The same for a module of our own, in WebAssembly text."""
        return self._load(source.encode(), lambda: wasmtime.Module(self._engine, source))

    def _load(self, made_from: bytes, compile_it: Callable[[], wasmtime.Module]) -> wasmtime.Module:
        file = self._file(made_from)
        module = self._cached(file)
        if module is None:
            try:
                module = compile_it()
            except wasmtime.WasmtimeError as error:
                why = str(error).strip().partition("\n")[0]
                raise RuntimeUnusable(f"it does not compile ({why})") from error
            self._keep(file, bytes(module.serialize()))
        return module

    def _file(self, code: bytes) -> Path:
        made_from = (version("wasmtime"), platform.system(), platform.machine(), _SETTINGS)
        digest = blake2b(blake2_256(code), digest_size=16)
        digest.update("|".join(made_from).encode())
        return self._folder / f"runtime-{digest.hexdigest()}.cwasm"

    def _cached(self, file: Path) -> wasmtime.Module | None:
        try:
            content = file.read_bytes()
        except OSError:
            return None
        digest, compiled = content[:_DIGEST], content[_DIGEST:]
        # wasmtime runs what it is given: only bytes that are all there may reach it.
        if blake2_256(compiled) != digest:
            return None
        try:
            return wasmtime.Module.deserialize(self._engine, compiled)
        except wasmtime.WasmtimeError:
            return None

    def _keep(self, file: Path, compiled: bytes) -> None:
        temporary: Path | None = None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as out:
                temporary = Path(out.name)
                out.write(blake2_256(compiled) + compiled)
            temporary.replace(file)
        except OSError:
            if temporary is not None:
                temporary.unlink(missing_ok=True)
