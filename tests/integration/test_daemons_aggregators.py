"""Aggregators that run by themselves: what they do, put off, and leave to others."""

from __future__ import annotations

from typing import Any

import pytest
from daemon_support import Ear, aggregators, until_idle
from market_support import (
    AGGREGATORS,
    CONTRIBUTORS,
    CREATOR,
    WEAK,
    Stage,
)

from decentralml.chain.errors import NoEligibleAggregator
from decentralml.errors import NotAnAggregator
from decentralml.market.contributing.contributor import accept_task
from decentralml.market.creating.offer import HOUR
from decentralml.market.daemons.aggregator import Aggregator
from decentralml.market.daemons.later import Later
from decentralml.market.node import advance
from decentralml.market.session import Session
from decentralml.service.stopping import Stop
from decentralml.types import (
    SubmissionStatus,
    TaskId,
    TaskStatus,
    Verdict,
)

BOB, CHARLIE = CONTRIBUTORS


def test_aggregators_bring_results_to_their_end_by_themselves(stage: Stage) -> None:
    task = stage.post(results=2)
    stage.contribute(BOB, task)
    stage.contribute(CHARLIE, task, WEAK)
    daemons = aggregators(stage)
    for _ in range(2):
        for daemon, session in daemons:
            until_idle(daemon, session)
    chain = stage.as_(CREATOR).chain
    found = [chain.submission(task, index) for index in (0, 1)]
    assert [each.verdict for each in found] == [Verdict.PASS, Verdict.FAIL]
    assert [each.status for each in found] == [
        SubmissionStatus.ACCEPTED,
        SubmissionStatus.REJECTED,
    ]
    for daemon, session in daemons:
        assert not daemon.visit(session), "nothing is left to do"


def test_an_aggregator_settles_what_others_have_left(stage: Stage) -> None:
    task = stage.post(expires_in=2 * HOUR)
    accept_task(stage.as_(BOB), task)
    (daemon, dave), *_ = aggregators(stage)
    until_idle(daemon, dave)
    advance(dave, milliseconds=3 * HOUR)
    until_idle(daemon, dave)
    found = dave.chain.task(task)
    assert found.status is TaskStatus.EXPIRED and not found.active


def test_an_aggregator_that_may_not_settle_leaves_it(stage: Stage) -> None:
    task = stage.post(expires_in=2 * HOUR)
    dave = stage.as_(AGGREGATORS[0])
    advance(dave, milliseconds=3 * HOUR)
    assert not Aggregator(Ear(), Stop(), settles=False).visit(dave)
    assert dave.chain.task(task).status is TaskStatus.CREATED


def test_what_cannot_be_judged_is_put_off_longer_each_time(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from decentralml.errors import SandboxUnavailable
    from decentralml.market.judging import panel

    def broken(*_: Any, **__: Any) -> Any:
        raise SandboxUnavailable("no bubblewrap", "install it")

    monkeypatch.setattr(panel, "bar", broken)
    task = stage.post(committee=3)
    stage.contribute(BOB, task)
    now = [0.0]
    daemon = Aggregator(Ear(), Stop(), later=Later(lambda: now[0]))
    dave = stage.as_(AGGREGATORS[0])
    pauses = []
    for _ in range(7):
        daemon.visit(dave)
        assert isinstance(daemon.log, Ear)
        name, facts = daemon.log.heard[-1]
        assert name == "put-off"
        pauses.append(facts["pause"])
        count = len(daemon.log.heard)
        now[0] += facts["pause"] - 1
        daemon.visit(dave)
        assert len(daemon.log.heard) == count, "not before its time"
        now[0] += 1
    assert pauses == [60, 120, 240, 480, 960, 960, 960]


@pytest.mark.parametrize("error", [ValueError("odd"), NoEligibleAggregator.foreseen(task=0)])
def test_one_task_that_is_not_as_it_should_be_does_not_stop_the_others(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    from decentralml.market.daemons import aggregator

    odd, good = stage.post(committee=1), stage.post(committee=1)
    for task in (odd, good):
        stage.contribute(BOB, task)
    attend = aggregator.attend_panels

    def attend_or_fail(session: Session, task: TaskId, *rest: Any, **named: Any) -> Any:
        if task == odd:
            raise error
        return attend(session, task, *rest, **named)

    monkeypatch.setattr(aggregator, "attend_panels", attend_or_fail)
    for daemon, session in aggregators(stage):
        until_idle(daemon, session)
    chain = stage.as_(CREATOR).chain
    assert chain.submission(good, 0).status is SubmissionStatus.ACCEPTED
    assert chain.submission(odd, 0).status is SubmissionStatus.PENDING_VALIDATION


def test_who_is_not_registered_is_told_so(stage: Stage) -> None:
    with pytest.raises(NotAnAggregator, match="aggregators apply"):
        Aggregator(Ear(), Stop()).visit(stage.as_(BOB))
