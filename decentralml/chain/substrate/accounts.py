"""What the pallets of accounts store, as the project's own words; see :mod:`.records`."""

from __future__ import annotations

from typing import Any

from decentralml.chain import ss58
from decentralml.chain.api import AssetBalance, AssetInfo, AssetStatus, Ballot
from decentralml.chain.reputation import reputation as faded
from decentralml.chain.substrate.codec import Variant
from decentralml.chain.substrate.records import text
from decentralml.types import AggregatorProfile, Balance, Election, Reputation, Role


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


def reputation(role: Role, value: dict[str, Any], now: int, half_life: int) -> Reputation:
    """``Reputation.Records``, as of now."""
    counts = (value["accepted"], value["rejected"], value["expired"], value["overturned"])
    return faded(role, counts, value["earned"], value["updated_at"], now, half_life)


def asset(number: int, details: dict[str, Any], metadata: dict[str, Any]) -> AssetInfo:
    """``Assets.Asset`` and ``Assets.Metadata``."""
    return AssetInfo(
        id=number,
        owner=ss58.encode(details["owner"]),
        name=text(metadata["name"]),
        symbol=text(metadata["symbol"]),
        decimals=metadata["decimals"],
        supply=details["supply"],
        minimum=details["min_balance"],
        status=AssetStatus(details["status"].name),
    )


def asset_balance(account: dict[str, Any] | None, holds: list[dict[str, Any]]) -> AssetBalance:
    """``Assets.Account`` and ``AssetsHolder.Holds``; the first leaves out what is held."""
    held = {hold_name(hold["id"]): hold["amount"] for hold in holds}
    if account is None:
        return AssetBalance(0, held)
    return AssetBalance(account["balance"], held, account["status"].name != "Liquid")
