//! Thousands of random calls by many accounts, with time and blocks moving.
//!
//! After each block the total issuance is what it was, and every hold and count is what it should
//! be. In the end, once every deadline has passed, anyone's `settle` empties every hold.

use super::*;
use frame_support::traits::{LockableCurrency, WithdrawReasons};
use sp_runtime::traits::Dispatchable;
use std::collections::BTreeMap;

const PLAYS: u64 = 8;
const CALLS: usize = 800;
const PEOPLE: std::ops::RangeInclusive<AccountId> = 1..=9;
const AGGREGATORS: std::ops::RangeInclusive<AccountId> = 10..=22;
const MINUTE: Millis = 60_000;

/// How often each event of the market happened.
type Events = BTreeMap<String, u32>;

/// SplitMix64: the same numbers for the same seed, everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn among(&mut self, range: std::ops::RangeInclusive<u64>) -> u64 {
        range.start() + self.below(range.end() - range.start() + 1)
    }

    fn one<Item: Copy>(&mut self, items: &[Item]) -> Item {
        items[self.below(items.len() as u64) as usize]
    }

    /// Mostly `right`, sometimes somebody else.
    fn mostly(&mut self, right: AccountId) -> AccountId {
        if self.chance(90) {
            right
        } else {
            self.among(1..=22)
        }
    }
}

#[test]
fn money_is_neither_made_nor_lost_nor_stuck() {
    play_all(1..=PLAYS);
}

#[test]
fn money_is_neither_made_nor_lost_nor_stuck_by_other_dice() {
    play_all(PLAYS + 1..=2 * PLAYS);
}

fn play_all(seeds: std::ops::RangeInclusive<u64>) {
    let mut events = BTreeMap::new();
    for seed in seeds {
        play(seed, &mut events);
    }
    assert_ends_were_reached(&events);
}

/// Plays on a new chain, with dice of its own. A play is short, so that checking the whole state
/// after each block stays cheap.
fn play(seed: u64, events: &mut Events) {
    run(|| {
        let mut dice = Dice(seed);
        let issuance = Balances::total_issuance();
        for _ in 0..CALLS {
            let (who, call) = random_call(&mut dice);
            let _ = call.dispatch(signed(who));
            if dice.chance(25) {
                end_block(&mut dice, events, issuance);
            }
        }
        settle_everything();
        end_block(&mut dice, events, issuance);
        for who in 1..=40 {
            let Purse { escrow, bond, .. } = purse(who);
            assert_eq!((escrow, bond), (0, 0), "seed {seed}: the holds of {who} are stuck");
        }
    });
}

/// Checks the invariants, counts the events, and moves on in blocks and time.
fn end_block(dice: &mut Dice, events: &mut Events, issuance: Balance) {
    assert_eq!(Balances::total_issuance(), issuance);
    assert_ok!(Market::do_try_state());
    assert_eq!(owed_duties(), recorded_duties());
    for record in System::events() {
        if let RuntimeEvent::Market(event) = record.event {
            let name = format!("{event:?}");
            let name = name.trim_start_matches("Event::").split(' ').next().unwrap();
            *events.entry(name.to_string()).or_default() += 1;
        }
    }
    System::reset_events();
    next_blocks(if dice.chance(2) { HASHES + 3 } else { 1 });
    let minutes = if dice.chance(4) { 90 } else { 2 };
    pass(dice.below(minutes * MINUTE));
}

fn random_call(dice: &mut Dice) -> (AccountId, RuntimeCall) {
    if dice.chance(8) {
        return random_neighbour(dice);
    }
    let tasks = NextTaskId::<Test>::get();
    // Recent tasks, so that they come to an end; sometimes one that does not exist.
    let id = (tasks + 1).saturating_sub(dice.below(6) + if dice.chance(3) { 0 } else { 2 });
    let Some(found) = Tasks::<Test>::get(id) else {
        return (dice.among(PEOPLE), call(Call::create_task { terms: random_terms(dice) }));
    };
    let index = dice.below(u64::from(found.submissions) + 1) as Index;
    let Some(submission) = Submissions::<Test>::get(id, index) else {
        return match dice.below(30) {
            0 => (dice.mostly(found.creator), call(Call::withdraw_task { task: id })),
            1 => (dice.among(PEOPLE), call(Call::settle { task: id, index: None })),
            2 => {
                let model = cid("model");
                (dice.mostly(found.creator), call(Call::publish_model { task: id, model }))
            }
            3..=5 => (dice.among(PEOPLE), call(Call::create_task { terms: random_terms(dice) })),
            _ => (dice.among(PEOPLE), call(Call::accept_task { task: id })),
        };
    };
    let contributor = dice.mostly(submission.contributor);
    let anyone = dice.among(1..=22);
    if dice.chance(15) {
        return (anyone, call(Call::settle { task: id, index: Some(index) }));
    }
    match submission.state {
        SubmissionState::Assigned { .. } if dice.chance(10) => {
            (contributor, call(Call::abandon { task: id }))
        }
        SubmissionState::Assigned { .. } if dice.chance(70) => {
            let result = Call::submit_result { task: id, cid: cid("result"), digest: [0; 32] };
            (contributor, call(result))
        }
        SubmissionState::PendingValidation { phase: Phase::Drawing { .. }, .. } => {
            (anyone, call(Call::draw_committee { task: id, index }))
        }
        SubmissionState::Validated { .. } if dice.chance(30) => {
            (dice.mostly(found.creator), call(Call::accept_result { task: id, index }))
        }
        SubmissionState::Validated { .. } if dice.chance(40) => {
            let reason = Reason::default();
            (dice.mostly(found.creator), call(Call::reject_result { task: id, index, reason }))
        }
        _ if !submission.committee.is_empty() => {
            let members: Vec<_> = submission.committee.iter().map(|seat| seat.member).collect();
            let member = dice.one(&members);
            // Committees of most tasks agree, so that there are majorities of every kind.
            let mood = [PASS, FAIL, INCONCLUSIVE, PASS][(id % 4) as usize];
            let verdict =
                if dice.chance(80) { mood } else { dice.one(&[PASS, FAIL, INCONCLUSIVE]) };
            let (score, report) = (dice.below(1_000_001) as u32, cid("report"));
            let attest = Call::attest { task: id, index, verdict, score, report };
            (dice.mostly(member), call(attest))
        }
        _ => (anyone, call(Call::accept_task { task: id })),
    }
}

fn call(call: Call<Test>) -> RuntimeCall {
    RuntimeCall::Market(call)
}

fn random_terms(dice: &mut Dice) -> TermsOf<Test> {
    use ValidationStrategy::{AutoAccept, CustomAccept, ManualAccept};
    Terms {
        strategy: dice.one(&[AutoAccept, ManualAccept, ManualAccept, CustomAccept]),
        reward: dice.one(&[0, 1, ED, 3_000, 50_000]),
        fee: dice.one(&[0, 1, ED, 300]),
        committee_size: dice.one(&[1, 3, 3, 5, 9]),
        slots: dice.among(1..=4) as u32,
        expires_at: Market::now() + dice.among(5..=600) * MINUTE,
        working_time: dice.among(5..=120) * MINUTE,
        review_time: dice.among(1..=240) * MINUTE,
        ..terms()
    }
}

/// What happens around the market: offices change hands, money moves and is locked.
fn random_neighbour(dice: &mut Dice) -> (AccountId, RuntimeCall) {
    let aggregator = dice.among(AGGREGATORS);
    match dice.below(5) {
        0 => {
            let office: Vec<_> = AGGREGATORS.filter(|_| dice.chance(50)).collect();
            put_in_office(&office);
            let deregister = pallet_aggregators::Call::deregister {};
            (aggregator, RuntimeCall::Aggregators(deregister))
        }
        1 | 2 => {
            let (endpoint, encryption_key) = (Default::default(), [2; 32]);
            let register = pallet_aggregators::Call::register { endpoint, encryption_key };
            (aggregator, RuntimeCall::Aggregators(register))
        }
        3 => {
            let who = dice.among(1..=22);
            let locked = Balances::total_balance(&who);
            Balances::set_lock(*b"election", &who, locked, WithdrawReasons::all());
            if dice.chance(70) {
                Balances::remove_lock(*b"election", &who);
            }
            // Somebody empties its account; somebody rich gives it a new start.
            let all = pallet_balances::Call::transfer_all { dest: 40, keep_alive: false };
            (who, RuntimeCall::Balances(all))
        }
        _ => {
            let dest = dice.among(1..=22);
            let value = WEALTH / 4;
            let transfer = pallet_balances::Call::transfer_keep_alive { dest, value };
            (dice.among(23..=40), RuntimeCall::Balances(transfer))
        }
    }
}

/// Anyone settles what can be settled, as often as it takes, and does nothing else.
fn settle_everything() {
    for _ in 0..6 {
        pass(1_000_000_000);
        next_blocks(3);
        for id in 0..NextTaskId::<Test>::get() {
            for index in 0..task(id).submissions {
                let settle = call(Call::settle { task: id, index: Some(index) });
                let _ = settle.dispatch(signed(OTHER));
            }
            let _ = call(Call::settle { task: id, index: None }).dispatch(signed(OTHER));
        }
        assert_ok!(Market::do_try_state());
    }
}

/// Attestations that can still come, by member.
fn owed_duties() -> BTreeMap<AccountId, u32> {
    let mut owed = BTreeMap::new();
    for (_, _, submission) in Submissions::<Test>::iter() {
        let waiting = matches!(submission.fees, Fees::Due { .. })
            || matches!(
                submission.state,
                SubmissionState::PendingValidation { phase: Phase::Attesting { .. }, .. }
                    | SubmissionState::Validated { .. }
            );
        for seat in submission.committee.iter().filter(|seat| waiting && seat.is_silent()) {
            *owed.entry(seat.member).or_default() += 1;
        }
    }
    owed
}

fn recorded_duties() -> BTreeMap<AccountId, u32> {
    pallet_aggregators::Profiles::<Test>::iter()
        .map(|(who, profile)| (who, profile.duties))
        .filter(|(_, duties)| *duties > 0)
        .collect()
}

/// The play was worth it: it came to every kind of end.
fn assert_ends_were_reached(events: &Events) {
    for name in [
        "TaskCreated",
        "TaskAccepted",
        "ResultSubmitted",
        "CommitteeDrawn",
        "DrawPostponed",
        "Attested",
        "MemberAbsent",
        "MemberReplaced",
        "ResultValidated",
        "ResultAccepted",
        "ResultRejected",
        "FeePaid",
        "BondReturned",
        "AssignmentAbandoned",
        "AssignmentExpired",
        "EscrowRefunded",
        "EscrowRefilled",
        "Forfeited",
        "TaskWithdrawn",
        "TaskExpired",
        "TaskCompleted",
        "ModelPublished",
    ] {
        let times = events.get(name).copied().unwrap_or_default();
        assert!(times >= 5, "{name} happened {times} times: {events:?}");
    }
}
