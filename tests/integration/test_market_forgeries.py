"""Contributors who go around the checks: members fail what is not what it should be."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from market_support import (
    AGGREGATORS,
    CONTRIBUTORS,
    GOOD,
    Stage,
    write_model,
    write_work,
)

from decentralml.bundles.pack import base_model_cid, open_task, pack_result
from decentralml.bundles.sealing import seal_folder
from decentralml.bundles.wraps import wrap
from decentralml.chain.calls import HandKey, SubmitResult
from decentralml.market.contributing.contributor import accept_task
from decentralml.market.contributing.sending import send_results
from decentralml.market.exchange.sealed import made_key, seal_of
from decentralml.market.judging.review import validate_task_results
from decentralml.market.progress import brought_on
from decentralml.types import (
    Address,
    SubmissionStatus,
    TaskId,
    Verdict,
)

BOB, CHARLIE = CONTRIBUTORS
Wraps = tuple[tuple[Address, bytes], ...]


def forge(stage: Stage, task: TaskId, tamper: Callable[[Path, dict[str, Any]], None]) -> None:
    """Send a packed result after ``tamper`` changed its folder, or what the chain is told.

    ``seal`` makes the seal from the true one, ``wraps`` the wraps from the true ones.
    """
    session = stage.as_(BOB)
    accepted = accept_task(session, task)
    folder = write_work(stage.root / "forged" / "toy_b", GOOD)
    manifest = open_task(accepted.bundle)
    facts: dict[str, Any] = {
        "task": manifest,
        "task_id": task,
        "genesis": session.info.genesis,
        "base_model": base_model_cid(accepted.bundle, manifest),
        "signer": session.key,
    }
    tamper(folder, facts)
    told = {name: facts.pop(name, None) for name in ("digest", "after", "seal", "wraps", "key")}
    packed, sealed = stage.root / "forged" / "packed", stage.root / "forged" / "sealed"
    _, digest = pack_result(folder, packed, **facts)
    if told["after"] is not None:
        told["after"](packed)
    digest = told["digest"] or digest
    terms = session.chain.task(task).terms
    key = made_key(session, session.chain.submission(task, accepted.index), digest)
    seal_folder(packed, told["key"] or key, sealed)
    seal = seal_of(key, terms)
    if told["seal"] is not None:
        seal = told["seal"](seal)
    cid = session.objects.add(sealed)
    session.chain.submit(SubmitResult(task, cid, digest, seal), session.key)
    submission = brought_on(session, session.chain.submission(task, accepted.index))
    wraps = tuple(
        (seat.member, wrap(key, profile.encryption_key))
        for seat in submission.committee
        if (profile := session.chain.profile(seat.member))
    )
    if told["wraps"] is not None:
        wraps = told["wraps"](wraps)
    session.chain.submit(HandKey(task, accepted.index, wraps), session.key)


def swapped(wraps: Wraps) -> Wraps:
    """Everybody's wrap is the next one's."""
    members = [member for member, _ in wraps]
    return tuple(zip(members, [wrapped for _, wrapped in (*wraps[1:], wraps[0])], strict=True))


def one_spoilt(wraps: Wraps) -> Wraps:
    """One member cannot open what it was handed; the others could."""
    return ((wraps[0][0], bytes(80)), *wraps[1:])


FORGERIES: dict[str, Callable[[Path, dict[str, Any]], None]] = {
    "another digest": lambda folder, facts: facts.update(digest=b"\1" * 32),
    "another task": lambda folder, facts: facts.update(task_id=TaskId(99)),
    "another chain": lambda folder, facts: facts.update(genesis="0x" + "11" * 32),
    "another base model": lambda folder, facts: facts.update(base_model=None),
    "a file besides": lambda folder, facts: facts.update(
        after=lambda packed: (packed / "extra").write_text("x")
    ),
    "a changed file": lambda folder, facts: facts.update(
        after=lambda packed: write_model(packed, GOOD * 2)
    ),
    "NaN": lambda folder, facts: write_model(folder, GOOD * np.float32("nan")) and None,
    "a pickle": lambda folder, facts: (
        (folder / "model.safetensors").write_bytes(pickle.dumps([1], 4)) and None
    ),
    "the digest of another key": lambda folder, facts: facts.update(
        seal=lambda seal: replace(seal, key_digest=bytes(32))
    ),
    "a release of another key": lambda folder, facts: facts.update(
        seal=lambda seal: replace(seal, release=bytes(32))
    ),
    "sealed with another key": lambda folder, facts: facts.update(key=bytes(range(32))),
    "wraps of each other": lambda folder, facts: facts.update(wraps=swapped),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_result_fails_and_its_sender_pays(
    stage: Stage,
    forgery: str,
) -> None:
    task = stage.post(committee=3 if forgery == "wraps of each other" else 1)
    forge(stage, task, FORGERIES[forgery])
    duties = [duty for visit in stage.conclude(task) for duty in visit.duties]
    found = [duty for duty in duties if duty.verdict is not None]
    assert {duty.verdict for duty in found} == {Verdict.FAIL}
    assert all(duty.reasons for duty in found)
    assert not any(str(stage.root) in reason for duty in found for reason in duty.reasons)
    ended = stage.as_(BOB).chain.submission(task, 0)
    assert (ended.status, ended.verdict) == (SubmissionStatus.REJECTED, Verdict.FAIL)


def test_a_contributor_cannot_choose_who_of_the_committee_sees_its_result(stage: Stage) -> None:
    task = stage.post(committee=3)
    forge(stage, task, lambda folder, facts: facts.update(wraps=one_spoilt))
    spoilt = stage.as_(BOB).chain.submission(task, 0).committee[0].member
    visits = stage.validate(task)
    reasons = {reason for visit in visits for duty in visit.duties for reason in duty.reasons}
    assert f"what was handed to {spoilt} is not its key" in " ".join(reasons)
    stage.validate(task)
    assert stage.as_(BOB).chain.submission(task, 0).verdict is Verdict.FAIL


def test_a_result_signed_by_another_account_fails(stage: Stage) -> None:
    task = stage.post(committee=1)
    forge(stage, task, lambda folder, facts: facts.update(signer=stage.as_(CHARLIE).key))
    stage.validate(task)
    assert stage.as_(BOB).chain.submission(task, 0).verdict is Verdict.FAIL


def lose(stage: Stage, task: TaskId) -> None:
    """Send a result as it should be, and lose its ciphertext."""
    session = stage.as_(BOB)
    accepted = accept_task(session, task)
    nowhere = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
    submission = session.chain.submission(task, accepted.index)
    seal = seal_of(made_key(session, submission, bytes(32)), session.chain.task(task).terms)
    session.chain.submit(SubmitResult(task, nowhere, bytes(32), seal), session.key)
    assert send_results(session, task).done == ("handed its key to the committee",)


def test_a_result_that_cannot_be_fetched_waits_unless_the_member_says_otherwise(
    stage: Stage,
) -> None:
    task = stage.post(committee=1)
    lose(stage, task)
    duties = [duty for visit in stage.validate(task) for duty in visit.duties]
    assert not any(duty.done for duty in duties)
    assert any("bafkreigh2akis" in (duty.note or "") for duty in duties)
    for name in AGGREGATORS:
        validate_task_results(stage.as_(name), task, fail_unavailable=True)
    assert stage.as_(BOB).chain.submission(task, 0).verdict is Verdict.FAIL


def test_a_member_whose_machine_cannot_judge_can_say_so_and_keeps_its_bond(stage: Stage) -> None:
    task = stage.post(committee=1)
    lose(stage, task)
    for name in AGGREGATORS:
        validate_task_results(stage.as_(name), task, crashed=True)
    found = stage.as_(BOB).chain.submission(task, 0)
    (seat,) = found.committee
    assert seat.attestation is not None and seat.attestation.verdict is Verdict.CRASHED
    assert (found.verdict, seat.paid) == (Verdict.INCONCLUSIVE, False)
    profile = stage.as_(BOB).chain.profile(seat.member)
    assert profile is not None
    assert profile.bond == stage.as_(BOB).chain.constants().aggregator_bond
