"""The shipped runtime is the one that its sources make."""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import zstandard

from decentralml import runtime
from decentralml.runtime import DamagedRuntime, blob, lock

ROOT = Path(__file__).parents[2]


@pytest.fixture
def script() -> ModuleType:
    """A fresh copy of the module behind ``scripts/build-runtime --check``."""
    path = ROOT / "scripts" / "lib" / "runtime_lock.py"
    spec = importlib.util.spec_from_file_location("runtime_lock", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_sources_lock_and_blob_agree(script: ModuleType) -> None:
    assert script.differences(lock()) == [], script.REMEDY


def test_the_lock_names_every_source_that_makes_the_blob(script: ModuleType) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "contracts/substrate"], cwd=ROOT, capture_output=True, text=True
    )
    if tracked.returncode != 0:
        pytest.skip("not a git checkout: nothing says which sources are tracked")
    folder = "contracts/substrate/"
    sources = {
        path.removeprefix(folder)
        for path in tracked.stdout.split()
        if path.endswith((".rs", "Cargo.toml", "Cargo.lock"))
        and not script.UNSHIPPED.intersection(path.split("/"))
    }
    assert set(lock()["sources"]) == sources


def test_a_changed_new_or_missing_source_is_noticed(script: ModuleType) -> None:
    found = lock()
    sources = dict(found["sources"])
    changed, removed = sorted(sources)[:2]
    sources[changed] = "0" * 64
    added = removed
    del sources[removed]
    sources["pallets/market/src/gone.rs"] = "0" * 64
    assert script.differences({**found, "sources": sources}) == [
        f"{changed} has changed",
        f"{added} is new",
        "pallets/market/src/gone.rs is gone",
    ]


def test_another_blob_is_noticed(script: ModuleType) -> None:
    found = {**lock(), "compressed": {"bytes": 1, "sha256": "0" * 64}}
    assert script.differences(found) == ["decentralml.wasm.zst is another blob"]


def test_the_blob_is_wasm_and_what_the_lock_says() -> None:
    wasm, expected = blob(), lock()["wasm"]
    assert wasm.startswith(b"\0asm\1\0\0\0")
    assert len(wasm) == expected["bytes"]
    assert hashlib.sha256(wasm).hexdigest() == expected["sha256"]
    assert hashlib.blake2b(wasm, digest_size=32).hexdigest() == expected["blake2b_256"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "is missing"),
        (b"", "is damaged"),
        (b"not zstandard", "is damaged"),
        (zstandard.ZstdCompressor().compress(b"another"), "is not the one that its lock names"),
    ],
)
def test_a_damaged_blob_is_one_clear_error(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    path = tmp_path / "decentralml.wasm.zst"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DamagedRuntime, match=f"{problem}.*Install decentralml again"):
        runtime._read_blob(path, {"bytes": 9, "sha256": "00"})


@pytest.mark.parametrize(("content", "problem"), [(None, "is missing"), ("{", "is not JSON")])
def test_a_damaged_lock_is_one_clear_error(
    tmp_path: Path, content: str | None, problem: str
) -> None:
    path = tmp_path / "decentralml.lock.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DamagedRuntime, match=f"{problem}. Install decentralml again"):
        runtime._read_lock(path)


def test_importing_the_runtime_is_light() -> None:
    code = "import sys, decentralml.runtime; print('zstandard' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert found.stdout.strip() == "False", found.stderr
