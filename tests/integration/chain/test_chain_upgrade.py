"""A chain of version 1 goes on under the shipped runtime, with everything that was under way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chain_support import ALICE, BOB, served
from click.testing import CliRunner, Result
from devchain_support import shared_cache
from fixture_support import SUBMISSIONS, open_at, read, unpack

from decentralml.chain import calls, events
from decentralml.chain.connect import connect
from decentralml.chain.substrate.client import SPEC_VERSION, SubstrateChain
from decentralml.chain.substrate.embedded import EmbeddedTransport
from decentralml.chain.substrate.upgrade import sudo_key, upgrade
from decentralml.cli.main import cli
from decentralml.config import Config
from decentralml.errors import CallRefused, NothingToUpgrade, NotTheSudoKey
from decentralml.market.explaining.explain import explained
from decentralml.market.explaining.sums import Line
from decentralml.market.explaining.task_sums import sums_of_task
from decentralml.runtime import blob
from decentralml.types import UNIT, Outcome, SubmissionStatus, TaskId, Verdict


@pytest.fixture
def home(tmp_path: Path) -> Path:
    unpack(tmp_path / "chain.sqlite")
    (tmp_path / "cache").symlink_to(shared_cache())
    return tmp_path


@pytest.fixture
def chain(home: Path) -> Iterator[SubstrateChain]:
    """The old chain, at the time at which it stopped."""
    file = home / "chain.sqlite"
    with SubstrateChain(EmbeddedTransport(open_at(file), str(file))) as chain:
        yield chain


def run(home: Path, *arguments: str) -> Result:
    words = ["--home", str(home), *arguments]
    return CliRunner().invoke(cli, words, prog_name="decentralml")


def devchain(chain: SubstrateChain) -> Any:
    assert isinstance(chain.transport, EmbeddedTransport)
    return chain.transport.chain


def test_the_shipped_runtime_is_the_one_that_the_client_talks_to(home: Path) -> None:
    (home / "chain.sqlite").unlink()
    with connect(Config(home)) as chain:
        assert chain.info().spec_version == SPEC_VERSION


def test_what_was_under_way_goes_on(chain: SubstrateChain) -> None:
    file = devchain(chain)
    money = read(file, "Balances", "TotalIssuance")
    office = read(file, "Aggregators", "InOffice")
    done = upgrade(chain, blob(), SPEC_VERSION, ALICE)
    assert (done.before, done.after) == (1, SPEC_VERSION)
    assert done.block == chain.info().block

    assert read(file, "Aggregators", "InOffice") == office
    # The transaction's fee is burned.
    assert 0 <= money - chain.total_issuance() < 10**9
    found = {task: chain.submission(TaskId(task), 0).status for task in (2, 3, 4, 6, 9, 11)}
    assert found == {
        2: SubmissionStatus.PENDING_VALIDATION,
        3: SubmissionStatus.PENDING_VALIDATION,
        4: SubmissionStatus.ACCEPTED,
        6: SubmissionStatus.ASSIGNED,
        9: SubmissionStatus.VALIDATED,
        11: SubmissionStatus.REJECTED,
    }
    receipt = chain.submit(calls.AcceptResult(TaskId(9), 0), ALICE)
    assert receipt.block == done.block + 1
    assert chain.submission(TaskId(9), 0).status == SubmissionStatus.ACCEPTED


def test_an_interrupted_upgrade_is_brought_to_its_end(
    chain: SubstrateChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(EmbeddedTransport, "wait_block", killed)
        with pytest.raises(KeyboardInterrupt):
            upgrade(chain, blob(), SPEC_VERSION, ALICE)
    assert read(devchain(chain), "System", "LastRuntimeUpgrade")["spec_version"] == 1
    done = upgrade(chain, blob(), SPEC_VERSION, ALICE)
    assert (done.before, done.after) == (1, SPEC_VERSION)
    assert chain.submission(TaskId(9), 0).status == SubmissionStatus.VALIDATED
    with pytest.raises(NothingToUpgrade):
        upgrade(chain, blob(), SPEC_VERSION, ALICE)


def test_a_chain_of_the_same_or_a_later_version_is_left_alone(chain: SubstrateChain) -> None:
    before = chain.info().block
    with pytest.raises(NothingToUpgrade, match="there is nothing to do"):
        upgrade(chain, blob(), 1, ALICE)
    with pytest.raises(NothingToUpgrade, match="ships version 0; install a newer decentralml"):
        upgrade(chain, blob(), 0, ALICE)
    assert chain.info().block == before


def test_only_the_sudo_key_upgrades(chain: SubstrateChain) -> None:
    assert sudo_key(chain) == ALICE.address
    before = chain.info().block
    with pytest.raises(NotTheSudoKey, match=f"only {ALICE.address} may"):
        upgrade(chain, blob(), SPEC_VERSION, BOB)
    assert chain.info().block == before


def test_code_that_is_none_is_refused_and_the_chain_goes_on(chain: SubstrateChain) -> None:
    with pytest.raises(CallRefused, match="FailedToExtractRuntimeVersion"):
        upgrade(chain, b"not wasm", SPEC_VERSION, ALICE)
    assert chain.info().spec_version == 1


def test_the_command_upgrades_once_and_says_so(home: Path) -> None:
    first = run(home, "chain", "upgrade", "--json")
    assert first.exit_code == 0, first.output
    assert json.loads(first.stdout) == {"before": 1, "after": SPEC_VERSION, "block": 124}
    again = run(home, "chain", "upgrade")
    assert again.exit_code == 0
    assert "there is nothing to do" in again.stdout
    assert "Traceback" not in again.output
    assert run(home, "list-tasks", "--json").exit_code == 0


def test_a_served_chain_is_upgraded_by_a_transaction(home: Path) -> None:
    with served(home) as chain:
        assert isinstance(chain, SubstrateChain)
        done = upgrade(chain, blob(), SPEC_VERSION, ALICE)
        assert (done.before, done.after) == (1, SPEC_VERSION)
        assert chain.submission(TaskId(6), 0).status == SubmissionStatus.ASSIGNED
        assert chain.submit(calls.Transfer(BOB.address, 10**12), ALICE).block > done.block


def test_results_of_version_1_are_explained_and_have_receipts(chain: SubstrateChain) -> None:
    upgrade(chain, blob(), SPEC_VERSION, ALICE)
    paid, failed = (explained(None, chain.history(TaskId(task), 0)) for task in (4, 11))
    assert (paid.paid, paid.outcome) == (True, Outcome.ACCEPTED)
    assert failed.history.steps[-2].events[-1] == events.ResultRejected(
        failed.task, 0, BOB.address, Outcome.FAILED, Verdict.FAIL, ""
    )
    assert [judge.fee for judge in paid.judges if judge.within] == [UNIT // 2] * 3
    assert all(each.adds_up for each in paid.sums)
    assert (failed.paid, failed.outcome) == (False, Outcome.FAILED)
    for found in (paid, failed):
        history = found.history
        assert history.changes[-1] == chain.info().block, "the migration changed its storage"
        evidence = chain.evidence(history)
        assert chain.proven(found.task, 0, history.until, evidence) == history


def test_the_sums_of_what_version_1_left_behind_add_up(chain: SubstrateChain) -> None:
    upgrade(chain, blob(), SPEC_VERSION, ALICE)
    for task in SUBMISSIONS:
        assert all(each.adds_up for each in sums_of_task(chain.history(TaskId(task))))
        found = explained(None, chain.history(TaskId(task), 0))
        assert all(each.adds_up for each in found.sums), (task, found.sums)
    # Two of three members had spoken when version 1 paid for it.
    silent = explained(None, chain.history(TaskId(10), 0)).sums[0]
    assert silent.went[-1] == Line("fees of silent members, returned", ALICE.address, UNIT // 2)
    whole = sums_of_task(chain.history(TaskId(10)))[0]
    assert whole.went[-1] == Line("to late members or back, result 0", None, UNIT // 2)
