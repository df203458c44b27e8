"""A real node whose chain is of version 1 is upgraded by transactions, with all that is under way.

``DECENTRALML_NODE`` names the program. It starts on the state of the fixture's last block.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from chain_support import ALICE, BOB, DAVE, connect_patiently, free_port, node_process
from fixture_support import open_at, unpack

from decentralml.chain import calls, events
from decentralml.chain.errors import AlreadyAssigned
from decentralml.chain.substrate.client import SPEC_VERSION, SubstrateChain
from decentralml.chain.substrate.upgrade import upgrade
from decentralml.devchain.hashes import storage_prefix
from decentralml.errors import NothingToUpgrade, RuntimeOutdated
from decentralml.runtime import blob
from decentralml.types import SubmissionStatus, TaskId

pytestmark = [pytest.mark.node, pytest.mark.timeout(600)]
BLOCK_MILLISECONDS = 150
OF_THE_OLD_CHAIN = (
    ("Timestamp", "Now"),
    ("Aura", "CurrentSlot"),
    ("System", "Number"),
    ("System", "BlockHash"),
)
"""How late and how long it was, and the hashes of its blocks: the node has a clock, a genesis and
blocks of its own."""
UNDER_WAY = {
    2: SubmissionStatus.PENDING_VALIDATION,
    3: SubmissionStatus.PENDING_VALIDATION,
    4: SubmissionStatus.ACCEPTED,
    6: SubmissionStatus.ASSIGNED,
    9: SubmissionStatus.VALIDATED,
    11: SubmissionStatus.REJECTED,
}


def write_specification(home: Path) -> None:
    """What a node starts on: the old chain's state, with its code, as a genesis."""
    with open_at(unpack(home / "chain.sqlite")) as old:
        specification = old.export_spec()
        state = {key: old.storage(key) or b"" for key in old.keys(b"", 100_000)}
    left_out = tuple(storage_prefix(*item) for item in OF_THE_OLD_CHAIN)
    kept = {key: value for key, value in state.items() if not key.startswith(left_out)}
    top = {f"0x{key.hex()}": f"0x{value.hex()}" for key, value in kept.items()}
    specification["genesis"]["raw"]["top"] = top
    (home / "spec.json").write_text(json.dumps(specification))


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SubstrateChain]:
    home = tmp_path_factory.mktemp("old-node")
    write_specification(home)
    with (
        node_process(home, free_port(), BLOCK_MILLISECONDS) as url,
        connect_patiently(home, url) as chain,
    ):
        assert isinstance(chain, SubstrateChain)
        yield chain


def test_a_node_of_version_1_is_upgraded_by_transactions_and_goes_on(chain: SubstrateChain) -> None:
    assert chain.info().spec_version == 1
    with pytest.raises(RuntimeOutdated):
        chain.task(TaskId(6))
    done = upgrade(chain, blob(), SPEC_VERSION, ALICE)
    assert (done.before, done.after) == (1, SPEC_VERSION)
    with pytest.raises(NothingToUpgrade):
        upgrade(chain, blob(), SPEC_VERSION, ALICE)

    found = {task: chain.submission(TaskId(task), 0).status for task in UNDER_WAY}
    assert found == UNDER_WAY
    assert chain.balance(ALICE.address).held["market.Escrow"] > 0
    with pytest.raises(AlreadyAssigned):
        chain.submit(calls.AcceptTask(TaskId(6)), BOB)
    # A result that version 1 left for its creator to decide on is paid, and the model published
    # by whom version 3 lets it.
    accepted = chain.submit(calls.AcceptResult(TaskId(9), 0), ALICE)
    assert accepted.find(events.ResultAccepted) is not None
    assert chain.submission(TaskId(9), 0).status is SubmissionStatus.ACCEPTED
    chain.submit(calls.AppointMerger(TaskId(9), DAVE.address), ALICE)
    published = chain.task(TaskId(4)).published
    assert published is not None
    chain.submit(calls.PublishModel(TaskId(9), published), DAVE)
    assert chain.task(TaskId(9)).published == published
