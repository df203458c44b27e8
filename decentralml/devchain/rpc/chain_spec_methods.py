"""``chainSpec_v1_*``: the chain's identity."""

from __future__ import annotations

from typing import Any

from decentralml.devchain.rpc.registry import Context, method
from decentralml.devchain.rpc.views import to_hex


@method("chainSpec_v1_chainName")
def chain_name(context: Context) -> str:
    return context.reader.name


@method("chainSpec_v1_genesisHash")
def genesis_hash(context: Context) -> str:
    return to_hex(context.reader.genesis)


@method("chainSpec_v1_properties")
def chain_properties(context: Context) -> dict[str, Any]:
    return context.reader.properties
