"""What came of a transaction that is in a block."""

from __future__ import annotations

from typing import Any

from decentralml.chain import calls
from decentralml.chain.api import Receipt
from decentralml.chain.substrate.codec import Variant
from decentralml.chain.substrate.errors import dispatch_error
from decentralml.chain.substrate.events import of_extrinsic, typed
from decentralml.chain.substrate.extrinsic import Extrinsic
from decentralml.chain.substrate.runtime import Runtime
from decentralml.chain.substrate.transport import Included
from decentralml.errors import CallRefused

_NAMED = ("task", "index", "asset", "swarm", "round", "who")


def receipt_of(
    runtime: Runtime,
    stored: list[dict[str, Any]],
    included: Included,
    signed: Extrinsic,
    facts: dict[str, Any],
) -> Receipt:
    """The receipt of a transaction, from the decoded ``System.Events`` of its block.

    Raises
    ------
    CallRefused : its call failed; ``facts`` and the block are the error's attributes.
    """
    fee = 0
    happened = []
    failure: Variant | None = None
    for event in of_extrinsic(stored, included.index):
        match event:
            case Variant("System", Variant("ExtrinsicFailed", {"dispatch_error": error})):
                failure = error
            case Variant("TransactionPayment", Variant("TransactionFeePaid", paid)):
                fee = paid["actual_fee"]
        happened.append(event)
    where: dict[str, Any] = {
        "block_hash": "0x" + included.block_hash.hex(),
        "block": included.number,
        "extrinsic_hash": "0x" + signed.hash.hex(),
        "fee": fee,
    }
    if failure is not None:
        refused: CallRefused = dispatch_error(runtime, failure, **facts, **where)
        raise refused
    events = tuple(typed(runtime, event) for event in happened)
    return Receipt(index=included.index, events=events, **where)


def facts_of(call: calls.Call) -> dict[str, Any]:
    """What a call names, for the message of an error: the task, the submission, the parent, the
    asset; the swarm, its round, the account. Of a batch, what its calls agree on."""
    if isinstance(call, calls.Batch):
        parts = [facts_of(part) for part in call.calls]
        named = {name: value for part in parts for name, value in part.items()}
        return {
            name: value
            for name, value in named.items()
            if all(part.get(name, value) == value for part in parts)
        }
    if isinstance(call, calls.CreateTask):
        return {"parent": call.terms.parent, "asset": call.terms.asset}
    return {name: getattr(call, name) for name in _NAMED if hasattr(call, name)}
