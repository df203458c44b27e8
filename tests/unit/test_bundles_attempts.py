"""Which tasks are attempts of one round, as a manifest says it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from test_bundles_manifest import ANNOTATION, CID, TASK

from decentralml.bundles.attempts import ALONE, Attempts, EarlierAttempt
from decentralml.bundles.manifest import check_task, parse_task
from decentralml.errors import ManifestError
from decentralml.types import TaskId

SECOND = replace(TASK, attempts=Attempts(2, (EarlierAttempt(TaskId(4), CID),)))


def test_attempts_are_read_as_they_were_written() -> None:
    assert parse_task(SECOND.to_json()) == SECOND


def test_a_task_that_is_a_round_by_itself_says_nothing_of_attempts() -> None:
    assert "attempts" not in json.loads(TASK.to_json())
    assert parse_task(TASK.to_json()).attempts == ALONE


@pytest.mark.parametrize(
    "attempts",
    [
        {"before": [], "least": 0},
        {"before": [], "least": "2"},
        {"before": {}, "least": 1},
        {"before": ["4"], "least": 1},
        {"before": [{"task": 4}], "least": 1},
        {"before": [{"task": 4, "bundle": "somewhere"}], "least": 1},
        {"before": [{"task": -1, "bundle": CID}], "least": 1},
        {"before": [{"task": 4, "bundle": CID, "more": 1}], "least": 1},
        {"before": [{"task": 4, "bundle": CID}] * 2, "least": 1},
        {"before": [{"task": n, "bundle": CID} for n in (5, 4)], "least": 1},
        {"before": [{"task": n, "bundle": CID} for n in range(65)], "least": 1},
        {"before": [], "least": 1, "more": 1},
        {"least": 1},
        [],
    ],
)
def test_attempts_that_are_not_as_they_should_be_are_named(attempts: Any) -> None:
    document = json.loads(TASK.to_json()) | {"attempts": attempts}
    with pytest.raises(ManifestError, match="attempts"):
        parse_task(json.dumps(document).encode())


def test_labels_have_no_attempts() -> None:
    with pytest.raises(ManifestError, match="attempts are merged"):
        check_task(replace(ANNOTATION, attempts=SECOND.attempts))


def test_an_offer_is_the_same_whatever_number_a_fork_gives_an_attempt() -> None:
    other = EarlierAttempt(TaskId(5), CID)
    assert str(Attempts(2, (other,))) == str(SECOND.attempts)
