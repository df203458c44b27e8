"""The marketplace's calls as calls of the runtime's pallets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from decentralml.chain import calls, ss58
from decentralml.chain.substrate.codec import EncodeError, Variant
from decentralml.chain.substrate.metadata import Field
from decentralml.chain.substrate.reader import Census
from decentralml.chain.substrate.runtime import Runtime
from decentralml.devchain.codec import vector
from decentralml.errors import CallInvalid
from decentralml.types import Address, Cid, Terms


@dataclass(frozen=True, slots=True)
class PalletCall:
    """A call of a pallet with its arguments by name."""

    pallet: str
    function: str
    arguments: dict[str, Any]


def needs_census(call: calls.Call) -> bool:
    """Whether :func:`to_pallet` has to be told the state of the election."""
    if isinstance(call, calls.Batch):
        return any(needs_census(each) for each in call.calls)
    return isinstance(call, calls.SubmitCandidacy | calls.RenounceCandidacy)


def to_pallet(call: calls.Call, census: Census | None = None) -> PalletCall:
    """The pallet's call that a call of ours stands for; a batch of batches is not one.

    Raises
    ------
    CallInvalid : an address that is none, or a candidacy renounced by who has none.
    """
    match call:
        case calls.CreateTask(terms):
            return PalletCall("Market", "create_task", {"terms": terms_to_wire(terms)})
        case calls.AcceptTask(task):
            return PalletCall("Market", "accept_task", {"task": task})
        case calls.SubmitResult(task, cid, digest):
            arguments = {"task": task, "cid": _cid(cid), "digest": digest}
            return PalletCall("Market", "submit_result", arguments)
        case calls.DrawCommittee(task, index):
            return PalletCall("Market", "draw_committee", {"task": task, "index": index})
        case calls.Attest(task, index, verdict, score, report):
            arguments = {
                "task": task,
                "index": index,
                "verdict": verdict.value,
                "score": score,
                "report": _cid(report),
            }
            return PalletCall("Market", "attest", arguments)
        case calls.AcceptResult(task, index):
            return PalletCall("Market", "accept_result", {"task": task, "index": index})
        case calls.RejectResult(task, index, reason):
            arguments = {
                "task": task,
                "index": index,
                "reason": _text(reason, calls.REASON_BYTES, "reason"),
            }
            return PalletCall("Market", "reject_result", arguments)
        case calls.PublishModel(task, model):
            return PalletCall("Market", "publish_model", {"task": task, "model": _cid(model)})
        case calls.Abandon(task):
            return PalletCall("Market", "abandon", {"task": task})
        case calls.WithdrawTask(task):
            return PalletCall("Market", "withdraw_task", {"task": task})
        case calls.Settle(task, index):
            return PalletCall("Market", "settle", {"task": task, "index": index})
        case calls.RegisterAggregator(endpoint, key):
            return PalletCall("Aggregators", "register", _profile(endpoint, key))
        case calls.UpdateProfile(endpoint, key):
            return PalletCall("Aggregators", "update_profile", _profile(endpoint, key))
        case calls.Deregister():
            return PalletCall("Aggregators", "deregister", {})
        case calls.SubmitCandidacy():
            count = census.candidates if census else 0
            return PalletCall("Elections", "submit_candidacy", {"candidate_count": count})
        case calls.RenounceCandidacy():
            if census is None or census.standing is None:
                raise CallInvalid("the account neither stands for election nor was elected")
            return PalletCall("Elections", "renounce_candidacy", {"renouncing": census.standing})
        case calls.Vote(candidates, stake):
            votes = [ss58.decode(candidate) for candidate in candidates]
            return PalletCall("Elections", "vote", {"votes": votes, "value": stake})
        case calls.RemoveVoter():
            return PalletCall("Elections", "remove_voter", {})
        case calls.Transfer(to, amount):
            arguments = {"dest": account_to_wire(to), "value": amount}
            return PalletCall("Balances", "transfer_keep_alive", arguments)
        case calls.Batch(inner):
            several = [to_pallet(each, census) for each in inner]
            return PalletCall("Utility", "batch_all", {"calls": several})


def encode(runtime: Runtime, call: PalletCall) -> bytes:
    """A pallet's call as bytes: the pallet's index, the function's, the arguments.

    Raises
    ------
    RuntimeMismatch : the runtime has no such call, or one of other arguments.
    CallInvalid : an argument that no value of its type can say.
    """
    pallet = runtime.pallet(call.pallet)
    cases = runtime.variants(pallet.calls) if pallet.calls is not None else ()
    case = next((case for case in cases if case.name == call.function), None)
    if case is None:
        raise runtime.mismatch(f"it has no call {call.pallet}.{call.function}")
    if {field.name for field in case.fields} != set(call.arguments):
        raise runtime.mismatch(f"{call.pallet}.{call.function} has other arguments")
    data = [bytes((pallet.number, case.number))]
    data += [_argument(runtime, call, field) for field in case.fields]
    return b"".join(data)


def terms_to_wire(terms: Terms) -> dict[str, Any]:
    """A task's terms as the pallet's record."""
    return {
        "task_type": terms.task_type.value,
        "strategy": terms.strategy.value,
        "model_type": terms.model_type.value,
        "storage": terms.storage.value,
        "bundle": _cid(terms.bundle),
        "reward": terms.reward,
        "fee": terms.fee,
        "committee_size": terms.committee_size,
        "slots": terms.slots,
        "expires_at": terms.expires_at,
        "working_time": terms.working_time,
        "review_time": terms.review_time,
        "parent": terms.parent,
    }


def account_to_wire(address: Address) -> Variant:
    """An account as a ``MultiAddress``."""
    return Variant("Id", ss58.decode(address))


def _profile(endpoint: str, key: bytes) -> dict[str, Any]:
    return {
        "endpoint": _text(endpoint, calls.ENDPOINT_BYTES, "endpoint"),
        "encryption_key": key,
    }


def _cid(cid: Cid) -> bytes:
    return _text(cid, calls.CID_BYTES, "CID")


def _text(text: str, limit: int, what: str) -> bytes:
    """Text in UTF-8; the runtime cannot even read a call with more of it than it allows."""
    data = text.encode()
    if len(data) > limit:
        raise CallInvalid(f"the {what} has {len(data)} bytes, more than {limit}")
    return data


def _argument(runtime: Runtime, call: PalletCall, field: Field) -> bytes:
    value = call.arguments[field.name or ""]
    if call.pallet == "Utility" and field.name == "calls":
        return vector(encode(runtime, inner) for inner in value)
    try:
        return runtime.codec.encode(field.type, value)
    except EncodeError as error:
        raise CallInvalid(f"{call.function}: {field.name}: {error}") from None
