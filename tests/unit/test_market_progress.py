"""What a result waits for, from whom, in each of its states."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from decentralml.market.progress import awaited, members
from decentralml.types import (
    Address,
    Appeal,
    Attestation,
    Cid,
    ModelType,
    Phase,
    Seat,
    StorageType,
    Submission,
    SubmissionStatus,
    Task,
    TaskId,
    TaskStatus,
    TaskType,
    Terms,
    ValidationStrategy,
    Verdict,
    Window,
)

BOB, CREATOR, ANN, CLEO, DAVE = map(Address, ("bob", "hospital", "ann", "cleo", "dave"))
TASK = Task(
    TaskId(3),
    CREATOR,
    Terms(
        TaskType.MODEL_CONTRIBUTOR,
        ValidationStrategy.MANUAL_ACCEPT,
        ModelType.VISION,
        StorageType.IPFS,
        Cid("bafy"),
        reward=1,
        fee=1,
        committee_size=3,
        slots=1,
        bond=3,
        expires_at=9,
        working_time=9,
        review_time=9,
        reader=bytes(32),
    ),
    deposit=0,
    open_slots=0,
    active=1,
    accepted=0,
    submissions=1,
    stored=1,
    created_at=0,
    status=TaskStatus.IN_PROGRESS,
)
SAID = Attestation(Verdict.PASS, 5, Cid("bafy"))
COMMITTEE = (Seat(ANN, commitment=b"x", attestation=SAID), Seat(CLEO, commitment=b"y"), Seat(DAVE))
FOUND = Submission(
    TaskId(3), 0, BOB, 3, 0, 0, 1, SubmissionStatus.PENDING_VALIDATION,
    deadline=77, draw_after=5, committee=COMMITTEE,
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "word", "who"),
    [
        ({"status": SubmissionStatus.ASSIGNED}, "result", (BOB,)),
        ({"phase": Phase.DRAWING}, "block 5", ()),
        ({"phase": Phase.SEALING}, "key", (BOB,)),
        ({"phase": Phase.COMMITTING}, "commitments", (DAVE,)),
        ({"phase": Phase.REVEALING}, "findings", (CLEO,)),
        ({"window": Window.REVIEW}, "decision", (CREATOR,)),
        ({"window": Window.CHALLENGE}, "appeal", ()),
        ({"window": Window.RELEASE}, "release", (BOB, ANN, CLEO, DAVE)),
    ],
)
def test_each_state_waits_for_one_thing(
    changes: dict[str, Any], word: str, who: tuple[Address, ...]
) -> None:
    found = awaited(TASK, replace(FOUND, **changes))
    assert found is not None
    assert word in found.what
    assert (found.who, found.until) == (who, 77)


@pytest.mark.parametrize("status", ["Accepted", "Rejected", "Expired"])
def test_what_has_ended_waits_for_nothing(status: str) -> None:
    assert awaited(TASK, replace(FOUND, status=SubmissionStatus(status), deadline=None)) is None


def test_in_an_appeal_the_jury_is_waited_for_and_all_who_judged_may_release() -> None:
    appealed = replace(
        FOUND,
        status=SubmissionStatus.APPEALED,
        phase=Phase.COMMITTING,
        appeal=Appeal(BOB, 1, 0, None, (Seat(ANN), Seat(Address("eve")))),
    )
    found = awaited(TASK, appealed)
    assert found is not None and found.who == (ANN, "eve")
    assert members(appealed) == (ANN, CLEO, DAVE, "eve")
