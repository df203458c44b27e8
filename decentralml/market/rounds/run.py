"""Federated runs: each round is a task whose base model is what the round before published.

:func:`advance_run` does all that is due and returns, however far that leads; the same call again,
after a kill at any moment too, goes on from there and posts, pays, merges and publishes nothing
twice. :func:`stay_with_run` calls it until the run has ended.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from decentralml.errors import NodeTimeout, NodeUnreachable, RunBusy, RunInvalid
from decentralml.market import staying
from decentralml.market.exchange.handover import hand_over_if_able
from decentralml.market.rounds.plan import Ending, RunPlan, ended, require_same
from decentralml.market.rounds.state import Run, RunFolder, folder_of
from decentralml.market.rounds.steps import Waiting, act
from decentralml.market.session import Session
from decentralml.types import Address

LOCK = ".lock"
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 512.0
"""Seconds before a node that is away is asked again; each time twice as long."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands.

    Attributes
    ----------
    ending : why it has ended; None while it goes on.
    waiting : what it waits for; None once it has ended.
    """

    run: Run
    folder: Path
    ending: Ending | None
    waiting: Waiting | None


def advance_run(
    session: Session, plan: RunPlan, terms: Mapping[str, str] | None = None
) -> Progress:
    """Do all that is due of a run, which begins with the first call.

    Parameters
    ----------
    terms : the plan's, where the caller has them already: its folders need not be hashed at every
        look. Before a task is posted they are, anyway.

    Raises
    ------
    RunInvalid, TermsInvalid : it could never work; nothing was posted.
    RunDiffers : a run of the same name was begun with other terms.
    RunBusy : another process works on it.
    RunForgotten : the chain was started anew.
    RoundUnaffordable, TooFewResults, MergerSilent : it cannot go on as it is; the same command
        does once that is mended.
    """
    plan.check()
    if terms is None:
        terms = plan.terms(session)
    folder = folder_of(session, _name(plan, terms))
    with _held(folder):
        run = folder.read()
        if run is None:
            most = session.chain.constants().max_slots
            if plan.slots > most:
                raise RunInvalid(
                    f"{plan.slots} slots, where a task has {most} at most; lower --participants "
                    "or --spare"
                )
            run = folder.write(Run(folder.root.name, dict(terms)))
        require_same(run, terms)
        while True:
            ending = ended(run, plan)
            if ending is not None:
                return Progress(run, folder.root, ending, None)
            run, waiting = act(session, plan, folder, run)
            if waiting is not None:
                return Progress(run, folder.root, None, waiting)


def stay_with_run(
    session: Session,
    plan: RunPlan,
    idle: Callable[[Progress, int], None],
    every: float | None = None,
) -> Iterator[Progress]:
    """Advance a run until it has ended; yields whenever it has come further.

    A node that goes away meanwhile is waited for, for a quarter of an hour in all.

    Parameters
    ----------
    idle : told at each look where the run stands, and the chain's time.
    every : seconds between two looks; None: the usual.
    """
    plan.check()
    terms = plan.terms(session)
    told: Progress | None = None
    office: tuple[Address, ...] | None = None
    pause = FIRST_PAUSE
    while True:
        try:
            progress = advance_run(session, plan, terms)
            now, members = session.chain.now(), session.chain.election().members
            if progress.waiting is not None and office not in (None, members):
                # Whoever has come into office since needs the key of the validation set.
                hand_over_if_able(session, session.chain.task(progress.waiting.task))
        except (NodeUnreachable, NodeTimeout) as error:
            if told is None or pause > LONGEST_PAUSE:
                raise
            session.report.warn(f"{error}; trying again in {pause:g} s")
            time.sleep(pause)
            pause *= 2
            continue
        office, pause = members, FIRST_PAUSE
        if told is None or progress.run != told.run or progress.waiting is None:
            yield progress
            told = progress
        if progress.waiting is None:
            return
        idle(progress, now)
        time.sleep(staying.LOOK_EVERY if every is None else every)


def train_federated(
    session: Session,
    plan: RunPlan,
    idle: Callable[[Progress, int], None] = lambda progress, now: None,
    every: float | None = None,
) -> Progress:
    """Begin a federated run, or go on with it, and stay until it has ended; where that led.

    The parameters, and what it raises, are those of :func:`stay_with_run` and :func:`advance_run`.
    """
    *_, last = stay_with_run(session, plan, idle, every)
    return last


def final_model(progress: Progress) -> Path | None:
    """Folder of the best model that the run has made; None while there is none."""
    best = progress.run.best
    return None if best is None else RunFolder(progress.folder).model(best.number)


def _name(plan: RunPlan, terms: Mapping[str, str]) -> str:
    if plan.name is not None:
        if not plan.name.replace("-", "").replace("_", "").isalnum() or len(plan.name) > 64:
            raise RunInvalid(
                f"{plan.name!r} is no name for a run; use letters, digits, - and _ (64 at most)"
            )
        return plan.name
    digest = hashlib.sha256(json.dumps(dict(terms), sort_keys=True).encode()).hexdigest()
    return f"{plan.bundle.absolute().name}-{digest[:8]}"


@contextmanager
def _held(folder: RunFolder) -> Iterator[None]:
    """Keep other processes from the run meanwhile. Raises RunBusy."""
    folder.root.mkdir(parents=True, exist_ok=True)
    with (folder.root / LOCK).open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunBusy(folder.root.name) from None
        yield
