"""A Flower round whose results are paid: the real chain and sandbox, messages by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("flwr", reason="the extra 'flower' is not installed")

from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, RecordDict
from flwr.client import NumPyClient
from flwr.supercore.task_identity import TaskIdentity
from market_support import AGGREGATORS, CONTRIBUTORS, CREATOR, GOOD, WEAK, Stage

from decentralml.chain.errors import UnknownTask
from decentralml.errors import NotTheTasksModel
from decentralml.flower.client_app import as_client_app
from decentralml.flower.marketplace import PaidApp, TaskRounds
from decentralml.flower.strategy import create_db_integrated_strategy
from decentralml.market.merging.federation import federate
from decentralml.types import UNIT, SubmissionStatus

CLAIMED = {"llm_type": "Vision", "object_detection_accuracy": 1.0, "accuracy": 0.4}


@pytest.fixture(autouse=True)
def run_of_flower(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages can be made only within a run: one that is nobody's."""
    for name in ("_run_id", "_task_id", "_node_id"):
        monkeypatch.setattr(TaskIdentity, name, 1)


class Toy(NumPyClient):
    """An old-style client that hands in what it was made with."""

    def __init__(self, weight: np.ndarray) -> None:
        self.weight = weight
        self.trained = 0

    def fit(self, parameters: Any, config: Any) -> Any:
        self.trained += 1
        return [self.weight], 10, dict(CLAIMED)


class Nodes:
    def get_node_ids(self) -> Any:
        return iter((1, 2))


CONTEXT = Context(1, 1, {}, RecordDict(), {})


def test_clients_are_paid_for_what_they_train(stage: Stage) -> None:
    creator = stage.as_(CREATOR)
    rounds = TaskRounds(
        creator, stage.bundle, stage.offer(results=2), stage.model, stage.root / "rounds"
    )
    plan = create_db_integrated_strategy(None, "load_based", task_of_round=rounds)
    weak = ArrayRecord({"weight": Array(WEAK)})
    grid: Any = Nodes()
    messages = list(plan.configure_train(1, weak, ConfigRecord(), grid))
    before = {who: stage.as_(who).chain.balance(stage.as_(who).address) for who in CONTRIBUTORS}
    replies = []
    for who, message in zip(CONTRIBUTORS, messages, strict=True):
        app = PaidApp(as_client_app(Toy(GOOD), "toy"), lambda who=who: stage.as_(who))
        replies.append(app(message, CONTEXT))
        again = app(message, CONTEXT)  # The message comes twice: nothing is sent twice.
        assert dict(again.content["market"]) == dict(replies[-1].content["market"])
    arrays, _ = plan.aggregate_train(1, replies)
    assert np.array_equal(arrays["weight"].numpy(), GOOD)

    task = rounds.tasks[1]
    stage.conclude(task)
    for who in CONTRIBUTORS:
        session = stage.as_(who)
        after = session.chain.balance(session.address)
        assert 9 * UNIT < after.total - before[who].total <= 10 * UNIT
    found = [creator.chain.submission(task, index) for index in (0, 1)]
    assert {one.status for one in found} == {SubmissionStatus.ACCEPTED}
    # The market's own merge is the same model, and the next round's task goes on from there.
    merged = federate(creator, task, stage.root / "next")
    assert merged.published
    (message, *_) = plan.configure_train(2, arrays, ConfigRecord(), grid)
    assert creator.chain.task(message.content["config"]["task"]).terms.parent == task
    reviewed = stage.validate(task, AGGREGATORS[0])
    assert reviewed


def test_a_server_that_asks_for_another_model_than_the_tasks_is_refused(stage: Stage) -> None:
    task = stage.post()
    toy = Toy(GOOD)
    app = PaidApp(as_client_app(toy, "toy"), lambda: stage.as_(CONTRIBUTORS[0]))

    def message(weight: np.ndarray, number: int) -> Message:
        arrays = ArrayRecord({"weight": Array(weight)})
        config = ConfigRecord({"task": number})
        content = RecordDict({"fitins.parameters": arrays, "fitins.config": config})
        return Message(content, dst_node_id=1, message_type="train")

    with pytest.raises(NotTheTasksModel, match=f"base model of task {task}"):
        app(message(GOOD, task), CONTEXT)
    with pytest.raises(UnknownTask):
        app(message(WEAK, 999), CONTEXT)
    assert toy.trained == 0


def test_what_is_not_of_a_task_is_not_the_markets(stage: Stage) -> None:
    toy = Toy(GOOD)

    def never() -> Any:
        raise AssertionError("no session is opened")

    app = PaidApp(as_client_app(toy, "toy"), never)
    arrays, config = ArrayRecord({"weight": Array(WEAK)}), ConfigRecord()
    content = RecordDict({"fitins.parameters": arrays, "fitins.config": config})
    reply = app(Message(content, dst_node_id=1, message_type="train"), CONTEXT)
    assert toy.trained == 1 and "market" not in reply.content
