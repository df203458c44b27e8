//! Random calls that fit the state, mostly.

use super::*;

type Made = (AccountId, RuntimeCall);

pub(super) fn random(dice: &mut Dice) -> Made {
    let open: Vec<_> = Swarms::<Test>::iter().filter(|(_, swarm)| swarm.closed.is_none()).collect();
    if open.is_empty() || open.len() < 3 && dice.chance(5) {
        return (dice.among(OWNERS), call(Call::create { terms: terms_of(dice) }));
    }
    let all: Vec<_> = Swarms::<Test>::iter().collect();
    let (id, swarm) = if dice.chance(90) { dice.one(&open) } else { dice.one(&all) };
    match dice.below(100) {
        0..=5 => of_owner(dice, id, &swarm),
        6..=13 => of_newcomer(dice, id, &swarm),
        14..=15 => of_anyone(dice, id),
        16..=17 => purse(dice),
        _ => of_round(dice, id, &swarm),
    }
}

fn call(call: Call<Test>) -> RuntimeCall {
    RuntimeCall::Hive(call)
}

fn of_owner(dice: &mut Dice, swarm: SwarmId, found: &SwarmOf<Test>) -> Made {
    let (owner, who) = (dice.mostly(found.owner), member(dice, swarm));
    let made = match dice.below(20) {
        0 | 1 => Call::set_terms { swarm, terms: terms_of(dice) },
        2 if dice.chance(40) => Call::close { swarm },
        3..=8 => Call::revoke_seat { swarm, who },
        _ => Call::grant_seat { swarm, who: dice.among(PEOPLE) },
    };
    (owner, call(made))
}

fn of_newcomer(dice: &mut Dice, swarm: SwarmId, found: &SwarmOf<Test>) -> Made {
    let who = dice.among(PEOPLE);
    if !Seats::<Test>::contains_key(swarm, who) {
        let at_most = if dice.chance(90) { found.terms.price } else { 0 };
        return (who, call(Call::take_seat { swarm, at_most }));
    }
    let is_registered = Nodes::<Test>::contains_key(swarm, who);
    let made = match dice.below(10) {
        0 | 1 => Call::give_up_seat { swarm },
        2..=4 if is_registered => Call::ready { swarm },
        _ => {
            let certificate = vec![dice.below(250) as u8; 40].try_into().unwrap();
            let (weightage, willing) = (dice.below(60) as u8, dice.chance(80));
            Call::register { swarm, certificate, address: address(), weightage, willing }
        }
    };
    (who, call(made))
}

/// What anyone may do, whether it is time or not.
fn of_anyone(dice: &mut Dice, swarm: SwarmId) -> Made {
    let who = member(dice, swarm);
    let made = match dice.below(8) {
        0 => Call::remove { swarm },
        1 | 2 => Call::clear_seat { swarm, who },
        3 | 4 => Call::collect_price { swarm, who },
        5 => Call::mark_absent { swarm, who },
        _ => Call::advance { swarm },
    };
    (dice.among(PEOPLE), call(made))
}

/// Somebody's purse empties, or fills again.
fn purse(dice: &mut Dice) -> Made {
    if dice.chance(25) {
        let all = pallet_balances::Call::transfer_all { dest: 40, keep_alive: false };
        return (if dice.chance(50) { dice.among(PEOPLE) } else { 52 }, RuntimeCall::Balances(all));
    }
    let dest = if dice.chance(70) { dice.among(PEOPLE) } else { 52 };
    let transfer = pallet_balances::Call::transfer_keep_alive { dest, value: 20_000 };
    (dice.among(20..=45), RuntimeCall::Balances(transfer))
}

fn of_round(dice: &mut Dice, swarm: SwarmId, found: &SwarmOf<Test>) -> Made {
    let nodes: Vec<_> = Nodes::<Test>::iter_prefix(swarm).collect();
    if nodes.is_empty() {
        return of_newcomer(dice, swarm, found);
    }
    let (who, node) = dice.one(&nodes);
    let anyone = dice.among(PEOPLE);
    if node.presence == Presence::Registered || dice.chance(3) {
        return (who, call(Call::ready { swarm }));
    }
    let ended = found.round - 1;
    if node.presence.is_awaited() && ended.saturating_sub(node.seen) >= MISSED_ROUNDS {
        return (anyone, call(Call::mark_absent { swarm, who }));
    }
    if dice.chance(4) {
        let presence = dice.one(&[
            Presence::Snapshot,
            Presence::Active,
            Presence::Active,
            Presence::Inactive,
            Presence::Ready,
        ]);
        return (who, call(Call::finish { swarm, presence }));
    }
    // Some models are bad.
    let newest = found.newest.as_ref().filter(|newest| newest.round % 4 == 0);
    if let Some(newest) = newest.filter(|_| dice.chance(60)) {
        let voters: Vec<_> = nodes
            .iter()
            .filter(|(_, node)| node.objected != found.turn)
            .filter(|(_, node)| node.round == newest.round || dice.chance(30))
            .collect();
        if !voters.is_empty() {
            return (dice.one(&voters).0, call(Call::object { swarm, round: newest.round }));
        }
    }
    let round = found.round;
    let stage = Rounds::<Test>::get(swarm).map(|round| round.stage);
    let is_due = match &stage {
        Some(Stage::Collecting { deadline }) => deadline.is_some_and(|at| now() > at),
        Some(Stage::Drawing { anchor }) => System::block_number() > *anchor,
        Some(Stage::Merging { deadline, .. }) => now() > *deadline,
        None => false,
    };
    match stage {
        _ if is_due && dice.chance(80) => (anyone, call(Call::advance { swarm })),
        Some(Stage::Merging { leader, .. }) if dice.chance(35) => {
            let left_out = vec![(anyone, Fault::Damaged)].try_into().unwrap();
            let merged = dice.among(1..=4) as u32;
            let publish = Call::publish { swarm, round, cid: cid("merged"), merged, left_out };
            (dice.mostly(leader), call(publish))
        }
        Some(Stage::Merging { leader, .. }) if dice.chance(8) => {
            (dice.mostly(leader), call(Call::step_down { swarm, round }))
        }
        _ => {
            // Some nodes are mostly away.
            let late: Vec<_> = nodes.iter().filter(|(_, node)| node.round != round).collect();
            if late.is_empty() || who == 7 && dice.chance(95) {
                return (anyone, call(Call::advance { swarm }));
            }
            let who = dice.one(&late).0;
            let base = if dice.chance(98) { found.base() } else { 0 };
            (who, call(Call::arrive { swarm, round, base, cid: update(who) }))
        }
    }
}

/// Somebody with a seat, if there is anybody.
fn member(dice: &mut Dice, swarm: SwarmId) -> AccountId {
    let seated: Vec<_> = Seats::<Test>::iter_key_prefix(swarm).collect();
    if seated.is_empty() || dice.chance(5) {
        return dice.among(PEOPLE);
    }
    dice.one(&seated)
}

fn terms_of(dice: &mut Dice) -> TermsOf<Test> {
    let admission = dice.one(&[Admission::Open, Admission::Sale, Admission::Invited]);
    let price = if admission == Admission::Sale { dice.one(&[1, ED, 40_000]) } else { 0 };
    Terms {
        min_peers: dice.among(1..=4) as u32,
        max_peers: dice.among(4..=12) as u32,
        admission,
        price,
        quorum_wait: dice.one(&[LEAST_WAIT, 10_000, WAIT]),
        leader_timeout: dice.one(&[5_000, TIMEOUT]),
        spread: dice.below(100) as u32,
        ..terms()
    }
}
