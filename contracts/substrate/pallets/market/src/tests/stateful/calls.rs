//! Random calls that fit the state, mostly.

use super::*;
use frame_support::traits::{LockableCurrency, WithdrawReasons};

type Made = (AccountId, RuntimeCall);

pub(super) fn random(dice: &mut Dice) -> Made {
    match dice.below(100) {
        0..=5 => return neighbour(dice),
        6..=13 => return old_task(dice),
        _ => (),
    }
    // Few submissions at a time, so that they come to an end.
    let open: Vec<_> = Assignments::<Test>::iter().collect();
    if open.is_empty() || open.len() < 8 && dice.chance(25) {
        let tasks = NextTaskId::<Test>::get();
        let id = (tasks + 1).saturating_sub(dice.below(5) + if dice.chance(2) { 0 } else { 2 });
        return match Tasks::<Test>::get(id) {
            Some(found) => of_task(dice, id, &found),
            None => (dice.among(PEOPLE), call(Call::create_task { terms: terms_of(dice) })),
        };
    }
    let (id, _, index) = dice.one(&open);
    if dice.chance(4) {
        return (dice.among(1..=22), call(Call::settle { task: id, index: Some(index) }));
    }
    of_submission(dice, id, index, &task(id), &submission(id, index))
}

fn call(call: Call<Test>) -> RuntimeCall {
    RuntimeCall::Market(call)
}

fn of_task(dice: &mut Dice, task: TaskId, found: &TaskOf<Test>) -> Made {
    let anyone = dice.among(1..=22);
    let creator = dice.mostly(found.creator);
    let account = dice.among(PEOPLE);
    let accounts = vec![account, dice.among(PEOPLE)].try_into().unwrap();
    match dice.below(40) {
        0 => (creator, call(Call::withdraw_task { task })),
        1 => (anyone, call(Call::settle { task, index: None })),
        2 => {
            let merger = Mergers::<Test>::get(task).map(|merger| merger.account);
            let publisher = merger.filter(|_| dice.chance(70)).unwrap_or(creator);
            (publisher, call(Call::publish_model { task, model: cid("model") }))
        }
        3..=5 => (account, call(Call::create_task { terms: terms_of(dice) })),
        6 => (creator, call(Call::uninvite { task, accounts })),
        7..=9 => (creator, call(Call::invite { task, accounts })),
        10 => {
            let sharer = if dice.chance(50) { creator } else { anyone };
            let members = wraps(&[dice.among(AGGREGATORS), dice.among(AGGREGATORS)]);
            (sharer, call(Call::share_key { task, shares: members }))
        }
        11 => {
            let merger = dice.chance(80).then_some(account);
            (creator, call(Call::appoint_merger { task, merger }))
        }
        12 | 13 => {
            let have: Vec<_> = Shares::<Test>::iter_key_prefix(task).chain([anyone]).collect();
            (dice.one(&have), call(Call::discard_share { task }))
        }
        _ => (account, call(Call::accept_task { task })),
    }
}

/// What anyone may do about things long past.
fn old_task(dice: &mut Dice) -> Made {
    let anyone = dice.among(1..=22);
    let task = dice.below(NextTaskId::<Test>::get() + 1);
    let index = dice.chance(70).then(|| dice.below(4) as Index);
    let accounts = AGGREGATORS.chain(PEOPLE).take(16).collect::<Vec<_>>().try_into().unwrap();
    let made = match dice.below(6) {
        0 => Call::claim { task, index },
        1 => Call::clear_access { task, accounts },
        2 | 3 => Call::clear { task, index },
        _ => Call::settle { task, index },
    };
    (anyone, call(made))
}

fn of_submission(
    dice: &mut Dice,
    task: TaskId,
    index: Index,
    found: &TaskOf<Test>,
    submission: &SubmissionOf<Test>,
) -> Made {
    let contributor = dice.mostly(submission.contributor);
    let creator = dice.mostly(found.creator);
    let anyone = dice.among(1..=22);
    match &submission.state {
        SubmissionState::Assigned { .. } if dice.chance(10) => {
            (contributor, call(Call::abandon { task }))
        }
        SubmissionState::Assigned { .. } if dice.chance(70) => {
            let trace = found
                .terms
                .replay
                .map(|replay| Trace { root: [0; 32], checkpoints: replay.checkpoints });
            let (cid, digest, seal) = (cid("result"), [0; 32], Some(seal()));
            (contributor, call(Call::submit_result { task, cid, digest, seal, trace }))
        }
        SubmissionState::PendingValidation { phase, .. }
        | SubmissionState::Appealed { phase, .. } => match phase {
            Phase::Drawing { .. } => (anyone, call(Call::draw_committee { task, index })),
            Phase::Sealing { .. } => {
                let waiting: Vec<_> = panel(task, index)
                    .into_iter()
                    .filter(|seat| seat.wrap.is_none() && !dice.chance(2))
                    .map(|seat| seat.member)
                    .collect();
                // Some keys are never handed.
                let who = if index % 5 == 4 { anyone } else { contributor };
                (who, call(Call::hand_key { task, index, wraps: wraps(&waiting) }))
            }
            _ => of_panel(dice, task, index, found),
        },
        SubmissionState::Validated { finding, window } => {
            of_window(dice, (task, index), submission, window, finding.verdict, creator)
        }
        // Still at work.
        _ => (anyone, call(Call::accept_task { task })),
    }
}

fn of_panel(dice: &mut Dice, task: TaskId, index: Index, found: &TaskOf<Test>) -> Made {
    let seats = panel(task, index);
    let waiting: Vec<_> = seats.iter().filter(|seat| seat.attestation.is_none()).collect();
    let right = dice.one(&waiting).member;
    // Some panels are lazy.
    let who = if index % 6 == 5 && right > 15 { OTHER } else { dice.mostly(right) };
    let jury = matches!(state(task, index), SubmissionState::Appealed { .. });
    let attestation = opinion(task, index, who, jury, found);
    let commits = seats.iter().any(|seat| seat.member == who && seat.is_absent());
    if commits != dice.chance(3) {
        let commitment = crate::commitments::finding(task, index, &who, &attestation, &salt(who));
        return (who, call(Call::commit { task, index, commitment }));
    }
    let salt = if dice.chance(97) { salt(who) } else { [0; 32] };
    (who, call(Call::reveal { task, index, attestation, salt }))
}

fn of_window(
    dice: &mut Dice,
    (task, index): (TaskId, Index),
    submission: &SubmissionOf<Test>,
    window: &Window<Balance>,
    verdict: Verdict,
    creator: AccountId,
) -> Made {
    let contributor = dice.mostly(submission.contributor);
    match window {
        Window::Review { .. } if dice.chance(50) => {
            (creator, call(Call::reject_result { task, index, reason: reason() }))
        }
        Window::Review { .. } if dice.chance(50) => {
            (creator, call(Call::accept_result { task, index }))
        }
        Window::Challenge { .. } => match dice.below(12) {
            0 => (creator, call(Call::accept_result { task, index })),
            1..=3 => (contributor, call(Call::appeal { task, index })),
            4..=5 => (creator, call(Call::appeal { task, index })),
            6..=8 => {
                let gold = gold(submission.contributor);
                (creator, call(Call::open_gold { task, index, gold }))
            }
            _ => (contributor, call(Call::settle { task, index: Some(index) })),
        },
        // Some keys are never released.
        Window::Release { .. } if index % 4 != 3 || verdict != PASS => {
            let members: Vec<_> = submission.committee.iter().map(|seat| seat.member).collect();
            let some = dice.one(&[&members[..], &[contributor]].concat());
            let wrap = if dice.chance(95) { RELEASE } else { [0; 80] };
            (dice.mostly(some), call(Call::release_key { task, index, wrap }))
        }
        _ => (creator, call(Call::settle { task, index: Some(index) })),
    }
}

/// What a member thinks, of itself; another jury may think otherwise than a committee.
fn opinion(
    task: TaskId,
    index: Index,
    who: AccountId,
    jury: bool,
    found: &TaskOf<Test>,
) -> Attestation {
    let mut own = Dice(task * 1_000 + u64::from(index) * 100 + who);
    let mood = [PASS, FAIL, INCONCLUSIVE, PASS][((task + u64::from(jury)) % 4) as usize];
    let verdict = if own.chance(75) { mood } else { own.one(&[PASS, FAIL, INCONCLUSIVE, CRASHED]) };
    let score = if own.chance(80) { SCORE } else { own.below(1_000_001) as u32 };
    let seed = submission(task, index).seed;
    let segment = found.terms.replay.zip(seed).filter(|_| verdict == FAIL);
    let segment = segment.map(|(replay, seed)| crate::draw::segments(seed, replay)[0]);
    Attestation { segment, ..says(verdict, score) }
}

fn gold(contributor: AccountId) -> GoldOf<Test> {
    Gold { contributor, verdict: FAIL, low: 0, high: 1_000_000, salt: [8; 32] }
}

fn terms_of(dice: &mut Dice) -> TermsOf<Test> {
    use ValidationStrategy::{AutoAccept, CustomAccept, ManualAccept};
    let fee = dice.one(&[1, ED, ED, 300]);
    let committee_size = dice.one(&[1, 3, 3, 5, 9]);
    let least = (fee * Balance::from(committee_size)).max(MINIMUM_BOND);
    let golds: Vec<_> = (2..=5).map(|who| crate::commitments::gold(&gold(who))).collect();
    let replay = Some(Replay { checkpoints: dice.among(2..=40) as u32, segments: 1 });
    Terms {
        strategy: dice.one(&[AutoAccept, ManualAccept, ManualAccept, CustomAccept]),
        reward: dice.one(&[0, 1, ED, 3_000, 50_000]),
        asset: dice.one(&[None, None, Some(ASSET)]),
        fee,
        committee_size,
        tolerance: dice.one(&[0, 10_000, 1_000_000]),
        bond: least + dice.below(100) as Balance,
        slots: dice.among(1..=4) as u32,
        expires_at: Market::now() + dice.among(5..=600) * MINUTE,
        working_time: dice.among(5..=120) * MINUTE,
        review_time: dice.among(1..=240) * MINUTE,
        challenge_time: dice.one(&[0, 0, 1, 100 * MINUTE, 300 * MINUTE]),
        access: dice.one(&[Access::Open, Access::Open, Access::Invited]),
        minimum_reputation: dice.one(&[0, 0, 0, 450_000]),
        replay: dice.one(&[None, None, replay]),
        golds: golds.try_into().unwrap(),
        ..terms()
    }
}

/// What happens around the market: offices change hands, money moves and is locked, assets freeze.
fn neighbour(dice: &mut Dice) -> Made {
    let aggregator = dice.among(AGGREGATORS);
    let someone = dice.among(1..=22);
    match dice.below(10) {
        0 => {
            let office: Vec<_> = AGGREGATORS.filter(|_| dice.chance(60)).collect();
            put_in_office(&office);
            let deregister = pallet_aggregators::Call::deregister {};
            (aggregator, RuntimeCall::Aggregators(deregister))
        }
        1 | 2 => {
            let (endpoint, encryption_key) = (Default::default(), [2; 32]);
            let register = pallet_aggregators::Call::register { endpoint, encryption_key };
            (aggregator, RuntimeCall::Aggregators(register))
        }
        3 => (aggregator, RuntimeCall::Aggregators(pallet_aggregators::Call::top_up {})),
        4 => {
            let locked = Balances::total_balance(&someone);
            Balances::set_lock(*b"election", &someone, locked, WithdrawReasons::all());
            if dice.chance(70) {
                Balances::remove_lock(*b"election", &someone);
            }
            // Somebody empties its account; somebody rich gives it a new start.
            let all = pallet_balances::Call::transfer_all { dest: 40, keep_alive: false };
            (someone, RuntimeCall::Balances(all))
        }
        5 | 6 => {
            let value = WEALTH / 4;
            let transfer = pallet_balances::Call::transfer_keep_alive { dest: someone, value };
            (dice.among(23..=40), RuntimeCall::Balances(transfer))
        }
        7 => {
            let (id, amount) = (ASSET, dice.one(&[1, WEALTH / 10]));
            let target = dice.among(1..=9);
            let transfer = pallet_assets::Call::transfer { id, target, amount };
            (dice.among(1..=39), RuntimeCall::Assets(transfer))
        }
        8 => {
            let freeze = pallet_assets::Call::freeze_asset { id: ASSET };
            let thaw = pallet_assets::Call::thaw_asset { id: ASSET };
            (ISSUER, RuntimeCall::Assets(if dice.chance(45) { freeze } else { thaw }))
        }
        _ => {
            let (id, who) = (ASSET, dice.among(PEOPLE));
            let block = pallet_assets::Call::block { id, who };
            let thaw = pallet_assets::Call::thaw { id, who };
            (ISSUER, RuntimeCall::Assets(if dice.chance(30) { block } else { thaw }))
        }
    }
}
