"""Numbers for refusals: what a call would have held, and what its signer has."""

from __future__ import annotations

from typing import Any

from decentralml.chain import calls
from decentralml.chain.errors import BondTooSmall, FeeTooSmall, ReputationTooLow, TooEarly
from decentralml.chain.errors.short import Short
from decentralml.chain.substrate import swarm_shortfalls
from decentralml.chain.substrate.reader import Reader
from decentralml.chain.substrate.runtime import Runtime
from decentralml.chain.substrate.swarm_reader import SwarmReader
from decentralml.chain.swarm.calls import SwarmCall
from decentralml.errors import CallRefused, ChainError
from decentralml.types import Address, Role, Task

JURY = 16
"""The most seats of a jury."""


def with_numbers(
    error: CallRefused, call: calls.Call, signer: Address, runtime: Runtime, reader: Reader
) -> CallRefused:
    """The same refusal with what its message can say of needs and means, as of now."""
    try:
        return error.with_facts(**_numbers(error, call, signer, _Prices(runtime, reader)))
    except ChainError:
        return error  # That it was refused is what has to be told.


def _numbers(
    error: CallRefused, call: calls.Call, signer: Address, prices: _Prices
) -> dict[str, Any]:
    if isinstance(call, SwarmCall) and not isinstance(error, Short):
        return swarm_shortfalls.numbers(error, call, prices.swarms, prices.of_swarms)
    match error, call:
        case Short(), _:
            return prices.asset(call, signer) or prices.native(call, signer)
        case ReputationTooLow(), calls.AcceptTask(task):
            standing = prices.reader.reputation(signer, Role.CONTRIBUTOR).standing
            return {"least": prices.reader.task(task).terms.minimum_reputation, "given": standing}
        case BondTooSmall(), calls.CreateTask(terms):
            return {"least": max(prices.of("MinimumBond"), terms.slot_fees), "given": terms.bond}
        case FeeTooSmall(), calls.CreateTask(terms):
            return {"least": prices.of("MinimumFee"), "given": terms.fee}
        case TooEarly(), calls.Clear(task, index):
            reader = prices.reader
            found = reader.task(task) if index is None else reader.submission(task, index)
            if found.ended_at is not None:
                return {"since": found.ended_at + prices.of("RetentionPeriod")}
    return {}


class _Prices:
    """What calls hold or move of their signer's tokens."""

    def __init__(self, runtime: Runtime, reader: Reader) -> None:
        self.runtime = runtime
        self.reader = reader

    def of(self, constant: str, pallet: str = "Market") -> int:
        return int(self.runtime.constant(pallet, constant))

    def of_swarms(self, constant: str) -> int:
        return self.of(constant, "Swarm")

    @property
    def swarms(self) -> SwarmReader:
        return SwarmReader(self.runtime, self.reader.transport)

    def native(self, call: calls.Call, signer: Address) -> dict[str, Any]:
        """Needed and free planck; nothing where the call takes no known amount."""
        taken = self._taken(call, signer)
        if not taken:
            return {}
        balance = self.reader.balance(signer)
        kept = self.of("ExistentialDeposit", "Balances")
        return {"needed": taken + kept, "free": balance.free, "locked": balance.locked}

    def asset(self, call: calls.Call, signer: Address) -> dict[str, Any]:
        """The same of an asset, where the call moves one and there is too little of it."""
        match call:
            case calls.CreateTask(terms) if terms.asset is not None:
                asset, needed = terms.asset, terms.slots * terms.reward
            case calls.TransferAsset(asset, _, needed):
                pass
            case _:
                return {}
        info, free = self.reader.asset(asset), self.reader.asset_balance(asset, signer).free
        if info is None or needed <= free:
            return {}
        return {"needed": needed, "free": free, "decimals": info.decimals, "symbol": info.symbol}

    def _taken(self, call: calls.Call, signer: Address) -> int:
        """Planck, at least; deposits count as their base, which the bytes stored add to."""
        if isinstance(call, SwarmCall):
            return swarm_shortfalls.taken(call, signer, self.swarms, self.of_swarms)
        deposit = self.of("DepositBase")
        match call:
            case calls.Batch(parts):
                return sum(self._taken(part, signer) for part in parts)
            case calls.CreateTask(terms):
                return terms.slots * terms.slot_hold + self._task_deposit()
            case calls.AcceptTask(task):
                return self.reader.task(task).terms.bond + self._result_deposit(task)
            case calls.AppealResult(task, index) | calls.OpenGold(task, index):
                return self._appeal_bond(self.reader.task(task), index)
            case calls.RejectResult(task, index):
                return self._appeal_bond(self.reader.task(task), index)
            case calls.Invite(_, parties) | calls.ShareKey(_, parties):
                return deposit * len(parties)
            case calls.RegisterAggregator():
                return self.of("Bond", "Aggregators")
            case calls.TopUp():
                profile = self.reader.profile(signer)
                return self.of("Bond", "Aggregators") - (profile.bond if profile else 0)
            case calls.SubmitCandidacy():
                return self.of("CandidacyBond", "Elections")
            case calls.Vote(candidates):
                each = self.of("VotingBondFactor", "Elections")
                return self.of("VotingBondBase", "Elections") + each * len(candidates)
            case calls.Transfer(_, amount):
                return amount
        return 0

    def _task_deposit(self) -> int:
        """All tasks pay the same, so the newest one knows."""
        newest = self.reader.tasks(1, None)
        return newest[0].deposit if newest else self.of("DepositBase")

    def _result_deposit(self, task: Any) -> int:
        newest = self.reader.submissions(task, 1, None)
        return newest[0].deposit if newest else self.of("DepositBase")

    def _appeal_bond(self, task: Task, index: int) -> int:
        """A fee for each who would be on the jury."""
        parties = (task.creator, self.reader.submission(task.id, index).contributor)
        half = self.of("Bond", "Aggregators") // 2
        able = [
            member
            for member in self.reader.election().members
            if member not in parties
            and (profile := self.reader.profile(member)) is not None
            and profile.bond >= half
        ]
        return max(self.of("MinimumBond"), task.terms.fee * min(len(able), JURY))
