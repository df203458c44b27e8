"""Who is waited for and why; what is due, and whose turn it is; whose updates are merged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from decentralml.chain.swarm.words import (
    Merged,
    MergeMethod,
    Node,
    Presence,
    Round,
    Stage,
    Swarm,
    SwarmId,
    SwarmTerms,
)
from decentralml.swarm.board import View
from decentralml.swarm.node.joining import weight_to_say
from decentralml.swarm.rounds.newest import is_overturnable
from decentralml.swarm.rounds.peers import parties, providers
from decentralml.swarm.rounds.status import standing, tally
from decentralml.swarm.rounds.turns import (
    enough,
    is_deserted,
    is_due,
    may_object,
    place,
    quorum,
)
from decentralml.types import Address, Cid

ALICE, BOB, CAROL, DAVE = (Address(name) for name in ("alice", "bob", "carol", "dave"))
CID = Cid("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy")
NOW = 1_700_000_000_000  # 22:13:20 of a day that is not today


def node(who: Address, round: int = 0, presence: Presence = Presence.READY) -> Node:
    return Node(
        account=who,
        identity=bytes(32),
        address="127.0.0.1:7443",
        weightage=1,
        willing=True,
        barred=False,
        presence=presence,
        round=round,
        cid=CID if round else None,
        arrived=NOW if round else 0,
        seen=round,
        objected=0,
        deposit=0,
    )


def swarm_of(round: int, min_peers: int, **words: Any) -> Swarm:
    known: dict[str, Any] = {
        "id": SwarmId(3),
        "owner": ALICE,
        "terms": SwarmTerms(CID, MergeMethod.MEAN, min_peers, 10),
        "seats": 4,
        "nodes": 4,
        "present": 4,
        "snapshots": 0,
        "round": round,
        "newest": None,
        "previous": None,
        "since": 0,
        "turn": 0,
        "objections": 0,
        "others": 0,
        "closed": False,
        "deposit": 0,
    }
    return Swarm(**(known | words))


def under_way(stage: Stage, number: int = 12, **words: Any) -> Round:
    known: dict[str, Any] = {
        "number": number,
        "stage": stage,
        "opened": NOW - 5000,
        "arrivals": 2,
        "waiting": 0,
        "snapshots": 0,
        "candidates": 2,
        "deadline": None,
        "anchor": None,
        "leader": None,
        "attempt": 0,
    }
    return Round(**(known | words))


def told(swarm: Swarm, stands: Round | None, *nodes: Node) -> str:
    found = standing(View(swarm, stands, None, NOW), {n.account: n for n in nodes}, str)
    return found.text


def test_a_round_below_its_minimum_names_everybody_who_could_make_it_up() -> None:
    text = told(
        swarm_of(12, 4),
        under_way(Stage.COLLECTING, arrivals=2),
        node(ALICE, 12),
        node(BOB, 12),
        node(CAROL, 11),
        node(DAVE),
        node(Address("eve"), 5, Presence.ABSENT),
        node(Address("fay"), 0, Presence.REGISTERED),
        node(Address("gil"), 9, Presence.SNAPSHOT),
    )
    assert text == (
        "round 12 collecting: 2 of 4 needed have arrived; waits for carol (last seen round 11), "
        "dave (ready, never arrived), eve (absent, last seen round 5), fay (registered, not ready)"
    )


def test_with_a_quorum_only_those_are_named_for_whom_the_round_waits() -> None:
    found = standing(
        View(
            swarm_of(12, 2),
            under_way(Stage.COLLECTING, deadline=NOW + 8000),
            None,
            NOW,
        ),
        {n.account: n for n in (node(ALICE, 12), node(BOB, 12), node(CAROL, 11))},
        str.upper,
    )
    assert found.text == (
        "round 12 collecting: 2 of 3 have arrived (2 needed); waits for CAROL (last seen round 11)"
        "; until 2023-11-14 22:13:28Z"
    )
    assert [each.who for each in found.waits_for] == [CAROL]
    assert (found.needed, found.arrived, found.until, found.due) == (2, 2, NOW + 8000, False)


def test_a_leader_is_named_with_its_deadline_and_which_one_it_is() -> None:
    stands = under_way(Stage.MERGING, leader=BOB, deadline=NOW + 4000, attempt=1, candidates=1)
    assert told(swarm_of(12, 2), stands, node(BOB, 12)) == (
        "round 12 merging: waits for leader bob until 2023-11-14 22:13:24Z (2nd of 3)"
    )
    late = under_way(Stage.MERGING, leader=BOB, deadline=NOW - 1)
    assert "its time is over" in told(swarm_of(12, 2), late, node(BOB, 12))


def test_between_rounds_it_says_what_there_is() -> None:
    newest = Merged(11, CID, BOB, 3)
    assert told(swarm_of(12, 2, newest=newest), None) == (
        "round 12 has not begun: round 11 was merged by bob"
    )
    assert told(swarm_of(12, 2, newest=newest, closed=1), None) == (
        "closed; round 11 was merged by bob"
    )
    few = told(swarm_of(1, 2, present=1), None, node(ALICE), node(BOB, 0, Presence.REGISTERED))
    assert few.endswith("1 of 2 needed are ready; waits for bob (registered, not ready)")
    alone = told(swarm_of(1, 3, present=1), None, node(ALICE), node(BOB, 0, Presence.ABSENT))
    assert alone.endswith("waits for bob (absent, never arrived); 1 more must join")


@pytest.mark.parametrize("stands", [under_way(Stage.COLLECTING, arrivals=1), None])
def test_where_too_few_still_train_those_that_have_ended_are_named(stands: Round | None) -> None:
    nodes = [
        node(ALICE, 12 if stands else 11),
        node(BOB, 11, Presence.SNAPSHOT),
        node(CAROL, 11, Presence.INACTIVE),
    ]
    beside = None if stands is None else replace(stands, snapshots=1)
    view = View(swarm_of(12, 3, present=1, snapshots=1), beside, None, NOW)
    found = standing(view, {n.account: n for n in nodes}, str)
    assert found.text.endswith(
        ", beside 1 snapshot; no round waits for carol (ended as inactive): 1 more must join or "
        "train again, or the owner has to lower the minimum"
    )
    assert [(each.who, each.why) for each in found.waits_for] == [(CAROL, "ended as inactive")]
    assert (found.needed, found.snapshots) == (2, 1)


def test_where_all_have_ended_as_snapshots_one_has_to_arrive() -> None:
    nodes = {who: node(who, 11, Presence.SNAPSHOT) for who in (ALICE, BOB, CAROL)}
    view = View(swarm_of(12, 3, present=0, snapshots=3), None, None, NOW)
    found = standing(view, nodes, str)
    assert "0 of 1 needed are ready, beside 3 snapshots" in found.text
    assert len(found.waits_for) == 3 and "1 more must join or train again" in found.text


def test_snapshots_make_a_quorum_with_one_arrival_at_least() -> None:
    assert [quorum(3, snapshots) for snapshots in range(5)] == [3, 2, 1, 1, 1]
    text = told(swarm_of(12, 3), under_way(Stage.COLLECTING, snapshots=1), node(ALICE, 12))
    assert text == "round 12 collecting: 2 of 2 have arrived (2 needed), beside 1 snapshot"


@pytest.mark.parametrize(
    ("least", "arrivals", "snapshots", "needed"),
    [
        (4, 6, 0, 4),
        (2, 6, 0, 2),
        (4, 4, 2, 3),  # two on each side of a split network, both with copies of the snapshots
        (3, 2, 1, 2),
        (3, 1, 2, 1),
        (6, 4, 5, 3),
    ],
)
def test_a_leader_reaches_enough_arrivals_whatever_snapshots_it_has(
    least: int, arrivals: int, snapshots: int, needed: int
) -> None:
    assert enough(least, arrivals, snapshots) == needed


TIMEOUT = SwarmTerms(CID, MergeMethod.MEAN, 2, 10).leader_timeout


def published(now: int, stands: Round | None = None, me: Node | None = None, **words: Any) -> View:
    """After round 11's model, of three arrivals, became the newest at ``NOW``, the third to."""
    newest = Merged(11, CID, BOB, 3)
    return View(swarm_of(12, 2, newest=newest, since=NOW, turn=3, **words), stands, me, now)


@pytest.mark.parametrize("late", [0, 1])
def test_a_model_is_deserted_once_no_round_went_on_from_it_for_a_leaders_time(late: int) -> None:
    now = NOW + TIMEOUT + late
    assert is_deserted(published(now)) is bool(late)
    assert not is_deserted(published(now, under_way(Stage.COLLECTING)))
    assert not is_deserted(View(swarm_of(12, 2), None, None, now))


def test_who_may_object() -> None:
    took_part, awaited, ended = (
        node(ALICE, 11),
        node(CAROL, 10, Presence.ACTIVE),
        node(DAVE, 10, Presence.SNAPSHOT),
    )
    soon, late = NOW + TIMEOUT, NOW + TIMEOUT + 1
    assert may_object(published(soon, None, took_part))
    assert may_object(published(soon, under_way(Stage.COLLECTING), took_part))
    assert may_object(published(soon, None, replace(took_part, objected=2)))
    assert not may_object(published(late, None, replace(took_part, objected=3)))
    assert not may_object(published(late, None, None))
    assert not may_object(published(soon, None, awaited))
    assert may_object(published(late, None, awaited))
    assert not may_object(published(late, under_way(Stage.COLLECTING), awaited))
    assert not may_object(published(late, None, ended))


@pytest.mark.parametrize(
    ("objections", "others", "late", "due"),
    [(1, 0, 1, False), (1, 1, 0, False), (1, 1, 1, True), (0, 2, 1, True), (2, 0, 1, True)],
)
def test_a_deserted_model_falls_by_as_many_as_a_round_needs(
    objections: int, others: int, late: int, due: bool
) -> None:
    view = published(NOW + TIMEOUT + late, objections=objections, others=others)
    found = standing(view, {}, str)
    assert is_due(view) is found.due is due
    assert ("overturns it" in found.text) is due and "cannot use that" in found.text


def test_turns_to_overturn_go_through_all_nodes() -> None:
    nodes = {Address(f"n{n}"): node(Address(f"n{n}"), 11) for n in range(5)}
    view = published(NOW + TIMEOUT + 1, objections=2)
    assert sorted(place(view, nodes, who) for who in nodes) == list(range(5))


@pytest.mark.parametrize(
    ("arrivals", "least", "can"), [(1, 1, False), (2, 1, True), (2, 2, False), (3, 3, True)]
)
def test_the_others_of_a_round_can_overturn_its_model(arrivals: int, least: int, can: bool) -> None:
    view = View(swarm_of(12, least), None, None, NOW)
    assert is_overturnable(view, Merged(11, CID, BOB, arrivals)) is can


def test_terms_that_are_lowered_hold_for_what_was_said_before() -> None:
    terms = SwarmTerms(CID, MergeMethod.MEAN, 2, 10, max_weightage=10)
    heavy = replace(node(ALICE, 12), weightage=50)
    assert (terms.weight(heavy), terms.weight(node(BOB))) == (10, 1)
    assert weight_to_say(terms, None, heavy) == 10
    assert weight_to_say(terms, under_way(Stage.COLLECTING, number=13), heavy) == 10
    assert weight_to_say(terms, under_way(Stage.COLLECTING, number=12), heavy) is None
    light = replace(heavy, weightage=7)
    assert weight_to_say(terms, under_way(Stage.COLLECTING, number=12), light) == 7


def test_many_that_are_waited_for_are_counted() -> None:
    crowd = [node(Address(f"n{number:03}")) for number in range(100)]
    text = told(swarm_of(1, 60), under_way(Stage.COLLECTING, number=1, arrivals=0), *crowd)
    assert text.endswith("n007 (ready, never arrived) and 92 more")


def test_a_tally_counts_by_presence() -> None:
    nodes = [node(ALICE), node(BOB), node(CAROL, 3, Presence.SNAPSHOT)]
    assert tally({n.account: n for n in nodes}) == "2 ready, 1 snapshot"


@pytest.mark.parametrize(
    ("stands", "due"),
    [
        (None, False),
        (under_way(Stage.COLLECTING), False),
        (under_way(Stage.COLLECTING, deadline=NOW), False),
        (under_way(Stage.COLLECTING, deadline=NOW - 1), True),
        (under_way(Stage.DRAWING, anchor=7), True),
        (under_way(Stage.MERGING, leader=BOB, deadline=NOW + 1), False),
        (under_way(Stage.MERGING, leader=BOB, deadline=NOW - 1), True),
    ],
)
def test_what_is_due(stands: Round | None, due: bool) -> None:
    assert is_due(View(swarm_of(12, 2), stands, None, NOW)) is due


def test_turns_are_an_order_of_all_nodes_arrivals_first_and_another_one_each_time() -> None:
    nodes = {Address(f"n{n}"): node(Address(f"n{n}"), 12 if n < 20 else 11) for n in range(30)}
    orders = []
    for attempt in (0, 1):
        stands = under_way(Stage.MERGING, leader=BOB, deadline=NOW, attempt=attempt)
        view = View(swarm_of(12, 2), stands, None, NOW)
        orders.append({who: place(view, nodes, who) for who in nodes})
    assert all(sorted(order.values()) == list(range(30)) for order in orders)
    assert orders[0] != orders[1]
    assert all((order[who] < 20) is (nodes[who].round == 12) for order in orders for who in nodes)
    view = View(swarm_of(12, 2), under_way(Stage.DRAWING), None, NOW)
    assert place(view, nodes, Address("stranger")) == 30


def test_a_round_merges_its_arrivals_and_snapshots_each_once() -> None:
    nodes = [
        node(ALICE, 12),
        node(BOB, 12, Presence.SNAPSHOT),
        node(CAROL, 4, Presence.SNAPSHOT),
        node(DAVE, 11),
        node(Address("eve"), 12, Presence.INACTIVE),
        node(Address("fay"), 0, Presence.SNAPSHOT),
    ]
    merged = parties({n.account: n for n in nodes}, 12)
    assert [n.account for n in merged] == [ALICE, BOB, CAROL]


def test_who_should_have_a_file_is_asked_first_and_oneself_never() -> None:
    nodes = [node(BOB), node(ALICE, 3, Presence.ABSENT), node(CAROL), node(DAVE)]
    asked = providers({n.account: n for n in nodes}, CAROL, DAVE)
    assert [n.account for n in asked] == [CAROL, BOB, ALICE]
    assert DAVE not in [n.account for n in providers({DAVE: node(DAVE)}, DAVE, DAVE)]
