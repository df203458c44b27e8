"""One runtime, as a client needs it: its codec, storage keys, constants and errors by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from decentralml.chain.substrate.codec import Codec
from decentralml.chain.substrate.metadata import (
    Metadata,
    Pallet,
    StorageEntry,
    Tuple,
    VariantDef,
    Variants,
    parse,
)
from decentralml.devchain.codec import DecodeError
from decentralml.devchain.hashes import blake2_128, blake2_256, storage_prefix, twox
from decentralml.devchain.version import RuntimeVersion
from decentralml.errors import RuntimeMismatch

HASHERS: tuple[tuple[Callable[[bytes], bytes], int | None], ...] = (
    (blake2_128, None),
    (blake2_256, None),
    (lambda key: blake2_128(key) + key, 16),
    (lambda key: twox(key, 2), None),
    (lambda key: twox(key, 4), None),
    (lambda key: twox(key, 1) + key, 8),
    (lambda key: key, 0),
)
"""``StorageHasher`` of the metadata, in its order: how a map's key is hashed, and after how many
bytes the key itself can be read back (None: it cannot)."""


@dataclass(frozen=True)
class Runtime:
    """A version of a runtime with its metadata.

    Everything asked for by name that the runtime does not have raises
    :class:`~decentralml.errors.RuntimeMismatch`.
    """

    version: RuntimeVersion
    metadata: Metadata

    @classmethod
    def load(cls, version: RuntimeVersion, metadata: bytes) -> Runtime:
        try:
            return cls(version, parse(metadata))
        except DecodeError as error:
            raise RuntimeMismatch(version.spec_name, version.spec_version, str(error)) from None

    @cached_property
    def codec(self) -> Codec:
        return Codec(self.metadata)

    def mismatch(self, missing: str) -> RuntimeMismatch:
        return RuntimeMismatch(self.version.spec_name, self.version.spec_version, missing)

    def pallet(self, name: str) -> Pallet:
        pallet = self.metadata.pallets.get(name)
        if pallet is None:
            raise self.mismatch(f"it has no pallet {name}")
        return pallet

    def entry(self, pallet: str, item: str) -> StorageEntry:
        entry = self.pallet(pallet).storage.get(item)
        if entry is None:
            raise self.mismatch(f"it has no storage {pallet}.{item}")
        return entry

    def constant(self, pallet: str, name: str) -> Any:
        constant = self.pallet(pallet).constants.get(name)
        if constant is None:
            raise self.mismatch(f"it has no constant {pallet}.{name}")
        try:
            return self.codec.decode(constant.type, constant.value)
        except DecodeError as error:
            raise self.mismatch(f"its constant {pallet}.{name} is unreadable ({error})") from None

    def prefix(self, entry: StorageEntry) -> bytes:
        """What every key of a storage item begins with: 32 bytes."""
        return storage_prefix(entry.pallet, entry.name)

    def key(self, entry: StorageEntry, *keys: Any) -> bytes:
        """The storage key of a value, or of a prefix of a map when fewer keys are given."""
        parts = [self.prefix(entry)]
        for value, type_id, hasher in zip(
            keys, self._key_types(entry), entry.hashers, strict=False
        ):
            parts.append(HASHERS[hasher][0](self.codec.encode(type_id, value)))
        return b"".join(parts)

    def keys_of(self, entry: StorageEntry, key: bytes) -> tuple[Any, ...]:
        """The map keys inside a storage key, where the hashers keep them.

        Raises
        ------
        DecodeError : a hasher that does not keep them, or another map's key.
        """
        at, values = 32, []
        for type_id, hasher in zip(self._key_types(entry), entry.hashers, strict=True):
            skip = HASHERS[hasher][1]
            if skip is None:
                raise DecodeError(f"keys of {entry.pallet}.{entry.name} cannot be read back")
            value, at = self.codec.decode_at(type_id, key, at + skip)
            values.append(value)
        return tuple(values)

    def value(self, entry: StorageEntry, data: bytes | None) -> Any:
        """A stored value, its default where nothing is stored, None where there is no default."""
        if data is None:
            if entry.optional:
                return None
            data = entry.default
        try:
            return self.codec.decode(entry.value, data)
        except DecodeError as error:
            raise self.mismatch(f"{entry.pallet}.{entry.name} is unreadable ({error})") from None

    def error(self, pallet_index: int, error_index: int) -> tuple[str, str, str]:
        """Pallet, name and explanation of a pallet's error."""
        pallet = self.metadata.pallet_at(pallet_index)
        if pallet is None or pallet.error is None:
            return f"Pallet{pallet_index}", f"Error{error_index}", ""
        for case in self.variants(pallet.error):
            if case.number == error_index:
                return pallet.name, case.name, self.metadata.text(case.docs)
        return pallet.name, f"Error{error_index}", ""

    def variants(self, type_id: int) -> tuple[VariantDef, ...]:
        """The cases of an enumeration."""
        definition = self.metadata.types[type_id]
        return definition.variants if isinstance(definition, Variants) else ()

    def _key_types(self, entry: StorageEntry) -> tuple[int, ...]:
        if entry.key is None:
            return ()
        definition = self.metadata.types[entry.key]
        if len(entry.hashers) > 1 and isinstance(definition, Tuple):
            return definition.of
        return (entry.key,)
