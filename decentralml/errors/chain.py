"""Errors of a chain, its node and its transactions."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Self

from decentralml.errors.quantities import format_amount
from decentralml.errors.root import REPEAT, ChainError


class NodeUnreachable(ChainError):
    """No node answers at an address, or it hung up and cannot be reached again."""

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        self.reason = reason
        super().__init__(
            f"no node answers at {url} ({reason}); start it, correct the address (--chain), "
            "or use the embedded chain (--chain embedded)"
        )


class NodeTimeout(ChainError):
    """A node did not answer in time.

    While a transaction waited for its block: ``extrinsic_hash`` names it and ``expires`` is the
    last block that can include it. Who sends the same again finds it by the journal.
    """

    def __init__(
        self,
        url: str,
        waited: float,
        what: str,
        extrinsic_hash: str | None = None,
        expires: int | None = None,
    ) -> None:
        self.url = url
        self.waited = waited
        self.what = what
        self.extrinsic_hash = extrinsic_hash
        self.expires = expires
        after = "the node is slow or hung: try again, or use another node (--chain)"
        if extrinsic_hash is not None:
            after = (
                f"transaction {extrinsic_hash} may still be included, up to block {expires}; "
                f"{REPEAT}"
            )
        super().__init__(f"{url} did not {what} within {waited:.0f} seconds; {after}")


class NodeFault(ChainError):
    """A node answered a request with an error, or with something that is no answer."""

    def __init__(self, url: str, method: str, message: str, code: int | None = None) -> None:
        self.url = url
        self.method = method
        self.message = message
        self.code = code
        super().__init__(
            f"{url} refused {method}: {message}; check that it is a Substrate node of this network"
        )


class StatePruned(ChainError):
    """A node was asked for an old state, and keeps only the newest."""

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(
            f"{url} has forgotten the states of that time; ask a node that keeps them all (one "
            "with --state-pruning archive)"
        )


class BlockUnknown(ChainError):
    """A chain does not have a block that it should have."""

    def __init__(self, address: str, block: int) -> None:
        self.address = address
        self.block = block
        super().__init__(
            f"{address} has no block {block}, or has taken it back meanwhile; try again, or ask "
            "another node (--chain)"
        )


class EvidenceRefused(ChainError):
    """Evidence of what happened on a chain does not show it."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"the evidence does not hold: {problem}; ask for another receipt")


class WrongGenesis(ChainError):
    """The chain is another one than the settings name."""

    def __init__(self, expected: str, actual: str, address: str) -> None:
        self.expected = expected
        self.actual = actual
        self.address = address
        super().__init__(
            f"{address} serves the chain {actual}, not {expected}; correct the address or the "
            "`genesis` setting (a chain that was reset has a new genesis)"
        )


class RuntimeMismatch(ChainError):
    """The chain's runtime is not one that this program can talk to."""

    def __init__(self, spec_name: str, spec_version: int, missing: str) -> None:
        self.spec_name = spec_name
        self.spec_version = spec_version
        self.missing = missing
        super().__init__(
            f"this program cannot talk to the runtime {spec_name} version {spec_version}: "
            f"{missing}; install the version of decentralml that matches the chain"
        )


class RuntimeOutdated(ChainError):
    """The chain runs an older runtime than this program needs, and can be upgraded."""

    def __init__(self, spec_name: str, spec_version: int, needed: int) -> None:
        self.spec_name = spec_name
        self.spec_version = spec_version
        self.needed = needed
        super().__init__(
            f"the chain still runs {spec_name} version {spec_version}, and this program needs "
            f"version {needed}; bring it there with `decentralml chain upgrade`"
        )


class NothingToUpgrade(ChainError):
    """The chain's runtime is not older than the one that this program ships."""

    def __init__(self, spec_name: str, running: int, shipped: int) -> None:
        self.spec_name = spec_name
        self.running = running
        self.shipped = shipped
        if running == shipped:
            why = "which is the one that this program ships; there is nothing to do"
        else:
            why = f"and this program ships version {shipped}; install a newer decentralml"
        super().__init__(f"the chain runs {spec_name} version {running}, {why}")


class NotTheSudoKey(ChainError):
    """Somebody who may not change a chain's runtime tried to.

    ``authority`` is who may; None where nobody can.
    """

    def __init__(self, signer: str, authority: str | None) -> None:
        self.signer = signer
        self.authority = authority
        if authority is None:
            remedy = "and nor may any other key: its own rules have to change it"
        else:
            remedy = f"only {authority} may: sign with that key (--as NAME)"
        super().__init__(f"{signer} may not change the chain's runtime; {remedy}")


class NotDevelopmentChain(ChainError):
    """A development key, whose secret is public, on a chain that is not for development."""

    def __init__(self, key: str, chain: str) -> None:
        self.key = key
        self.chain = chain
        super().__init__(
            f"{key} is a development key, whose secret everybody knows, and {chain} is not a "
            "development chain; make a key with `decentralml keys new NAME`"
        )


class EmbeddedOnly(ChainError):
    """Something that only the embedded chain can do was asked of a node."""

    def __init__(self, what: str, url: str) -> None:
        self.what = what
        self.url = url
        super().__init__(
            f"{url} cannot {what}: only the embedded chain can; use `--chain embedded`"
        )


class TransactionInvalid(ChainError):
    """The chain will not include a transaction; nothing was charged.

    ``reason`` is the runtime's own name (``Stale``, ``Payment``, ``BadProof`` …).
    """

    def __init__(self, reason: str, explanation: str) -> None:
        self.reason = reason
        super().__init__(f"the chain refuses the transaction ({reason}): {explanation}")


class CannotPayFee(TransactionInvalid):
    """The signer's balance does not cover the fee of the transaction (planck, where known)."""

    def __init__(self, address: str, fee: int | None = None, free: int | None = None) -> None:
        self.address = address
        self.fee = fee
        self.free = free
        numbers = ""
        if fee is not None and free is not None:
            numbers = f" of {format_amount(fee)} ({format_amount(free)} are free)"
        super().__init__(
            "Payment",
            f"{address} cannot pay its fee{numbers}; send tokens to it (`decentralml transfer`)",
        )


class TransactionLost(ChainError):
    """A transaction was sent, was not included, and never can be: it is safe to do it again."""

    def __init__(self, extrinsic_hash: str, why: str) -> None:
        self.extrinsic_hash = extrinsic_hash
        self.why = why
        super().__init__(
            f"transaction {extrinsic_hash} was not included ({why}) and can no longer be; "
            "it is safe to run the same command again"
        )


class TakenBack(ChainError):
    """What was in a block is not on the chain any more: other blocks took the place of its last."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(
            f"{what} was on the chain and is not any more: a fork took its block back; "
            "run the same command again"
        )


class JournalUnwritable(ChainError):
    """What is about to be sent could not be written down; nothing was sent."""

    def __init__(self, folder: Path, reason: str) -> None:
        self.folder = str(folder)
        self.reason = reason
        super().__init__(
            f"what is to be sent cannot be noted in {folder} ({reason}), so nothing was sent; "
            "make room or correct the folder's rights, and run the same command again"
        )


class JournalDamaged(ChainError):
    """A note of what an earlier process was about to send cannot be read."""

    def __init__(self, file: Path) -> None:
        self.file = str(file)
        super().__init__(
            f"{file}, which says what an interrupted command was sending, is damaged; see whether "
            "it took effect (the task, the balance), then remove the file"
        )


class CallInvalid(ChainError):
    """A call that cannot be said to the chain at all; nothing was sent."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the call makes no sense ({reason}); correct it and try again")


class CallRefused(ChainError):
    """A call was included in a block and failed; only its fee was charged.

    The base of one class for each error of each pallet (:mod:`decentralml.chain.errors`); errors
    of pallets that this program does not know by name arrive as a subclass made for them.

    Attributes
    ----------
    pallet, name : where the error comes from and what the runtime calls it.
    docs : the runtime's own explanation.
    further attributes : what the call named (``task``, ``index``, ``signer`` …) and, once it is
        in a block, ``block_hash``, ``extrinsic_hash`` and ``fee``.
    """

    message = "the chain refused the call: {pallet}.{name} ({docs})"
    home: ClassVar[str] = ""
    """The pallet, in the base class of one pallet's errors."""

    def __init__(self, pallet: str, name: str, docs: str = "", **facts: Any) -> None:
        self.pallet = pallet
        self.name = name
        self.docs = docs
        vars(self).update(facts)
        super().__init__(self.message.format_map(_Facts(self.words() | vars(self))))

    def words(self) -> dict[str, str]:
        """What the message says in place of some facts' bare values."""
        return {}

    def with_facts(self, **facts: Any) -> Self:
        """The same refusal, of which more is known."""
        known = {k: v for k, v in vars(self).items() if k not in ("pallet", "name", "docs")}
        return type(self)(self.pallet, self.name, self.docs, **(known | facts))

    @classmethod
    def foreseen(cls, **facts: Any) -> Self:
        """The refusal that the chain would give: known before anything is sent or paid."""
        return cls(cls.home, cls.__name__, **facts)


class _Facts(dict[str, Any]):
    """Facts for a message; one that the call did not name reads as a plain word."""

    def __missing__(self, fact: str) -> str:
        return f"({fact})"
