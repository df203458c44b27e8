"""Who is waited for and why; what is due, and whose turn it is; whose updates are merged."""

from __future__ import annotations

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
from decentralml.swarm.rounds.peers import parties, providers
from decentralml.swarm.rounds.status import standing, tally
from decentralml.swarm.rounds.turns import is_due, place
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
        "round": round,
        "newest": None,
        "previous": None,
        "objections": 0,
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
    view = View(swarm_of(12, 3, present=1), stands, None, NOW)
    found = standing(view, {n.account: n for n in nodes}, str)
    assert found.text.endswith(
        "no round waits for bob (ended as snapshot), carol (ended as inactive): 2 more must join "
        "or train again, or the owner has to lower the minimum"
    )
    assert [(each.who, each.why) for each in found.waits_for] == [
        (BOB, "ended as snapshot"),
        (CAROL, "ended as inactive"),
    ]


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
