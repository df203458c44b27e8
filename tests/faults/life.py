"""One task's whole life: a creator, two contributors and three aggregators do what is theirs.

Each of them runs its command again and again, as a user does who sees that something is not done
yet, until the task has come to its end. Whatever goes wrong in between, they know no more than
what the chain and their own home tell them.
"""

from __future__ import annotations

import shutil
from collections import Counter
from functools import cache

from faults.books import balances, check_books
from faults.clock import HOUR
from faults.plan import Calm, Plan
from faults.theatre import ACTORS, BOB, CHARLIE, fast_folder, theatre
from faults.world import World
from market_support import CONTRIBUTORS, CREATOR

from decentralml.chain.events import OtherEvent
from decentralml.config import Config
from decentralml.market.contributing.contributor import accept_task, assignment
from decentralml.market.contributing.sending import send_results
from decentralml.market.creating.creator import create_task
from decentralml.market.judging.review import validate_task_results
from decentralml.market.merging.federation import federate
from decentralml.market.progress import ENDED
from decentralml.market.session import Session
from decentralml.market.tasks import LIVE, is_open, settle
from decentralml.market.work import replace_folder, scratch
from decentralml.types import Cid, Submission, SubmissionStatus, Task

STORMY = 6
"""Turns in which something can go wrong."""
PATIENT = 12
"""Turns after which nobody waits any more for who is late: time leaps past the deadlines."""
TURNS = 30


class Life:
    """One run; a context manager.

    Parameters
    ----------
    small : with one contributor, and committees of one.
    """

    def __init__(self, plan: Plan, small: bool = False) -> None:
        self.theatre = theatre()
        self.plan = plan
        self.small = small
        self.actors = tuple(actor for actor in ACTORS if not small or actor != CHARLIE)
        self.root = fast_folder()
        home = self.root / "home"
        home.mkdir()
        shutil.copyfile(self.theatre.folder / "chain.sqlite", home / "chain.sqlite")
        self.world = World(home, plan, self.theatre.runtime, self.theatre.genesis)
        self.before = balances(self.world)
        self.issued = self.world.observer().total_issuance()
        self.transactions = (0, 0)
        """In the chain's blocks by the end of the task, and how many of them failed."""
        self.created = False
        """The creator's command has said that the task is there."""
        self.merged: frozenset[str] = frozenset()
        """Whose results the creator's command has said to have merged."""

    def __enter__(self) -> Life:
        return self

    def __exit__(self, _: object, error: BaseException | None, *__: object) -> None:
        if error is not None:
            error.add_note("\n".join(["What went wrong, and what commands said:", *self.told()]))
        self.world.close()
        shutil.rmtree(self.root)

    def live(self) -> None:
        """Everybody does what is theirs, until it is over."""
        for turn in range(TURNS):
            self.world.calm = turn >= STORMY
            for actor in self.plan.order(turn, self.actors):
                self.visit(actor)
            self.world.clock.sleep(0)
            if self.over():
                return
            if turn > PATIENT:
                self.world.clock.leap(3 * HOUR)
        raise AssertionError(f"no end: {self.task()} {self.results()}")

    def visit(self, actor: str) -> None:
        """One command of one actor, if there is something for it to do."""
        task = self.task()
        if actor == CREATOR:
            if task is None or not self.created:
                self.created = self.world.command(actor, self._create)
            elif task.status not in LIVE and not self._concluded(task):
                self.world.command(actor, lambda session: self._federate(session, task))
            else:
                self.world.command(actor, lambda session: settle(session, task.id))
        elif task is None:
            return
        elif actor in CONTRIBUTORS:
            self.world.command(actor, lambda session: self._contribute(session, task, actor))
        else:
            self.world.command(actor, lambda session: validate_task_results(session, task.id))

    def over(self) -> bool:
        task = self.task()
        if task is None or not self.created or task.status in LIVE or task.active:
            return False
        return self._concluded(task)

    def _concluded(self, task: Task) -> bool:
        """The chain names a model, and the creator's command said that it is of all results."""
        accepted = self._accepted()
        return not accepted or (task.published is not None and self.merged == accepted)

    def told(self) -> list[str]:
        """The run, for people."""
        struck = [
            f"command {at.command}, {at.actor}: {fault.value} ({at.seam} {at.number} {at.call})"
            for at, fault in self.world.trace
        ]
        return struck + self.world.said

    # What everybody can see.

    def task(self) -> Task | None:
        """The task; never two."""
        tasks = self.world.observer().tasks()
        assert len(tasks) < 2, "the task was posted twice"
        return tasks[0] if tasks else None

    def results(self) -> list[Submission]:
        task = self.task()
        return [] if task is None else self.world.observer().submissions(task.id)

    def sent(self) -> tuple[int, int]:
        """How many transactions are in the chain's blocks, and how many of them failed."""
        names = Counter(
            event.name
            for event in self.world.happened()
            if isinstance(event, OtherEvent) and event.pallet in ("System", "TransactionPayment")
        )
        return names["TransactionFeePaid"], names["ExtrinsicFailed"]

    def _accepted(self) -> frozenset[str]:
        return frozenset(
            each.contributor for each in self.results() if each.status is SubmissionStatus.ACCEPTED
        )

    # What each does.

    def _create(self, session: Session) -> None:
        offer = self.theatre.offer(1, 1) if self.small else self.theatre.offer(2, 3)
        create_task(session, self.theatre.folder / "toy", offer)

    def _contribute(self, session: Session, task: Task, who: str) -> None:
        """Take a slot, work, and send the result; or go on with what was sent."""
        mine = [s for s in self.results() if s.contributor == session.address]
        if any(each.status is SubmissionStatus.ACCEPTED for each in mine):
            return
        if all(each.status in ENDED for each in mine):
            if not is_open(task, session.chain.now()):
                return
            accept_task(session, task.id)
        index = session.chain.open_assignment(task.id, session.address)
        if index is None:
            return
        if session.chain.submission(task.id, index).status is SubmissionStatus.ASSIGNED:
            self._work(session, task, who)
        send_results(session, task.id)

    def _work(self, session: Session, task: Task, who: str) -> None:
        """What run-task leaves behind."""
        found = assignment(session, task.id, "run the task")
        attempt = session.work(task.id).attempt(found.index)
        if not attempt.output.exists():
            with scratch(attempt.root) as space:
                shutil.copytree(self.theatre.work(who), space / "out" / "toy")
                replace_folder(space / "out", attempt.output)

    def _federate(self, session: Session, task: Task) -> None:
        name = "-".join(sorted(self._accepted()))
        merged = federate(session, task.id, self.root / "next" / name)
        self.merged = frozenset(part.contributor for part in merged.parts)

    # What must be true in the end.

    def check(self) -> None:
        """Everything has ended, the books balance, and the model is the right one."""
        self.world.calm = True
        task = self.task()
        assert task is not None and task.status not in LIVE
        assert all(each.status in ENDED for each in self.results())
        accepted = self._accepted()
        assert len(accepted) == task.accepted <= task.terms.slots
        if accepted:
            assert task.published == right_models()[accepted]
            with Session(Config(self.world.home)) as session:
                session.objects.get(task.published, self.root / "published")
        check_books(self.world, task, self.before, self.issued)


def endure(plan: Plan, small: bool = False) -> Life:
    """A whole life under a plan, held against what must be true; it is closed."""
    with Life(plan, small) as life:
        life.live()
        life.transactions = life.sent()
        life.check()
    return life


@cache
def right_models() -> dict[frozenset[str], Cid]:
    """The models of a run in which nothing goes wrong, by the accounts whose results are merged."""
    models: dict[frozenset[str], Cid] = {}
    with Life(Calm()) as life:
        life.live()
        task = life.task()
        assert task is not None and not life.world.said
        indices = {each.contributor: each.index for each in life.results()}
        with life.world.session(CREATOR) as session:
            for some in ((BOB,), (CHARLIE,), CONTRIBUTORS):
                who = [session.resolve(name) for name in some]
                only = [indices[each] for each in who]
                out = life.root / f"model-{len(models)}"
                merged = federate(session, task.id, out, only=only, publish=False)
                models[frozenset(who)] = merged.cid
    return models
