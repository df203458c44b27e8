"""Explanations that add up, and parts of them."""

from __future__ import annotations

from chain_support import CHARLIE, pass_time

from decentralml.chain import calls
from decentralml.chain.api import Chain
from decentralml.market.explaining.explain import Explanation, explain, explain_task
from decentralml.market.explaining.sums import Sum
from decentralml.market.session import Session
from decentralml.types import TaskId


def settle(chain: Chain, task: TaskId, index: int) -> None:
    deadline = chain.submission(task, index).deadline
    assert deadline is not None
    pass_time(chain, deadline)
    chain.submit(calls.Settle(task, index), CHARLIE)


def checked(session: Session, task: TaskId, index: int = 0) -> Explanation:
    """An explanation whose sums add up, with the task's."""
    found = explain(session, task, index)
    assert all(each.adds_up for each in found.sums), found.sums
    assert all(each.adds_up for each in explain_task(session, task).sums)
    assert found.history.steps == session.chain.history(task, index).steps
    return found


def part(found: Explanation, name: str) -> Sum:
    return next(each for each in found.sums if each.name == name)


def went(found: Explanation, name: str) -> list[tuple[str, str | None, int]]:
    return [(line.what, line.who, line.amount) for line in part(found, name).went]
