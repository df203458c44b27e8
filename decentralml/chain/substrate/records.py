"""What the pallets store, as the project's own words.

Pure functions of decoded values (:mod:`decentralml.chain.substrate.codec`). A value that lacks what
they look for raises ``KeyError`` or ``ValueError``, which the client reports as a runtime that this
program cannot read.
"""

from __future__ import annotations

from typing import Any

from decentralml.chain import ss58
from decentralml.chain.api import Ballot
from decentralml.chain.substrate.codec import Variant
from decentralml.types import (
    AggregatorProfile,
    Attestation,
    Balance,
    Cid,
    Election,
    ModelType,
    Seat,
    StorageType,
    Submission,
    SubmissionStatus,
    Task,
    TaskId,
    TaskStatus,
    TaskType,
    Terms,
    ValidationStrategy,
    Verdict,
)

VOTE_LOCK = b"phrelect"
"""The lock on the stake of an election's votes."""


def task(number: int, value: dict[str, Any]) -> Task:
    """``Market.Tasks``."""
    return Task(
        id=TaskId(number),
        creator=ss58.encode(value["creator"]),
        terms=terms(value["terms"]),
        open_slots=value["open_slots"],
        active=value["active"],
        accepted=value["accepted"],
        submissions=value["submissions"],
        created_at=value["created_at"],
        status=TaskStatus(value["status"].name),
        published=None if value["published"] is None else cid(value["published"]),
    )


def terms(value: dict[str, Any]) -> Terms:
    return Terms(
        task_type=TaskType(value["task_type"].name),
        strategy=ValidationStrategy(value["strategy"].name),
        model_type=ModelType(value["model_type"].name),
        storage=StorageType(value["storage"].name),
        bundle=cid(value["bundle"]),
        reward=value["reward"],
        fee=value["fee"],
        committee_size=value["committee_size"],
        slots=value["slots"],
        expires_at=value["expires_at"],
        working_time=value["working_time"],
        review_time=value["review_time"],
        parent=None if value["parent"] is None else TaskId(value["parent"]),
    )


def submission(number: int, index: int, value: dict[str, Any]) -> Submission:
    """``Market.Submissions``: the state's own data is spread over optional attributes."""
    work, state = value["work"], value["state"]
    return Submission(
        task=TaskId(number),
        index=index,
        contributor=ss58.encode(value["contributor"]),
        bond=value["bond"],
        accepted_at=value["accepted_at"],
        status=SubmissionStatus(state.name),
        result=None if work is None else cid(work["cid"]),
        digest=None if work is None else work["digest"],
        submitted_at=None if work is None else work["submitted_at"],
        committee=tuple(seat(each) for each in value["committee"]),
        **_state(state, value["fees"]),
    )


def _state(state: Variant, fees: Variant) -> dict[str, Any]:
    held = state.value or {}
    facts: dict[str, Any] = {}
    if state.name == "Assigned":
        facts["deadline"] = held["deadline"]
    elif state.name == "PendingValidation":
        phase = held["phase"]
        facts["round"] = held["round"]
        facts["deadline"] = phase.value["until"]
        if phase.name == "Drawing":
            facts["draw_after"] = phase.value["anchor"]
        else:
            facts["attest_until"] = phase.value["until"]
    elif state.name == "Validated":
        facts["deadline"] = held["review_until"]
        facts["attest_until"] = held["attest_until"]
    elif fees.name == "Due":
        facts["deadline"] = facts["attest_until"] = fees.value["until"]
    if "verdict" in held:
        facts["verdict"] = Verdict(held["verdict"].name)
        facts["score"] = held["score"]
    if "reason" in held:
        facts["reason"] = text(held["reason"])
    return facts


def seat(value: dict[str, Any]) -> Seat:
    found = value["attestation"]
    attestation = None
    if found is not None:
        attestation = Attestation(
            Verdict(found["verdict"].name), found["score"], cid(found["report"])
        )
    return Seat(ss58.encode(value["member"]), attestation, value["paid"])


def profile(account: bytes, value: dict[str, Any]) -> AggregatorProfile:
    """``Aggregators.Profiles``."""
    return AggregatorProfile(
        account=ss58.encode(account),
        endpoint=text(value["endpoint"]),
        encryption_key=value["encryption_key"],
        bond=value["bond"],
        duties=value["duties"],
        missed=value["missed"],
    )


def balance(
    account: dict[str, Any], holds: list[dict[str, Any]], locks: list[dict[str, Any]]
) -> Balance:
    """``System.Account``, ``Balances.Holds`` and ``Balances.Locks`` of one account.

    A hold is named by its pallet and reason, ``market.Escrow``. Reserves (of the election's
    pallet, which knows no holds) are held as ``reserved``. Locks overlay one another: the largest
    counts.
    """
    data = account["data"]
    held = {hold_name(hold["id"]): hold["amount"] for hold in holds}
    unnamed = data["reserved"] - sum(held.values())
    if unnamed:
        held["reserved"] = unnamed
    locked = max((lock["amount"] for lock in locks), default=0)
    return Balance(data["free"], held, min(locked, data["free"]))


def hold_name(reason: Variant) -> str:
    """A hold's reason as ``pallet.Reason``, the pallet in lower case."""
    pallet = reason.name.lower()
    return f"{pallet}.{reason.value.name}" if isinstance(reason.value, Variant) else pallet


def election(
    members: list[dict[str, Any]],
    runners_up: list[dict[str, Any]],
    candidates: list[tuple[bytes, int]],
    block: int,
    term: int,
) -> Election:
    """The storage of the elections pallet; a term ends at every multiple of its length.

    Runners-up are stored worst first and told best first.
    """
    return Election(
        members=tuple(ss58.encode(member["who"]) for member in members),
        runners_up=tuple(ss58.encode(runner["who"]) for runner in reversed(runners_up)),
        candidates=tuple(ss58.encode(account) for account, _ in candidates),
        round_ends=(block // term + 1) * term,
    )


def ballot(value: dict[str, Any]) -> Ballot | None:
    """``Elections.Voting``; a missing one reads as a vote for nobody."""
    if not value["votes"]:
        return None
    votes = tuple(ss58.encode(account) for account in value["votes"])
    return Ballot(votes, value["stake"], value["deposit"])


def cid(data: bytes) -> Cid:
    return Cid(text(data))


def text(data: bytes) -> str:
    """Text that strangers put on the chain: what is not UTF-8 is shown, not refused."""
    return data.decode(errors="backslashreplace")
