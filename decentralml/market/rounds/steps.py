"""The steps of a federated run: post a round, wait for its results, merge, measure.

Each step is written down once it is done; done again, it finds what it did before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from decentralml.bundles.attempts import Attempts, EarlierAttempt
from decentralml.bundles.privacy import read_ledger
from decentralml.bundles.settings import DEFAULT_MODEL
from decentralml.chain.errors import FundsUnavailable, InsufficientBalance, UnknownTask
from decentralml.errors import (
    BudgetSpent,
    CallRefused,
    CannotPayFee,
    MergerSilent,
    NothingToRun,
    RoundUnaffordable,
    RunForgotten,
    TooFewResults,
    ValidationError,
)
from decentralml.market.creating.creator import create_task
from decentralml.market.creating.offer import Offer
from decentralml.market.merging.attempts import federate_parts, parts_of
from decentralml.market.merging.federation import fetch_model, publish_model
from decentralml.market.merging.models import evaluate_model, evaluate_next
from decentralml.market.merging.private import foreseen, spending
from decentralml.market.rounds.plan import RunPlan, require_same
from decentralml.market.rounds.state import Attempt, Round, Run, RunFolder
from decentralml.market.session import Session
from decentralml.market.tasks import LIVE, every_task, list_task_results, settle, withdraw_task
from decentralml.types import Cid, SubmissionStatus, Task, TaskId


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a run waits for.

    Attributes
    ----------
    what : in a few words.
    until : Unix milliseconds at which it waits no more.
    accepted, active, free : slots of the round's task: paid, in work, and with nobody.
    """

    round: int
    task: TaskId
    what: str
    until: int
    accepted: int
    active: int
    free: int


def act(session: Session, plan: RunPlan, folder: RunFolder, run: Run) -> tuple[Run, Waiting | None]:
    """One step of a run that has not ended: the run after it, and what it waits for, if it does."""
    if not run.measured:
        return folder.write(_first_measured(session, plan, folder, run)), None
    current = run.current
    if current is None or (current.model is not None and current.measured):
        if _beyond_budget(session, plan, folder, run):
            return folder.write(replace(run, exhausted=True)), None
        # A round is written down before its task is posted: then all its tasks are known.
        begun = Round(1 if current is None else current.number + 1)
        return folder.write(replace(run, rounds=(*run.rounds, begun))), None
    attempt = current.newest
    if attempt is None:
        return _post(session, plan, folder, run, current), None
    if attempt.closed_at is None:
        task = _known(session, run, folder, attempt)
        attempt = replace(attempt, task=task.id)
        earlier = [_known(session, run, folder, each) for each in current.attempts[:-1]]
        if waiting := _still_open(session, plan, current, task, earlier):
            return run, waiting
        closed = _close(session, attempt, task)
        # What was late in an attempt before may have been accepted since.
        before = map(partial(_counted, session), current.attempts[:-1], earlier)
        return folder.write(run.with_current(replace(current, attempts=(*before, closed)))), None
    if current.model is None:
        parts = _to_merge(session, plan, folder, run, current)
        accepted = sum(map(len, parts.values()))
        if accepted >= plan.min_results:
            return _merge(session, plan, folder, run, current, parts)
        counted = tuple(
            _counted(session, each, _known(session, run, folder, each)) for each in current.attempts
        )
        if counted != current.attempts:
            # What was late may have been accepted since; another attempt would be for nothing.
            return folder.write(run.with_current(replace(current, attempts=counted))), None
        if len(current.attempts) <= plan.retries:
            return _post(session, plan, folder, run, current), None
        raise TooFewResults(
            current.number,
            accepted,
            plan.min_results,
            tuple(each.task for each in current.attempts),
        )
    return folder.write(run.with_current(_measured(session, plan, folder, current))), None


def _beyond_budget(session: Session, plan: RunPlan, folder: RunFolder, run: Run) -> bool:
    """Whether one round more would spend more privacy than is allowed.

    Raises
    ------
    BudgetSpent : already the first one would.
    PrivacyNotInstalled
    """
    offer = plan.offer
    base, parent = offer.base_model or plan.bundle / DEFAULT_MODEL, offer.parent
    if run.current is not None:
        assert run.current.model is not None and run.current.merged is not None
        base = model_of(session, folder, run.current.number, run.current.model)
        parent = run.current.merged
    elif offer.base_model is None and parent is not None:
        base = _offer(session, plan, folder, Round(1), None).base_model or base
    try:
        # The number of a task that is not posted yet plays no part in what is spent.
        foreseen(TaskId(0), base, parent, plan.merge)
    except BudgetSpent:
        if run.current is None:
            raise
        return True
    return False


def _post(session: Session, plan: RunPlan, folder: RunFolder, run: Run, round: Round) -> Run:
    """Post the task of a round, or another one where too little came of the last.

    Raises
    ------
    RunDiffers : a folder has changed since the run was begun.
    RoundUnaffordable
    """
    require_same(run, plan.terms(session))
    before = run.rounds[-2] if len(run.rounds) > 1 else None
    offer = _offer(session, plan, folder, round, before)
    found = run

    def posted(task: TaskId) -> None:
        nonlocal found
        attempt = Attempt(task, session.chain.task(task).terms.bundle)
        attempts = (*round.attempts, attempt)
        found = folder.write(run.with_current(replace(round, attempts=attempts)))

    session.report.step(
        f"round {round.number} of {plan.rounds}"
        + (f", attempt {len(round.attempts) + 1}" if round.attempts else "")
    )
    try:
        create_task(session, plan.bundle, offer, posted)
    except (FundsUnavailable, InsufficientBalance, CannotPayFee):
        needed = offer.results * (
            offer.fee * offer.committee + (offer.reward if offer.asset is None else 0)
        )
        free = session.chain.balance(session.address).free
        raise RoundUnaffordable(round.number, needed, free, session.address) from None
    return found


def _offer(
    session: Session, plan: RunPlan, folder: RunFolder, round: Round, before: Round | None
) -> Offer:
    """The terms of a round's task: another attempt wants what is missing of the ones before."""
    training = plan.offer.training
    offer = replace(
        plan.offer,
        results=max(plan.slots - round.accepted, 1),
        expires_in=plan.round_time,
        expires_at=None,
        expiration_block=None,
        working_time=min(plan.offer.working_time, plan.round_time),
        training=None if training is None else replace(training, round=round.number),
        attempts=Attempts(
            1 if plan.offer.merger is None else plan.min_results,
            tuple(EarlierAttempt(each.task, each.bundle) for each in round.attempts),
        ),
    )
    if before is not None:
        assert before.model is not None, "a round is begun once the one before is published"
        assert before.merged is not None
        model = model_of(session, folder, before.number, before.model)
        # Other blocks may have taken the publication back; a creator can always publish.
        publish_model(session, (session.chain.task(before.merged),), model, before.model)
        return replace(offer, parent=before.merged, base_model=model)
    if offer.parent is not None and offer.base_model is None:
        published = session.chain.task(offer.parent).published
        if published is not None:
            return replace(offer, base_model=model_of(session, folder, 0, published))
    return offer


def model_of(session: Session, folder: RunFolder, round: int, cid: Cid) -> Path:
    """The model of a round at its place, verified; fetched again if it is not there as it was."""
    return fetch_model(session, cid, folder.model(round))


def _known(session: Session, run: Run, folder: RunFolder, attempt: Attempt) -> Task:
    """The task of an attempt, which other blocks may have given another number.

    Raises
    ------
    RunForgotten : the chain has no such task.
    """
    try:
        task = session.chain.task(attempt.task)
    except UnknownTask:
        task = None
    if task is None or not _is_of(session, task, attempt):
        for task in every_task(session):
            if _is_of(session, task, attempt):
                return task
        raise RunForgotten(run.name, attempt.task, folder.root)
    return task


def _is_of(session: Session, task: Task, attempt: Attempt) -> bool:
    return (task.creator, task.terms.bundle) == (session.address, attempt.bundle)


def _still_open(
    session: Session, plan: RunPlan, round: Round, task: Task, earlier: Sequence[Task]
) -> Waiting | None:
    """What a round waits for; None once it is to be closed.

    It ends when all its slots have, when so many results are accepted as it waits for, or when its
    time is over. What a deadline has ended is settled meanwhile, which anyone may do.
    """
    now = session.chain.now()
    until = task.created_at + plan.round_time
    over = task.status not in LIVE and not task.active
    had = sum(each.accepted for each in earlier)
    if over or now >= until or had + task.accepted >= plan.offer.results:
        return None
    for each in earlier:
        if each.active:
            settle(session, each.id)
    settled = settle(session, task.id)
    if settled.submissions or settled.expired:
        task = session.chain.task(task.id)
    return Waiting(
        round.number,
        task.id,
        "results",
        until,
        had + task.accepted,
        task.active,
        task.open_slots,
    )


def _close(session: Session, attempt: Attempt, task: Task) -> Attempt:
    """Take no more results: open slots are refunded, what is in work goes on and is not merged."""
    if task.status in LIVE:
        session.report.step(f"closing task {task.id}")
        try:
            withdraw_task(session, task.id)
        except CallRefused:
            if session.chain.task(task.id).status in LIVE:
                raise
    return _counted(session, replace(attempt, closed_at=session.chain.now()), task)


def _counted(session: Session, attempt: Attempt, task: Task) -> Attempt:
    """An attempt with how its results stand now."""
    found = list_task_results(session, task.id)
    accepted = tuple(s.index for s in found if s.status is SubmissionStatus.ACCEPTED)
    others = Counter(str(s.status) for s in found if s.status is not SubmissionStatus.ACCEPTED)
    return replace(attempt, task=task.id, accepted=accepted, ended=dict(others))


def _to_merge(
    session: Session, plan: RunPlan, folder: RunFolder, run: Run, round: Round
) -> dict[TaskId, tuple[int, ...]]:
    """What a round merges of the accepted results of all its attempts, by task."""
    accepted = {
        _known(session, run, folder, attempt).id: attempt.accepted
        for attempt in round.attempts
        if attempt.accepted
    }
    return parts_of(session, accepted, plan.merge)


def _merge(
    session: Session,
    plan: RunPlan,
    folder: RunFolder,
    run: Run,
    round: Round,
    parts: dict[TaskId, tuple[int, ...]],
) -> tuple[Run, Waiting | None]:
    """Merge and publish, or wait for the merger that was appointed."""
    count = sum(map(len, parts.values()))
    task = session.chain.task(max(parts))
    if plan.offer.merger is not None:
        assert round.newest is not None and round.newest.closed_at is not None
        until = round.newest.closed_at + plan.merge_time
        if task.published is None:
            if session.chain.now() > until:
                raise MergerSilent(round.number, task.id, session.called(plan.offer.merger))
            waiting = Waiting(
                round.number, task.id, "the merger", until, task.accepted, task.active, 0
            )
            return run, waiting
        model = model_of(session, folder, round.number, task.published)
        pinned = plan.merge
        privacy = None if pinned is None else pinned.privacy
        found = spending(read_ledger(model) or (), privacy)
        done = replace(
            round,
            merged=task.id,
            results=count,
            model=task.published,
            rule="by the merger",
            privacy=found,
        )
    else:
        merged = federate_parts(session, parts, folder.model(round.number), trusted=plan.trusted)
        done = replace(
            round,
            merged=task.id,
            results=count,
            model=merged.cid,
            rule=merged.rule,
            privacy=merged.privacy,
        )
    return folder.write(run.with_current(done)), None


def _measured(session: Session, plan: RunPlan, folder: RunFolder, round: Round) -> Round:
    """The round with what its model scores on the creator's own data, if that can be told."""
    data = plan.test_set or plan.offer.validation_set
    assert round.merged is not None and round.model is not None
    if data is None:
        return replace(round, measured=True)
    model = model_of(session, folder, round.number, round.model)
    try:
        score = evaluate_next(session, round.merged, model, data)
    except NothingToRun:
        return replace(round, measured=True)
    except ValidationError as error:
        session.report.warn(f"the model of round {round.number} cannot be measured: {error}")
        return replace(round, measured=True)
    return replace(round, measured=True, score=score.ppm, metrics=dict(score.metrics))


def _first_measured(session: Session, plan: RunPlan, folder: RunFolder, run: Run) -> Run:
    """The run with what its first model scores, so that early rounds have something to beat."""
    data = plan.test_set or plan.offer.validation_set
    offer = _offer(session, plan, folder, Round(1), None)
    model = offer.base_model or plan.bundle / "model"
    if data is None or not model.is_dir():
        return replace(run, measured=True)
    try:
        score = evaluate_model(session.config, model, plan.bundle, data, reporter=session.report)
    except NothingToRun:
        return replace(run, measured=True)  # The bundle has nothing to measure with.
    except ValidationError as error:
        session.report.warn(f"the first model cannot be measured: {error}")
        return replace(run, measured=True)
    return replace(run, measured=True, score=score.ppm)
