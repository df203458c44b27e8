"""A whole market: creators post, contributors choose, the office rotates, until all has ended."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from decentralml.chain import calls
from decentralml.chain.commitment import gold_commitment
from decentralml.types import (
    Access,
    Cid,
    ModelType,
    Replay,
    StorageType,
    Submission,
    Task,
    TaskId,
    TaskStatus,
    TaskType,
    Terms,
    ValidationStrategy,
    Verdict,
)

from .agents import creators
from .chain import SimChain
from .ledger import Account, Agent
from .office import STAKE, Office
from .parameters import HOUR, OFFICE, Parameters, planck
from .work import READER, Job
from .world import TICK, World, planted_gold

BUNDLE = Cid("bafybundle" + "a" * 49)
PURSE: Mapping[str, int] = {
    "contributor": planck(200),
    "creator": planck(20_000),
    "aggregator": planck(1_000),
}
"""What each starts with."""
_INVITED = 16
_LONGEST = 2_000
"""Ticks after which something is stuck."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much happens."""

    agents: int
    results: int
    """Submissions that are begun, at least."""
    at_once: int
    """New ones in a tick, at most."""


def terms_of(parameters: Parameters, now: int, manual: bool, invited: bool) -> Terms:
    """The terms of a task."""
    task = parameters.task
    return Terms(
        task_type=TaskType.MODEL_CONTRIBUTOR,
        strategy=ValidationStrategy.MANUAL_ACCEPT if manual else ValidationStrategy.AUTO_ACCEPT,
        model_type=ModelType.VISION,
        storage=StorageType.IPFS,
        bundle=BUNDLE,
        reward=task.reward,
        fee=task.fee,
        committee_size=task.committee,
        slots=task.slots,
        bond=task.bond,
        expires_at=now + 300 * 24 * HOUR,
        working_time=task.working,
        review_time=task.review,
        challenge_time=task.challenge,
        tolerance=task.tolerance,
        reader=READER,
        access=Access.INVITED if invited else Access.OPEN,
        replay=None if invited else Replay(task.checkpoints, task.segments),
    )


class Market:
    """Agents of every strategy and the world that they meet in."""

    def __init__(self, folder: Path, cache: Path, parameters: Parameters, size: Size, seed: int):
        self.parameters = parameters
        self.size = size
        self._rng = random.Random(f"{seed}/market")
        office = _office(parameters)
        members = list({id(member): member for term in office for member in term}.values())
        count = round(size.agents * parameters.creators_share)
        self.creators = _agents("creator", parameters.creators, count, seed)
        rest = size.agents - len(self.creators) - len(members)
        self.contributors = _agents("contributor", parameters.contributors, rest, seed)
        for agent in self.contributors:
            if agent.strategy == "sybil":
                more = range(1, parameters.sybil_accounts)
                agent.accounts += [Account.of(f"{seed}/{agent.name}/{n}") for n in more]
        for agent in self.creators:
            if creators.STRATEGIES[agent.strategy].plants:
                agent.accounts.append(Account.of(f"{seed}/{agent.name}/planting"))
        self.agents = self.contributors + self.creators + members
        keeper, voter = Account.of(f"{seed}/keeper"), Account.of(f"{seed}/voter")
        endowed = {keeper.public: planck(10_000), voter.public: 2 * STAKE}
        for agent in self.agents:
            for account in agent.accounts:
                endowed[account.public] = PURSE[agent.role]
            agent.before = PURSE[agent.role] * len(agent.accounts)
        self.chain = SimChain(folder, endowed, cache)
        self.world = World(self.chain, Office(self.chain, voter, office), keeper, parameters, seed)
        self.world.on_end = self._ended
        self.begun = 0
        self.ticks = 0
        self._keeper = keeper
        self._stored: list[tuple[int, int]] = []
        self._idle = list(self.contributors)
        self._tasks: dict[int, Task] = {}
        self._planted: list[Job] = []
        self._live: list[int] = []
        self._invitees: dict[int, list[Agent]] = {}
        self._owner: dict[int, Agent] = {}
        self._posted: dict[str, int] = {agent.name: 0 for agent in self.creators}
        self._open: dict[str, int] = {agent.name: 0 for agent in self.creators}
        self._by_account = {agent.account.address: agent for agent in self.creators}

    def run(self, say: Callable[[str], None] = lambda text: None) -> None:
        """All of it; `say` hears how far it is."""
        self.world.office.begin()
        while self.begun < self.size.results:
            self._look_at_tasks()
            self._post()
            started = self._assign()
            self._tick()
            self._number(started)
            self._welcome()
            if self.ticks % 10 == 0:
                sent = sum(self.chain.transactions.values())
                say(f"{self.begun} of {self.size.results} results, {sent} transactions")
        # What was planted in the newest tasks goes on to its end, too.
        planted, self._planted = self._planted, []
        self._tick()
        self._number(planted)
        for task in self.chain.tasks(self._live):
            if task.status in (TaskStatus.CREATED, TaskStatus.IN_PROGRESS):
                call = calls.WithdrawTask(task.id)
                self.chain.send(self._owner[task.id].account, call)
        while self.world.jobs:
            self._tick()
        self._clear()
        for agent in self.agents:
            agent.after = sum(self.chain.total(account.public) for account in agent.accounts)

    def _clear(self) -> None:
        """Somebody clears what has ended, and all deposits return: nothing is held any more."""
        self.chain.now += int(self.chain.constant("Market", "RetentionPeriod")) + TICK
        for task, index in self._stored:
            self.chain.send(self._keeper, calls.Clear(TaskId(task), index))
        for number, invitees in self._invitees.items():
            accounts = tuple(agent.account.address for agent in invitees)
            self.chain.send(self._keeper, calls.ClearAccess(TaskId(number), accounts))
        self.chain.seal()
        for number in self._owner:
            self.chain.send(self._keeper, calls.Clear(TaskId(number)))
        self.chain.seal()
        for agent in self.contributors + self.creators:
            for account in agent.accounts:
                assert not self.chain.held(account.public), f"{agent.name} has something held"

    def _tick(self) -> None:
        self.world.tick()
        self.ticks += 1
        assert self.ticks < _LONGEST, "something does not end"

    # -- creators

    def _look_at_tasks(self) -> None:
        """Which tasks have open slots, as the chain says."""
        self._tasks = {
            int(task.id): task
            for task in self.chain.tasks(self._live)
            if task.status in (TaskStatus.CREATED, TaskStatus.IN_PROGRESS)
        }
        self._live = list(self._tasks)
        for name in self._open:
            self._open[name] = 0
        for task in self._tasks.values():
            self._open[self._owner[task.id].name] += task.open_slots

    def _post(self) -> None:
        """A creator that has no open slot posts its next task; the fewest posted first."""
        wanted = sum(self._open.values()) < 3 * self.size.at_once
        waiting = [agent for agent in self.creators if not self._open[agent.name]]
        if not wanted:
            return
        self._rng.shuffle(waiting)
        waiting.sort(key=lambda agent: self._posted[agent.name])
        for agent in waiting[: max(1, len(self.creators) // 4)]:
            strategy = creators.STRATEGIES[agent.strategy]
            task = self.parameters.task
            manual = strategy.always_manual or self._rng.random() < task.manual
            invited = not strategy.plants and self._rng.random() < task.invited
            terms = terms_of(self.parameters, self.world.now, manual, invited)
            if strategy.plants:
                terms = replace(terms, golds=(gold_commitment(planted_gold(agent)),))
            self._posted[agent.name] += 1
            self.chain.send(agent.account, calls.CreateTask(terms))

    def _welcome(self) -> None:
        """Notices the tasks that the last block made; invites, and plants."""
        first = max(self._owner, default=-1) + 1
        new = range(first, self.chain.next_task())
        for task in self.chain.tasks(new):
            owner = self._by_account[task.creator]
            self._owner[task.id] = owner
            self._live.append(task.id)
            if task.terms.access is Access.INVITED:
                invitees = self._rng.sample(
                    self.contributors, min(_INVITED, len(self.contributors))
                )
                self._invitees[task.id] = invitees
                accounts = tuple(agent.account.address for agent in invitees)
                self.chain.send(owner.account, calls.Invite(task.id, accounts))
            if creators.STRATEGIES[owner.strategy].plants:
                self._plant(task, owner)

    def _plant(self, task: Task, owner: Agent) -> None:
        account = owner.accounts[1]
        self.chain.send(account, calls.AcceptTask(task.id))
        job = Job(owner, account, owner, task.id, task.terms, planted=True)
        self._planted.append(job)

    # -- contributors

    def _assign(self) -> list[Job]:
        """Idle contributors take open slots."""
        started, self._planted = self._planted, []
        free = {number: task.open_slots for number, task in self._tasks.items()}
        for job in started:
            free[job.task] -= 1
        tasks = [number for number, count in free.items() for _ in range(count)]
        self._rng.shuffle(tasks)
        self._rng.shuffle(self._idle)
        for number in tasks[: self.size.at_once]:
            agent = self._taker(number)
            if agent is None or not free[number]:
                continue
            self._idle.remove(agent)
            terms = self._tasks[number].terms
            is_open = terms.access is Access.OPEN
            accounts = agent.accounts[: free[number]] if is_open else agent.accounts[:1]
            for position, account in enumerate(accounts):
                job = Job(agent, account, self._owner[number], number, terms, first=not position)
                self.chain.send(account, calls.AcceptTask(TaskId(number)))
                started.append(job)
            free[number] -= len(accounts)
        return started

    def _taker(self, task: int) -> Agent | None:
        """Who takes a slot of a task; the invited know that they are."""
        invitees = self._invitees.get(task)
        if invitees is None:
            return self._idle[-1] if self._idle else None
        return next((agent for agent in self._idle if agent in invitees), None)

    def _number(self, started: list[Job]) -> None:
        """The submissions' indices, once the block has given them."""
        for job in started:
            index = self.chain.assignment(job.task, job.account.public)
            assert index is not None, "a slot was reserved for it"
            job.index = index
            self.world.jobs[job.task, index] = job
            self.begun += 1
            if not job.planted:
                job.agent.jobs += 1

    def _ended(self, job: Job, submission: Submission | None) -> None:
        if submission is not None:
            self._stored.append((job.task, job.index))
        if job.planted:
            return
        if submission is not None and submission.verdict is Verdict.PASS:
            job.creator.jobs += 1
        mine = [other for other in self.world.jobs.values() if other.agent is job.agent]
        if not mine:
            self._idle.append(job.agent)


def _agents(role: str, shares: Mapping[str, float], count: int, seed: int) -> list[Agent]:
    """So many agents of a role, each strategy by its share and at least once."""
    agents: list[Agent] = []
    for strategy, share in shares.items():
        for number in range(max(1, round(share * count))):
            name = f"{role}/{strategy}/{number}"
            agents.append(Agent(name, role, strategy, [Account.of(f"{seed}/{name}")]))
    return agents


def _office(parameters: Parameters) -> list[list[Agent]]:
    """The members of each term: its deviants, and honest ones in turn."""

    def member(strategy: str, number: int) -> Agent:
        name = f"aggregator/{strategy}/{number}"
        return Agent(name, "aggregator", strategy, [Account.of(name)])

    honest = [member("honest", number) for number in range(parameters.honest_aggregators)]
    terms, taken = [], 0
    for deviants in parameters.terms:
        needed = OFFICE - len(deviants)
        chosen = [honest[(taken + n) % len(honest)] for n in range(needed)]
        taken += needed
        odd = [member(name, number) for number, name in enumerate(deviants)]
        terms.append(odd + chosen)
    return terms


__all__ = ["TICK", "Market", "Size", "terms_of"]
