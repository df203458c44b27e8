"""One client, three kinds of chain: seats, nodes and rounds of swarms."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest
from chain_support import ALICE, BOB, BUNDLE, CHARLIE, DAVE, EVE, pass_time
from swarm_calls_support import WAIT, create, model, terms, update

from decentralml.chain.api import Chain
from decentralml.chain.calls import Batch, Transfer
from decentralml.chain.errors import FundsUnavailable
from decentralml.chain.errors import swarm as refused
from decentralml.chain.keys import development_key
from decentralml.chain.swarm import calls, events
from decentralml.chain.swarm.prices import comes_back, is_due
from decentralml.chain.swarm.words import (
    Admission,
    Fault,
    Merged,
    Node,
    Presence,
    Round,
    Seat,
    Stage,
    SwarmId,
)
from decentralml.errors import CallInvalid
from decentralml.errors.quantities import format_time
from decentralml.types import UNIT, Address, Cid

NOBODY = development_key("//Nobody/of/swarms")
NO_SWARM = SwarmId(10**9)


def held(chain: Chain, who: Address) -> dict[str, int]:
    """What an account's swarms hold of it."""
    everything = chain.balance(who).held
    return {reason: amount for reason, amount in everything.items() if reason.startswith("swarm.")}


def test_a_swarm_lives_from_its_making_to_the_return_of_every_deposit(chain: Chain) -> None:
    before = {key: held(chain, key.address) for key in (ALICE, BOB, DAVE)}
    swarm = create(chain)
    made = chain.swarm(swarm.id)
    assert (made.owner, made.terms, made.round, made.newest) == (ALICE.address, terms(), 1, None)
    assert chain.swarms(1) == [made]
    granted = swarm.grant(BOB).find(events.SeatGranted)
    assert granted == events.SeatGranted(swarm.id, BOB.address, 0)
    seat = chain.seat(swarm.id, BOB.address)
    assert seat is not None and seat.deposit > 0
    assert seat == Seat(BOB.address, 0, None, seat.deposit, ALICE.address)

    registered = swarm.register(BOB).find(events.NodeRegistered)
    certificate = chain.certificate(swarm.id, BOB.address)
    assert certificate == b"certificate of " + BOB.public_key
    identity = sha256(certificate).digest()
    assert registered == events.NodeRegistered(swarm.id, BOB.address, identity)
    ready = chain.submit(calls.Ready(swarm.id), BOB).find(events.PresenceChanged)
    assert ready == events.PresenceChanged(swarm.id, BOB.address, Presence.READY)
    node = chain.node(swarm.id, BOB.address)
    assert node is not None
    assert node == Node(
        account=BOB.address,
        identity=identity,
        address="node.example:4433",
        weightage=3,
        willing=True,
        barred=False,
        presence=Presence.READY,
        round=0,
        cid=None,
        arrived=0,
        seen=0,
        objected=0,
        deposit=node.deposit,
    )
    swarm.join(DAVE)
    assert {each.account for each in chain.nodes(swarm.id)} == {BOB.address, DAVE.address}
    assert {each.holder for each in chain.seats(swarm.id)} == {BOB.address, DAVE.address}

    first = swarm.arrive(BOB)
    assert first.find(events.RoundOpened) == events.RoundOpened(swarm.id, 1)
    opened = chain.round(swarm.id)
    assert opened is not None
    assert opened == Round(1, Stage.COLLECTING, opened.opened, 1, 1, 0, 1, None, None, None, 0)
    with pytest.raises(refused.NothingDue):
        swarm.advance()
    second = swarm.arrive(DAVE)
    arrived = events.Arrived(swarm.id, 1, DAVE.address, update(1, DAVE))
    assert second.find(events.Arrived) == arrived
    collected = second.find(events.RoundCollected)
    assert collected == events.RoundCollected(swarm.id, 1, 2, second.block)
    leader = swarm.draw()
    other = DAVE if leader is BOB else BOB
    leading = chain.meeting(swarm.id, other.address)
    assert leading.round is not None
    assert (leading.round.stage, leading.round.leader) == (Stage.MERGING, leader.address)
    assert leading.round.deadline is not None and leading.round.deadline > leading.round.opened
    left_out = ((other.address, Fault.NOT_FINITE),)
    published = chain.submit(calls.Publish(swarm.id, 1, model(1), 1, left_out), leader)
    merged = events.RoundMerged(swarm.id, 1, leader.address, model(1), 1, left_out)
    assert published.find(events.RoundMerged) == merged
    after = chain.meeting(swarm.id, BOB.address)
    assert after.swarm.newest == Merged(1, model(1), leader.address, 2)
    assert (after.swarm.round, after.round) == (2, None)
    assert after.node is not None and (after.node.round, after.node.cid) == (1, update(1, BOB))

    with pytest.raises(refused.NotClosed):
        chain.submit(calls.ClearSeat(swarm.id, BOB.address), CHARLIE)
    chain.submit(calls.CloseSwarm(swarm.id), ALICE)
    with pytest.raises(refused.SeatsLeft):
        chain.submit(calls.RemoveSwarm(swarm.id), CHARLIE)
    ended = chain.submit(calls.ClearSeat(swarm.id, BOB.address), CHARLIE).find(events.SeatEnded)
    assert ended == events.SeatEnded(swarm.id, BOB.address, 0)
    chain.submit(calls.GiveUpSeat(swarm.id), DAVE)
    gone = chain.submit(calls.RemoveSwarm(swarm.id), CHARLIE)
    assert gone.find(events.SwarmRemoved) == events.SwarmRemoved(swarm.id)
    with pytest.raises(refused.UnknownSwarm):
        chain.swarm(swarm.id)
    assert {key: held(chain, key.address) for key in (ALICE, BOB, DAVE)} == before
    assert swarm.id not in [each.id for each in chain.swarms(100)]


def test_what_is_not_there_is_none(chain: Chain) -> None:
    for unknown in (NO_SWARM, SwarmId(-1), SwarmId(10**30)):
        assert chain.seat(unknown, BOB.address) is None
        assert chain.node(unknown, BOB.address) is None
        assert chain.certificate(unknown, BOB.address) is None
        assert chain.round(unknown) is None
        assert chain.seats(unknown) == chain.nodes(unknown) == []
        with pytest.raises(refused.UnknownSwarm, match=str(unknown)):
            chain.swarm(unknown)
        with pytest.raises(refused.UnknownSwarm):
            chain.meeting(unknown, BOB.address)
    with pytest.raises(refused.UnknownSwarm, match="there is no swarm 1000000000"):
        chain.submit(calls.Ready(NO_SWARM), BOB)


def test_swarms_are_listed_newest_first_page_by_page_over_gaps(chain: Chain) -> None:
    swarms = [create(chain) for _ in range(4)]
    chain.submit(calls.CloseSwarm(swarms[2].id), ALICE)
    chain.submit(calls.RemoveSwarm(swarms[2].id), ALICE)
    first = [each.id for each in chain.swarms(2)]
    assert first == [swarms[3].id, swarms[1].id]
    assert chain.swarms(1, before=first[-1])[0].id == swarms[0].id
    assert chain.swarms(5, before=SwarmId(0)) == []


def test_a_seat_is_sold_for_a_price_that_is_on_hold_and_comes_back_when_it_is_revoked(
    chain: Chain,
) -> None:
    swarm = create(chain, admission=Admission.SALE, price=2 * UNIT)
    with pytest.raises(refused.PriceTooHigh, match=r"at least 2; it is 1\.5"):
        chain.submit(calls.TakeSeat(swarm.id, 3 * UNIT // 2), BOB)
    with pytest.raises(refused.OwnSeat):
        chain.submit(calls.TakeSeat(swarm.id, 2 * UNIT), ALICE)
    owner, before = chain.balance(ALICE.address).free, held(chain, BOB.address)
    bought = chain.submit(calls.TakeSeat(swarm.id, 9 * UNIT), BOB)
    assert bought.find(events.SeatGranted) == events.SeatGranted(swarm.id, BOB.address, 2 * UNIT)
    assert chain.balance(ALICE.address).free == owner
    price = held(chain, BOB.address)["swarm.Price"] - before.get("swarm.Price", 0)
    seat = chain.seat(swarm.id, BOB.address)
    assert seat is not None and (seat.paid, price) == (2 * UNIT, 2 * UNIT)
    assert seat.due is not None and not is_due(chain.swarm(swarm.id), seat, chain.now())
    assert seat.due <= chain.now() + chain.constants().swarm.price_wait
    with pytest.raises(refused.PriceNotDue, match=f"try again from {format_time(seat.due)} on"):
        chain.submit(calls.CollectPrice(swarm.id, BOB.address), CHARLIE)
    with pytest.raises(refused.SeatTaken):
        chain.submit(calls.TakeSeat(swarm.id, 9 * UNIT), BOB)
    with pytest.raises(refused.NotOwner):
        chain.submit(calls.RevokeSeat(swarm.id, BOB.address), DAVE)
    revoked = chain.submit(calls.RevokeSeat(swarm.id, BOB.address), ALICE)
    assert revoked.find(events.SeatEnded) == events.SeatEnded(swarm.id, BOB.address, 2 * UNIT)
    assert chain.seat(swarm.id, BOB.address) is None
    chain.submit(calls.SetSwarmTerms(swarm.id, terms(admission=Admission.OPEN)), ALICE)
    taken = chain.submit(calls.TakeSeat(swarm.id, 0), BOB).find(events.SeatGranted)
    assert taken == events.SeatGranted(swarm.id, BOB.address, 0)
    with pytest.raises(refused.NothingOnHold, match="cost nothing"):
        chain.submit(calls.CollectPrice(swarm.id, BOB.address), CHARLIE)


def test_the_price_of_a_seat_goes_where_its_end_says(chain: Chain) -> None:
    swarm = create(chain, admission=Admission.SALE, price=2 * UNIT)
    for who in (BOB, DAVE, EVE):
        chain.submit(calls.TakeSeat(swarm.id, 2 * UNIT), who)
    left = chain.submit(calls.GiveUpSeat(swarm.id), BOB)
    assert left.find(events.PriceCollected) == events.PriceCollected(
        swarm.id, BOB.address, 2 * UNIT
    )
    assert left.find(events.SeatEnded) == events.SeatEnded(swarm.id, BOB.address, 0)
    chain.submit(calls.CloseSwarm(swarm.id), ALICE)
    closed, seat = chain.swarm(swarm.id), chain.seat(swarm.id, DAVE.address)
    assert closed.closed is not None and seat is not None and comes_back(closed, seat)
    with pytest.raises(refused.PriceNotDue, match=f"swarm clear {swarm.id}` gives it back"):
        chain.submit(calls.CollectPrice(swarm.id, DAVE.address), ALICE)
    for who, call, by in (
        (DAVE, calls.ClearSeat(swarm.id, DAVE.address), ALICE),
        (EVE, calls.GiveUpSeat(swarm.id), EVE),
    ):
        ended = chain.submit(call, by)
        assert ended.find(events.SeatEnded) == events.SeatEnded(swarm.id, who.address, 2 * UNIT)
        assert ended.find(events.PriceCollected) is None
    chain.submit(calls.RemoveSwarm(swarm.id), CHARLIE)


def test_a_leader_that_fails_is_replaced_until_nobody_is_left(chain: Chain) -> None:
    swarm = create(chain, (BOB, DAVE))
    swarm.arrive(BOB)
    swarm.arrive(DAVE)
    first = swarm.draw()
    second = DAVE if first is BOB else BOB
    with pytest.raises(refused.NotLeader):
        swarm.publish(second)
    with pytest.raises(refused.NotLeader):
        chain.submit(calls.StepDown(swarm.id, 1), second)
    stepped = chain.submit(calls.StepDown(swarm.id, 1), first)
    assert stepped.find(events.LeaderReplaced) == events.LeaderReplaced(swarm.id, 1, first.address)
    under_way = chain.round(swarm.id)
    assert under_way is not None
    assert (under_way.leader, under_way.attempt) == (second.address, 1)
    swarm.pass_deadline()
    assert swarm.advance().find(events.RoundVoided) == events.RoundVoided(swarm.id, 1)
    assert (chain.round(swarm.id), swarm.number) == (None, 2)
    swarm.merge((BOB, DAVE))


def test_stragglers_are_waited_for_until_the_deadline_and_are_absent_in_the_end(
    chain: Chain,
) -> None:
    swarm = create(chain, (BOB, DAVE), min_peers=1)
    for _ in range(3):
        with pytest.raises(refused.StillPresent):
            chain.submit(calls.MarkAbsent(swarm.id, DAVE.address), CHARLIE)
        swarm.arrive(BOB)
        waits = chain.round(swarm.id)
        assert waits is not None and waits.deadline is not None
        assert (waits.stage, waits.waiting) == (Stage.COLLECTING, 1)
        pass_time(chain, waits.deadline)
        swarm.advance()
        with pytest.raises(refused.CollectionOver):
            swarm.arrive(DAVE)
        swarm.draw()
        swarm.publish(BOB, merged=1)
    marked = chain.submit(calls.MarkAbsent(swarm.id, DAVE.address), CHARLIE)
    absent = events.PresenceChanged(swarm.id, DAVE.address, Presence.ABSENT)
    assert marked.find(events.PresenceChanged) == absent
    assert chain.swarm(swarm.id).present == 1
    back = swarm.arrive(DAVE).find(events.PresenceChanged)
    assert back == events.PresenceChanged(swarm.id, DAVE.address, Presence.READY)


def test_most_of_a_round_overturn_its_model(chain: Chain) -> None:
    swarm = create(chain, (BOB, DAVE))
    swarm.merge((BOB, DAVE))
    leader = swarm.merge((BOB, DAVE))
    with pytest.raises(refused.NotNewest):
        chain.submit(calls.ObjectMerged(swarm.id, 1), BOB)
    objected = chain.submit(calls.ObjectMerged(swarm.id, 2), BOB)
    assert objected.find(events.Objected) == events.Objected(swarm.id, 2, BOB.address)
    swarm.grant(EVE)
    swarm.register(EVE)
    with pytest.raises(refused.NotInRound):
        chain.submit(calls.ObjectMerged(swarm.id, 2), EVE)
    with pytest.raises(refused.AlreadyObjected):
        chain.submit(calls.ObjectMerged(swarm.id, 2), BOB)
    node = chain.node(swarm.id, BOB.address)
    assert node is not None and node.objected == chain.swarm(swarm.id).turn
    before = chain.swarm(swarm.id)
    assert before.objections == 1 and before.previous is not None
    overturned = chain.submit(calls.ObjectMerged(swarm.id, 2), DAVE)
    assert overturned.find(events.MergedOverturned) == events.MergedOverturned(swarm.id, 2)
    after = chain.swarm(swarm.id)
    assert (after.newest, after.previous, after.objections) == (before.previous, None, 0)
    led = chain.node(swarm.id, leader.address)
    assert led is not None and led.willing and led.barred


def test_a_model_that_nobody_goes_on_from_falls_by_as_many_as_a_round_needs(chain: Chain) -> None:
    """One of the two that arrived is gone; who came later helps the other one."""
    swarm = create(chain, (BOB, DAVE))
    swarm.grant(EVE)
    swarm.register(EVE)
    leader = swarm.merge((BOB, DAVE))
    left = DAVE if leader is BOB else BOB
    published = chain.swarm(swarm.id)
    assert (published.turn, published.others) == (1, 0) and published.since > 0
    with pytest.raises(refused.NotInRound, match="wait until nobody has gone on"):
        chain.submit(calls.ObjectMerged(swarm.id, 1), EVE)
    chain.submit(calls.ObjectMerged(swarm.id, 1), left)
    with pytest.raises(refused.NothingDue):
        swarm.advance()
    pass_time(chain, published.since + WAIT)
    with pytest.raises(refused.NothingDue):
        swarm.advance()
    chain.submit(calls.Ready(swarm.id), EVE)
    overturned = chain.submit(calls.ObjectMerged(swarm.id, 1), EVE)
    assert overturned.find(events.MergedOverturned) == events.MergedOverturned(swarm.id, 1)
    after = chain.swarm(swarm.id)
    assert (after.newest, after.turn, after.objections, after.others) == (None, 2, 0, 0)
    register = calls.RegisterNode(swarm.id, b"another one", "host:1", 3, True)
    chain.submit(register, leader)
    node = chain.node(swarm.id, leader.address)
    assert node is not None and node.willing and node.barred
    assert swarm.merge((leader, left, EVE)) is not leader


def test_objections_of_before_count_once_a_model_is_deserted(chain: Chain) -> None:
    wait = 8_000  # in which a node includes a call
    swarm = create(chain, (BOB, DAVE), min_peers=1, quorum_wait=wait, leader_timeout=wait)
    leader = swarm.merge((BOB, DAVE))
    left = DAVE if leader is BOB else BOB
    chain.submit(calls.ObjectMerged(swarm.id, 1), left)
    pass_time(chain, chain.swarm(swarm.id).since + wait)
    assert swarm.advance().find(events.MergedOverturned) == events.MergedOverturned(swarm.id, 1)


def test_snapshots_count_for_the_quorum_beside_an_arrival(chain: Chain) -> None:
    swarm = create(chain, (BOB, DAVE, EVE), min_peers=3)
    swarm.merge((BOB, DAVE, EVE))
    chain.submit(calls.FinishTraining(swarm.id, Presence.SNAPSHOT), EVE)
    assert (chain.swarm(swarm.id).snapshots, chain.swarm(swarm.id).present) == (1, 2)
    swarm.arrive(BOB)
    under_way = chain.round(swarm.id)
    assert under_way is not None and (under_way.arrivals, under_way.snapshots) == (1, 1)
    assert under_way.deadline is None
    swarm.arrive(DAVE)
    leader = swarm.draw()
    assert leader in (BOB, DAVE)
    swarm.publish(leader, merged=3)


def test_a_nodes_weight_is_within_the_terms_and_stays_while_its_round_is_under_way(
    chain: Chain,
) -> None:
    swarm = create(chain, (BOB, DAVE), max_weightage=5)
    said = calls.RegisterNode(swarm.id, b"certificate", "host:1", 5, True)
    with pytest.raises(refused.BadWeightage, match=rf"{swarm.id} weighs .*from 1 to 5; it is 6"):
        chain.submit(replace(said, weightage=6), BOB)
    swarm.arrive(BOB)
    with pytest.raises(refused.RoundUnderWay):
        chain.submit(said, BOB)
    chain.submit(replace(said, weightage=3), BOB)
    chain.submit(said, DAVE)
    node = chain.node(swarm.id, DAVE.address)
    assert node is not None and node.weightage == 5


def test_an_ended_training_is_waited_for_only_where_it_stays_active(chain: Chain) -> None:
    swarm = create(chain, (BOB, DAVE, EVE))
    swarm.merge((BOB, DAVE, EVE))
    for who, presence, present in (
        (EVE, Presence.SNAPSHOT, 2),
        (DAVE, Presence.ACTIVE, 2),
        (BOB, Presence.INACTIVE, 1),
    ):
        said = chain.submit(calls.FinishTraining(swarm.id, presence), who)
        changed = events.PresenceChanged(swarm.id, who.address, presence)
        assert said.find(events.PresenceChanged) == changed
        assert chain.swarm(swarm.id).present == present
    with pytest.raises(refused.NotReady):
        swarm.arrive(BOB)
    with pytest.raises(refused.BadPresence):
        chain.submit(calls.FinishTraining(swarm.id, Presence.READY), DAVE)
    with pytest.raises(refused.AlreadyReady):
        chain.submit(Batch((calls.Ready(swarm.id), calls.Ready(swarm.id))), BOB)


def test_what_a_node_or_an_owner_does_wrong_is_named(chain: Chain) -> None:
    swarm = create(chain, (BOB, DAVE), max_peers=2)
    config = terms()
    for wrong, error, words in (
        (replace(config, min_peers=0), refused.BadMinPeers, r"from 1 to 4; it is 0"),
        (replace(config, min_peers=5), refused.BadMinPeers, r"from 1 to 4; it is 5"),
        (replace(config, max_peers=10**6), refused.BadMaxPeers, r"it is 1,000,000"),
        (replace(config, price=1), refused.BadPrice, "admission"),
        (replace(config, admission=Admission.SALE), refused.BadPrice, "admission"),
        (replace(config, quorum_wait=0), refused.BadWait, r"from 1,000 ms .* it is 0 ms"),
        (replace(config, leader_timeout=1), refused.BadTimeout, r"it is 1 ms"),
        (replace(config, spread=2_000), refused.BadSpread, r"from 0 to 1,000; it is 2,000"),
        (replace(config, max_weightage=0), refused.BadWeightage, r"from 1 to 100; it is 0"),
        (replace(config, config=Cid("Qmwhatever")), refused.BadCid, "base32"),
    ):
        with pytest.raises(error, match=words):
            chain.submit(calls.CreateSwarm(wrong), ALICE)
    with pytest.raises(refused.SeatsAboveLimit):
        chain.submit(calls.SetSwarmTerms(swarm.id, terms(max_peers=1, min_peers=1)), ALICE)
    with pytest.raises(refused.NotOwner):
        chain.submit(calls.SetSwarmTerms(swarm.id, terms()), BOB)
    with pytest.raises(refused.SwarmFull):
        swarm.grant(EVE)
    with pytest.raises(refused.NotInvited):
        chain.submit(calls.TakeSeat(swarm.id, 0), EVE)
    with pytest.raises(refused.NoSeat):
        swarm.register(EVE)
    with pytest.raises(refused.NotRegistered):
        chain.submit(calls.Ready(swarm.id), EVE)
    node = calls.RegisterNode(swarm.id, b"certificate", "host:1", 1, True)
    for bad, kind in (
        (replace(node, certificate=b""), refused.BadCertificate),
        (replace(node, address="host"), refused.BadAddress),
        (replace(node, weightage=0), refused.BadWeightage),
        (replace(node, weightage=101), refused.BadWeightage),
    ):
        with pytest.raises(kind):
            chain.submit(bad, BOB)
    with pytest.raises(refused.WrongRound, match="round 2 of swarm"):
        chain.submit(calls.Arrive(swarm.id, 2, 0, BUNDLE), BOB)
    with pytest.raises(refused.StaleBase):
        chain.submit(calls.Arrive(swarm.id, 1, 1, BUNDLE), BOB)
    swarm.arrive(BOB)
    with pytest.raises(refused.AlreadyArrived):
        swarm.arrive(BOB)
    swarm.arrive(DAVE)
    leader = swarm.draw()
    with pytest.raises(refused.BadMerged):
        swarm.publish(leader, merged=0)
    with pytest.raises(refused.RoundUnderWay):
        chain.submit(calls.SetSwarmTerms(swarm.id, terms()), ALICE)
    chain.submit(calls.CloseSwarm(swarm.id), ALICE)
    with pytest.raises(refused.RoundUnderWay):
        chain.submit(calls.ClearSeat(swarm.id, BOB.address), CHARLIE)
    swarm.publish(leader)
    with pytest.raises(refused.SwarmClosed):
        swarm.arrive(leader)


def test_what_a_call_cannot_say_is_not_sent(chain: Chain) -> None:
    swarm = create(chain)
    block = chain.info().block
    node = calls.RegisterNode(swarm.id, b"certificate", "host:1", 1, True)
    for bad in (
        replace(node, certificate=bytes(2049)),
        replace(node, address="h" * 128 + ":1"),
        replace(node, weightage=256),
        calls.Publish(swarm.id, 1, BUNDLE, 1, ((BOB.address, Fault.DAMAGED),) * 33),
        calls.Arrive(swarm.id, 1, 0, Cid("b" * 65)),
        calls.Ready(SwarmId(-1)),
        calls.TakeSeat(swarm.id, -1),
    ):
        with pytest.raises(CallInvalid):
            chain.submit(bad, BOB)
    if chain.info().kind == "embedded":
        assert chain.info().block == block


def test_a_call_says_what_it_will_cost_and_what_it_lacks(chain: Chain) -> None:
    swarm = create(chain, (DAVE,))
    assert 0 < chain.fee(calls.Advance(swarm.id), NOBODY) < UNIT // 100
    several = Batch((calls.GrantSeat(swarm.id, BOB.address), calls.CloseSwarm(swarm.id)))
    assert chain.fee(several, ALICE) > chain.fee(several.calls[0], ALICE)
    poor = development_key(f"//Poor/{swarm.id}")
    chain.submit(Transfer(poor.address, UNIT // 65), ALICE)
    with pytest.raises(FundsUnavailable, match=r"it takes \d\S+; 0\.0\d+ are free") as short:
        chain.submit(calls.CreateSwarm(terms()), poor)
    assert vars(short.value)["needed"] > chain.swarm(swarm.id).deposit
    swarm.grant(poor)
    with pytest.raises(FundsUnavailable, match="it takes"):
        swarm.register(poor)


def test_all_calls_of_a_batch_happen_or_none(chain: Chain) -> None:
    swarm = create(chain)
    grants = tuple(calls.GrantSeat(swarm.id, who.address) for who in (BOB, DAVE, BOB))
    with pytest.raises(refused.SeatTaken, match=f"a seat of swarm {swarm.id} already"):
        chain.submit(Batch(grants), ALICE)
    assert chain.seats(swarm.id) == []
    chain.submit(Batch(grants[:2]), ALICE)
    assert len(chain.seats(swarm.id)) == 2
