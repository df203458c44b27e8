"""The chain's runtime: a WebAssembly blob built from ``contracts/substrate`` and shipped here.

``scripts/build-runtime`` writes both files; the lock names the digests of the sources, of the blob
and the compiler, and a test fails when they drift.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import ChainError

__all__ = ["DamagedRuntime", "blob", "lock"]

_FOLDER = Path(__file__).parent


class DamagedRuntime(ChainError):
    """The shipped blob is missing, or is not what its lock says."""

    def __init__(self, path: Path, problem: str) -> None:
        self.path = str(path)
        self.problem = problem
        super().__init__(f"The runtime {path} {problem}. Install decentralml again.")


@cache
def blob() -> bytes:
    """The uncompressed WebAssembly of the runtime.

    :raises DamagedRuntime: it is missing, or its SHA-256 is not the lock's.
    """
    return _read_blob(_FOLDER / "decentralml.wasm.zst", lock()["wasm"])


@cache
def lock() -> dict[str, Any]:
    """What the blob was built from: ``compiler``, ``sources``, ``wasm`` and ``compressed``.

    :raises DamagedRuntime: it is missing or not JSON.
    """
    return _read_lock(_FOLDER / "decentralml.lock.json")


def _read_blob(path: Path, expected: dict[str, Any]) -> bytes:
    import zstandard

    try:
        wasm = zstandard.ZstdDecompressor().decompress(
            path.read_bytes(), max_output_size=expected["bytes"]
        )
    except FileNotFoundError:
        raise DamagedRuntime(path, "is missing") from None
    except zstandard.ZstdError:
        raise DamagedRuntime(path, "is damaged") from None
    if hashlib.sha256(wasm).hexdigest() != expected["sha256"]:
        raise DamagedRuntime(path, "is not the one that its lock names")
    return bytes(wasm)


def _read_lock(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DamagedRuntime(path, "is missing") from None
    except ValueError:
        raise DamagedRuntime(path, "is not JSON") from None
    return found
