"""What a runtime says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from decentralml.devchain.codec import Reader


@dataclass(frozen=True, slots=True)
class RuntimeVersion:
    spec_name: str
    impl_name: str
    authoring_version: int
    spec_version: int
    impl_version: int
    apis: tuple[tuple[bytes, int], ...]
    """Identifier (8 bytes) and version of each runtime API."""
    transaction_version: int
    state_version: int
    """Layout of the state trie: 0, or 1 with values of 33 bytes and more hashed."""

    @classmethod
    @lru_cache(maxsize=16)
    def decode(cls, data: bytes) -> RuntimeVersion:
        """From what ``Core_version`` returns (``sp_version::RuntimeVersion``)."""
        reader = Reader(data)
        spec_name, impl_name = reader.prefixed().decode(), reader.prefixed().decode()
        authoring, spec, impl = reader.u32(), reader.u32(), reader.u32()
        apis = tuple((reader.take(8), reader.u32()) for _ in range(reader.compact()))
        # The last two fields came with Core versions 3 and 4: older runtimes end before them.
        transaction = reader.u32() if reader.offset < len(data) else 1
        system = reader.u8() if reader.offset < len(data) else 0
        return cls(spec_name, impl_name, authoring, spec, impl, apis, transaction, min(system, 1))
