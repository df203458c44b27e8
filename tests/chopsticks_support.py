"""Where chopsticks 1.5 answers the script of :mod:`calls_support` otherwise than the embedded
chain, by the reason. A real node answers as the embedded chain does, each time."""

from __future__ import annotations

NOT_SERVED = "chopsticks has no such method"
OWN_ERRORS = "chopsticks has codes and texts of its own for faults"
NO_CHECK = "chopsticks takes parameters as they come"
UNKNOWN_BLOCKS = "chopsticks says something else of a block that it does not have"
OWN_HEADERS = "its headers have no state root, another extrinsics root and padded numbers"
HASH_OF_BLOCK = "the hash of a value is given as the hash of the block"
NO_TRIE = "chopsticks keeps no trie, and says 0 for every Merkle value"
OWN_PROOFS = "its proofs hold other nodes of the trie"
NO_PAGES = "paginationStartKey is ignored in its own blocks"
RAW_PRICES = "prices come as the runtime encodes them, not as JSON"
OWN_VERSION = "the version lacks the newer of the two names of the state version"
HEAD_ONLY = "a dry run is made on the head, whatever block is named"
NOBODY = "what was never started ends, or not, in chopsticks' own way"
NO_AUTHOR = "chopsticks calls itself a full node, not an authority"

FATAL = frozenset(
    {
        'archive_v1_storage "$GENESIS" [{"key": "zz", "type": "value"}] null (events)',
        'chainHead_v1_storage [{"key": "zz", "type": "value"}] (operation)',
    }
)
"""Calls that it does not survive: not asked."""

DEVIATIONS: dict[str, tuple[str, ...]] = {
    NOT_SERVED: (
        "genesis: state_getStorageHash ISSUANCE",
        'genesis: state_getStorageHash "0x11"',
        "genesis: state_getStorageSize CODE",
        'genesis: state_getKeysPagedAt "0x" 1000 null',
        "genesis: state_getPairs SYSTEM",
        "last: state_getStorageHash ISSUANCE",
        'last: state_getStorageHash "0x11"',
        "last: state_getStorageSize CODE",
        'last: state_getKeysPagedAt "0x" 1000 null',
        "last: state_getPairs SYSTEM",
        'childstate_getStorageEntries CHILD ["0x"] "$GENESIS"',
        "system_peers",
        'author_removeExtrinsic [{"hash": NOWHERE}]',
        'state_queryStorage [BOB, NUMBER] "$GENESIS" "$LAST"',
        'archive_v1_storageDiff "$LAST" [] (events)',
        'archive_v1_storageDiff "$LAST" [{"key": SYSTEM, "returnType": "hash"}] (events)',
        'archive_v1_storageDiff "$GENESIS" [] "$LAST" (events)',
        "archive_v1_storageDiff NOWHERE [] (events)",
        'transactionWatch_v1_unwatch "nobody"',
    ),
    OWN_ERRORS: (
        'genesis: state_call "Nope_nope" "0x"',
        'genesis: archive_v1_call "Nope_nope" "0x"',
        'genesis: archive_v1_call "Core_version" "zz"',
        'last: state_call "Nope_nope" "0x"',
        'last: archive_v1_call "Nope_nope" "0x"',
        'last: archive_v1_call "Core_version" "zz"',
        'state_getStorage "0xzz"',
        "state_getStorage",
        'state_getKeysPaged "0x" 5000',
        'childstate_getStorage "0x11" "0x11" "$GENESIS"',
        'system_accountNextIndex "rubbish"',
        'author_submitExtrinsic "$TX_FORGED"',
        'author_submitExtrinsic "$TX_POOR"',
        'author_submitExtrinsic "0xzz"',
        'payment_queryInfo "0x11" "$LAST"',
        'payment_queryInfo "0x00" "$LAST"',
        'payment_queryFeeDetails "0x041234" "$LAST"',
        'chainHead_v1_call "Nope_nope" "0x" (operation)',
        "nope_nope",
    ),
    NO_CHECK: (
        'chain_getBlockHash "rubbish"',
        'state_getKeysPaged "0x" -1',
        "archive_v1_hashByHeight 1099511627776",
        'archive_v1_hashByHeight "0x0"',
        'archive_v1_storage "$GENESIS" [{"key": BOB, "type": "nope"}] null (events)',
        'chainHead_v1_follow "yes"',
        'chainHead_v1_call NOWHERE "Core_version" "zz" (pinned)',
        "chainHead_v1_storage [] (operation)",
    ),
    UNKNOWN_BLOCKS: (
        "chain_getHeader NOWHERE",
        'chain_getHeader "0x11"',
        "chain_getBlock NOWHERE",
        "state_getStorage NUMBER NOWHERE",
        "state_getReadProof [NUMBER] NOWHERE",
        "state_getMetadata NOWHERE",
        'state_call "Core_version" "0x" NOWHERE',
        'archive_v1_call NOWHERE "Core_version" "0x"',
        'archive_v1_storage NOWHERE [{"key": BOB, "type": "value"}] null (events)',
        "chainHead_v1_header NOWHERE (pinned)",
        "chainHead_v1_body NOWHERE (pinned)",
        "chainHead_v1_unpin NOWHERE (pinned)",
        "chainHead_v1_unpin [NOWHERE, NOWHERE] (pinned)",
    ),
    NOBODY: (
        'chainHead_v1_continue "nobody" "0"',
        'chainHead_v1_unfollow "nobody"',
        'transaction_v1_stop "nobody"',
    ),
    OWN_HEADERS: (
        "genesis: chain_getHeader",
        "genesis: chain_getBlock",
        "last: chain_getHeader",
        "last: chain_getBlock",
        "last: archive_v1_header",
    ),
    OWN_VERSION: (
        "genesis: state_getRuntimeVersion",
        "last: state_getRuntimeVersion",
    ),
    HASH_OF_BLOCK: (
        'genesis: archive_v1_storage [{"key": BOB, "type": "hash"}] null (events)',
        'last: archive_v1_storage [{"key": BOB, "type": "hash"}] null (events)',
    ),
    NO_TRIE: (
        'genesis: archive_v1_storage [{"key": SYSTEM, "type": MERKLE}] null (events)',
        'genesis: archive_v1_storage [{"key": "0x", "type": MERKLE}] null (events)',
        'last: archive_v1_storage [{"key": SYSTEM, "type": MERKLE}] null (events)',
        'last: archive_v1_storage [{"key": "0x", "type": MERKLE}] null (events)',
        'chainHead_v1_storage [{"key": ACCOUNTS, "type": MERKLE}] (operation)',
    ),
    OWN_PROOFS: (
        'genesis: state_getReadProof [NUMBER, BOB, "0x11"]',
        'last: state_getReadProof [NUMBER, BOB, "0x11"]',
    ),
    NO_PAGES: (
        'last: archive_v1_storage [{"key": SYSTEM, "type": VALUES, after: NUMBER}] null (events)',
    ),
    RAW_PRICES: (
        'payment_queryInfo "$TX" "$LAST"',
        'payment_queryFeeDetails "$TX" "$LAST"',
    ),
    HEAD_ONLY: ('system_dryRun "$TX_NOTED" "$GENESIS"',),
    NO_AUTHOR: ("system_nodeRoles",),
}
