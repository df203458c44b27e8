"""The chain of runtime version 1 (see ``scripts/lib/make_fixture_v1.py``), unpacked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import zstandard
from devchain_support import shared_cache

from decentralml.chain.substrate.runtime import Runtime
from decentralml.devchain.chain import DevChain

FIXTURE = Path(__file__).parent / "fixtures" / "chain_v1.sqlite.zst"
LAST_BLOCK = 1_795_227_132_000
"""The time of the fixture's last block, Unix milliseconds."""
SUBMISSIONS = {
    1: "Expired",
    2: ("Drawing", 1),
    3: ("Attesting", 1),
    4: "Accepted",
    6: "Assigned",
    7: ("Drawing", 0),
    8: ("Attesting", 0),
    9: "Validated",
    10: "Accepted",
    11: "Rejected",
    12: "Assigned",
    13: "Assigned",
}
"""State, and phase and round, of submission 0 of each task that has one."""


def unpack(file: Path) -> Path:
    """Writes the chain file and returns its path."""
    file.write_bytes(zstandard.ZstdDecompressor().decompress(FIXTURE.read_bytes(), 2**26))
    return file


def open_at(file: Path, after: int = 1_000) -> DevChain:
    """The chain, whose clock stands still ``after`` its last block."""
    return DevChain.open(file, cache=shared_cache(), clock=lambda: LAST_BLOCK + after)


def runtime_of(chain: DevChain) -> Runtime:
    return Runtime.load(chain.runtime_version, chain.metadata())


def read(chain: DevChain, pallet: str, item: str, *keys: Any) -> Any:
    """A stored value, by the chain's own metadata."""
    runtime = runtime_of(chain)
    entry = runtime.entry(pallet, item)
    return runtime.value(entry, chain.storage(runtime.key(entry, *keys)))
