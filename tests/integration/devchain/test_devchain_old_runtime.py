"""A chain file of an older runtime: it carries its own code, and goes on under it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from devchain_support import account, nonce, remark, signed
from fixture_support import SUBMISSIONS, open_at, read, unpack


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack(tmp_path_factory.mktemp("old") / "chain.sqlite")


def stage(submission: dict[str, Any]) -> object:
    state = submission["state"]
    if state.name != "PendingValidation":
        return state.name
    return state.value["phase"].name, state.value["round"]


def test_the_fixture_holds_every_state_of_version_1(file: Path) -> None:
    with open_at(file) as chain:
        assert chain.runtime_version.spec_version == 1
        found = {
            task: stage(submission)
            for task in range(14)
            if (submission := read(chain, "Market", "Submissions", task, 0)) is not None
        }
        assert found == SUBMISSIONS
        statuses = [read(chain, "Market", "Tasks", task)["status"].name for task in range(14)]
        assert set(statuses) == {"Created", "InProgress", "Completed", "Withdrawn", "Expired"}
        assert len(read(chain, "Aggregators", "InOffice")) == 4


def test_an_old_chain_goes_on_under_its_own_code(file: Path) -> None:
    alice = account("Alice")
    with open_at(file) as chain:
        height = chain.height
        extrinsic = signed(chain, alice, nonce(chain, alice.public), remark(b"still here"))
        sealed = chain.submit(extrinsic)
        assert (sealed.number, sealed.result) == (height + 1, b"\0\0")
