"""Words that several commands print."""

from __future__ import annotations

from dataclasses import replace

import pytest

from decentralml.cli.wording import status_of, waiting
from decentralml.market.progress import Awaited
from decentralml.types import Address, Outcome, Submission, SubmissionStatus, TaskId

FOUND = Submission(TaskId(3), 0, Address("bob"), 3, 0, 0, 1, SubmissionStatus.ACCEPTED)


@pytest.mark.parametrize(
    ("status", "outcome", "said"),
    [
        ("Accepted", Outcome.ACCEPTED, "Accepted"),
        ("Rejected", Outcome.FAILED, "Rejected"),
        ("Rejected", Outcome.OVERRULED, "Rejected, overruled"),
        ("Rejected", Outcome.INCONCLUSIVE, "Rejected, inconclusive"),
        ("Rejected", Outcome.ACCEPTED, "Rejected, key not released"),
        ("Validated", Outcome.ACCEPTED, "Validated, accepted"),
        ("PendingValidation", None, "PendingValidation"),
    ],
)
def test_a_status_says_what_came_of_it(status: str, outcome: Outcome | None, said: str) -> None:
    assert status_of(replace(FOUND, status=SubmissionStatus(status), outcome=outcome)) == said
    if outcome is Outcome.ACCEPTED and status == "Accepted":
        assert status_of(replace(FOUND, outcome=outcome, unpaid=True)) == "Accepted, unpaid"


@pytest.mark.parametrize(
    ("awaited", "said"),
    [
        (Awaited("its key", (Address("5F"),), 61_000), "waits for its key (bob), 1m left"),
        (Awaited("the draw", (), 61_000), "waits for the draw, 1m left"),
        (Awaited("its key", (Address("x"),), 900), "waits for its key (x), its time is over"),
        (Awaited("its key", (), None), "waits for its key"),
    ],
)
def test_what_is_waited_for_is_said_with_names_and_the_time_left(
    awaited: Awaited, said: str
) -> None:
    assert waiting(awaited, {Address("5F"): "bob"}, 1000).startswith(said)
