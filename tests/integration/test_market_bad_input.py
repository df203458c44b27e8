"""What creators and others do wrong is named, and costs nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from market_support import (
    AGGREGATORS,
    CONTRIBUTORS,
    CREATOR,
    Stage,
)
from refusal_support import refused, spent

from decentralml.chain.calls import UpdateProfile
from decentralml.chain.errors import (
    NotCreator,
    NotPublisher,
)
from decentralml.config import Config
from decentralml.errors import (
    CallRefused,
    DecentralMLError,
    FolderInUse,
    ManifestError,
    NotAModel,
    NothingToMerge,
    TermsInvalid,
    WrongGenesis,
)
from decentralml.market.judging.review import validate_task_results
from decentralml.market.merging.federation import federate
from decentralml.market.session import Session
from decentralml.market.tasks import settle, withdraw_task
from decentralml.market.tokens import transfer
from decentralml.types import (
    TaskType,
    ValidationStrategy,
    Verdict,
)

BOB = CONTRIBUTORS[0]


# --- creators


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"committee": 4}, ("odd",)),
        ({"results": 0}, ("at least one",)),
        ({"expires_in": None, "expires_at": 1000}, ("later",)),
        ({"expires_in": None, "expiration_block": 1}, ("has passed",)),
        ({"expiration_block": 1000}, ("not both",)),
    ],
)
def test_terms_that_make_no_sense_cost_nothing(
    stage: Stage,
    terms: dict[str, Any],
    words: tuple[str, ...],
) -> None:
    creator = stage.as_(CREATOR)
    assert spent(creator, lambda: refused(lambda: stage.post(**terms), TermsInvalid, *words)) == 0


def test_a_base_model_that_is_none_is_refused(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused(lambda: stage.post(base_model=tmp_path / "empty"), NotAModel, "train-model")


def test_a_bundle_without_its_script_is_refused(stage: Stage) -> None:
    (stage.bundle / "start_task.sh").unlink()
    refused(stage.post, ManifestError, "start_task.sh")


def test_a_validation_set_that_no_committee_could_use_is_refused(
    stage: Stage,
    tmp_path: Path,
) -> None:
    bad = tmp_path / "unlabelled"
    shutil.copytree(stage.validation_set, bad)
    (bad / "labels.safetensors").unlink()
    creator = stage.as_(CREATOR)

    def post(**terms: Any) -> Callable[[], object]:
        return lambda: stage.post(validation_set=bad, **terms)

    def all_of_them() -> None:
        refused(post(), DecentralMLError, "labels.safetensors")
        annotation = {"task_type": TaskType.DATA_ANNOTATORS, "base_model": None}
        refused(post(minimum_gain=None, **annotation), TermsInvalid, "gold.json")
        for file in bad.iterdir():
            file.unlink()
        refused(post(strategy=ValidationStrategy.CUSTOM_ACCEPT), TermsInvalid, "is empty")

    assert spent(creator, all_of_them) == 0


def test_contributors_need_a_model_to_begin_from(stage: Stage) -> None:
    refused(lambda: stage.post(base_model=None), TermsInvalid, "--base-model")


def test_a_task_that_nobody_in_office_could_judge_is_posted_with_a_warning(
    stage: Stage,
) -> None:
    for name in (stage.home / "chain.sqlite").parent.glob("chain.sqlite*"):
        name.unlink()
    (warning,) = stage.create().warnings
    assert "aggregators list" in warning


def test_too_little_balance_for_the_escrow_is_named(stage: Stage) -> None:
    creator = stage.as_(CREATOR)
    rich = creator.chain.balance(creator.address).free
    refused(lambda: stage.post(reward=rich), CallRefused, "balance")
    assert creator.chain.tasks() == []


def test_sending_more_than_one_has_is_named(stage: Stage) -> None:
    creator = stage.as_(CREATOR)
    everything = creator.chain.balance(creator.address).free
    refused(lambda: transfer(creator, creator.resolve(BOB), everything + 1), CallRefused, "balance")


def test_only_the_creator_withdraws_and_publishes(
    stage: Stage,
    tmp_path: Path,
) -> None:
    task = stage.post()
    refused(lambda: withdraw_task(stage.as_(BOB), task), NotCreator, "--as")
    refused(lambda: federate(stage.as_(BOB), task, tmp_path / "out"), NotPublisher)
    refused(
        lambda: federate(stage.as_(CREATOR), task, tmp_path / "out"),
        NothingToMerge,
        "list-task-results",
    )


# --- the chain and the folders


def test_a_chain_of_another_genesis_is_refused(stage: Stage) -> None:
    session = Session(Config(stage.home, key=BOB, genesis="0x" + "22" * 32))
    refused(lambda: session.chain, WrongGenesis, "genesis")


def test_federate_leaves_a_folder_that_is_there_alone(
    stage: Stage,
    tmp_path: Path,
) -> None:
    task = stage.post(committee=1)
    stage.contribute(BOB, task)
    stage.validate(task)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    creator = stage.as_(CREATOR)
    refused(lambda: federate(creator, task, tmp_path / "mine"), FolderInUse, "--out")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    refused(lambda: federate(creator, task, tmp_path / "out", only=[5]), NothingToMerge, "5")
    assert settle(creator, task).submissions == ()


def test_a_contributor_cannot_open_the_sealed_validation_set(stage: Stage) -> None:
    task = stage.post(committee=1)
    stage.contribute(BOB, task)
    contributor = stage.as_(BOB)
    (review,) = validate_task_results(contributor, task).reviews
    assert review.own is None
    assert "hand-over" in (review.note or "")
    own = validate_task_results(contributor, task, validation_path=stage.validation_set)
    assert own.reviews[0].own is not None


def test_an_aggregators_worthless_key_keeps_no_creator_from_posting(stage: Stage) -> None:
    session = stage.as_(AGGREGATORS[0])
    session.chain.submit(UpdateProfile("https://dave.example", bytes(32)), session.key)
    created = stage.create()
    assert any("encryption key" in warning for warning in created.warnings)
    stage.contribute(BOB, created.task)
    (note,) = [duty.note for duty in stage.validate(created.task, AGGREGATORS[0])[0].duties]
    assert "aggregators apply" in (note or "")
    for visit in stage.validate(created.task, *AGGREGATORS[1:]):
        (duty,) = visit.duties
        assert duty.verdict is Verdict.PASS


def test_a_creator_is_told_that_anything_would_pass(stage: Stage) -> None:
    (caution,) = stage.create(minimum_gain=None).warnings
    assert "whatever can be measured passes" in caution
    assert not stage.create(minimum_gain=None, minimum_score=1).warnings
