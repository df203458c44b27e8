"""When a node objects to a published model that it cannot have, and how often."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any, cast

import pytest
from swarm_support import SPECS

from decentralml.chain.swarm.calls import ObjectMerged
from decentralml.chain.swarm.words import (
    Merged,
    MergeMethod,
    Node,
    Presence,
    Round,
    Swarm,
    SwarmId,
    SwarmTerms,
)
from decentralml.errors import FileUnavailable
from decentralml.service.log import Log
from decentralml.swarm.board import Board, View
from decentralml.swarm.config import SwarmConfig
from decentralml.swarm.rounds.newest import Newest
from decentralml.swarm.rounds.peers import Files
from decentralml.types import Address, Cid

ME, LEADER = Address("me"), Address("leader")
HANGS = Cid("bafyhangs")
CID = Cid("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy")
TERMS = SwarmTerms(CID, MergeMethod.MEAN, 2, 10, leader_timeout=60_000)
TRUST, TIMEOUT = 15.0, 60.0
PUBLISHED = 1_700_000_000_000
UNDER_WAY = cast(Round, SimpleNamespace(number=12))


class Scene:
    """A node that cannot have round 11's model, at a clock of the test's own."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.sent: list[Any] = []
        self.reached = True
        self.fetched: list[Cid] = []
        self.over = Event()
        files = SimpleNamespace(fetch=self._fetch)
        board = SimpleNamespace(me=ME, send=self._send)
        config = SwarmConfig(100_000, SPECS)
        log = cast(Log, SimpleNamespace(event=lambda *told, **facts: None))
        self.newest = Newest(
            cast(Board, board), cast(Files, files), config, log, str, lambda: self.seconds
        )

    def _fetch(self, cid: Cid, *rest: Any) -> Path:
        self.fetched.append(cid)
        if cid == HANGS:
            self.over.wait(60)
        raise FileUnavailable(cid, {LEADER: "connection refused"})

    def _send(self, call: Any) -> object | None:
        self.sent.append(call)
        return object() if self.reached else None

    def at(self, seconds: float, round: int, stands: Round | None = None, turn: int = 4) -> int:
        """How often it has objected, so long after the model was published."""
        self.seconds = seconds
        view = self.view(round, stands, turn)
        end = time.monotonic() + 20
        while True:
            self.newest.follow(view, {})
            trouble = self.newest.trouble
            assert trouble is not None and time.monotonic() < end
            if trouble.reason is not None and not self.newest._loading.is_busy:
                self.newest.follow(view, {})
                return len(self.sent)
            time.sleep(0.005)

    def view(self, round: int, stands: Round | None = None, turn: int = 4, cid: Cid = CID) -> View:
        swarm = Swarm(
            *(SwarmId(3), LEADER, TERMS, 4, 4, 4, 0, 12, Merged(11, cid, LEADER, 4), None),
            *(PUBLISHED, turn, 0, 0, None, 0),
        )
        me = Node(
            *(ME, bytes(32), "127.0.0.1:7443", 1, True, False, Presence.READY, round, CID, 0, 0),
            *(0, 0),
        )
        return View(swarm, stands, me, PUBLISHED + milliseconds(self.seconds))


def milliseconds(seconds: float) -> int:
    return round(1000 * seconds)


@pytest.mark.parametrize("stands", [None, UNDER_WAY])
def test_who_was_in_its_round_objects_once_its_trust_is_over(stands: Round | None) -> None:
    """Also while a round is under way: it may be that of the leader that published rubbish."""
    scene = Scene()
    assert scene.at(0, 11, stands) == 0
    assert scene.at(TRUST - 1, 11, stands) == 0
    assert scene.at(TRUST + 6, 11, stands) == 1
    assert scene.sent == [ObjectMerged(SwarmId(3), 11)]
    assert scene.at(TIMEOUT, 11, stands) == 1


def test_who_was_not_objects_only_where_nobody_goes_on_for_a_leaders_time() -> None:
    scene = Scene()
    assert [scene.at(after, 9) for after in (0, TRUST + 6, TIMEOUT)] == [0, 0, 0]
    assert scene.at(TIMEOUT + 6, 9, UNDER_WAY) == 0
    assert scene.at(TIMEOUT + 12, 9) == 1


def test_who_comes_late_to_it_tries_for_as_long_itself() -> None:
    scene = Scene()
    assert scene.at(1000, 9) == 0
    assert scene.at(1000 + TRUST + 6, 9) == 0
    assert scene.at(1000 + TIMEOUT + 6, 9) == 1


def test_a_model_that_is_restored_is_objected_to_anew() -> None:
    scene = Scene()
    assert [scene.at(after, 11) for after in (0, TRUST + 6)] == [0, 1]
    assert scene.at(TRUST + 7, 11, turn=6) == 1
    assert scene.at(2 * TRUST + 14, 11, turn=6) == 2


def test_an_objection_that_came_too_late_is_made_again_where_it_is_due() -> None:
    scene = Scene()
    scene.reached = False
    scene.at(0, 11)
    before = scene.at(TRUST + 6, 11)
    scene.reached = True
    assert scene.at(TRUST + 12, 11) > before
    after = len(scene.sent)
    assert scene.at(TRUST + 18, 11) == after


def test_a_trial_for_a_model_that_was_overturned_keeps_nobody_from_the_next_one() -> None:
    scene = Scene()
    scene.newest.follow(scene.view(11, turn=4, cid=HANGS), {})
    assert scene.fetched == [HANGS]
    try:
        assert scene.at(1, 11, turn=5) == 0
        assert scene.fetched[:2] == [HANGS, CID]
    finally:
        scene.over.set()
