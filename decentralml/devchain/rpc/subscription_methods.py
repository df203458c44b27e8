"""The names of subscriptions. They need a connection that can be written to later: a server
answers them itself (:mod:`decentralml.devchain.rpc.subscriptions`); anybody else is told so."""

from __future__ import annotations

from typing import Any

from decentralml.devchain.rpc.author_methods import EXTRINSIC
from decentralml.devchain.rpc.errors import needs_connection
from decentralml.devchain.rpc.params import Param, hex_bytes, list_of
from decentralml.devchain.rpc.registry import Context, method

SUBSCRIPTION = Param("subscription", lambda value: value)
STORAGE_KEYS_LIMIT = 1024

NEW_HEAD, ALL_HEAD, FINALIZED_HEAD = "chain_newHead", "chain_allHead", "chain_finalizedHead"
RUNTIME_VERSION = "state_runtimeVersion"
STORAGE = "state_storage"
EXTRINSIC_UPDATE = "author_extrinsicUpdate"

PLAIN = {
    "chain_subscribeNewHeads": NEW_HEAD,
    "chain_subscribeNewHead": NEW_HEAD,
    "subscribe_newHead": NEW_HEAD,
    "chain_subscribeAllHeads": ALL_HEAD,
    "chain_subscribeFinalizedHeads": FINALIZED_HEAD,
    "chain_subscribeFinalisedHeads": FINALIZED_HEAD,
    "state_subscribeRuntimeVersion": RUNTIME_VERSION,
    "chain_subscribeRuntimeVersion": RUNTIME_VERSION,
}
"""Subscriptions without parameters, and the name of their notifications."""
SUBSCRIBE_STORAGE = "state_subscribeStorage"
SUBMIT_AND_WATCH = "author_submitAndWatchExtrinsic"
UNSUBSCRIBE = frozenset(
    {
        "author_unwatchExtrinsic",
        "chain_unsubscribeAllHeads",
        "chain_unsubscribeFinalisedHeads",
        "chain_unsubscribeFinalizedHeads",
        "chain_unsubscribeNewHead",
        "chain_unsubscribeNewHeads",
        "chain_unsubscribeRuntimeVersion",
        "state_unsubscribeRuntimeVersion",
        "state_unsubscribeStorage",
        "unsubscribe_newHead",
    }
)


@method(*PLAIN)
def subscribe(context: Context) -> Any:
    raise needs_connection()


@method(
    SUBSCRIBE_STORAGE,
    params=(Param("keys", list_of(hex_bytes, at_most=STORAGE_KEYS_LIMIT)),),
)
def subscribe_storage(context: Context, keys: list[bytes]) -> Any:
    raise needs_connection()


@method(SUBMIT_AND_WATCH, params=(EXTRINSIC,))
def submit_and_watch(context: Context, extrinsic: bytes) -> Any:
    raise needs_connection()


@method(*sorted(UNSUBSCRIBE), params=(SUBSCRIPTION,))
def unsubscribe(context: Context, subscription: Any) -> Any:
    raise needs_connection()
