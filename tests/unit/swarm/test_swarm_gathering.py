"""What a leader fetches in its time, of members that let it wait."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from swarm_support import SPECS, write_model

from decentralml.chain.swarm.words import Fault, Node, Presence
from decentralml.errors import FileUnavailable
from decentralml.swarm.board import View
from decentralml.swarm.rounds import leading
from decentralml.swarm.rounds.leading import AT_ONCE, Gathered, Leader
from decentralml.swarm.rounds.newest import Newest
from decentralml.types import Address, Cid

ROUND = 4


def node(place: int, cid: str) -> Node:
    return Node(
        account=Address(f"5{place:03}"),
        identity=bytes(32),
        address="127.0.0.1:7443",
        weightage=1,
        willing=True,
        barred=False,
        presence=Presence.READY,
        round=ROUND,
        cid=Cid(cid),
        arrived=0,
        seen=ROUND,
        objected=0,
        deposit=0,
    )


class Slow:
    """Files of which some take until whoever asks gives up, and some only the first time."""

    def __init__(self, path: Path) -> None:
        self.sound = path
        self.asked: list[str] = []

    def fetch(self, cid: Cid, asked: Any, limit_bytes: int, until: float) -> Path:
        self.asked.append(cid)
        if cid == "nowhere":
            raise FileUnavailable(cid, {Address("5"): "it does not have it"})
        if cid == "trickles" or (cid == "late" and self.asked.count(cid) == 1):
            time.sleep(max(0.0, until - time.monotonic()))
            raise FileUnavailable(cid, {Address("5"): "time was up"})
        return self.sound


def gathered(tmp_path: Path, cids: list[str], seconds: float) -> tuple[Gathered, Slow]:
    files = Slow(write_model(tmp_path / "update", 1.0))
    nodes = {each.account: each for each in (node(n, cid) for n, cid in enumerate(cids))}
    newest = SimpleNamespace(
        board=SimpleNamespace(me=Address("5")),
        files=files,
        config=SimpleNamespace(update_bytes=100_000),
        tensors=SPECS,
    )
    leader = Leader(cast(Newest, newest), tmp_path)
    view = cast(View, SimpleNamespace(number=ROUND))
    return leader._gather(view, nodes, time.monotonic() + seconds), files


def test_members_that_trickle_do_not_keep_a_leader_from_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are as many as are fetched at a time, and come first."""
    monkeypatch.setattr(leading, "LEAST_SHARE", 0.01)
    cids = ["trickles"] * AT_ONCE + ["sound", "late", "nowhere"]
    found, files = gathered(tmp_path, cids, 2.0)
    assert [each.account for each, _ in found.updates] == ["5008", "5009"]
    assert {each.who for each in found.left_out} == {f"5{n:03}" for n in (*range(8), 10)}
    assert {each.fault for each in found.left_out} == {Fault.UNREACHABLE}
    assert files.asked.count("nowhere") == files.asked.count("sound") == 1


def test_a_few_have_all_the_time_there_is_and_are_asked_for_once(tmp_path: Path) -> None:
    found, files = gathered(tmp_path, ["trickles"] * 3 + ["sound"] * 3, 0.3)
    assert len(found.updates) == 3 and len(files.asked) == 6
