"""``[meta]`` in task.toml and manifests; clients of a folder divided; what cannot take part."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from meta_support import first_model, plan, write_bundle, write_clients, write_folder

from decentralml.bundles.fields import Fields
from decentralml.bundles.manifest import parse_task
from decentralml.bundles.meta import (
    META_FILE,
    MetaMethod,
    MetaPlan,
    read_meta,
    read_meta_file,
    write_meta_file,
)
from decentralml.bundles.pack import open_task, pack_task
from decentralml.bundles.settings import read_settings
from decentralml.errors import (
    BadExamples,
    ManifestError,
    NoClientExamples,
    PredictionsInvalid,
    TooManyClasses,
    UnseenClass,
    ValidationSetInvalid,
)
from decentralml.learning.meta.episodes import read_episodes, shown_episodes, support_size
from decentralml.learning.meta.lesson import plan_of
from decentralml.types import ModelType
from decentralml.validation.scores import scorer
from decentralml.validation.scores.measures.adapted import adapted_metrics

REPLAY = (
    '[replay]\ndata = "d"\noptimizer = "sgd"\nlearning_rate = 0.1\nbatch_size = 1\n'
    "steps = 2\ninterval = 1\n"
)


def read(**section: object) -> MetaPlan | None:
    return read_meta(Fields("task.toml", "meta", section))


def test_a_plan_reads_back_as_it_was_written(tmp_path: Path) -> None:
    whole = MetaPlan(MetaMethod.META_SGD, 0.2, 3, 0.9, 5, 0.7)
    for each in (whole, MetaPlan()):
        assert read(**json.loads(json.dumps(each.to_document()))) == each
        write_meta_file(tmp_path, each)
        assert read_meta_file(tmp_path) == each
    assert read() == MetaPlan()
    assert read_meta_file(tmp_path / "nowhere") is None


def test_reptile_goes_all_the_way_unless_it_is_told_otherwise() -> None:
    reptile, slow = read(method="reptile"), read(method="reptile", outer_rate=0.5)
    assert reptile is not None and reptile.outer_rate == 1.0
    assert slow is not None and slow.outer_rate == 0.5


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"method": "maml++"}, "method must be one of maml, fomaml"),
        ({"rate": 0}, "rate is 0 and must be above zero"),
        ({"rate": float("nan")}, "rate is nan and must be above zero"),
        ({"outer_rate": -1.0}, "outer_rate is -1 and must be above zero"),
        ({"steps": 0}, "steps must be an integer from 1"),
        ({"support": 0.0}, "support is 0 and must be a share between 0 and 1"),
        ({"support": 1.5}, r"support is 1\.5 and must be a share between 0 and 1"),
        ({"classes": 1}, "classes must be an integer from 2"),
        ({"inner": 1}, "unknown field 'meta.inner'"),
    ],
)
def test_a_malformed_section_is_refused(section: dict[str, object], said: str) -> None:
    with pytest.raises(ManifestError, match=said):
        read(**section)


def test_a_damaged_plan_beside_a_model_is_named(tmp_path: Path) -> None:
    (tmp_path / META_FILE).write_text('{"format": "decentralml/meta@9"}')
    with pytest.raises(ManifestError, match=r"meta\.json: format must be"):
        read_meta_file(tmp_path)


def test_a_packed_bundle_holds_the_plan_and_measures_by_adapting(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "task")
    model = first_model(bundle, tmp_path)
    model.rename(bundle / "model")
    assert plan_of(bundle) == MetaPlan(MetaMethod.MAML, 0.5, 2, 0.5, 2, 0.3)
    manifest = pack_task(bundle, tmp_path / "packed", read_settings(bundle))
    assert manifest.evaluation is not None
    assert manifest.evaluation.metric == "adapted_accuracy"
    assert parse_task(manifest.to_json()) == manifest == open_task(tmp_path / "packed")
    assert plan_of(tmp_path / "packed") == plan_of(bundle)
    (bundle / "task.toml").write_text("")
    with pytest.raises(ManifestError, match=r"it has no \[meta\], which says how to meta-learn"):
        plan_of(bundle)


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ('[evaluation]\nmetric = "accuracy"\n', "is measured by evaluation.metric"),
        (REPLAY, "meta and replay do not go together"),
    ],
)
def test_what_does_not_go_with_meta_learning_is_refused(
    tmp_path: Path, rest: str, said: str
) -> None:
    bundle = write_bundle(tmp_path / "task", rest=rest)
    first_model(bundle, tmp_path).rename(bundle / "model")
    with pytest.raises(ManifestError, match=said):
        pack_task(bundle, tmp_path / "packed", read_settings(bundle))


def test_adapted_accuracy_needs_a_plan(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "task")
    first_model(bundle, tmp_path).rename(bundle / "model")
    (bundle / "task.toml").write_text('[evaluation]\nmetric = "adapted_accuracy"\n')
    with pytest.raises(ManifestError, match=r"it needs \[meta\]"):
        pack_task(bundle, tmp_path / "packed", read_settings(bundle))


# Clients of a folder.


@pytest.mark.parametrize(("fraction", "kept"), [(0.2, 2), (0.5, 5), (0.9, 9)])
def test_each_class_of_each_client_is_divided_alike(
    tmp_path: Path, fraction: float, kept: int
) -> None:
    folder = write_clients(tmp_path / "data", clients=3)
    found = read_episodes(folder, plan(support=fraction))
    assert [each.name for each in found.each] == ["0", "1", "2"]
    for each in found.each:
        assert np.bincount(found.labels[each.support]).tolist() == [kept, kept]
        places = np.concatenate([each.support, each.query])
        assert set(found.clients[places].tolist()) == {int(each.name)}
        assert len(set(places.tolist())) == 20
    again = read_episodes(folder, plan(support=fraction))
    assert (again.support == found.support).all()


def test_no_query_label_is_shown_and_no_support_label_asked(tmp_path: Path) -> None:
    found = read_episodes(write_clients(tmp_path / "data"), plan())
    shown, asked = found.shown(), found.asked()
    support = found.support
    assert set(shown) == {"inputs", "clients", "support", "known"}
    assert (shown["known"][~support] == -1).all() and (asked["labels"][support] == -1).all()
    assert (shown["known"][support] == found.labels[support]).all()
    assert (asked["labels"][~support] == found.labels[~support]).all()
    back = shown_episodes(shown)
    for one, other in zip(back.each, found.each, strict=True):
        assert one.name == other.name
        assert (one.support == other.support).all() and (one.query == other.query).all()


def test_who_says_no_client_is_one_and_may_divide_by_hand(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "mine", np.eye(4), [5, 7, 7, 5], support=[1, 1, 0, 0])
    found = read_episodes(folder, plan(classes=2))
    (alone,) = found.each
    assert (alone.name, alone.support.tolist(), alone.query.tolist()) == ("mine", [0, 1], [2, 3])
    assert found.labels.tolist() == [0, 1, 1, 0], "heads count a client's own classes"
    assert read_episodes(folder, plan()).labels.tolist() == [5, 7, 7, 5]


def test_clients_that_cannot_take_part_are_named(tmp_path: Path) -> None:
    def bad(labels: object, error: type[Exception], said: str, **more: object) -> None:
        folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        inputs = np.zeros((len(labels), 2))  # type: ignore[arg-type]
        write_folder(folder, inputs, labels, **more)
        with pytest.raises(error, match=said):
            read_episodes(folder, plan(classes=2))

    bad([0, 0, 1], NoClientExamples, "client 4 has an empty query set", clients=[3, 3, 4])
    bad([0, 1], NoClientExamples, "has an empty support set", support=[0, 0])
    bad([0, 1], NoClientExamples, "has an empty query set", support=[1, 1])
    bad([0, 0, 9], UnseenClass, "has class 9 in its query set only", support=[1, 0, 0])
    bad([0, 1, 2, 0], TooManyClasses, "needs a head of 3 classes and the model's tells 2")
    bad([0, -1], BadExamples, "-1 is no class")
    bad([0, 1], BadExamples, "clients is float64 of shape", clients=[0.5, 1.0])
    bad([0, 1], BadExamples, "one label for each input", clients=[1])


def test_inputs_and_labels_must_be_as_many(tmp_path: Path) -> None:
    write_folder(tmp_path, np.zeros((3, 2)), [0, 0], clients=[1, 1])
    with pytest.raises(BadExamples, match=r"inputs \[N, …\] and one class \[N\] of each"):
        read_episodes(tmp_path, plan())


def test_one_example_of_a_class_is_there_to_adapt_on() -> None:
    assert [support_size(0.5, n) for n in (1, 2, 3, 10)] == [1, 1, 2, 5]
    assert support_size(0.01, 10) == 1 and support_size(0.99, 10) == 9


# The metric.


def test_clients_count_alike_whatever_their_size() -> None:
    labels = {
        "labels": np.array([-1, 0, 1, -1, 1, 1, 1, 1]),
        "clients": np.array([0, 0, 0, 7, 7, 7, 7, 7]),
    }
    found = adapted_metrics({"predictions": np.array([1, 0, 1, 0, 1, 0, 0, 0])}, labels)
    assert found["adapted_accuracy"] == (1.0 + 0.25) / 2
    assert found["adapted_spread"] == pytest.approx(0.375)
    assert (found["clients"], found["examples"]) == (2, 6)
    for kind in ModelType:
        score = scorer(kind, "adapted_accuracy")
        assert score({"predictions": np.eye(2)[[1, 0, 1, 0, 1, 1, 1, 1]]}, labels).ppm == 1_000_000


def test_what_cannot_be_measured_is_refused() -> None:
    labels = {"labels": np.array([-1, 0]), "clients": np.array([0, 0])}
    with pytest.raises(PredictionsInvalid, match="1 of them for 2 labels"):
        adapted_metrics({"predictions": np.array([0])}, labels)
    with pytest.raises(PredictionsInvalid) as caught:
        adapted_metrics({"predictions": np.full((2, 2), np.nan)}, labels)
    assert not caught.value.finite
    with pytest.raises(ValidationSetInvalid, match="no client has a query set"):
        adapted_metrics({"predictions": np.array([0, 0])}, labels | {"labels": np.array([-1, -1])})
