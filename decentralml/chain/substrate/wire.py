"""The marketplace's calls as calls of the runtime's pallets.

The calls of our own pallets carry the names and fields of the pallets' calls; what is not already
what the codec takes is converted by the type of the field.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, TypeVar, get_args

from decentralml.chain import calls, ss58
from decentralml.chain.substrate.codec import EncodeError, Variant
from decentralml.chain.substrate.metadata import Field
from decentralml.chain.substrate.reader import Census
from decentralml.chain.substrate.runtime import Runtime
from decentralml.chain.swarm import calls as swarm
from decentralml.chain.swarm.words import ADDRESS_BYTES, CERTIFICATE_BYTES, MAX_LEFT_OUT
from decentralml.devchain.codec import vector
from decentralml.errors import CallInvalid
from decentralml.types import MAX_GOLDS, Address

T = TypeVar("T")
_OWN: dict[type, tuple[str, str]] = {
    calls.CreateTask: ("Market", "create_task"),
    calls.AcceptTask: ("Market", "accept_task"),
    calls.SubmitResult: ("Market", "submit_result"),
    calls.DrawCommittee: ("Market", "draw_committee"),
    calls.HandKey: ("Market", "hand_key"),
    calls.Commit: ("Market", "commit"),
    calls.Reveal: ("Market", "reveal"),
    calls.AcceptResult: ("Market", "accept_result"),
    calls.RejectResult: ("Market", "reject_result"),
    calls.AppealResult: ("Market", "appeal"),
    calls.OpenGold: ("Market", "open_gold"),
    calls.ReleaseKey: ("Market", "release_key"),
    calls.Claim: ("Market", "claim"),
    calls.AppointMerger: ("Market", "appoint_merger"),
    calls.PublishModel: ("Market", "publish_model"),
    calls.Abandon: ("Market", "abandon"),
    calls.WithdrawTask: ("Market", "withdraw_task"),
    calls.Settle: ("Market", "settle"),
    calls.ShareKey: ("Market", "share_key"),
    calls.DiscardShare: ("Market", "discard_share"),
    calls.Invite: ("Market", "invite"),
    calls.Uninvite: ("Market", "uninvite"),
    calls.Clear: ("Market", "clear"),
    calls.ClearAccess: ("Market", "clear_access"),
    calls.RegisterAggregator: ("Aggregators", "register"),
    calls.UpdateProfile: ("Aggregators", "update_profile"),
    calls.TopUp: ("Aggregators", "top_up"),
    calls.Deregister: ("Aggregators", "deregister"),
    swarm.CreateSwarm: ("Swarm", "create"),
    swarm.SetSwarmTerms: ("Swarm", "set_terms"),
    swarm.GrantSeat: ("Swarm", "grant_seat"),
    swarm.TakeSeat: ("Swarm", "take_seat"),
    swarm.RevokeSeat: ("Swarm", "revoke_seat"),
    swarm.GiveUpSeat: ("Swarm", "give_up_seat"),
    swarm.RegisterNode: ("Swarm", "register"),
    swarm.Ready: ("Swarm", "ready"),
    swarm.Arrive: ("Swarm", "arrive"),
    swarm.Advance: ("Swarm", "advance"),
    swarm.StepDown: ("Swarm", "step_down"),
    swarm.Publish: ("Swarm", "publish"),
    swarm.ObjectMerged: ("Swarm", "object"),
    swarm.MarkAbsent: ("Swarm", "mark_absent"),
    swarm.FinishTraining: ("Swarm", "finish"),
    swarm.CloseSwarm: ("Swarm", "close"),
    swarm.ClearSeat: ("Swarm", "clear_seat"),
    swarm.RemoveSwarm: ("Swarm", "remove"),
    swarm.CollectPrice: ("Swarm", "collect_price"),
}
_TEXT_BYTES = {
    "reason": calls.REASON_BYTES,
    "endpoint": calls.ENDPOINT_BYTES,
    "address": ADDRESS_BYTES,
}
_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "Address": ss58.decode,
    "Address | None": lambda account: None if account is None else ss58.decode(account),
    "tuple[Address, ...]": lambda accounts: [
        ss58.decode(account) for account in _few(accounts, calls.MAX_PARTIES, "accounts")
    ],
    "tuple[tuple[Address, bytes], ...]": lambda pairs: [
        (ss58.decode(account), data) for account, data in _few(pairs, calls.MAX_PARTIES, "accounts")
    ],
    "tuple[bytes, ...]": lambda golds: list(_few(golds, MAX_GOLDS, "golds")),
    "tuple[tuple[Address, Fault], ...]": lambda pairs: [
        (ss58.decode(account), fault.value)
        for account, fault in _few(pairs, MAX_LEFT_OUT, "arrivals left out")
    ],
    "Cid": lambda cid: _text(cid, calls.CID_BYTES, "CID"),
    **dict.fromkeys(
        (
            *("TaskType", "ValidationStrategy", "ModelType", "StorageType", "Access", "Verdict"),
            *("MergeMethod", "Admission", "Presence"),
        ),
        lambda case: case.value,
    ),
    **dict.fromkeys(
        (
            *("Terms", "Attestation", "Gold", "Seal | None", "Trace | None", "Replay | None"),
            "SwarmTerms",
        ),
        lambda record: None if record is None else to_record(record),
    ),
}


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
    if type(call) in _OWN:
        return PalletCall(*_OWN[type(call)], to_record(call))
    if isinstance(call, get_args(calls.AssetCall)):
        return _asset_call(call)
    match call:
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
    raise TypeError(f"{type(call).__name__} is no call")


def _asset_call(call: calls.AssetCall) -> PalletCall:
    """Calls of the library pallet; assets are named by ``id``, which is compact."""
    arguments: dict[str, Any] = {"id": call.asset}
    match call:
        case calls.CreateAsset(_, admin, minimum):
            function = "create"
            arguments |= {"admin": account_to_wire(admin), "min_balance": minimum}
        case calls.DescribeAsset(_, name, symbol, decimals):
            function = "set_metadata"
            arguments |= {"name": name.encode(), "symbol": symbol.encode(), "decimals": decimals}
        case calls.MintAsset(_, to, amount):
            function = "mint"
            arguments |= {"beneficiary": account_to_wire(to), "amount": amount}
        case calls.TransferAsset(_, to, amount):
            function = "transfer_keep_alive"
            arguments |= {"target": account_to_wire(to), "amount": amount}
        case calls.FreezeAsset(_, who) | calls.ThawAsset(_, who):
            function = "freeze" if isinstance(call, calls.FreezeAsset) else "thaw"
            if who is None:
                function += "_asset"
            else:
                arguments["who"] = account_to_wire(who)
    return PalletCall("Assets", function, arguments)


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


def account_to_wire(address: Address) -> Variant:
    """An account as a ``MultiAddress``."""
    return Variant("Id", ss58.decode(address))


def to_record(value: Any) -> dict[str, Any]:
    """A record of ours as the pallet's of the same fields."""
    return {field.name: _converted(field.name, str(field.type), value) for field in fields(value)}


def _converted(name: str, kind: str, owner: Any) -> Any:
    value = getattr(owner, name)
    if name in _TEXT_BYTES:
        return _text(value, _TEXT_BYTES[name], name)
    if name == "certificate":
        return _short(value, CERTIFICATE_BYTES, name)
    convert = _CONVERSIONS.get(kind)
    return value if convert is None else convert(value)


def _few(several: tuple[T, ...], most: int, what: str) -> tuple[T, ...]:
    """What a call lists; the runtime cannot even read a call with more than it allows."""
    if len(several) > most:
        raise CallInvalid(f"{len(several)} {what} are more than the {most} that it can name")
    return several


def _text(text: str, limit: int, what: str) -> bytes:
    """Text in UTF-8; the runtime cannot even read a call with more of it than it allows."""
    return _short(text.encode(), limit, what)


def _short(data: bytes, limit: int, what: str) -> bytes:
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
