"""What a training loop sees of a swarm, over a swarm in memory."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from callback_support import TERMS, MemoryLink, MemorySwarm, at_once
from torch import nn
from torch.utils.data import TensorDataset

from decentralml.chain.swarm.words import MergeMethod, Presence
from decentralml.errors import (
    BadSyncFrequency,
    BadWeightage,
    NodeRefused,
    StructureMismatch,
    SwarmError,
    TermsContradicted,
    TrainingDiverged,
    TrainingNotBegun,
    UnknownCheckin,
    UnknownMergeMethod,
    ValidationDataMissing,
)
from decentralml.swarm.callback import SwarmCallback
from decentralml.swarm.link import TERMS as TOLD_TERMS
from decentralml.swarm.training.weights import save_weights

torch.set_num_threads(1)


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))


def data(seed: int, count: int = 32) -> tuple[torch.Tensor, torch.Tensor]:
    source = torch.Generator().manual_seed(seed)
    inputs = torch.randn(count, 4, generator=source)
    return inputs, (inputs[:, 0] > 0).long()


class Trainee:
    """A node's training: a few batches of 8, a callback after each."""

    def __init__(self, link: MemoryLink, seed: int = 0, **options: Any) -> None:
        self.model = network(seed)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1, momentum=0.9)
        self.data = data(link.number)
        options.setdefault("sync_frequency", 4)
        self.swarm = SwarmCallback(model=self.model, optimizer=self.optimizer, link=link, **options)

    def batch(self, number: int) -> None:
        inputs, labels = (part[8 * (number % 4) :][:8] for part in self.data)
        self.optimizer.zero_grad()
        loss = nn.functional.cross_entropy(self.model(inputs), labels)
        loss.backward()
        self.optimizer.step()
        self.swarm.on_batch_end(loss)

    def train(self, batches: int, epoch: int = 4) -> None:
        self.swarm.on_train_begin()
        for number in range(self.swarm.batches, batches):
            self.batch(number)
            if (number + 1) % epoch == 0:
                self.swarm.on_epoch_end(number // epoch)
        self.swarm.on_train_end()


def state(model: nn.Module) -> list[torch.Tensor]:
    return [value.clone() for value in model.state_dict().values()]


def same(left: nn.Module, right: nn.Module) -> bool:
    pairs = zip(state(left), state(right), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_all_nodes_end_with_one_model_however_they_began(tmp_path: Path) -> None:
    swarm = MemorySwarm(tmp_path, seats=3)
    trainees = [Trainee(link, seed=number) for number, link in enumerate(swarm.links(3))]
    at_once(swarm, lambda n: trainees[n].train(10), 3)
    assert same(trainees[0].model, trainees[1].model)
    assert same(trainees[0].model, trainees[2].model)
    # One sync at the start, after 4 and 8 batches, and the last one.
    assert swarm.round == 4
    assert {kind for kind, _ in swarm.ended.values()} == {Presence.SNAPSHOT}
    assert all(trainee.swarm.round == 4 for trainee in trainees)


def test_buffers_are_merged_too(tmp_path: Path) -> None:
    swarm = MemorySwarm(tmp_path, seats=2)
    trainees = [Trainee(link) for link in swarm.links(2)]
    before: list[list[torch.Tensor]] = [[], []]

    def work(n: int) -> None:
        trainee = trainees[n]
        trainee.swarm.on_train_begin()
        for number in range(3):
            trainee.batch(number)
        before[n] = [value.clone() for value in trainee.model[1].buffers()]  # type: ignore[index]
        trainee.batch(3)

    at_once(swarm, work, 2)
    mean = trainees[0].model[1].running_mean  # type: ignore[index]
    assert not torch.equal(before[0][0], before[1][0])
    assert torch.equal(mean, trainees[1].model[1].running_mean)  # type: ignore[index]
    assert trainees[0].model[1].num_batches_tracked == 4  # type: ignore[index]


def test_a_late_joiner_begins_from_the_newest_model(tmp_path: Path) -> None:
    swarm = MemorySwarm(tmp_path)
    first, second = swarm.links(2)
    early = Trainee(first, seed=1)
    early.train(6)
    swarm.ended.clear()  # Nothing but the newest model is merged with what the late one brings.
    late = Trainee(second, seed=2)
    late.swarm.on_train_begin()
    assert same(late.model, early.model)
    assert late.swarm.round == swarm.round


def test_the_optimizer_keeps_its_momentum_over_merges_unless_told_otherwise(
    tmp_path: Path,
) -> None:
    for reset in (False, True):
        trainee = Trainee(MemorySwarm(tmp_path).links(1)[0], reset_optimizer=reset)
        trainee.swarm.on_train_begin()
        for number in range(4):
            trainee.batch(number)
        assert bool(trainee.optimizer.state) is not reset
        trainee.batch(4)
        assert trainee.optimizer.state


def test_the_interval_adapts_to_the_validation_loss(tmp_path: Path) -> None:
    losses = iter([4.0, 3.0, 2.0, 2.5])
    trainee = Trainee(
        MemorySwarm(tmp_path).links(1)[0],
        use_adaptive_sync=True,
        ads_val_data=lambda model: next(losses),
    )
    trainee.swarm.on_train_begin()
    seen = {0: trainee.swarm.round}
    for number in range(1, 22):
        trainee.batch(number)
        seen.setdefault(number, trainee.swarm.round)
    # 4 (the first loss changes nothing), 6, 9; then halved.
    synced = [number for number in range(1, 22) if seen[number] > seen[number - 1]]
    assert synced == [4, 10, 19]
    assert trainee.swarm.schedule.interval == 4


@pytest.mark.parametrize("kind", ["dataset", "batches"])
def test_the_validation_loss_is_the_mean_over_examples(tmp_path: Path, kind: str) -> None:
    inputs, labels = data(7, 10)
    given: Any = TensorDataset(inputs, labels)
    if kind == "batches":
        given = [(inputs[:7], labels[:7]), (inputs[7:], labels[7:])]
    trainee = Trainee(
        MemorySwarm(tmp_path).links(1)[0],
        use_adaptive_sync=True,
        ads_val_data=given,
        ads_val_batch_size=4,
    )
    trainee.swarm.on_train_begin()
    assert trainee.model.training
    trainee.model.eval()
    wanted = nn.functional.cross_entropy(trainee.model(inputs), labels).item()
    assert trainee.swarm.schedule.loss == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("name", ["snapshot", "active", "inactive"])
def test_a_model_is_left_as_was_asked(tmp_path: Path, name: str) -> None:
    swarm = MemorySwarm(tmp_path)
    trainee = Trainee(swarm.links(1)[0], checkin_model_on_train_end=name)
    trainee.train(5)
    assert swarm.ended[0][0] is Presence(name.capitalize())
    assert swarm.links(1)[0].closed is False
    assert trainee.swarm._link is not None and trainee.swarm._link.closed  # type: ignore[attr-defined]


def test_training_that_ended_in_a_merge_has_nothing_more_to_sync(tmp_path: Path) -> None:
    swarm = MemorySwarm(tmp_path)
    Trainee(swarm.links(1)[0]).train(8)
    assert swarm.round == 3


def test_the_last_sync_gives_up_in_time_and_the_model_is_left_as_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    terms = TERMS | {"leader_failure_base_timeout": 0.05, "wait_for_full_quorum_seconds": 0.05}
    swarm = MemorySwarm(tmp_path, terms)
    trainee = Trainee(swarm.links(1)[0])
    trainee.swarm.on_train_begin()
    trainee.batch(0)
    swarm.terms["min_peers"] = 2  # The others have gone.
    with caplog.at_level(logging.WARNING):
        trainee.swarm.on_train_end()
    link = trainee.swarm._link
    assert isinstance(link, MemoryLink)
    assert link.deadlines == [None, pytest.approx(0.1)]
    assert "goes on with its own model" in caplog.text
    kept = swarm.ended[0][1]
    save_weights(trainee.model, tmp_path / "own")
    assert kept is not None and kept.read_bytes() == (tmp_path / "own").read_bytes()


def test_a_sync_that_times_out_lets_training_go_on(tmp_path: Path) -> None:
    swarm = MemorySwarm(tmp_path)
    trainee = Trainee(swarm.links(1)[0], sync_timeout=0.05)
    trainee.swarm.on_train_begin()
    swarm.terms["min_peers"] = 2
    for number in range(5):
        trainee.batch(number)
    assert (trainee.swarm.round, trainee.swarm.batches) == (1, 5)


def test_other_refusals_of_the_node_are_told(tmp_path: Path) -> None:
    class Closed(MemoryLink):
        def sync(self, *_: Any, **__: Any) -> Any:
            raise NodeRefused("SwarmIsClosed", "swarm 1 is closed")

    with pytest.raises(NodeRefused, match="swarm 1 is closed"):
        Trainee(Closed(MemorySwarm(tmp_path), 0)).swarm.on_train_begin()


@pytest.mark.parametrize(
    "argument",
    [
        ("min_peers", 4, 2),
        ("merge_method", "geomedian", "mean"),
        ("node_weightage", 7, 1),
        ("leader_failure_base_timeout", 60, 600),
        ("wait_for_full_quorum_seconds", 31, 30),
    ],
)
def test_an_argument_that_contradicts_the_swarms_terms_is_named_with_both_values(
    tmp_path: Path, argument: tuple[str, Any, Any]
) -> None:
    name, given, held = argument
    swarm = MemorySwarm(tmp_path, TERMS | {"min_peers": 2})
    trainee = Trainee(swarm.links(1)[0], **{name: given})
    with pytest.raises(TermsContradicted, match=f"{name} is {given} .* {held} in the swarm"):
        trainee.swarm.on_train_begin()
    assert not swarm.arrived and not swarm.round


def test_a_term_that_the_owner_changes_meanwhile_ends_a_script_that_was_told_otherwise(
    tmp_path: Path,
) -> None:
    """Before what was merged in another way is loaded."""
    swarm = MemorySwarm(tmp_path, TERMS | {"merge_method": "coordmedian"})
    trainee = Trainee(swarm.links(1)[0], sync_frequency=2, merge_method="coordmedian")
    trainee.swarm.on_train_begin()
    swarm.terms["merge_method"] = "mean"
    trainee.batch(0)
    with pytest.raises(TermsContradicted, match="merge_method is coordmedian"):
        trainee.batch(1)
    assert (trainee.swarm.round, swarm.round) == (1, 2)


def test_arguments_that_say_what_the_chain_says_are_no_contradiction(tmp_path: Path) -> None:
    terms = TERMS | {"merge_method": "CoordMedian"}
    assert set(terms) == set(TOLD_TERMS)
    trainee = Trainee(
        MemorySwarm(tmp_path, TERMS).links(1)[0],
        **{**TERMS, "merge_method": "MEAN"},
    )
    trainee.swarm.on_train_begin()
    trainee.swarm._given["merge_method"] = "coordmedian"
    trainee.swarm._check_terms(terms)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"sync_frequency": 0}, BadSyncFrequency),
        ({"node_weightage": 0}, BadWeightage),
        ({"node_weightage": 101}, BadWeightage),
        ({"node_weightage": 2.5}, BadWeightage),
        ({"merge_method": "average"}, UnknownMergeMethod),
        ({"checkin_model_on_train_end": "gone"}, UnknownCheckin),
        ({"use_adaptive_sync": True}, ValidationDataMissing),
    ],
)
def test_bad_arguments_are_named_before_anything_is_asked(
    tmp_path: Path, options: dict[str, Any], error: type[SwarmError]
) -> None:
    with pytest.raises(error) as found:
        Trainee(MemorySwarm(tmp_path).links(1)[0], **options)
    assert "\n" not in str(found.value)
    if error is UnknownMergeMethod:
        assert all(method.value.lower() in str(found.value) for method in MergeMethod)


@pytest.mark.parametrize("where", ["loss", "weights", "buffer"])
def test_what_is_not_finite_is_never_sent(tmp_path: Path, where: str) -> None:
    swarm = MemorySwarm(tmp_path)
    trainee = Trainee(swarm.links(1)[0])
    trainee.swarm.on_train_begin()
    sent = len(trainee.swarm._link.deadlines)  # type: ignore[union-attr,attr-defined]
    for number in range(3):
        trainee.batch(number)
    with torch.no_grad():
        if where == "weights":
            trainee.model[0].weight[1, 2] = float("nan")  # type: ignore[index]
        elif where == "buffer":
            trainee.model[1].running_var[0] = float("inf")  # type: ignore[index]
    loss = torch.tensor(float("nan")) if where == "loss" else None
    told = {"loss": "the loss is nan", "weights": "'0.weight'", "buffer": "'1.running_var'"}
    with pytest.raises(TrainingDiverged, match=told[where]) as found:
        trainee.swarm.on_batch_end(loss)
    assert found.value.batch == 4
    assert len(trainee.swarm._link.deadlines) == sent  # type: ignore[union-attr,attr-defined]


def test_a_merged_model_of_another_structure_is_named(tmp_path: Path) -> None:
    swarm = MemorySwarm(tmp_path)
    Trainee(swarm.links(1)[0]).train(1)
    other = SwarmCallback(4, model=nn.Linear(4, 2), link=swarm.links(2)[1])
    with pytest.raises(StructureMismatch, match="the model of round 2 differs"):
        other.on_train_begin()


def test_a_loop_that_forgets_to_begin_is_told_so() -> None:
    swarm = SwarmCallback(1, model=network())
    for forgotten in (swarm.on_batch_end, swarm.on_train_end):
        with pytest.raises(TrainingNotBegun, match="on_train_begin first"):
            forgotten()
