"""A small world for one question: groups of contributors, each before a task of its own."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

from decentralml.chain import calls
from decentralml.types import Outcome, Submission, Terms, Verdict

from .chain import SimChain
from .ledger import Account, Agent
from .market import PURSE
from .office import STAKE, Office
from .parameters import Parameters, planck
from .work import Job, evaluate
from .world import World

_LONGEST = 200
"""Ticks after which something is stuck."""


@dataclass(slots=True, eq=False)
class Group:
    """A creator with one task, and those that take its slots."""

    name: str
    terms: Terms
    creator: Agent
    contributors: list[Agent]
    paid: int = 0
    """Results that were accepted."""
    wronged: int = 0
    """Results that came to another end than they deserve."""
    deserved: int = 0
    """Planck that its contributors would have earned from honest panels."""
    friendly: int = 0
    """Seats of colluding members."""
    members: int = 0
    """Planck of fees that colluding members were paid, less what was slashed."""

    @property
    def attempts(self) -> int:
        return sum(len(agent.accounts) for agent in self.contributors)

    @property
    def contributed(self) -> int:
        """Planck that its contributors earned."""
        return sum(agent.earned for agent in self.contributors)

    def note(
        self, job: Job, ended: Submission, truth: Verdict, friends: Container[str], slashed: int
    ) -> None:
        """How a result ended, what it deserved, and what colluding members had of it."""
        assert job.work is not None, "everybody sends something"
        terms, is_good = self.terms, truth is Verdict.PASS
        self.paid += ended.outcome is Outcome.ACCEPTED
        self.wronged += ended.outcome is not (Outcome.ACCEPTED if is_good else Outcome.FAILED)
        self.deserved += (terms.reward if is_good else -terms.slot_fees) - job.work.cost
        seats = [seat for seat in ended.committee if seat.member in friends]
        self.friendly += len(seats)
        self.members += terms.fee * sum(seat.paid for seat in seats) - slashed


def group(
    name: str, terms: Terms, creator: str, contributor: str, count: int, accounts: int = 1
) -> Group:
    """So many contributors of a strategy before the task of a creator of another."""
    people = []
    for number in range(count):
        keys = [Account.of(f"{name}/{number}/{n}") for n in range(accounts)]
        people.append(Agent(f"{name}/{number}", "contributor", contributor, keys))
    owner = Agent(f"{name}/creator", "creator", creator, [Account.of(f"{name}/creator")])
    return Group(name, terms, owner, people)


def run(
    folder: Path, cache: Path, parameters: Parameters, office: list[str], groups: Sequence[Group]
) -> SimChain:
    """Runs all groups beside each other to their end, before one office; the chain is left open."""
    members = [
        Agent(f"member/{n}", "aggregator", strategy, [Account.of(f"member/{n}")])
        for n, strategy in enumerate(office)
    ]
    friends = {m.account.address for m in members if m.strategy != "honest"}
    keeper, voter = Account.of("keeper"), Account.of("voter")
    endowed = {keeper.public: planck(10_000), voter.public: 2 * STAKE}
    people = [agent for each in groups for agent in (each.creator, *each.contributors)]
    for agent in members + people:
        agent.before = PURSE[agent.role] * len(agent.accounts)
        endowed.update((account.public, PURSE[agent.role]) for account in agent.accounts)
    folder.mkdir(parents=True)
    chain = SimChain(folder, endowed, cache)
    world = World(chain, Office(chain, voter, [members]), keeper, parameters, len(members))
    world.office.begin()

    def ended(job: Job, submission: Submission | None) -> None:
        assert submission is not None, "nobody abandons here"
        truth = evaluate(job, submission.seed, parameters).verdict
        slashed = chain.slashed[job.task, job.index]
        groups[job.task].note(job, submission, truth, friends, slashed)

    world.on_end = ended
    for job in _begin(chain, groups):
        world.jobs[job.task, job.index] = job
    for _ in range(_LONGEST):
        if not world.jobs:
            break
        world.tick()
    assert not world.jobs, "something does not end"
    for agent in people:
        agent.after = sum(chain.total(account.public) for account in agent.accounts)
    chain.check_money()
    return chain


def _begin(chain: SimChain, groups: Sequence[Group]) -> list[Job]:
    """Posts a task for each group, in order, and has all of its accounts take a slot."""
    for each in groups:
        chain.send(each.creator.account, calls.CreateTask(each.terms))
    chain.seal()
    jobs = []
    for task, each in zip(chain.tasks(range(len(groups))), groups, strict=True):
        assert task.creator == each.creator.account.address
        for agent in each.contributors:
            for n, account in enumerate(agent.accounts):
                chain.send(account, calls.AcceptTask(task.id))
                jobs.append(Job(agent, account, each.creator, task.id, each.terms, first=n == 0))
    chain.seal()
    for job in jobs:
        index = chain.assignment(job.task, job.account.public)
        assert index is not None, "there is a slot for everybody"
        job.index = index
    return jobs
