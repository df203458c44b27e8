"""The lock that ties the runtime's blob to the sources it was built from.

    runtime_lock.py check                  exit 1 and say what differs, or say that nothing does
    runtime_lock.py write WASM COMPILER    write the lock for a blob that was just built

Uses the standard library only, so that it runs before anything is installed.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
WORKSPACE = ROOT / "contracts" / "substrate"
BLOB = ROOT / "decentralml" / "runtime" / "decentralml.wasm.zst"
LOCK = ROOT / "decentralml" / "runtime" / "decentralml.lock.json"
UNSHIPPED = {"tests", "tests.rs", "mock.rs", "benchmarking", "benchmarking.rs", "benchmarks.rs"}
REMEDY = "Run scripts/build-runtime and commit what it writes."


def sources() -> dict[str, str]:
    """SHA-256 of each file that the blob is built from, by its path in the workspace.

    Tests and benchmarks (``tests.rs``, ``tests/``, ``mock.rs``, ``benchmarking``,
    ``benchmarks.rs``) are compiled into nothing that ships and are left out.
    """
    wanted = {"Cargo.toml", "Cargo.lock"}
    found = {}
    for path in sorted(WORKSPACE.rglob("*")):
        parts = path.relative_to(WORKSPACE).parts
        if "target" in parts or UNSHIPPED.intersection(parts) or not path.is_file():
            continue
        if path.suffix == ".rs" or path.name in wanted:
            found["/".join(parts)] = digest(path)
    return found


def differences(lock: dict[str, Any]) -> list[str]:
    """What the sources and the blob say otherwise than the lock, one line each."""
    now, then = sources(), lock["sources"]
    changed = [f"{path} has changed" for path in now if path in then and now[path] != then[path]]
    added = [f"{path} is new" for path in now if path not in then]
    removed = [f"{path} is gone" for path in then if path not in now]
    blob = [] if digest(BLOB) == lock["compressed"]["sha256"] else [f"{BLOB.name} is another blob"]
    return changed + added + removed + blob


def write(wasm: Path, compiler: str) -> None:
    """Write the lock for ``wasm``, whose compressed form lies in the package."""
    content = wasm.read_bytes()
    lock = {
        "format": "decentralml/runtime-lock@1",
        "compiler": compiler,
        "wasm": {
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "blake2b_256": hashlib.blake2b(content, digest_size=32).hexdigest(),
        },
        "compressed": {"bytes": BLOB.stat().st_size, "sha256": digest(BLOB)},
        "sources": sources(),
    }
    LOCK.write_text(json.dumps(lock, indent=2) + "\n", encoding="utf-8")
    print(f"runtime: {len(content)} bytes, SHA-256 {lock['wasm']['sha256']}")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main(arguments: list[str]) -> int:
    match arguments:
        case ["check"]:
            found = differences(json.loads(LOCK.read_text(encoding="utf-8")))
            for line in found:
                print(f"runtime: {line}", file=sys.stderr)
            print(REMEDY if found else "runtime: sources, lock and blob agree")
            return 1 if found else 0
        case ["write", wasm, compiler]:
            write(Path(wasm), compiler)
            return 0
        case _:
            print(__doc__, file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
