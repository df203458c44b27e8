"""One script of a hundred JSON-RPC calls, asked of several servers of the same chain.

Parameters may name what differs from server to server (see :class:`Names`). An answer is what a
client can rely on: results, errors with code and message, events in order; not the numbers of
subscriptions and operations, and not the words that explain a parameter of the wrong type.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from devchain_support import UNIT, account, account_key, remark, signed, transfer
from rpc_support import Client

from decentralml.devchain.chain import DevChain
from decentralml.devchain.hashes import storage_prefix

Names = Mapping[str, str]
"""Values for ``$NAME`` in parameters: ``$GENESIS`` and ``$LAST`` are block hashes, ``$TX…`` are
extrinsics."""

NOWHERE = "0x" + "11" * 32
CODE = "0x3a636f6465"
SYSTEM = "0x" + storage_prefix("System", "")[:16].hex()
ACCOUNTS = "0x" + storage_prefix("System", "Account").hex()
NUMBER = "0x" + storage_prefix("System", "Number").hex()
ISSUANCE = "0x" + storage_prefix("Balances", "TotalIssuance").hex()
ALICE = "0x" + account_key(account("Alice").public).hex()
BOB = "0x" + account_key(account("Bob").public).hex()
ALICE_PUBLIC = "0x" + account("Alice").public.hex()
CHILD = "0x3a6368696c645f73746f726167653a64656661756c743a11"

_SHORT = {
    NOWHERE: "NOWHERE",
    CODE: "CODE",
    SYSTEM: "SYSTEM",
    ACCOUNTS: "ACCOUNTS",
    NUMBER: "NUMBER",
    ISSUANCE: "ISSUANCE",
    ALICE: "ALICE",
    BOB: "BOB",
    ALICE_PUBLIC: "ALICE_PUBLIC",
    CHILD: "CHILD",
    "closestDescendantMerkleValue": "MERKLE",
    "descendantsValues": "VALUES",
    "descendantsHashes": "HASHES",
    "paginationStartKey": "after",
}

LAST_EVENTS = frozenset(
    {
        "storageDone",
        "storageError",
        "storageDiffDone",
        "storageDiffError",
        "operationBodyDone",
        "operationCallDone",
        "operationStorageDone",
        "operationError",
    }
)
_EXPLAINED = frozenset({-32602, 1, 2})
"""Errors whose data says in words what could not be read."""
_NUMBERS_OF_ITS_OWN = frozenset({"operationId", "subscription"})


@dataclass(frozen=True)
class Call:
    method: str
    params: tuple[Any, ...] = ()
    how: Callable[[Client, str, list[Any]], Any] | None = None
    """For answers that are more than one response."""


def plain(client: Client, method: str, params: list[Any]) -> Any:
    return answer(client.ask(method, *params))


def events(client: Client, method: str, params: list[Any]) -> Any:
    """All that a subscription says before it ends."""
    response = client.ask(method, *params)
    if "error" in response:
        return answer(response)
    return [shown(event) for event in client.told(response["result"], _ended)]


def operation(client: Client, method: str, params: list[Any]) -> Any:
    """All that is said of an operation on the finalized block; it may come in one part or many."""
    follow = client.result("chainHead_v1_follow", True)
    (start, *_) = client.told(follow, bool)
    response = client.ask(method, follow, start["finalizedBlockHashes"][-1], *params)
    said: Any = answer(response)
    if isinstance(said, dict) and said.get("result") == "started":
        number = response["result"]["operationId"]

        def of_it(events: list[Any]) -> list[Any]:
            return [event for event in events if event.get("operationId") == number]

        heard = of_it(client.told(follow, lambda events: _ended(of_it(events))))
        items = [item for event in heard for item in event.get("items", [])]
        said = [said, items, *(shown(event) for event in heard if "items" not in event)]
    client.result("chainHead_v1_unfollow", follow)
    return said


def pinned(client: Client, method: str, params: list[Any]) -> Any:
    """The response to a question on a follow."""
    follow = client.result("chainHead_v1_follow", False)
    client.told(follow, lambda said: len(said) >= 1)
    said = answer(client.ask(method, follow, *params))
    client.result("chainHead_v1_unfollow", follow)
    return said


def _ended(said: list[Any]) -> bool:
    return any(event["event"] in LAST_EVENTS for event in said)


def answer(response: dict[str, Any]) -> Any:
    if "error" not in response:
        return shown(response["result"])
    error = dict(response["error"])
    if error["code"] in _EXPLAINED:
        error.pop("data", None)
    return error


def shown(value: Any) -> Any:
    """Without the numbers that a server makes up."""
    if isinstance(value, dict):
        left = {key: shown(part) for key, part in value.items() if key not in _NUMBERS_OF_ITS_OWN}
        for unordered in ("apis", "proof"):
            if isinstance(left.get(unordered), list):
                left[unordered].sort()
        return left
    return [shown(part) for part in value] if isinstance(value, list) else value


def run(url: str, names: Names, without: Collection[str] = ()) -> dict[str, Any]:
    """The answers of one server, by the label of the call; those `without` are not asked."""
    answers = {}
    for label, call in CALLS.items():
        if label in without:
            continue
        params = json.loads(_filled(json.dumps(list(call.params)), names))
        with Client(url) as client:  # numbers of one call do not meet those of another
            answers[label] = (call.how or plain)(client, call.method, params)
    return answers


def _filled(text: str, names: Names) -> str:
    for name, value in names.items():
        text = text.replace(f'"${name}"', json.dumps(value))
    return text


def transactions(chain: DevChain) -> dict[str, str]:
    """Extrinsics that are valid, or not, where Ferdie, Nobody and One have sent nothing."""
    good = signed(chain, account("Ferdie"), 0, transfer(account("Bob").public, UNIT))
    forged = good[:80] + bytes((good[80] ^ 1,)) + good[81:]
    poor = signed(chain, account("Nobody"), 0, transfer(account("Bob").public, UNIT))
    noted = signed(chain, account("Ferdie"), 0, remark(b"abc"))
    made = {"TX": good, "TX_FORGED": forged, "TX_POOR": poor, "TX_NOTED": noted}
    found = {name: "0x" + extrinsic.hex() for name, extrinsic in made.items()}
    source = b"\2"  # external
    question = source + good + chain.head
    return {**found, "VALIDATE": "0x" + question.hex()}


def _state(at: str) -> dict[str, Call]:
    """Questions about one block's state."""
    paged = ("state_getKeysPaged", "state_getKeysPagedAt")
    value, hash_ = {"type": "value"}, {"type": "hash"}
    calls = [
        Call("state_getStorage", (NUMBER, at)),
        Call("state_getStorage", (ALICE, at)),
        Call("state_getStorage", ("0x11", at)),
        Call("state_getStorageAt", (BOB, at)),
        Call("state_getStorageHash", (ISSUANCE, at)),
        Call("state_getStorageHash", ("0x11", at)),
        Call("state_getStorageSize", (CODE, at)),
        Call("state_getKeysPaged", (ACCOUNTS, 5, None, at)),
        Call("state_getKeysPaged", (ACCOUNTS, 100, ALICE, at)),
        Call(paged[1], ("0x", 1000, None, at)),
        Call("state_getPairs", (SYSTEM, at)),
        Call("state_queryStorageAt", ([NUMBER, "0x11", BOB], at)),
        Call("state_getReadProof", ([NUMBER, BOB, "0x11"], at)),
        Call("state_getMetadata", (at,)),
        Call("state_getRuntimeVersion", (at,)),
        Call("state_call", ("Core_version", "0x", at)),
        Call("state_call", ("AccountNonceApi_account_nonce", ALICE_PUBLIC, at)),
        Call("state_call", ("Metadata_metadata_versions", "0x", at)),
        Call("state_call", ("Metadata_metadata_at_version", "0x0f000000", at)),
        Call("state_call", ("Metadata_metadata_at_version", "0x10000000", at)),
        Call("state_call", ("Metadata_metadata_at_version", "0x63000000", at)),
        Call("state_call", ("TransactionPaymentApi_query_weight_to_fee", "0x0400", at)),
        Call("state_call", ("AuraApi_slot_duration", "0x", at)),
        Call("state_call", ("GenesisBuilder_preset_names", "0x", at)),
        Call("state_call", ("Nope_nope", "0x", at)),
        Call("chain_getHeader", (at,)),
        Call("chain_getBlock", (at,)),
        Call("archive_v1_header", (at,)),
        Call("archive_v1_body", (at,)),
        Call("archive_v1_call", (at, "Core_version", "0x")),
        Call("archive_v1_call", (at, "Core_version", "")),
        Call("archive_v1_call", (at, "Nope_nope", "0x")),
        Call("archive_v1_call", (at, "Core_version", "zz")),
        Call("archive_v1_storage", (at, [{"key": BOB, **value}], None), events),
        Call("archive_v1_storage", (at, [{"key": BOB, **hash_}], None), events),
        Call("archive_v1_storage", (at, [{"key": ACCOUNTS, "type": "descendantsHashes"}]), events),
        Call(
            "archive_v1_storage",
            (
                at,
                [{"key": SYSTEM, "type": "descendantsValues", "paginationStartKey": NUMBER}],
                None,
            ),
            events,
        ),
        Call(
            "archive_v1_storage",
            (at, [{"key": SYSTEM, "type": "closestDescendantMerkleValue"}], None),
            events,
        ),
        Call(
            "archive_v1_storage",
            (at, [{"key": "0x", "type": "closestDescendantMerkleValue"}], None),
            events,
        ),
    ]
    return _labelled(calls, at)


def _label(call: Call, at: str = "") -> str:
    """What to call it by: the block, the method, the other parameters in short."""
    parts = [f"{at.strip('$').lower()}:"] if at else []
    parts += [call.method, *(json.dumps(part) for part in call.params if not at or part != at)]
    text = " ".join(parts)
    for value, name in _SHORT.items():
        text = text.replace(f'"{value}"', name)
    return text if call.how is None else f"{text} ({call.how.__name__})"


def _labelled(calls: list[Call], at: str = "") -> dict[str, Call]:
    labelled = {_label(call, at): call for call in calls}
    assert len(labelled) == len(calls), "two calls have one label"
    return labelled


_OTHERS = [
    Call("chain_getBlockHash", (0,)),
    Call("chain_getBlockHash", ("0x0",)),
    Call("chain_getBlockHash", ([0, 2**31],)),
    Call("chain_getBlockHash", (2**31,)),
    Call("chain_getBlockHash", ("rubbish",)),
    Call("chain_getHeader", (NOWHERE,)),
    Call("chain_getHeader", ("0x11",)),
    Call("chain_getBlock", (NOWHERE,)),
    Call("state_getStorage", (NUMBER, NOWHERE)),
    Call("state_getStorage", ("0xzz",)),
    Call("state_getStorage", ()),
    Call("state_getKeysPaged", ("0x", 5000)),
    Call("state_getKeysPaged", ("0x", -1)),
    Call("state_getReadProof", ([NUMBER], NOWHERE)),
    Call("state_getMetadata", (NOWHERE,)),
    Call("state_call", ("Core_version", "0x", NOWHERE)),
    Call("childstate_getStorage", (CHILD, "0x11", "$GENESIS")),
    Call("childstate_getStorage", ("0x11", "0x11", "$GENESIS")),
    Call("childstate_getKeysPaged", (CHILD, "0x", 3, None, "$GENESIS")),
    Call("childstate_getStorageEntries", (CHILD, ["0x"], "$GENESIS")),
    Call("system_health"),
    Call("system_chain"),
    Call("system_chainType"),
    Call("system_properties"),
    Call("system_nodeRoles"),
    Call("system_peers"),
    Call("system_accountNextIndex", ("rubbish",)),
    Call("author_pendingExtrinsics"),
    Call("author_removeExtrinsic", ([{"hash": NOWHERE}],)),
    Call("author_submitExtrinsic", ("$TX_FORGED",)),
    Call("author_submitExtrinsic", ("$TX_POOR",)),
    Call("author_submitExtrinsic", ("0xzz",)),
    Call("payment_queryInfo", ("$TX", "$LAST")),
    Call("payment_queryFeeDetails", ("$TX", "$LAST")),
    Call("payment_queryInfo", ("0x11", "$LAST")),
    Call("payment_queryInfo", ("0x00", "$LAST")),
    Call("payment_queryFeeDetails", ("0x041234", "$LAST")),
    Call("system_dryRun", ("$TX", "$LAST")),
    Call("system_dryRun", ("$TX_POOR", "$LAST")),
    Call("system_dryRun", ("$TX_NOTED", "$GENESIS")),
    Call("state_call", ("TaggedTransactionQueue_validate_transaction", "$VALIDATE", "$LAST")),
    Call("state_queryStorage", ([BOB, NUMBER], "$GENESIS", "$LAST")),
    Call("chainSpec_v1_chainName"),
    Call("chainSpec_v1_genesisHash"),
    Call("chainSpec_v1_properties"),
    Call("archive_v1_genesisHash"),
    Call("archive_v1_hashByHeight", (0,)),
    Call("archive_v1_hashByHeight", (2**31,)),
    Call("archive_v1_hashByHeight", (2**40,)),
    Call("archive_v1_hashByHeight", ("0x0",)),
    Call("archive_v1_header", (NOWHERE,)),
    Call("archive_v1_body", (NOWHERE,)),
    Call("archive_v1_call", (NOWHERE, "Core_version", "0x")),
    Call("archive_v1_storage", (NOWHERE, [{"key": BOB, "type": "value"}], None), events),
    Call("archive_v1_storage", ("$GENESIS", [{"key": "zz", "type": "value"}], None), events),
    Call("archive_v1_storage", ("$GENESIS", [{"key": BOB, "type": "nope"}], None), events),
    Call("archive_v1_storageDiff", ("$LAST", []), events),
    Call("archive_v1_storageDiff", ("$LAST", [{"key": SYSTEM, "returnType": "hash"}]), events),
    Call("archive_v1_storageDiff", ("$GENESIS", [], "$LAST"), events),
    Call("archive_v1_storageDiff", (NOWHERE, []), events),
    Call("chainHead_v1_header", ("nobody", NOWHERE)),
    Call("chainHead_v1_body", ("nobody", NOWHERE)),
    Call("chainHead_v1_unpin", ("nobody", NOWHERE)),
    Call("chainHead_v1_continue", ("nobody", "0")),
    Call("chainHead_v1_stopOperation", ("nobody", "0")),
    Call("chainHead_v1_unfollow", ("nobody",)),
    Call("chainHead_v1_follow", ("yes",)),
    Call("chainHead_v1_header", (NOWHERE,), pinned),
    Call("chainHead_v1_body", (NOWHERE,), pinned),
    Call("chainHead_v1_unpin", (NOWHERE,), pinned),
    Call("chainHead_v1_unpin", ([NOWHERE, NOWHERE],), pinned),
    Call("chainHead_v1_call", (NOWHERE, "Core_version", "zz"), pinned),
    Call("chainHead_v1_call", ("Core_version", "0x"), operation),
    Call("chainHead_v1_call", ("Nope_nope", "0x"), operation),
    Call("chainHead_v1_storage", ([],), operation),
    Call("chainHead_v1_storage", ([{"key": BOB, "type": "value"}],), operation),
    Call("chainHead_v1_storage", ([{"key": "zz", "type": "value"}],), operation),
    Call("chainHead_v1_storage", ([{"key": "0x11", "type": "hash"}], None), operation),
    Call("chainHead_v1_storage", ([{"key": ACCOUNTS, "type": "descendantsValues"}],), operation),
    Call("chainHead_v1_storage", ([{"key": ACCOUNTS, "type": "descendantsHashes"}],), operation),
    Call(
        "chainHead_v1_storage",
        ([{"key": ACCOUNTS, "type": "closestDescendantMerkleValue"}],),
        operation,
    ),
    Call("transaction_v1_stop", ("nobody",)),
    Call("transactionWatch_v1_unwatch", ("nobody",)),
    Call("nope_nope"),
]

CALLS: dict[str, Call] = {
    **_state("$GENESIS"),
    **_state("$LAST"),
    **_labelled(_OTHERS),
}
