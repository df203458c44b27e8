"""``decentralml adapt``: a meta-learner in a folder, a few examples, and what can be wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from meta_support import first_model, write_bundle, write_folder
from safetensors.torch import load_file

from decentralml.bundles.meta import META_FILE
from decentralml.cli.main import cli
from decentralml.learning.models import PlainNet, SceneNet, load_model, save_model

torch.set_num_threads(1)
LINE = np.array([0.6, -0.8], np.float32)


def sides(folder: Path, count: int, seed: int, classes: Sequence[int] = (3, 8)) -> Path:
    """Points on two sides of a line."""
    points = np.random.default_rng(seed).normal(size=(count, 2)).astype(np.float32)
    return write_folder(folder, points, [classes[int(side)] for side in points @ LINE > 0])


def adapt(model: object, support: object, *options: object) -> Result:
    words = ["adapt", str(model), "--support", str(support), *map(str, options)]
    return CliRunner().invoke(cli, words)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return sides(tmp_path / "mine", 12, 1)


def made(tmp_path: Path, method: str = "maml") -> Path:
    bundle = write_bundle(tmp_path / "bundle", f'method = "{method}"')
    return first_model(bundle, tmp_path)


@pytest.mark.parametrize("method", ["maml", "meta-sgd", "reptile"])
def test_a_few_examples_make_it_ones_own(tmp_path: Path, mine: Path, method: str) -> None:
    model, out = made(tmp_path, method), tmp_path / "out"
    query = sides(tmp_path / "query", 100, 2)
    done = adapt(model, mine, "--query", query, "--out", out, "--steps", 10, "--json")
    assert done.exit_code == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["classes"] == [3, 8] and said["steps"] == 10
    assert said["query"]["after"] > max(0.75, said["query"]["before"])
    assert (said["rate"] is None) == (method == "meta-sgd")
    points = load_file(query / "inputs.safetensors")["inputs"]
    labels = load_file(query / "labels.safetensors")["labels"]
    told = torch.tensor([3, 8])[load_model(out)(points).argmax(1)]
    assert (told == labels).double().mean().item() == pytest.approx(said["query"]["after"])
    kept = json.loads((out / "adapted.json").read_text())
    assert kept["classes"] == [3, 8] and kept["query"] == said["query"]


def test_it_says_what_it_did_in_words(tmp_path: Path, mine: Path) -> None:
    done = adapt(made(tmp_path), mine, "--rate", 0.25)
    assert done.exit_code == 0, done.stderr
    assert "MAML, 2 steps, rate 0.25" in done.stdout
    assert "outputs: 0 is class 3, 1 is class 8" in done.stdout
    assert "support" in done.stdout and "query" not in done.stdout


def test_a_plain_model_without_a_plan_takes_its_own_classes(tmp_path: Path) -> None:
    model = save_model(PlainNet(2, (8,), 2), tmp_path / "plain")
    done = adapt(model, sides(tmp_path / "mine", 12, 1, (0, 1)), "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["classes"] is None
    beyond = adapt(model, sides(tmp_path / "other", 12, 1))
    assert "client other needs a head of 9 classes and the model's tells 2 apart" in beyond.stderr


def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, mine: Path) -> None:
    model, learned = made(tmp_path), made(tmp_path / "sgd", "meta-sgd")
    empty = tmp_path / "empty"
    write_folder(empty, np.zeros((0, 2)), [])
    nan = write_folder(tmp_path / "nan", [[np.nan, 0], [0, 0]], [3, 8])
    three = sides(tmp_path / "three", 12, 4)
    write_folder(three, np.eye(4)[:, :2], [1, 2, 3, 4])
    damaged = made(tmp_path / "damaged")
    (damaged / META_FILE).write_text("{")
    (tmp_path / "out").mkdir()
    wide = write_folder(tmp_path / "wide", np.zeros((2, 3)), [3, 8])
    plain = save_model(PlainNet(2, (8,), 2), tmp_path / "plain")
    below = write_folder(tmp_path / "below", np.zeros((2, 2)), [-1, 0])
    scenes = save_model(SceneNet(2), tmp_path / "scenes")
    image = write_folder(tmp_path / "image", np.zeros((2, 1, 8, 8)), [0, 1])
    cases = [
        (model, wide, (), "PlainNet does not classify examples of shape [3]: mat1 and mat2"),
        (model, mine, ("--query", wide), "PlainNet does not classify examples of shape [3]"),
        (scenes, image, (), "SceneNet does not classify examples of shape [1, 8, 8]: it gives no"),
        (plain, below, (), "a label of client below is -1 and must be 0 or more"),
        (model, empty, (), "holds no usable examples: it has no inputs"),
        (model, mine, ("--query", empty), "holds no usable examples: it has no inputs"),
        (model, mine, ("--query", three), "client three has class 1 in its query set only"),
        (model, nan, (), "client nan diverged: its support loss in inner step 1 is NaN"),
        (model, three, (), "client three needs a head of 4 classes"),
        (model, mine, ("--rate", 0), "the inner learning rate is 0.0 and must be above zero"),
        (learned, mine, ("--rate", 0.1), "has learned an inner rate for each of its elements"),
        (damaged, mine, (), "meta.json: it is not valid JSON"),
        (model, mine, ("--out", tmp_path / "out"), "is there already"),
        (tmp_path / "mine", mine, (), "holds no model"),
    ]
    for given, support, options, said in cases:
        done = adapt(given, support, *options)
        assert done.exit_code == 1 and said in done.stderr, (said, done.stderr)
        assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert adapt(model, mine, "--steps", 0).exit_code == 2


def test_it_starts_light() -> None:
    program = "import sys, decentralml.cli.adapting; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
