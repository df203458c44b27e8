"""Ctrl-C at each long step, and two commands at once: the same command goes on, nothing doubles."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from market_support import (
    AGGREGATORS,
    CONTRIBUTORS,
    CREATOR,
    Stage,
)

from decentralml.errors import TransferUncertain
from decentralml.market.contributing.contributor import accept_task
from decentralml.market.contributing.running import run_task
from decentralml.market.contributing.sending import send_results
from decentralml.market.creating.creator import create_task
from decentralml.market.creating.deciding import accept_task_results, reject_task_results
from decentralml.market.judging.review import validate_task_results
from decentralml.market.merging.federation import federate
from decentralml.market.session import Session
from decentralml.market.tasks import withdraw_task
from decentralml.market.tokens import transfer
from decentralml.types import Phase, SubmissionStatus, ValidationStrategy

BOB, CHARLIE = CONTRIBUTORS


class Interrupting:
    """Stands before an object; one method is interrupted before or after it does its work."""

    def __init__(self, inner: Any, method: str, after: bool) -> None:
        self._inner, self._method, self._after = inner, method, after

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if name != self._method:
            return value

        def interrupted(*arguments: Any, **named: Any) -> Any:
            if self._after:
                value(*arguments, **named)
            raise KeyboardInterrupt

        return interrupted


def interrupted(
    session: Session, part: str, method: str, after: bool, work: Callable[[Session], object]
) -> None:
    """Do ``work`` with Ctrl-C in or right after one call of the session's chain or store."""
    real = getattr(session, part)
    setattr(session, part, Interrupting(real, method, after))
    with pytest.raises(KeyboardInterrupt):
        work(session)
    setattr(session, part, real)


INTERRUPTIONS = [
    ("objects", "add", False),
    ("objects", "add", True),
    ("objects", "publish", False),
    ("chain", "submit", False),
    ("chain", "submit", True),
]


@pytest.mark.parametrize(("part", "method", "after"), INTERRUPTIONS)
def test_create_task_goes_on_and_never_posts_twice(
    stage: Stage,
    part: str,
    method: str,
    after: bool,
) -> None:
    creator = stage.as_(CREATOR)
    offer = stage.offer()
    interrupted(creator, part, method, after, lambda s: create_task(s, stage.bundle, offer))
    posted = len(creator.chain.tasks())
    assert posted == (1 if (method, after) == ("submit", True) else 0)
    again = create_task(stage.as_(CREATOR), stage.bundle, offer)
    assert again.resumed == (posted == 1)
    assert [task.id for task in creator.chain.tasks()] == [again.task]
    for name in (CREATOR, *AGGREGATORS):
        assert creator.chain.share(again.task, creator.resolve(name)) is not None


def test_a_finished_create_task_can_be_repeated_on_purpose(stage: Stage) -> None:
    first, second = stage.create(), stage.create()
    assert (first.task, second.task) == (0, 1)
    assert not second.resumed


def test_an_interrupted_offer_is_not_taken_for_another_one(stage: Stage) -> None:
    creator = stage.as_(CREATOR)
    plain = stage.offer(validation_set=None, minimum_gain=None)
    dearer = replace(plain, reward=2 * plain.reward)
    interrupted(creator, "chain", "submit", False, lambda s: create_task(s, stage.bundle, plain))
    other = create_task(creator, stage.bundle, dearer)
    mine = create_task(creator, stage.bundle, plain)
    assert not mine.resumed
    assert mine.bundle == other.bundle
    assert creator.chain.task(mine.task).terms.reward == plain.reward


def test_accept_task_goes_on_and_binds_one_bond(stage: Stage) -> None:
    task = stage.post(results=2)
    session = stage.as_(BOB)
    for after in (False, True):
        interrupted(session, "chain", "submit", after, lambda s: accept_task(s, task))
    interrupted(session, "objects", "get", True, lambda s: accept_task(stage_fresh(s), task))
    accepted = accept_task(session, task)
    assert accepted.resumed
    assert accepted.index == 0
    assert session.chain.task(task).active == 1
    assert (accepted.bundle / "manifest.json").is_file()


def stage_fresh(session: Session) -> Session:
    """The same session with an empty work folder."""
    import shutil

    shutil.rmtree(session.config.work)
    return session


def test_a_half_fetched_bundle_is_fetched_again(stage: Stage) -> None:
    task = stage.post()
    session = stage.as_(BOB)
    bundle = accept_task(session, task).bundle
    (bundle / "start_task.sh").write_text("echo something else")
    accept_task(session, task)
    assert "something else" not in (bundle / "start_task.sh").read_text()


def test_an_interrupted_run_leaves_no_output_and_can_be_repeated(
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = stage.post()
    session = stage.as_(BOB)
    index = accept_task(session, task).index

    def ctrl_c(output: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr("decentralml.market.contributing.running.find_result", ctrl_c)
    with pytest.raises(KeyboardInterrupt):
        run_task(session, task, stage.work(BOB))
    attempt = session.work(task).attempt(index)
    assert not attempt.output.exists()
    assert not list(attempt.root.glob(".*"))
    monkeypatch.undo()
    assert run_task(session, task, stage.work(BOB)).result.is_dir()


class Interruption:
    """Ctrl-C in, or right after, the n-th call of the chain or the store that a session makes."""

    def __init__(self, session: Session, part: str, method: str, number: int, after: bool) -> None:
        self.session, self.part, self.method = session, part, method
        self.left, self.after = number, after

    def __enter__(self) -> None:
        self.real = getattr(self.session, self.part)
        setattr(self.session, self.part, self)

    def __exit__(self, *_: object) -> None:
        setattr(self.session, self.part, self.real)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.real, name)
        if name != self.method:
            return value

        def counted(*arguments: Any, **named: Any) -> Any:
            if self.left:
                self.left -= 1
                return value(*arguments, **named)
            if self.after:
                value(*arguments, **named)
            raise KeyboardInterrupt

        return counted


SENDING = [
    ("objects", "add", 0, False),
    ("objects", "add", 0, True),
    ("objects", "publish", 0, False),
    *(("chain", "submit", number, after) for number in range(3) for after in (False, True)),
]
"""The transactions are: submit the result, draw the committee, hand the key."""


@pytest.mark.parametrize(("part", "method", "number", "after"), SENDING)
def test_send_results_goes_on_with_the_same_key_and_sends_once(
    stage: Stage, part: str, method: str, number: int, after: bool
) -> None:
    task = stage.post()
    session = stage.as_(BOB)
    accept_task(session, task)
    run_task(session, task, stage.work(BOB))
    with Interruption(session, part, method, number, after), pytest.raises(KeyboardInterrupt):
        send_results(session, task)
    attempt = session.work(task).attempt(0)
    sealed = [file.read_bytes() for file in attempt.root.glob("*.age")]
    sent = send_results(stage.as_(BOB), task)
    found = session.chain.submission(task, sent.index)
    assert sent.resumed == (method == "submit" and (number, after) != (0, False))
    assert (found.result, found.digest) == (sent.cid, sent.digest)
    assert found.phase is Phase.COMMITTING
    if sealed:
        assert found.result == session.objects.put_bytes(sealed[0])
    again = send_results(session, task)
    assert again.resumed and again.done == ()
    stage.conclude(task)
    assert session.chain.submission(task, 0).status is SubmissionStatus.ACCEPTED


def test_two_send_results_at_once_send_one_result(stage: Stage) -> None:
    task = stage.post()
    session = stage.as_(BOB)
    accept_task(session, task)
    run_task(session, task, stage.work(BOB))
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(lambda: send_results(stage.as_(BOB), task)) for _ in range(2)]
        sent = [run.result() for run in runs]
    assert sorted(each.resumed for each in sent) == [False, True]
    assert len({each.cid for each in sent}) == 1
    assert session.chain.submission(task, 0).phase is Phase.COMMITTING


def test_a_contributor_whose_disk_is_lost_can_still_hand_its_key(stage: Stage) -> None:
    task = stage.post()
    session = stage.as_(BOB)
    accept_task(session, task)
    run_task(session, task, stage.work(BOB))
    with Interruption(session, "chain", "submit", 0, True), pytest.raises(KeyboardInterrupt):
        send_results(session, task)
    shutil.rmtree(session.config.work)
    assert send_results(session, task).done == ("handed its key to the committee",)
    stage.conclude(task)
    assert session.chain.submission(task, 0).status is SubmissionStatus.ACCEPTED


VALIDATING = [
    ("objects", "put_bytes", 0, True),
    *(("chain", "submit", number, after) for number in range(3) for after in (False, True)),
]
"""The transactions of the only member are: commit, reveal, release."""


@pytest.mark.parametrize(("part", "method", "number", "after"), VALIDATING)
def test_an_interrupted_member_goes_on_and_reveals_what_it_committed_to(
    stage: Stage,
    part: str,
    method: str,
    number: int,
    after: bool,
) -> None:
    task = stage.post(committee=1)
    stage.contribute(BOB, task)
    (seat,) = stage.as_(BOB).chain.submission(task, 0).committee
    (name,) = [name for name in AGGREGATORS if stage.as_(name).address == seat.member]
    session = stage.as_(name)
    with Interruption(session, part, method, number, after), pytest.raises(KeyboardInterrupt):
        validate_task_results(session, task)
    validate_task_results(stage.as_(name), task)
    found = session.chain.submission(task, 0)
    assert found.status is SubmissionStatus.ACCEPTED
    assert found.committee[0].paid


def test_a_member_reveals_what_it_wrote_down_even_if_it_would_find_otherwise_now(
    stage: Stage,
) -> None:
    task = stage.post()
    stage.contribute(BOB, task)
    stage.validate(task)
    for name in AGGREGATORS:
        shutil.rmtree(stage.as_(name).config.cache, ignore_errors=True)
        validate_task_results(stage.as_(name), task, validation_path=stage.root / "toy")
    assert stage.as_(BOB).chain.submission(task, 0).status is SubmissionStatus.ACCEPTED


def test_a_member_whose_disk_is_lost_judges_again_and_reveals_the_same(stage: Stage) -> None:
    task = stage.post()
    stage.contribute(BOB, task)
    stage.validate(task)
    shutil.rmtree(stage.home / "records")
    stage.validate(task)
    assert stage.as_(BOB).chain.submission(task, 0).status is SubmissionStatus.ACCEPTED


def test_decisions_can_be_repeated_and_pay_once(stage: Stage) -> None:
    task = stage.post(results=3, strategy=ValidationStrategy.MANUAL_ACCEPT, committee=1)
    for who in CONTRIBUTORS:
        stage.contribute(who, task)
    stage.validate(task)
    creator = stage.as_(CREATOR)
    interrupted(creator, "chain", "submit", True, lambda s: accept_task_results(s, task, [0]))
    assert accept_task_results(creator, task, [0, 0]) is None
    stage.validate(task)
    bob = creator.chain.balance(creator.resolve(BOB)).total
    assert accept_task_results(creator, task, [0, 0]) is None
    interrupted(creator, "chain", "submit", True, lambda s: reject_task_results(s, task, [1], "no"))
    assert reject_task_results(creator, task, [1], "no").receipt is None
    interrupted(creator, "chain", "submit", True, lambda s: withdraw_task(s, task))
    assert withdraw_task(creator, task) is None
    assert creator.chain.balance(creator.resolve(BOB)).total == bob


@pytest.mark.parametrize("after", [False, True])
def test_an_interrupted_transfer_that_is_repeated_is_sent_once(stage: Stage, after: bool) -> None:
    session = stage.as_(CREATOR)
    bob = session.resolve(BOB)
    before = session.chain.balance(bob).total
    transport = session.chain.transport  # type: ignore[attr-defined]
    session.chain.transport = Interrupting(transport, "submit", after)  # type: ignore[attr-defined]
    with pytest.raises(TransferUncertain, match="again within an hour: it finds what was sent"):
        transfer(session, bob, 5)
    session.close()
    again = stage.as_(CREATOR)
    assert again.chain.balance(bob).total == before + (5 if after else 0)
    transfer(again, bob, 5)
    assert again.chain.balance(bob).total == before + 5


@pytest.mark.parametrize(
    ("part", "method", "after"),
    [
        ("objects", "get", True),
        ("objects", "add", False),
        ("objects", "publish", False),
        ("chain", "submit", False),
        ("chain", "submit", True),
    ],
)
def test_an_interrupted_federate_goes_on_to_the_same_model(
    stage: Stage,
    tmp_path: Path,
    part: str,
    method: str,
    after: bool,
) -> None:
    task = stage.post()
    stage.contribute(BOB, task)
    stage.conclude(task)
    session = stage.as_(CREATOR)
    out = tmp_path / "next"
    interrupted(session, part, method, after, lambda s: federate(s, task, out))
    merged = federate(session, task, out)
    assert session.chain.task(task).published == merged.cid
    assert federate(session, task, out).cid == merged.cid
