//! Tests, by what they are about; here what they share.

mod committee;
mod draw;
mod money;
mod outcomes;
mod results;
mod settle;
mod stateful;
mod tally;
mod tasks;

pub(super) use crate::{mock::*, *};
pub(super) use frame_support::{
    assert_noop, assert_ok,
    traits::fungible::{Inspect, InspectHold},
};

pub(super) const REWARD: Balance = 1_000;
pub(super) const FEE: Balance = 20;
pub(super) const SLOT: Balance = REWARD + 3 * FEE;
pub(super) const BOND: Balance = 3 * FEE;
pub(super) const WORKING: Millis = 100_000;
pub(super) const REVIEW: Millis = 200_000_000;
pub(super) const LIFE: Millis = 1_000_000_000;
pub(super) const PASS: Verdict = Verdict::Pass;
pub(super) const FAIL: Verdict = Verdict::Fail;
pub(super) const INCONCLUSIVE: Verdict = Verdict::Inconclusive;

pub(super) fn cid(name: &str) -> Cid {
    format!("bafy{name}").into_bytes().try_into().unwrap()
}

pub(super) fn signed(who: AccountId) -> RuntimeOrigin {
    RuntimeOrigin::signed(who)
}

/// Three slots, a committee of three, AutoAccept.
pub(super) fn terms() -> TermsOf<Test> {
    Terms {
        task_type: TaskType::ModelContributor,
        strategy: ValidationStrategy::AutoAccept,
        model_type: ModelType::Vision,
        storage: StorageType::IPFS,
        bundle: cid("bundle"),
        reward: REWARD,
        fee: FEE,
        committee_size: 3,
        slots: 3,
        expires_at: Market::now() + LIFE,
        working_time: WORKING,
        review_time: REVIEW,
        parent: None,
    }
}

pub(super) fn manual() -> TermsOf<Test> {
    Terms { strategy: ValidationStrategy::ManualAccept, ..terms() }
}

pub(super) fn create(terms: TermsOf<Test>) -> TaskId {
    assert_ok!(Market::create_task(signed(CREATOR), terms));
    NextTaskId::<Test>::get() - 1
}

pub(super) fn accept(task: TaskId, who: AccountId) -> Index {
    assert_ok!(Market::accept_task(signed(who), task));
    Assignments::<Test>::get(task, who).unwrap()
}

pub(super) fn submit(task: TaskId, who: AccountId) {
    assert_ok!(Market::submit_result(signed(who), task, cid("result"), [7; 32]));
}

/// Draws, one block after the anchor.
pub(super) fn draw(task: TaskId, index: Index) -> Vec<AccountId> {
    next_blocks(2);
    assert_ok!(Market::draw_committee(signed(OTHER), task, index));
    members(task, index)
}

/// A task with a result whose committee is drawn: task, index and members.
pub(super) fn under_validation(terms: TermsOf<Test>) -> (TaskId, Index, Vec<AccountId>) {
    let task = create(terms);
    let index = accept(task, CONTRIBUTOR);
    submit(task, CONTRIBUTOR);
    let members = draw(task, index);
    (task, index, members)
}

/// A ManualAccept task whose committee was unanimous.
pub(super) fn under_review(verdict: Verdict) -> (TaskId, Index) {
    let (task, index, members) = under_validation(manual());
    for member in members {
        attest(task, index, member, verdict, 500_000);
    }
    (task, index)
}

pub(super) fn attest(task: TaskId, index: Index, who: AccountId, verdict: Verdict, score: u32) {
    assert_ok!(try_attest(task, index, who, verdict, score));
}

pub(super) fn try_attest(
    task: TaskId,
    index: Index,
    who: AccountId,
    verdict: Verdict,
    score: u32,
) -> sp_runtime::DispatchResult {
    Market::attest(signed(who), task, index, verdict, score, cid("report"))
}

pub(super) fn settle(task: TaskId, index: Index) {
    assert_ok!(Market::settle(signed(OTHER), task, Some(index)));
}

pub(super) fn task(id: TaskId) -> TaskOf<Test> {
    Tasks::<Test>::get(id).unwrap()
}

pub(super) fn submission(task: TaskId, index: Index) -> SubmissionOf<Test> {
    Submissions::<Test>::get(task, index).unwrap()
}

pub(super) fn members(task: TaskId, index: Index) -> Vec<AccountId> {
    submission(task, index).committee.iter().map(|seat| seat.member).collect()
}

pub(super) fn duties(who: AccountId) -> u32 {
    pallet_aggregators::Profiles::<Test>::get(who).unwrap().duties
}

pub(super) fn missed(who: AccountId) -> u32 {
    pallet_aggregators::Profiles::<Test>::get(who).unwrap().missed
}

/// Planck that an account can spend, and what is held from it as escrow and as bond.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Purse {
    pub free: Balance,
    pub escrow: Balance,
    pub bond: Balance,
}

pub(super) fn purse(who: AccountId) -> Purse {
    Purse {
        free: Balances::free_balance(who),
        escrow: Balances::balance_on_hold(&HoldReason::Escrow.into(), &who),
        bond: Balances::balance_on_hold(&HoldReason::Bond.into(), &who),
    }
}

/// What an account has gained, in all, since it had [`WEALTH`].
pub(super) fn gain(who: AccountId) -> i128 {
    Balances::total_balance(&who) as i128 - WEALTH as i128
}

pub(super) fn treasury_gain() -> Balance {
    Balances::free_balance(TREASURY) - ED
}

pub(super) fn has_event(event: Event<Test>) -> bool {
    System::events().iter().any(|record| record.event == RuntimeEvent::Market(event.clone()))
}
