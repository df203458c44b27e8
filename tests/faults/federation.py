"""A federated run's whole life: a creator's run, workers and aggregators, command by command.

Every command is a process of its own that knows what the chain and its home tell it: a creator's
``train-federated --once``, a daemon's first visit after a restart. They go on until the run has
ended. A contributor's "training" adds a number of its own to the base model, so that the last model
tells whether each round began from what the one before published, and nothing was merged twice.
"""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from faults.books import balances
from faults.clock import HOUR
from faults.plan import Calm, Fault, Moment, Plan
from faults.theatre import BOB, CHARLIE, fast_folder, theatre
from faults.world import World
from market_support import AGGREGATORS, CREATOR, write_work
from safetensors.numpy import load_file

from decentralml.bundles.merge import MergePlan
from decentralml.bundles.training import LocalTraining
from decentralml.chain import events
from decentralml.chain.keys import development_key
from decentralml.market.contributing.contributor import assignment
from decentralml.market.daemons.aggregator import Aggregator
from decentralml.market.daemons.policy import WorkerPolicy
from decentralml.market.daemons.worker import Worker
from decentralml.market.progress import ENDED
from decentralml.market.rounds.plan import RunPlan
from decentralml.market.rounds.run import advance_run
from decentralml.market.rounds.state import Run
from decentralml.market.session import Session
from decentralml.market.work import replace_folder, scratch
from decentralml.service.log import Quiet
from decentralml.service.stopping import Stop
from decentralml.types import Cid, Outcome, Submission, Task, TaskId, TaskStatus

ROUNDS = 2
TURNS = 120
STORMY = 12
PATIENT = 3
"""Turns in which nothing happens, after which time leaps."""
MERGER = AGGREGATORS[0]
ADDS = {BOB: 1.0, CHARLIE: 3.0}


class Federation:
    """One run of two rounds; a context manager.

    Parameters
    ----------
    alone : with one contributor, and committees of one.
    merger : an aggregator merges in the creator's place.
    apart : with two contributors, one of whom drops out of the first round, which is posted again,
        and the other of whom misses that.
    """

    def __init__(
        self, plan: Plan, alone: bool = True, merger: bool = False, apart: bool = False
    ) -> None:
        self.theatre = theatre()
        self.plan = plan
        self.apart = apart
        self.workers = (BOB,) if alone and not apart else (BOB, CHARLIE)
        self.actors = (CREATOR, *self.workers, *AGGREGATORS)
        self.root = fast_folder()
        home = self.root / "home"
        home.mkdir()
        shutil.copyfile(self.theatre.folder / "chain.sqlite", home / "chain.sqlite")
        self.world = World(home, plan, self.theatre.runtime, self.theatre.genesis)
        self.before = balances(self.world)
        self.issued = self.world.observer().total_issuance()
        self.trained: Counter[tuple[str, TaskId, int, int]] = Counter()
        """By account, task, slot and its time: a fork may change the order of the data."""
        self.run: Run | None = None
        self.over = False
        offer = self.theatre.offer(len(self.workers), 1 if alone or apart else 3)
        self.run_plan = RunPlan(
            self.theatre.folder / "toy",
            replace(
                offer,
                training=LocalTraining(),
                merge=MergePlan(optimizer="fedavgm", knobs={"momentum": 0.5}),
                merger=development_key(MERGER).address if merger else None,
            ),
            ROUNDS,
            min_results=len(self.workers),
            retries=3,
            round_time=10 * HOUR,
            merge_time=100 * HOUR,
        )

    def __enter__(self) -> Federation:
        return self

    def __exit__(self, _: object, error: BaseException | None, *__: object) -> None:
        if error is not None:
            struck = [
                f"command {at.command}, {at.actor}: {fault.value} ({at.seam} {at.number} {at.call})"
                for at, fault in self.world.trace
            ]
            error.add_note("\n".join(["What went wrong:", *struck, *self.world.said]))
        self.world.close()
        shutil.rmtree(self.root)

    def live(self) -> None:
        """Everybody runs a command in turn, until the run has ended and so has every result."""
        before: list[Submission] = []
        still = 0
        for turn in range(TURNS):
            self.world.calm = turn >= STORMY
            for actor in self.plan.order(turn, self.actors):
                self.visit(actor)
            self.world.clock.sleep(0)
            results = self.results()
            if self.over and all(each.status in ENDED for each in results):
                return
            still = 0 if results != before else still + 1
            before = results
            if still >= PATIENT:  # Everybody waits for a deadline.
                self.world.clock.leap(3 * HOUR)
        raise AssertionError(f"no end: {self.run}")

    def visit(self, actor: str) -> None:
        if actor == CREATOR:
            self.world.command(actor, self._advance)
        elif actor in self.workers:
            if self.apart and {1: BOB, 2: CHARLIE}.get(len(self.tasks()), actor) != actor:
                return
            policy = WorkerPolicy(self.theatre.folder / "work")
            self.world.command(
                actor, Worker(policy, Quiet(), Stop(), train=self._train(actor)).visit
            )
        else:
            self.world.command(actor, Aggregator(Quiet(), Stop()).visit)

    def tasks(self) -> list[Task]:
        return sorted(self.world.observer().tasks(), key=lambda task: task.id)

    def results(self) -> list[Submission]:
        chain = self.world.observer()
        return [each for task in chain.tasks() for each in chain.submissions(task.id)]

    def _advance(self, session: Session) -> None:
        progress = advance_run(session, self.run_plan)
        self.run, self.over = progress.run, progress.ending is not None

    def _train(self, who: str):  # type: ignore[no-untyped-def]
        def train(session: Session, task: TaskId, policy: WorkerPolicy) -> None:
            found = assignment(session, task, "train")
            attempt = session.work(task).attempt(found.index)
            base = load_file(session.work(task).bundle / "model" / "model.safetensors")["weight"]
            with scratch(attempt.root) as space:
                write_work(space / "out" / "toy", base + np.float32(ADDS[who]), 10)
                replace_folder(space / "out", attempt.output)
                self.trained[who, task, found.index, found.accepted_at] += 1

        return train

    def check(self, rounds: int = ROUNDS) -> None:
        """Every round once, every training, payment and publication once, and the right model."""
        self.world.calm = True
        assert self.run is not None
        assert len(self.run.finished) == rounds
        named = [attempt.task for each in self.run.rounds for attempt in each.attempts]
        assert [task.id for task in self.tasks()] == named, "a task that the run does not know"
        assert all(task.status is not TaskStatus.IN_PROGRESS for task in self.tasks())
        assert set(self.trained.values()) <= {1}, "trained twice"
        happened = self.world.happened()
        for kind, key in (
            (events.ResultAccepted, lambda e: (e.task, e.index)),
            (events.ModelPublished, lambda e: e.task),
            (events.Revealed, lambda e: (e.task, e.index, e.member)),
            (events.FeePaid, lambda e: (e.task, e.index, e.member)),
        ):
            counts = Counter(key(event) for event in happened if isinstance(event, kind))  # type: ignore[no-untyped-call]
            assert set(counts.values()) <= {1}, f"{kind.__name__} twice: {counts}"
        failed = [
            event
            for event in happened
            if isinstance(event, events.ResultRejected) and event.outcome is Outcome.FAILED
        ]
        assert not failed, "an honest result has failed"
        self._check_money(happened)

    def _check_money(self, happened: list[events.Event]) -> None:
        chain = self.world.observer()
        after = balances(self.world)
        burned = self.issued - chain.total_issuance()
        assert sum(after.values()) - sum(self.before.values()) == -burned
        for who in self.workers:
            address = development_key(who).address
            paid = sum(
                event.reward
                for event in happened
                if isinstance(event, events.ResultAccepted) and event.contributor == address
            )
            lost = sum(
                event.forfeited
                for event in happened
                if isinstance(event, events.AssignmentExpired | events.AssignmentAbandoned)
                and event.contributor == address
            )
            assert -burned <= after[address] - self.before[address] - paid + lost <= 0
        for account in after:
            for reason, amount in chain.balance(account).held.items():
                held = reason.startswith("Market") and "Deposit" not in reason
                assert not (held and amount), (self.world.names[account], reason, amount)

    def model(self) -> Cid:
        assert self.run is not None and self.run.current is not None
        assert self.run.current.model is not None
        return self.run.current.model


class Nth(Calm):
    """One fault at the nth moment of some seams, counted over the whole life; or none, counting."""

    def __init__(self, fault: Fault | None, seams: tuple[str, ...], nth: int = -1) -> None:
        super().__init__(embedded=True)
        self.fault, self.seams, self.nth = fault, seams, nth
        self.moments: list[Moment] = []

    def strike(self, moment: Moment) -> Fault | None:
        if moment.seam not in self.seams:
            return None
        self.moments.append(moment)
        return self.fault if len(self.moments) - 1 == self.nth else None


def endure(plan: Plan, alone: bool = True, merger: bool = False, apart: bool = False) -> Federation:
    """A whole run under a plan, held against what must be true; it is closed."""
    with Federation(plan, alone, merger, apart) as life:
        life.live()
        life.check()
    return life


@cache
def calm(
    alone: bool = True, merger: bool = False, embedded: bool = True, apart: bool = False
) -> Cid:
    """The last model of a run in which nothing goes wrong."""
    with Federation(Calm(embedded), alone, merger, apart) as life:
        life.live()
        life.check()
        assert not life.world.said, life.world.said
        weights = load_file(_fetched(life) / "model.safetensors")["weight"]
        # FedAvgM: the second step is the second difference and half of the first.
        mean = float(np.mean([ADDS[who] for who in life.workers]))
        base = load_file(life.theatre.folder / "base" / "model.safetensors")["weight"]
        assert np.allclose(weights, base + mean + 1.5 * mean)
        return life.model()


def _fetched(life: Federation) -> Path:
    with life.world.session(CREATOR) as session:
        session.objects.get(life.model(), life.root / "published")
    return life.root / "published"
