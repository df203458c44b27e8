"""One transaction on its way to a node: included once at most, found again, or known to be lost.

A signed transaction names its nonce, so that a chain includes these very bytes once at most, and a
mortal era, so that after some blocks it never will. What must not happen is that the same *call* is
signed again while the first transaction may still be included. So, when a connection breaks after
the transaction may have been sent, it is looked for in the blocks since its birth, then among the
pending ones; only if it is in neither, and its nonce is still free, are the same bytes sent again.
The search ends when it is found, when its nonce is taken or its era is over (it is lost), or at
the deadline (nobody knows).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from decentralml.chain.substrate.errors import invalid_named
from decentralml.chain.substrate.extrinsic import Extrinsic
from decentralml.chain.substrate.node import ConnectionLost, Node
from decentralml.chain.substrate.transport import Included
from decentralml.errors import (
    NodeFault,
    NodeTimeout,
    NodeUnreachable,
    TransactionInvalid,
    TransactionLost,
)

T = TypeVar("T")
SUBMIT_SECONDS = 120.0
"""How long a transaction may take to be in a block."""
_POLL_SECONDS = 0.3
# Codes of sc-rpc-api's author errors.
_INVALID = 1010
_UNKNOWN_VALIDITY = 1011
_BANNED = 1012
_ALREADY_IMPORTED = 1013
_TOO_LOW_PRIORITY = 1014
_IMMEDIATELY_DROPPED = 1016
_OF_POOLS = (_INVALID, _UNKNOWN_VALIDITY, _TOO_LOW_PRIORITY, _IMMEDIATELY_DROPPED)
"""A pool's own refusals; any other error may come from before it, or from after it took it."""
_GIVEN_UP = ("usurped", "dropped", "invalid")


class Submission:
    """The way of one transaction."""

    def __init__(self, node: Node, extrinsic: Extrinsic, seconds: float) -> None:
        self.node = node
        self.extrinsic = extrinsic
        self.data = "0x" + extrinsic.data.hex()
        self.hash = "0x" + extrinsic.hash.hex()
        self.clock = node.clock
        self.began = self.clock.steady()
        self.deadline = self.began + seconds
        self._scanned = extrinsic.mortality.birth
        """The last block that was looked through."""

    def run(self) -> Included:
        """Send it and wait; see :meth:`~.transport.Transport.submit` for the errors."""
        return self._sensible(self._run)

    def recover(self) -> Included | None:
        """Look for it; see :meth:`~.transport.Transport.recover`."""
        return self._sensible(lambda: self._search(send=False))

    def _sensible(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except (KeyError, TypeError, ValueError) as error:
            fault = f"its answers make no sense ({error!r})"
            raise NodeFault(self.node.url, "author_submitAndWatchExtrinsic", fault) from None

    def _run(self) -> Included:
        try:
            block = self._watch()
        except ConnectionLost:
            return self._found()
        except NodeTimeout:
            raise self._nobody_knows() from None
        except NodeFault as fault:
            if fault.code in (_ALREADY_IMPORTED, _BANNED):
                return self._found()
            found = None if fault.code in _OF_POOLS else self._search(send=False)
            if found is None:
                raise self._refused(fault) from None
            return found
        return self._found() if block is None else self._locate(block)

    def _watch(self) -> str | None:
        """Hash of the block that includes it, or None if the node gave up on it."""

        def outcome(status: Any) -> Any:
            if isinstance(status, dict):
                for happy in ("inBlock", "finalized"):
                    if happy in status:
                        return "block", status[happy]
            name = next(iter(status)) if isinstance(status, dict) else status
            return ("gone", None) if name in _GIVEN_UP else None

        left = self.deadline - self.clock.steady()
        (kind, block), subscription = self.node.subscribe(
            "author_submitAndWatchExtrinsic", (self.data,), left, outcome
        )
        if kind == "gone":
            return None
        # It is in a block: an update that nobody reads does no harm.
        with suppress(NodeFault, NodeTimeout, NodeUnreachable):
            self.node.request("author_unwatchExtrinsic", subscription)
        return str(block)

    def _found(self) -> Included:
        """Look for it until it is found or lost; send the same bytes again if that is safe."""
        found = self._search(send=True)
        assert found is not None, "it was given up, though it may be sent again"
        return found

    def _search(self, send: bool) -> Included | None:
        """Look for it until it is found or lost; None if it is nowhere and is not to be sent."""
        while True:
            try:
                found = self._look()
                if found is not None:
                    return found
                if not self._is_pending():
                    if not send:
                        return None
                    self._send_again()
            except (NodeTimeout, NodeUnreachable, ConnectionLost):
                raise self._nobody_knows() from None
            if self.clock.steady() + _POLL_SECONDS > self.deadline:
                raise self._nobody_knows()
            self.clock.sleep(_POLL_SECONDS)

    def _look(self) -> Included | None:
        """Where it is; None if it is in no block and still can be."""
        if self.node.is_closed():
            self.node.reconnect()
        # The nonce is read before the blocks: if it was taken by then, a block that was
        # looked through has who took it.
        nonce_taken = self._stored_nonce() > self.extrinsic.nonce
        newest = self._scan_limit()
        over = newest >= self.extrinsic.mortality.death
        if nonce_taken or over:
            # The last look goes through all blocks again: some may have been replaced.
            self._scanned = self.extrinsic.mortality.birth
        found = self._scan(newest)
        if found is not None:
            return found
        if nonce_taken:
            raise TransactionLost(self.hash, "another transaction of the signer took its place")
        if over:
            raise TransactionLost(self.hash, "its time was over")
        return None

    def _scan_limit(self) -> int:
        header = self.node.request("chain_getHeader")
        return int(header["number"], 16)

    def _scan(self, newest: int) -> Included | None:
        """Look through the blocks that were not looked through yet."""
        while self._scanned < newest:
            block = self.node.request("chain_getBlockHash", self._scanned + 1)
            found = None if block is None else self._in_block(block, self._scanned + 1)
            if found is not None:
                return found
            self._scanned += 1
        return None

    def _locate(self, block: str) -> Included:
        """Where it is, once a node has named its block; looked for if that block was replaced."""
        header = self.node.request("chain_getHeader", block)
        number = None if header is None else int(header["number"], 16)
        if number is None or self.node.request("chain_getBlockHash", number) != block:
            return self._found()
        found = self._in_block(block, number)
        if found is None:
            fault = "a block that it named does not hold the transaction"
            raise NodeFault(self.node.url, "chain_getBlock", fault)
        return found

    def _in_block(self, block: str, number: int) -> Included | None:
        body = self.node.request("chain_getBlock", block)["block"]["extrinsics"]
        if self.data not in body:
            return None
        return Included(bytes.fromhex(block[2:]), number, body.index(self.data))

    def _stored_nonce(self) -> int:
        """The account's nonce in the newest block (pending transactions left out)."""
        account = "0x" + self.extrinsic.signer.hex()
        answer = self.node.request("state_call", "AccountNonceApi_account_nonce", account)
        return int.from_bytes(bytes.fromhex(answer[2:]), "little")

    def _is_pending(self) -> bool:
        return self.data in self.node.request("author_pendingExtrinsics")

    def _send_again(self) -> None:
        try:
            self.node.request("author_submitExtrinsic", self.data)
        except NodeFault as fault:
            # Stale: it may have been included since the blocks were looked through.
            if fault.code in (_ALREADY_IMPORTED, _BANNED, _TOO_LOW_PRIORITY):
                return
            refused = self._refused(fault)
            if refused.reason != "Stale":
                raise refused from None

    def _refused(self, fault: NodeFault) -> TransactionInvalid:
        """The node would not take it: it is in no block, and in no pool of this node."""
        if fault.code in (_INVALID, _UNKNOWN_VALIDITY):
            return invalid_named(fault.message)
        if fault.code == _TOO_LOW_PRIORITY:
            return TransactionInvalid("Stale", "another transaction of the signer came first")
        if fault.code == _IMMEDIATELY_DROPPED:
            return TransactionInvalid("Dropped", "the node is busy; try again later")
        return TransactionInvalid("Refused", f"the node says {fault.message!r}")

    def _nobody_knows(self) -> NodeTimeout:
        return NodeTimeout(
            self.node.url,
            self.clock.steady() - self.began,
            "include the transaction",
            extrinsic_hash=self.hash,
            expires=self.extrinsic.mortality.death - 1,
        )
