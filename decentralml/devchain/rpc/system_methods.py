"""``system_*`` and ``rpc_methods``: who answers. One process, no peers, always in sync."""

from __future__ import annotations

from typing import Any

from decentralml.devchain.rpc.params import Param
from decentralml.devchain.rpc.registry import METHODS, Context, method
from decentralml.devchain.rpc.ss58 import account_id

NAME = "decentralml-devchain"


@method("system_name")
def name(context: Context) -> str:
    return NAME


@method("system_version")
def version(context: Context) -> str:
    from importlib import metadata  # 20 ms that only this answer needs

    try:
        return metadata.version("decentralml")
    except metadata.PackageNotFoundError:
        return "0"


@method("system_chain")
def chain(context: Context) -> str:
    return context.reader.name


@method("system_chainType")
def chain_type(context: Context) -> str:
    return "Development"


@method("system_properties")
def properties(context: Context) -> dict[str, Any]:
    return context.reader.properties


@method("system_health")
def health(context: Context) -> dict[str, Any]:
    return {"peers": 0, "isSyncing": False, "shouldHavePeers": False}


@method("system_peers", "system_reservedPeers", "system_localListenAddresses")
def peers(context: Context) -> list[str]:
    return []


@method("system_localPeerId")
def local_peer_id(context: Context) -> str:
    """There is no network: nobody can be reached under this name, which only tells chains apart."""
    return "decentralml-" + context.reader.genesis.hex()[:16]


@method("system_nodeRoles")
def node_roles(context: Context) -> list[str]:
    return ["Authority"]


@method("system_syncState")
def sync_state(context: Context) -> dict[str, Any]:
    height = context.reader.height
    return {"startingBlock": 0, "currentBlock": height, "highestBlock": height}


@method(
    "system_accountNextIndex",
    "account_nextIndex",
    params=(Param("account", account_id),),
    executes=True,
)
def account_next_index(context: Context, account: bytes) -> int:
    """The nonce of the account's next transaction, as of the newest block of any process."""
    answer = context.chain.call("AccountNonceApi_account_nonce", account)
    return int.from_bytes(answer, "little")


@method("rpc_methods")
def rpc_methods(context: Context) -> dict[str, Any]:
    return {"methods": sorted(METHODS)}
