"""The transaction pool of a chain that seals at once.

A transaction that can be in a block is in one when `submit` returns. What remains in the pool
are *future* ones: valid, but with a nonce whose predecessor is not there yet. They are sealed as
soon as it is, whichever process brought it. What a transaction waits for and what it brings are
the runtime's own tags (``TaggedTransactionQueue_validate_transaction``).

Limits as in a real node: 512 waiting transactions; here they also expire. The hash of a
transaction that was refused or removed is banned for half an hour.
Source: ``sc-transaction-pool``.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from decentralml.devchain.block import check_extrinsic
from decentralml.devchain.codec import DecodeError
from decentralml.devchain.hashes import blake2_256
from decentralml.devchain.rpc import validity
from decentralml.devchain.rpc.errors import (
    ALREADY_IMPORTED,
    BAD_FORMAT,
    IMMEDIATELY_DROPPED,
    INVALID_TRANSACTION,
    NO_TAGS,
    TEMPORARILY_BANNED,
    TOO_LOW_PRIORITY,
    VERIFICATION,
    RpcError,
    from_chain,
)
from decentralml.devchain.rpc.validity import ValidTransaction
from decentralml.devchain.rpc.views import to_hex
from decentralml.errors import ChainError, ExtrinsicRefused, RuntimeTrapped, UnreadableExtrinsic

if TYPE_CHECKING:
    from decentralml.devchain.chain import DevChain, Refused, Sealed

Status = str | dict[str, Any]
"""``"ready"``, ``"future"``, ``"dropped"``, ``"invalid"``, ``{"inBlock": hash}`` …"""
Watcher = Callable[[Status], None]

MOST_WAITING = 512
MOST_WAITING_BYTES = 20 << 20
SECONDS_WAITING = 1800.0
SECONDS_BANNED = 1800.0
MOST_BANNED = 2048
MOST_RETRIED = 32
"""Waiting transactions that one `refresh` looks at: the others have their turn next time."""


@dataclass(slots=True)
class _Transaction:
    extrinsic: bytes
    hash: bytes
    watcher: Watcher | None = None
    validity: ValidTransaction | None = None
    """Known when it waits, or when others did as it came."""
    expires: float = 0.0

    def tell(self, status: Status) -> None:
        if self.watcher is not None:
            self.watcher(status)


class Pool:
    """The pool of one chain. Thread-safe: one call at a time."""

    def __init__(self, chain: DevChain, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._chain = chain
        self._clock = clock
        self._lock = threading.RLock()
        self._waiting: OrderedDict[bytes, _Transaction] = OrderedDict()
        self._waiting_bytes = 0
        self._banned: OrderedDict[bytes, float] = OrderedDict()

    # -- what a client asks for

    def submit(self, extrinsic: bytes, watcher: Watcher | None = None) -> bytes:
        """Seal it, or keep it until its predecessor comes; its hash.

        Raises
        ------
        RpcError : it is not valid (10xx); nothing was changed.
        """
        outcome = self.submit_many([(extrinsic, watcher)])[0]
        if isinstance(outcome, RpcError):
            raise outcome
        return outcome

    def submit_many(
        self, submissions: Sequence[tuple[bytes, Watcher | None]]
    ) -> list[bytes | RpcError]:
        """Like :meth:`submit`, in as few blocks as possible; answers are in order."""
        with self._lock:
            outcomes: list[bytes | RpcError] = []
            admitted: list[_Transaction] = []
            for extrinsic, watcher in submissions:
                transaction = _Transaction(extrinsic, blake2_256(extrinsic), watcher)
                try:
                    self._admit(transaction, admitted)
                    admitted.append(transaction)
                    outcomes.append(transaction.hash)
                except RpcError as error:
                    outcomes.append(error)
            refused = self._seal(admitted)
            return [
                refused.get(outcome, outcome) if isinstance(outcome, bytes) else outcome
                for outcome in outcomes
            ]

    def pending(self) -> list[bytes]:
        """Waiting transactions, oldest first."""
        with self._lock:
            return [transaction.extrinsic for transaction in self._waiting.values()]

    def remove(self, hashes: Iterable[bytes]) -> list[bytes]:
        """Throw waiting transactions out and ban them; the hashes of those that were there."""
        with self._lock:
            removed = [self._drop(hash_, "invalid") for hash_ in hashes if hash_ in self._waiting]
            for hash_ in removed:
                self._ban(hash_)
            return removed

    def seal_empty(self) -> None:
        """A block without transactions; those that wait are looked at again."""
        with self._lock:
            self._chain.seal([])

    def prepare(self) -> None:
        """Start the next block while nobody waits for it."""
        with self._lock:
            self._chain.prepare()

    def refresh(self) -> None:
        """Look at waiting transactions again: other processes may have added blocks."""
        with self._lock:
            now = self._clock()
            for hash_ in [t.hash for t in self._waiting.values() if t.expires <= now]:
                self._drop(hash_, "dropped")
            brought = {tag for t in self._waiting.values() for tag in _validity(t).provides}
            heads = [
                transaction
                for transaction in self._waiting.values()
                if brought.isdisjoint(_validity(transaction).requires)
            ]
            for transaction in heads[:MOST_RETRIED]:
                self._waiting.move_to_end(transaction.hash)
            self._retry(heads[:MOST_RETRIED])

    # -- admission

    def _admit(self, transaction: _Transaction, others: Sequence[_Transaction]) -> None:
        until = self._banned.get(transaction.hash)
        if until is not None and until > self._clock():
            raise RpcError(TEMPORARILY_BANNED, "Transaction is temporarily banned")
        known = any(other.hash == transaction.hash for other in others)
        if known or transaction.hash in self._waiting:
            raise RpcError(
                ALREADY_IMPORTED, "Transaction Already Imported", to_hex(transaction.hash)
            )
        try:
            check_extrinsic(transaction.extrinsic)
        except DecodeError as error:
            raise RpcError(BAD_FORMAT, f"Extrinsic has invalid format: {error}") from None
        if self._waiting:
            # Its tags tell which of the others have waited for it.
            self._validate(transaction)

    def _validate(self, transaction: _Transaction) -> ValidTransaction:
        try:
            found = validity.decode_validity(self._chain.validate(transaction.extrinsic))
        except (UnreadableExtrinsic, RuntimeTrapped) as error:
            self._ban(transaction.hash)
            raise _unverifiable(error) from None
        except RpcError as error:
            if _is_final(error):
                self._ban(transaction.hash)
            raise
        transaction.validity = found
        return found

    def _wait(self, transaction: _Transaction) -> None:
        """Keep a valid transaction whose predecessor is missing."""
        valid = _validity(transaction)
        if not valid.provides:
            raise RpcError(NO_TAGS, "No tags provided", "the pool could not identify it")
        rivals = [
            other
            for other in self._waiting.values()
            if not set(_validity(other).provides).isdisjoint(valid.provides)
        ]
        best = max((_validity(rival).priority for rival in rivals), default=-1)
        if best >= valid.priority:
            raise RpcError(
                TOO_LOW_PRIORITY,
                f"Priority is too low: ({best} vs {valid.priority})",
                "The transaction has too low priority to replace another transaction already in "
                "the pool.",
            )
        size = self._waiting_bytes + len(transaction.extrinsic)
        if not rivals and (len(self._waiting) >= MOST_WAITING or size > MOST_WAITING_BYTES):
            raise RpcError(
                IMMEDIATELY_DROPPED,
                "Immediately Dropped",
                "The transaction couldn't enter the pool because of the limit",
            )
        for rival in rivals:
            self._drop(rival.hash, {"usurped": to_hex(transaction.hash)})
        transaction.expires = self._clock() + SECONDS_WAITING
        self._waiting[transaction.hash] = transaction
        self._waiting_bytes += len(transaction.extrinsic)
        transaction.tell("future")

    # -- sealing

    def _seal(self, transactions: list[_Transaction]) -> dict[bytes, RpcError]:
        """Seal what can be sealed, and what that sets free; keep what must wait.

        The errors of those that are out, by hash.
        """
        errors: dict[bytes, RpcError] = {}
        while transactions:
            again: list[_Transaction] = []
            full: list[_Transaction] = []
            brought: set[bytes] = set()
            sealed_any = False
            for transaction, outcome in zip(transactions, self._try(transactions), strict=True):
                if not isinstance(outcome, bytes | RpcError):
                    sealed_any = True
                    if transaction.validity is not None:
                        brought.update(transaction.validity.provides)
                    self._sealed(transaction, outcome)
                elif outcome == validity.EXHAUSTS_RESOURCES and (sealed_any or full):
                    full.append(transaction)
                elif outcome == validity.FUTURE:
                    self._future(transaction, again, errors)
                else:
                    error = validity.explain(outcome) if isinstance(outcome, bytes) else outcome
                    errors[transaction.hash] = error
                    self._refused(transaction, error)
            transactions = full + again + self._released(brought, again)
        return errors

    def _try(self, transactions: list[_Transaction]) -> list[Sealed | bytes | RpcError]:
        """For each: sealed, or the runtime's refusal (SCALE validity error), or what went wrong."""
        from decentralml.devchain.chain import Refused

        if len(transactions) == 1:
            # No block at all rather than an empty one.
            try:
                return [self._chain.submit(transactions[0].extrinsic)]
            except ExtrinsicRefused as error:
                return [error.result[1:]]
            except (UnreadableExtrinsic, RuntimeTrapped) as error:
                return [_unverifiable(error)]
            except ChainError as error:
                return [from_chain(error)]
        try:
            outcomes = self._chain.seal([t.extrinsic for t in transactions])
        except ChainError as error:
            return [from_chain(error)] * len(transactions)
        return [_refusal(o) if isinstance(o, Refused) else o for o in outcomes]

    def _sealed(self, transaction: _Transaction, sealed: Sealed) -> None:
        block = to_hex(sealed.block_hash)
        for status in ("ready", {"inBlock": block}, {"finalized": block}):
            transaction.tell(status)

    def _refused(self, transaction: _Transaction, error: RpcError) -> None:
        if _is_final(error):
            self._ban(transaction.hash)
        if error.code != INVALID_TRANSACTION:
            transaction.tell("dropped")
        elif transaction.expires:
            self._gone(transaction)

    def _future(
        self,
        transaction: _Transaction,
        again: list[_Transaction],
        errors: dict[bytes, RpcError],
    ) -> None:
        try:
            if self._validate(transaction).requires:
                self._wait(transaction)
            else:  # what it waited for came in the same block, after it
                again.append(transaction)
        except RpcError as error:
            errors[transaction.hash] = error

    def _released(self, brought: set[bytes], ready: Sequence[_Transaction]) -> list[_Transaction]:
        """Waiting transactions, taken out, that follow on the tags `brought` or on the `ready`
        ones, on each other too, in the order in which they can be sealed."""
        tags = brought.union(*(_validity(transaction).provides for transaction in ready))
        released: list[_Transaction] = []
        while True:
            following = [
                transaction
                for transaction in self._waiting.values()
                if not tags.isdisjoint(_validity(transaction).requires)
            ]
            if not following:
                return released
            for transaction in following:
                released.append(self._take(transaction.hash))
                tags.update(_validity(transaction).provides)

    def _retry(self, transactions: list[_Transaction]) -> None:
        ready = self._revalidated(transactions)
        self._seal(ready + self._released(set(), ready))

    def _revalidated(self, transactions: list[_Transaction]) -> list[_Transaction]:
        """Those that wait for nothing any more, taken out; invalid ones are out, too."""
        ready = []
        for transaction in transactions:
            try:
                if not self._validate(transaction).requires:
                    ready.append(self._take(transaction.hash))
            except RpcError:
                self._gone(self._take(transaction.hash))
        return ready

    def _gone(self, transaction: _Transaction) -> None:
        """A waiting transaction, taken out, is not valid any more: perhaps it is in a block that
        another process made."""
        where = self._chain.find_extrinsic(transaction.hash)
        block = None if where is None else self._chain.block_hash(where[0])
        if block is None:
            transaction.tell("invalid")
        else:
            transaction.tell({"inBlock": to_hex(block)})
            transaction.tell({"finalized": to_hex(block)})

    # -- books

    def _take(self, hash_: bytes) -> _Transaction:
        transaction = self._waiting.pop(hash_)
        self._waiting_bytes -= len(transaction.extrinsic)
        return transaction

    def _drop(self, hash_: bytes, status: Status) -> bytes:
        self._take(hash_).tell(status)
        return hash_

    def _ban(self, hash_: bytes) -> None:
        self._banned[hash_] = self._clock() + SECONDS_BANNED
        self._banned.move_to_end(hash_)
        if len(self._banned) > MOST_BANNED:
            self._banned.popitem(last=False)


def _validity(transaction: _Transaction) -> ValidTransaction:
    assert transaction.validity is not None, "what waits has been validated"
    return transaction.validity


def _is_final(error: RpcError) -> bool:
    """Whether a transaction is banned for it. One that is outdated was perhaps included: real
    nodes say so each time."""
    invalid = error.code == INVALID_TRANSACTION and error.data != validity.OUTDATED
    return invalid or error.code == VERIFICATION


def _unverifiable(error: Exception) -> RpcError:
    return RpcError(VERIFICATION, f"Verification Error: {error}")


def _refusal(refused: Refused) -> bytes | RpcError:
    if not refused.result:
        return RpcError(VERIFICATION, f"Verification Error: {refused.reason}")
    return refused.result[1:]
