"""The Flower strategy on replies made by hand: no server, no clients."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("flwr", reason="the extra 'flower' is not installed")

from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.compat.common.recorddict_compat import fitres_to_recorddict, recorddict_to_fitins
from flwr.compat.common.typing import Code, FitRes, Parameters, Status
from flwr.supercore.task_identity import TaskIdentity

from decentralml.db.artifacts import get_latest_models_by_type, load_model_from_artifact
from decentralml.db.engine import Database
from decentralml.errors import (
    ModelTypeUnknown,
    NoClientsOfType,
    NothingToAggregate,
    SelectionOptionInvalid,
    TooManyBad,
    ZeroWeight,
)
from decentralml.flower.strategy import DbIntegratedStrategy, create_db_integrated_strategy
from decentralml.types import ModelType

VISION = {"object_detection_accuracy": 0.5, "accuracy": 0.9}
TEXT = {"perplexity": math.e, "loss": 1.0}
LOAD = {"cpu_usage": 10.0, "memory_usage": 20.0}
MODEL = {"weight": np.zeros((2, 3), "f4"), "bias": np.zeros(3, "f4"), "steps": np.array(0)}


@pytest.fixture(autouse=True)
def run_of_flower(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages can be made only within a run: one that is nobody's."""
    for name in ("_run_id", "_task_id", "_node_id"):
        monkeypatch.setattr(TaskIdentity, name, 1)


class Nodes:
    """A grid of nodes that nobody sends anything to."""

    def __init__(self, *nodes: int) -> None:
        self.nodes = nodes

    def get_node_ids(self) -> Iterator[int]:
        return iter(self.nodes)


def asked(strategy: DbIntegratedStrategy, nodes: int = 3) -> list[Message]:
    arrays = ArrayRecord({name: Array(values) for name, values in MODEL.items()})
    grid: Any = Nodes(*range(1, nodes + 1))
    messages = list(strategy.configure_train(1, arrays, ConfigRecord(), grid))
    return sorted(messages, key=lambda message: message.metadata.dst_node_id)


def reply(
    message: Message,
    value: float,
    examples: int = 10,
    metrics: Mapping[str, Any] = {},
    arrays: Mapping[str, Any] | None = None,
) -> Message:
    """What a client of the message API answers."""
    words = {k: v for k, v in metrics.items() if isinstance(v, str)}
    numbers = {k: v for k, v in metrics.items() if not isinstance(v, str)}
    if arrays is None:
        arrays = {name: np.full_like(values, value) for name, values in MODEL.items()}
    content = RecordDict(
        {
            "arrays": ArrayRecord({name: Array(values) for name, values in arrays.items()}),
            "metrics": MetricRecord({"num-examples": examples, **numbers}),
            "config": ConfigRecord(words),
        }
    )
    return Message(content, reply_to=message)


def old_reply(message: Message, value: float, examples: int, metrics: Mapping[str, Any]) -> Message:
    """What Flower's compatibility makes of an old-style client's answer."""
    fit = recorddict_to_fitins(message.content, keep_input=True)
    assert len(fit.parameters.tensors) == len(MODEL)
    arrays = [Array(np.full_like(values, value)).data for values in MODEL.values()]
    answer = FitRes(
        Status(Code.OK, ""), Parameters(arrays, "numpy.ndarray"), examples, dict(metrics)
    )
    return Message(fitres_to_recorddict(answer, keep_input=False), reply_to=message)


def strategy(*args: Any, **options: Any) -> DbIntegratedStrategy:
    return create_db_integrated_strategy(None, *args, **options)


def merged(found: Any) -> dict[str, np.ndarray]:
    return {name: array.numpy() for name, array in found.items()}


def test_updates_weigh_what_their_models_are_worth() -> None:
    plan = strategy("load_based")
    one, two, _ = asked(plan)
    arrays, metrics = plan.aggregate_train(
        1,
        [
            reply(one, 1.0, 10, {"llm_type": "Vision", "object_detection_accuracy": 1.0} | LOAD),
            reply(two, 4.0, 10, {"llm_type": "SpikingEvoVisionEncoder", "accuracy": 0.0} | VISION),
        ],
    )
    # 10 · 1.4 and 10 · (1 + 0.2 + 0.27): (14 + 4 · 14.7) / 28.7.
    found = merged(arrays)
    assert list(found) == list(MODEL)
    assert found["weight"] == pytest.approx(np.full((2, 3), 72.8 / 28.7), rel=1e-6)
    assert found["steps"] == 3 and found["steps"].shape == ()
    assert metrics["total_weight"] == pytest.approx(28.7)
    assert metrics["clients"] == 2 and metrics["aggregator_node"] == 1


def test_examples_alone_weigh_where_types_are_not_wanted() -> None:
    plan = strategy("load_based", None, False)
    one, two, _ = asked(plan)
    arrays, _ = plan.aggregate_train(1, [reply(one, 1.0, 30), reply(two, 5.0, 10)])
    assert merged(arrays)["bias"] == pytest.approx([2.0] * 3)


def test_old_style_and_message_clients_are_merged_together(
    caplog: pytest.LogCaptureFixture,
) -> None:
    plan = strategy("hybrid", aggregator_weight_multiplier=3.0)
    one, two, _ = asked(plan)
    said = {"llm_type": "Text", "accuracy": 0.5} | TEXT | LOAD
    busy = said | {"cpu_usage": 90.0, "client_id": "client-2"}
    with caplog.at_level(logging.DEBUG, logger="flwr.decentralml"):
        arrays, metrics = plan.aggregate_train(
            1, [old_reply(one, 1.0, 10, said), reply(two, 5.0, 10, busy)]
        )
    # Both have the quality 1/2; the aggregator's update counts three times: (3 · 1 + 5) / 4.
    assert merged(arrays)["weight"] == pytest.approx(np.full((2, 3), 2.0))
    assert metrics["aggregator_node"] == 1
    assert "Round 1: Target LLM type = Text (auto-detected)" in caplog.messages
    # 0.4 · 0.85 + 0.6 · (0.5 + 1/2) / 2.
    assert "Selected aggregator: client-1 (hybrid score: 0.640)" in caplog.messages
    assert "Round 1: client-2 has hybrid score 0.480" in caplog.messages


def test_other_types_are_kept_apart(caplog: pytest.LogCaptureFixture) -> None:
    plan = strategy("load_based")
    one, two, three = asked(plan)
    arrays, metrics = plan.aggregate_train(
        1,
        [
            reply(one, 1.0, 10, {"llm_type": "Vision"} | VISION | LOAD),
            reply(two, 9.0, 1000, {"llm_type": "Text"} | TEXT | LOAD),
            reply(three, 1.0, 10, {"llm_type": "Vision"} | VISION | LOAD),
        ],
    )
    assert np.all(merged(arrays)["bias"] == 1)
    assert (metrics["clients"], metrics["clients_apart"]) == (2, 1)
    assert plan.rounds[1].apart == {"client-2": "Text"}
    assert "Round 1: client-2 is kept apart: its type is Text" in caplog.messages
    # What a first round was about, later ones are about; one without such a client changes nothing.
    other = reply(two, 1.0, 10, {"llm_type": "Text"} | TEXT | LOAD)
    assert plan.aggregate_train(2, [other]) == (None, None)
    assert "Round 2: No clients with target LLM type Vision (1 of type Text)" in caplog.text
    assert plan.aggregate_evaluate(1, [reply(two, 1.0, 10, {"loss": 9.0})]) is None
    told = plan.aggregate_evaluate(1, [reply(one, 1.0, 10, {"loss": 2.0})])
    assert told is not None and told["loss"] == 2.0


def test_a_tie_is_decided_by_the_database(tmp_path: Path) -> None:
    with Database(f"sqlite:///{tmp_path / 'database.sqlite'}") as database:
        for kind, metrics in (("Audio", {}), ("Vision", VISION)):
            plan = create_db_integrated_strategy(database.sessions, "load_based", kind, False)
            plan.records.begin({}, plan.target)
            (one, *_) = asked(plan)
            plan.aggregate_train(1, [reply(one, 7.0, 10, {"llm_type": kind} | metrics | LOAD)])
        newest = get_latest_models_by_type("Vision", db_session_factory=database.sessions)[0]
        tensors = load_model_from_artifact(newest.artifact_id, db_session_factory=database.sessions)
        assert tensors["bias"].tolist() == [7.0] * 3

        plan = create_db_integrated_strategy(database.sessions, "load_based")
        one, two, _ = asked(plan)
        answers = [
            reply(one, 1.0, 10, {"llm_type": "Text"} | TEXT | LOAD),
            reply(two, 2.0, 10, {"llm_type": "Vision"} | VISION | LOAD),
        ]
        arrays, _ = plan.aggregate_train(1, answers)
        assert plan.rounds[1].target.model_type is ModelType.VISION
        assert np.all(merged(arrays)["bias"] == 2)

        quiet = create_db_integrated_strategy(database.sessions, "load_based")
        (one, *_) = asked(quiet)
        quiet.aggregate_train(1, [reply(one, 1.0, 10, VISION | LOAD)])
        assert quiet.rounds[1].target.how == "from the database"


def test_no_client_of_the_target_type_says_what_to_do() -> None:
    plan = strategy("load_based", "SpikingEvoAudioEncoder")
    one, two, _ = asked(plan)
    answers = [reply(one, 1.0, 10, {"llm_type": "Text"} | TEXT), reply(two, 1.0, 10, LOAD)]
    with pytest.raises(NoClientsOfType) as caught:
        plan.aggregate_train(1, answers)
    assert str(caught.value) == (
        "No clients with target LLM type Audio (1 of type Text, 1 of type unknown); start clients "
        "that report llm_type = Audio, name a type that is there with --target-llm-type, or leave "
        "the option out to have it detected"
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"metrics": {"llm_type": "Beauty"}}, "no type of model is called 'Beauty'"),
        ({"metrics": {"llm_type": "Vision"}}, "object_detection_accuracy, which was not measured"),
        (
            {"metrics": {"llm_type": "Vision", "object_detection_accuracy": math.nan}},
            "object_detection_accuracy is nan",
        ),
        ({"examples": -1}, "its number of examples is -1"),
        ({"arrays": {**MODEL, "bias": np.full(3, np.nan, "f4")}}, "'bias' holds NaN"),
        ({"arrays": {**MODEL, "bias": np.zeros(4, "f4")}}, r"'bias' is float32 \[4\]"),
        ({"arrays": {**MODEL, "bias": np.zeros(3, "f8")}}, r"'bias' is float64 \[3\]"),
        ({"arrays": {"weight": MODEL["weight"]}}, "tensors of another model"),
        ({"arrays": {**MODEL, "more": np.zeros(1)}}, "tensors of another model"),
    ],
)
def test_one_bad_update_is_left_out_by_name(change: dict[str, Any], reason: str) -> None:
    import re

    plan = strategy("load_based")
    one, two, _ = asked(plan)
    good = {"llm_type": "Vision"} | VISION | LOAD
    bad = reply(two, 9.0, **({"metrics": good} | change))
    arrays, metrics = plan.aggregate_train(1, [reply(one, 1.0, 10, good), bad])
    assert np.all(merged(arrays)["bias"] == 1)
    assert metrics["clients_refused"] == 1
    assert re.search(reason, plan.rounds[1].refused["client-2"])


def test_bytes_that_are_no_array_are_left_out() -> None:
    plan = strategy("load_based")
    one, two, _ = asked(plan)
    good = {"llm_type": "Vision"} | VISION | LOAD
    bad = reply(two, 1.0, 10, good)
    for data in (
        b"",
        b"\x80\x04K\x01.",
        b"\x93NUMPY\x01\x00",
        bad.content["arrays"]["bias"].data[:-1],
    ):
        broken = Array(dtype="float32", shape=(3,), stype="numpy.ndarray", data=data)
        bad.content["arrays"]["bias"] = broken
        plan.aggregate_train(1, [reply(one, 1.0, 10, good), bad])
        assert "cannot be read" in plan.rounds[1].refused["client-2"]


def test_of_two_clients_that_claim_a_name_neither_is_believed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    plan = strategy("pfc_centric", pfc_node_id="twin")
    one, two, _ = asked(plan)
    good = {"llm_type": "Vision", "client_id": "twin"} | VISION | LOAD
    for number in (1, 2):
        arrays, metrics = plan.aggregate_train(
            number, [reply(one, 1.0, 10, good), reply(two, 3.0, 10, good)]
        )
        assert np.all(merged(arrays)["bias"] == 2) and not plan.rounds[number].refused
        assert set(plan.rounds[number].report()["clients"]) == {"client-1", "client-2"}
        assert "aggregator_node" not in metrics, "nobody is the PFC node"
    plan.aggregate_train(3, [reply(two, 3.0, 10, good)])
    assert "client-2" in plan.rounds[3].report()["clients"], "nor later, when only one claims it"
    assert "Round 1: twin is what these nodes call themselves: 1, 2; none" in caplog.text


def test_a_spoofing_client_takes_nobody_s_name_and_is_not_the_pfc_node(
    caplog: pytest.LogCaptureFixture,
) -> None:
    plan = strategy("pfc_centric", pfc_node_id="hospital")
    one, two, three = asked(plan)
    good = {"llm_type": "Vision"} | VISION | LOAD
    real, spoof = good | {"client_id": "hospital"}, good | {"client_id": "hospital"}
    _, first = plan.aggregate_train(1, [reply(one, 1.0, 10, real), reply(two, 1.0, 10, good)])
    assert first["aggregator_node"] == 1
    _, second = plan.aggregate_train(2, [reply(two, 9.0, 10, spoof), reply(one, 1.0, 10, real)])
    found = plan.rounds[2]
    assert second["aggregator_node"] == 1 and not found.refused
    assert set(found.report()["clients"]) == {"hospital", "client-2"}
    assert "Round 2: hospital is what these nodes call themselves: 1, 2; the first" in caplog.text
    _, alone = plan.aggregate_train(3, [reply(two, 9.0, 10, spoof), reply(three, 1.0, 10, good)])
    assert "aggregator_node" not in alone, "nor where the real one is away"
    # What is wrong with the spoofer's answer is not said of the other.
    bad = reply(two, 9.0, -1, spoof)
    plan.aggregate_train(4, [bad, reply(one, 1.0, 10, real)])
    assert set(plan.rounds[4].refused) == {"client-2"}


def test_the_number_of_a_node_cannot_be_claimed(caplog: pytest.LogCaptureFixture) -> None:
    good = {"llm_type": "Vision"} | VISION | LOAD
    for asked_for in ("1", "client-1"):
        plan = strategy("pfc_centric", pfc_node_id=asked_for)
        one, two, _ = asked(plan)
        real = reply(one, 1.0, 10, good | {"client_id": "hospital"})
        for claim in ("client-1", "1"):
            spoof = reply(two, 9.0, 10, good | {"client_id": claim})
            _, metrics = plan.aggregate_train(1, [spoof, real])
            assert metrics["aggregator_node"] == 1
            assert set(plan.rounds[1].report()["clients"]) == {"hospital", "client-2"}
    assert "client-1 is what these nodes call themselves: 1, 2" in caplog.text


def test_a_client_keeps_its_first_name() -> None:
    plan = strategy("load_based")
    (one, *_) = asked(plan)
    good = {"llm_type": "Vision"} | VISION | LOAD
    for number, name in enumerate(("hospital", "clinic"), 1):
        plan.aggregate_train(number, [reply(one, 1.0, 10, good | {"client_id": name})])
        assert list(plan.rounds[number].report()["clients"]) == ["hospital"]


def test_a_round_in_which_all_are_refused_says_why() -> None:
    plan = strategy("load_based")
    (one, *_) = asked(plan)
    with pytest.raises(NothingToAggregate, match=r"all 1 updates were refused.*not measured"):
        plan.aggregate_train(1, [reply(one, 1.0, 10, {"llm_type": "Vision"})])


def test_a_round_without_weight_is_refused() -> None:
    plan = strategy("load_based")
    (one, *_) = asked(plan)
    with pytest.raises(ZeroWeight):
        plan.aggregate_train(1, [reply(one, 1.0, 0, {"llm_type": "Vision"} | VISION)])


def test_an_empty_round_leaves_the_model_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    assert strategy("load_based").aggregate_train(1, []) == (None, None)
    assert "nobody answered; the model stays as it is" in caplog.text


def test_without_an_aggregator_the_round_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    plan = strategy("pfc_centric", pfc_node_id="client-9")
    (one, *_) = asked(plan)
    _, metrics = plan.aggregate_train(1, [reply(one, 1.0, 10, {"llm_type": "Vision"} | VISION)])
    assert "aggregator_node" not in metrics
    assert "pfc_centric finds no aggregator (client-9: it is the PFC node" in caplog.text


def test_convergence_is_seen_by_the_server() -> None:
    plan = strategy("performance_based", None, False)
    one, two, _ = asked(plan)
    for number, losses in enumerate(((1.0, 1.0), (0.5, 1.0)), 1):
        plan.aggregate_train(
            number,
            [
                reply(message, 1.0, 10, {"accuracy": 0.5, "loss": loss})
                for message, loss in zip((one, two), losses, strict=True)
            ],
        )
    chosen = plan.rounds[2].aggregator
    assert chosen is not None and chosen.node == "client-1"
    # 0.5 · 0.5 + 0.3 / 1.5 + 0.2 · 0.5
    assert chosen.score == pytest.approx(0.55)


def test_a_model_is_sent_once_though_clients_of_both_kinds_find_it() -> None:
    message = asked(strategy("load_based"))[0]
    assert message.content["arrays"] is message.content["fitins.parameters"]
    assert dict(message.content["fitins.config"]) == {"server-round": 1}


def test_metrics_that_are_no_numbers_are_not_averaged(tmp_path: Path) -> None:
    with Database(f"sqlite:///{tmp_path / 'database.sqlite'}") as database:
        plan = create_db_integrated_strategy(database.sessions, "load_based")
        plan.records.begin({}, None)
        one, two, _ = asked(plan)
        good = {"llm_type": "Vision"} | VISION | LOAD
        odd = good | {"beauty": math.nan}
        _, metrics = plan.aggregate_train(
            1, [reply(one, 1.0, 10, good | {"beauty": 1.0}), reply(two, 1.0, 10, odd)]
        )
    assert "beauty" not in metrics and metrics["accuracy"] == pytest.approx(0.9)
    assert "beauty" not in plan.rounds[1].report()["clients"]["client-2"]["metrics"]


def test_the_command_offers_every_strategy() -> None:
    from decentralml.cli.flower import STRATEGIES
    from decentralml.validation.selection import Selection

    assert tuple(Selection) == STRATEGIES


def test_the_command_offers_every_rule_that_needs_no_reference() -> None:
    from decentralml.cli.flower import RULES
    from decentralml.learning.robust.rules import Rule

    assert set(RULES) == set(Rule) - {Rule.FLTRUST}


@pytest.mark.parametrize("rule", ["median", "trimmed-mean", "centred-clipping"])
def test_a_robust_rule_stands_a_bad_client_and_counts_all_alike(rule: str) -> None:
    plan = strategy("load_based", None, False, rule=rule)
    messages = asked(plan, 5)
    values = (1.0, 1.1, 1.2, 1.3, 1e6)
    replies = [reply(m, v, 10**n) for n, (m, v) in enumerate(zip(messages, values, strict=True))]
    arrays, _ = plan.aggregate_train(1, replies)
    assert (merged(arrays)["bias"] < 2).all() and (merged(arrays)["bias"] > 0.5).all()
    assert plan.rounds[1].report()["rule"] == rule


def test_whoever_a_rule_leaves_out_is_named_with_the_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    plan = strategy("load_based", None, False, rule="auto")
    messages = asked(plan, 5)
    start = float(MODEL["bias"][0])
    values = (start + 1.0, start + 1.1, start + 1.2, start + 1.3, start)
    arrays, _ = plan.aggregate_train(
        1, [reply(m, v, 10) for m, v in zip(messages, values, strict=True)]
    )
    found = plan.rounds[1]
    assert arrays is not None and len(found.merged) == 5 - len(found.refused) and found.refused
    assert "is left out: it is" in caplog.text and found.reason


def test_too_few_for_a_rule_leave_the_model_as_it_is_after_the_first_round(
    caplog: pytest.LogCaptureFixture,
) -> None:
    plan = strategy("load_based", None, False, rule="krum")
    messages = asked(plan, 4)
    with pytest.raises(TooManyBad):
        plan.aggregate_train(1, [reply(messages[0], 1.0, 10)])
    plan.aggregate_train(2, [reply(m, 1.0 + n, 10) for n, m in enumerate(messages)])
    assert plan.aggregate_train(3, [reply(messages[0], 1.0, 10)]) == (None, None)
    assert "the model stays as it is" in caplog.text


def test_absurd_settings_are_named() -> None:
    with pytest.raises(SelectionOptionInvalid, match="strategy is 'random'"):
        strategy("random")
    with pytest.raises(SelectionOptionInvalid, match="pfc_node_id"):
        strategy("pfc_centric")
    with pytest.raises(ModelTypeUnknown):
        strategy("hybrid", "Beauty")
    with pytest.raises(SelectionOptionInvalid, match="multiplier"):
        strategy("hybrid", aggregator_weight_multiplier=9.0)
    for rule in ("fltrust", "best"):
        with pytest.raises(SelectionOptionInvalid, match=f"rule is '{rule}'"):
            strategy("hybrid", rule=rule)
