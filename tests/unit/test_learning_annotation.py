"""Agreement of annotators by hand-computed and published examples; truth found among errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decentralml.errors import NoLabels, NothingInCommon, TooManyLabels
from decentralml.learning.annotation import (
    cohen_kappa,
    dawid_skene,
    fleiss_kappa,
    majority,
    mean_kappa,
)

FLEISS_1971_STYLE = """
0 0 0 0 14
0 2 6 4 2
0 0 3 5 6
0 3 9 2 0
2 2 8 1 1
7 7 0 0 0
3 2 6 3 0
2 5 3 2 2
6 5 2 1 0
0 2 2 3 7
"""
"""Ten items, fourteen raters, five categories: the usual worked example, whose kappa is 0.210."""


def sets_of(*rows: str) -> list[dict[str, str]]:
    """Label sets from rows of one-letter labels; a dot is an item that was not labelled."""
    return [{f"{n:03}": label for n, label in enumerate(row) if label != "."} for row in rows]


def test_cohens_kappa_of_a_two_by_two_table() -> None:
    """20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: observed 0.7, by chance 0.5."""
    one, other = sets_of("y" * 25 + "n" * 25, "y" * 20 + "n" * 5 + "y" * 10 + "n" * 15)
    assert cohen_kappa(one, other) == pytest.approx(0.4)
    assert mean_kappa(one, [other, one, {}]) == pytest.approx(0.7)
    assert mean_kappa(one, [{}]) is None


@pytest.mark.parametrize(
    ("one", "other", "kappa"),
    [("abab", "abab", 1), ("aaaa", "aaaa", 1), ("abab", "baba", -1), ("aabb", "abab", 0)],
)
def test_cohens_kappa_at_its_ends(one: str, other: str, kappa: float) -> None:
    assert cohen_kappa(*sets_of(one, other)) == pytest.approx(kappa)


@given(st.lists(st.tuples(*[st.sampled_from("abc")] * 2), min_size=1, max_size=20))
def test_cohens_kappa_is_symmetric_and_one_only_without_disagreement(
    pairs: list[tuple[str, str]],
) -> None:
    one, other = sets_of(*("".join(labels) for labels in zip(*pairs, strict=True)))
    kappa = cohen_kappa(one, other)
    assert kappa == cohen_kappa(other, one) and -1 <= kappa <= 1
    assert (kappa == 1) == (one == other)


def test_fleiss_kappa_of_the_usual_example() -> None:
    counts = [list(map(int, row.split())) for row in FLEISS_1971_STYLE.split("\n") if row]
    items = ["".join(label * n for label, n in zip("abcde", row, strict=True)) for row in counts]
    raters = ["".join(item[rater] for item in items) for rater in range(14)]
    assert fleiss_kappa(sets_of(*raters)) == pytest.approx(0.210, abs=5e-4)


def test_fleiss_kappa_counts_items_that_not_all_have_labelled() -> None:
    """Pairs agree on 1, 1/3 and 0 of them; labels are 2 a, 5 b: expected 29/49."""
    observed, expected = (1 + 1 / 3 + 0) / 3, 29 / 49
    kappa = fleiss_kappa(sets_of("baa.", "bbb.", ".b.a"))
    assert kappa == pytest.approx((observed - expected) / (1 - expected))


def test_who_shares_no_item_has_no_agreement() -> None:
    with pytest.raises(NothingInCommon):
        cohen_kappa(*sets_of("a.", ".a"))
    with pytest.raises(NothingInCommon):
        fleiss_kappa(sets_of("a.", ".a"))
    for merge in (majority, dawid_skene):
        with pytest.raises(NoLabels):
            merge([{}, {}])


def test_the_majority_decides_and_ties_go_to_the_rarer_label() -> None:
    merged = majority(sets_of("aab.", "abaa", "bbaa"))
    assert "".join(merged.values()) == "abaa"
    # One says a of everything: where it stands against one other, that one is followed.
    assert "".join(majority(sets_of("aaaa", "abca")).values()) == "abca"


def crowd(rng: np.random.Generator, right: list[float], items: int, classes: str) -> tuple:
    """Annotators who are right that often, and else say any other label."""
    truth = rng.choice(list(classes), items)
    sets = []
    for share in right:
        wrong = [rng.choice([c for c in classes if c != label]) for label in truth]
        labels = np.where(rng.random(items) < share, truth, wrong)
        sets.append({f"{n:03}": str(label) for n, label in enumerate(labels)})
    return {f"{n:03}": str(label) for n, label in enumerate(truth)}, sets


def accuracy(labels: dict[str, str], truth: dict[str, str]) -> float:
    return float(np.mean([labels[item] == truth[item] for item in truth]))


def test_dawid_skene_finds_out_who_is_reliable_and_beats_the_majority() -> None:
    better = 0
    for seed in range(10):
        truth, sets = crowd(np.random.default_rng(seed), [0.95, 0.9, 0.4, 0.35, 0.35], 200, "abcd")
        found = dawid_skene(sets)
        assert np.allclose(found.reliability, [0.95, 0.9, 0.4, 0.35, 0.35], atol=0.13)
        better += accuracy(found.labels, truth) > accuracy(majority(sets), truth)
        assert accuracy(found.labels, truth) > 0.88
    assert better == 10


def test_dawid_skene_reads_a_swapped_label_backwards() -> None:
    """Who always confuses a with b tells as much as who never does."""
    rng = np.random.default_rng(3)
    truth, sets = crowd(rng, [0.8, 0.8, 0.8, 0.99], 300, "abc")
    swapped = {item: {"a": "b", "b": "a"}.get(label, label) for item, label in sets[3].items()}
    found = dawid_skene([*sets[:3], swapped])
    assert accuracy(found.labels, truth) > accuracy(majority([*sets[:3], swapped]), truth) + 0.05
    a, b = found.classes.index("a"), found.classes.index("b")
    assert found.confusion[3, a, b] > 0.9 and found.confusion[3, b, a] > 0.9


def test_the_likelihood_never_falls_without_smoothing() -> None:
    """A property of expectation maximisation (Dempster, Laird and Rubin 1977)."""
    for seed in range(10):
        _, sets = crowd(np.random.default_rng(seed), [0.7, 0.6, 0.5], 60, "abc")
        history = np.array(dawid_skene(sets, smoothing=0).log_likelihood)
        assert len(history) > 1 and (np.diff(history) > -1e-9).all()


def test_known_labels_stand_and_show_a_colluding_majority_to_be_wrong() -> None:
    rng = np.random.default_rng(5)
    truth, sets = crowd(rng, [0.95, 0.9, 0.2], 120, "abc")
    sets = [*sets[:2], sets[2], dict(sets[2]), dict(sets[2])]
    gold = {item: truth[item] for item in list(truth)[:40]}
    alone, taught = dawid_skene(sets), dawid_skene(sets, gold)
    assert accuracy(alone.labels, truth) < 0.5
    assert accuracy(taught.labels, truth) > 0.9
    assert gold.items() <= taught.labels.items()
    assert all(taught.certainty[item] == 1 for item in gold)


def test_items_that_one_annotator_labelled_are_merged_too() -> None:
    found = dawid_skene(sets_of("ab..", "ab.b", "..a."))
    assert "".join(found.labels.values()) == "abab"
    assert all(0 < share <= 1 for share in found.certainty.values())


@given(st.permutations(range(4)))
def test_the_order_of_the_annotators_changes_nothing(order: list[int]) -> None:
    _, sets = crowd(np.random.default_rng(1), [0.9, 0.8, 0.5, 0.5], 40, "abc")
    whole, turned = dawid_skene(sets), dawid_skene([sets[n] for n in order])
    assert whole.labels == turned.labels
    assert np.allclose([whole.reliability[n] for n in order], turned.reliability)


def test_free_text_has_too_many_labels_for_confusion_matrices() -> None:
    sets = [{f"{item}": f"{who} says {item}" for item in range(3_000)} for who in range(3)]
    with pytest.raises(TooManyLabels, match=r"9,000 .* by majority"):
        dawid_skene(sets)
    assert len(majority(sets)) == 3_000


def test_an_annotator_without_labels_changes_nothing_but_its_own_reliability() -> None:
    sets = sets_of("aabb", "aabb", "abba")
    merged = dawid_skene([*sets, {}])
    assert merged.labels == dawid_skene(sets).labels
    assert len(merged.reliability) == 4
