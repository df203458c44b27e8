"""Headers, blocks and versions as JSON, the way Substrate nodes write them."""

from __future__ import annotations

from typing import Any

from decentralml.devchain.block import Block, Header
from decentralml.devchain.version import RuntimeVersion


def to_hex(data: bytes) -> str:
    return "0x" + data.hex()


def maybe_hex(data: bytes | None) -> str | None:
    return None if data is None else "0x" + data.hex()


def header_json(encoded: bytes) -> dict[str, Any]:
    """All digest items included: polkadot.js computes the block's hash from this text and signs
    mortal transactions over it."""
    header = Header.decode(encoded)
    return {
        "parentHash": to_hex(header.parent),
        "number": hex(header.number),
        "stateRoot": to_hex(header.state_root),
        "extrinsicsRoot": to_hex(header.extrinsics_root),
        "digest": {"logs": [to_hex(item) for item in header.digest]},
    }


def block_json(block: Block) -> dict[str, Any]:
    """A signed block; instant blocks need no justification."""
    return {
        "block": {
            "header": header_json(block.header),
            "extrinsics": [to_hex(extrinsic) for extrinsic in block.extrinsics],
        },
        "justifications": None,
    }


def spec_json(version: RuntimeVersion) -> dict[str, Any]:
    """A runtime's version as the groups of the new interface write it."""
    return {
        "specName": version.spec_name,
        "implName": version.impl_name,
        "specVersion": version.spec_version,
        "implVersion": version.impl_version,
        "apis": {to_hex(identifier): number for identifier, number in version.apis},
        "transactionVersion": version.transaction_version,
    }


def version_json(version: RuntimeVersion) -> dict[str, Any]:
    return {
        "specName": version.spec_name,
        "implName": version.impl_name,
        "authoringVersion": version.authoring_version,
        "specVersion": version.spec_version,
        "implVersion": version.impl_version,
        "apis": [[to_hex(identifier), number] for identifier, number in version.apis],
        "transactionVersion": version.transaction_version,
        # The same number under its old and its present name: clients know one or the other.
        "systemVersion": version.state_version,
        "stateVersion": version.state_version,
    }
