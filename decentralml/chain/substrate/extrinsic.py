"""Signed transactions, version 4, byte for byte.

::

    extrinsic = compact length ‖ 0x84 ‖ MultiAddress::Id ‖ MultiSignature::Sr25519 ‖ extra ‖ call
    signed    = call ‖ extra ‖ additional          (its BLAKE2b-256 when longer than 256 bytes)

``extra`` and ``additional`` are, one after the other, what each signed extension of the metadata
carries and signs. Source: ``sp_runtime::generic::{UncheckedExtrinsic, SignedPayload, Era}``.
"""

from __future__ import annotations

from dataclasses import dataclass

from decentralml.chain.keys import SIGNATURE_BYTES, Signer
from decentralml.chain.substrate.metadata import Array, Composite, Metadata, SignedExtension, Tuple
from decentralml.chain.substrate.runtime import Runtime
from decentralml.devchain.codec import compact, prefixed, u32
from decentralml.devchain.hashes import blake2_256

ERA_PERIOD = 64
"""Blocks in which a transaction can be included; a power of two."""
_SIGNED_V4 = b"\x84"
_ADDRESS_ID = b"\x00"
_SR25519 = b"\x01"
_HASHED_ABOVE = 256


@dataclass(frozen=True, slots=True)
class Mortality:
    """The blocks in which a transaction can be included: from ``birth`` to before ``death``."""

    birth: int
    birth_hash: bytes
    period: int = ERA_PERIOD

    @property
    def death(self) -> int:
        """The first block that can no longer include it."""
        return self.birth + self.period

    def encode(self) -> bytes:
        """Two bytes: log2 of the period less one (4 bits), then the quantised phase (12 bits)."""
        quantum = max(self.period >> 12, 1)
        phase = self.birth % self.period // quantum
        exponent = min(max(self.period.bit_length() - 2, 1), 15)
        return (exponent | phase << 4).to_bytes(2, "little")


@dataclass(frozen=True, slots=True)
class Terms:
    """What a transaction says besides its call."""

    genesis: bytes
    nonce: int
    mortality: Mortality
    tip: int = 0


@dataclass(frozen=True, slots=True)
class Extrinsic:
    """A signed transaction."""

    data: bytes
    """With its length prefix, as nodes take it."""
    signer: bytes
    """The account id that signed."""
    nonce: int
    mortality: Mortality

    @property
    def hash(self) -> bytes:
        """What nodes call it by."""
        return blake2_256(self.data)


def sign(runtime: Runtime, call: bytes, signer: Signer, terms: Terms) -> Extrinsic:
    """A transaction of an encoded call.

    Raises
    ------
    RuntimeMismatch : the runtime wants something signed that this program does not know.
    """
    extra, _ = _extensions(runtime, terms)
    signature = signer.sign(payload(runtime, call, terms))
    return _assemble(call, signer.public_key, signature, extra, terms)


def estimate(runtime: Runtime, call: bytes, signer: Signer, terms: Terms) -> Extrinsic:
    """A transaction as long as the signed one, to ask the chain what that would cost."""
    extra, _ = _extensions(runtime, terms)
    return _assemble(call, signer.public_key, bytes(SIGNATURE_BYTES), extra, terms)


def payload(runtime: Runtime, call: bytes, terms: Terms) -> bytes:
    """The bytes that are signed."""
    extra, additional = _extensions(runtime, terms)
    message = call + extra + additional
    return blake2_256(message) if len(message) > _HASHED_ABOVE else message


def _assemble(
    call: bytes, public_key: bytes, signature: bytes, extra: bytes, terms: Terms
) -> Extrinsic:
    body = _SIGNED_V4 + _ADDRESS_ID + public_key + _SR25519 + signature + extra + call
    return Extrinsic(prefixed(body), public_key, terms.nonce, terms.mortality)


def _extensions(runtime: Runtime, terms: Terms) -> tuple[bytes, bytes]:
    parts = [_extension(runtime, terms, each) for each in runtime.metadata.extensions]
    return b"".join(part[0] for part in parts), b"".join(part[1] for part in parts)


def _extension(runtime: Runtime, terms: Terms, extension: SignedExtension) -> tuple[bytes, bytes]:
    match extension.identifier:
        case "CheckSpecVersion":
            return b"", u32(runtime.version.spec_version)
        case "CheckTxVersion":
            return b"", u32(runtime.version.transaction_version)
        case "CheckGenesis":
            return b"", terms.genesis
        case "CheckMortality":
            return terms.mortality.encode(), terms.mortality.birth_hash
        case "CheckNonce":
            return compact(terms.nonce), b""
        case "ChargeTransactionPayment":
            return compact(terms.tip), b""
        case "CheckMetadataHash":
            return b"\0", b"\0"
    metadata = runtime.metadata
    if _is_empty(metadata, extension.type) and _is_empty(metadata, extension.additional):
        return b"", b""
    raise runtime.mismatch(f"its transactions carry {extension.identifier}, which is unknown here")


def _is_empty(metadata: Metadata, type_id: int) -> bool:
    """Whether the values of a type take no bytes."""
    match metadata.types[type_id]:
        case Tuple(of):
            return all(_is_empty(metadata, member) for member in of)
        case Composite(_, fields):
            return all(_is_empty(metadata, field.type) for field in fields)
        case Array(length, _):
            return length == 0
    return False
