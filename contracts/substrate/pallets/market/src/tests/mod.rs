//! Tests, by what they are about; here what they share.

mod access;
mod appeals;
mod assets;
mod commitments;
mod committee;
mod deposits;
mod draw;
mod errors;
mod gold;
mod juries;
mod merging;
mod money;
mod outcomes;
mod panel;
mod reputation;
mod results;
mod seal;
mod settle;
mod stateful;
mod tally;
mod tasks;
mod terms;

pub(super) use crate::{mock::*, *};
pub(super) use frame_support::{
    assert_noop, assert_ok,
    traits::fungible::{Inspect, InspectHold},
};
use pallet_reputation::{Record, Role};
pub(super) use sp_runtime::DispatchResult;

pub(super) const REWARD: Balance = 1_000;
pub(super) const FEE: Balance = 20;
pub(super) const SLOT: Balance = REWARD + 3 * FEE;
pub(super) const BOND: Balance = 200;
pub(super) const WORKING: Millis = 100_000;
pub(super) const REVIEW: Millis = 200_000_000;
pub(super) const CHALLENGE: Millis = 20_000_000;
pub(super) const LIFE: Millis = 1_000_000_000;
pub(super) const PASS: Verdict = Verdict::Pass;
pub(super) const FAIL: Verdict = Verdict::Fail;
pub(super) const INCONCLUSIVE: Verdict = Verdict::Inconclusive;
pub(super) const CRASHED: Verdict = Verdict::Crashed;
/// The score of those who have nothing special to say.
pub(super) const SCORE: u32 = 500_000;
pub(super) const TOLERANCE: u32 = 10_000;
/// What five in office can lose in an appeal.
pub(super) const APPEAL_BOND: Balance = 5 * FEE;
/// The key of every result, wrapped for the reader of every task.
pub(super) const RELEASE: Wrap = [42; 80];

pub(super) fn cid(name: &str) -> Cid {
    format!("bafy{name}").into_bytes().try_into().unwrap()
}

pub(super) fn signed(who: AccountId) -> RuntimeOrigin {
    RuntimeOrigin::signed(who)
}

/// Three slots, a committee of three, AutoAccept, no challenge time.
pub(super) fn terms() -> TermsOf<Test> {
    Terms {
        task_type: TaskType::ModelContributor,
        strategy: ValidationStrategy::AutoAccept,
        model_type: ModelType::Vision,
        storage: StorageType::IPFS,
        bundle: cid("bundle"),
        reward: REWARD,
        asset: None,
        fee: FEE,
        committee_size: 3,
        tolerance: TOLERANCE,
        bond: BOND,
        slots: 3,
        expires_at: Market::now() + LIFE,
        working_time: WORKING,
        review_time: REVIEW,
        challenge_time: 0,
        parent: None,
        reader: [5; 32],
        access: Access::Open,
        minimum_reputation: 0,
        replay: None,
        golds: Golds::default(),
    }
}

pub(super) fn manual() -> TermsOf<Test> {
    Terms { strategy: ValidationStrategy::ManualAccept, ..terms() }
}

/// AutoAccept, with a challenge time.
pub(super) fn challenged() -> TermsOf<Test> {
    Terms { challenge_time: CHALLENGE, ..terms() }
}

pub(super) fn create(terms: TermsOf<Test>) -> TaskId {
    assert_ok!(Market::create_task(signed(CREATOR), terms));
    NextTaskId::<Test>::get() - 1
}

pub(super) fn accept(task: TaskId, who: AccountId) -> Index {
    assert_ok!(Market::accept_task(signed(who), task));
    Assignments::<Test>::get(task, who).unwrap()
}

pub(super) fn seal() -> Seal {
    Seal { key_digest: [9; 32], release: sp_io::hashing::blake2_256(&RELEASE) }
}

pub(super) fn submit(task: TaskId, who: AccountId) {
    let found = Tasks::<Test>::get(task).unwrap().terms;
    let trace = found.replay.map(|replay| Trace { root: [6; 32], checkpoints: replay.checkpoints });
    let seal = found.is_sealed().then(seal);
    let result = cid("result");
    assert_ok!(Market::submit_result(signed(who), task, result, [7; 32], seal, trace));
}

/// A task with a result that waits for its committee.
pub(super) fn submitted(terms: TermsOf<Test>) -> (TaskId, Index) {
    let task = create(terms);
    let index = accept(task, CONTRIBUTOR);
    submit(task, CONTRIBUTOR);
    (task, index)
}

/// Draws, one block after the anchor. Returns the committee.
pub(super) fn draw(task: TaskId, index: Index) -> Vec<AccountId> {
    next_blocks(2);
    assert_ok!(Market::draw_committee(signed(OTHER), task, index));
    members(task, index)
}

/// A wrap of the key for a member.
pub(super) fn wrap(member: AccountId) -> Wrap {
    [member as u8; 80]
}

pub(super) fn wraps(members: &[AccountId]) -> WrapsOf<Test> {
    members.iter().map(|member| (*member, wrap(*member))).collect::<Vec<_>>().try_into().unwrap()
}

/// Hands the key to all that wait for it.
pub(super) fn hand(task: TaskId, index: Index) {
    let waiting: Vec<_> = panel(task, index)
        .into_iter()
        .filter(|seat| seat.wrap.is_none())
        .map(|seat| seat.member)
        .collect();
    let contributor = submission(task, index).contributor;
    assert_ok!(Market::hand_key(signed(contributor), task, index, wraps(&waiting)));
}

/// A task with a result whose committee has the key: task, index and members.
pub(super) fn under_validation(terms: TermsOf<Test>) -> (TaskId, Index, Vec<AccountId>) {
    let (task, index) = submitted(terms);
    let members = draw(task, index);
    hand(task, index);
    (task, index, members)
}

pub(super) fn says(verdict: Verdict, score: u32) -> Attestation {
    Attestation { verdict, score, report: cid("report"), segment: None }
}

/// Each member has a salt of its own.
pub(super) fn salt(who: AccountId) -> [u8; 32] {
    [who as u8; 32]
}

pub(super) fn try_commit(
    task: TaskId,
    index: Index,
    who: AccountId,
    what: &Attestation,
) -> DispatchResult {
    let commitment = crate::commitments::finding(task, index, &who, what, &salt(who));
    Market::commit(signed(who), task, index, commitment)
}

pub(super) fn commit(task: TaskId, index: Index, who: AccountId, verdict: Verdict, score: u32) {
    assert_ok!(try_commit(task, index, who, &says(verdict, score)));
}

pub(super) fn try_reveal(
    task: TaskId,
    index: Index,
    who: AccountId,
    what: Attestation,
) -> DispatchResult {
    Market::reveal(signed(who), task, index, what, salt(who))
}

pub(super) fn reveal(task: TaskId, index: Index, who: AccountId, verdict: Verdict, score: u32) {
    assert_ok!(try_reveal(task, index, who, says(verdict, score)));
}

/// The members of the panel, in their order, say this.
pub(super) fn judge(task: TaskId, index: Index, findings: &[(Verdict, u32)]) {
    let members: Vec<_> = panel(task, index).into_iter().map(|seat| seat.member).collect();
    assert_eq!(members.len(), findings.len());
    for (who, (verdict, score)) in members.iter().zip(findings) {
        commit(task, index, *who, *verdict, *score);
    }
    for (who, (verdict, score)) in members.iter().zip(findings) {
        reveal(task, index, *who, *verdict, *score);
    }
}

/// The panel is of one opinion.
pub(super) fn judge_all(task: TaskId, index: Index, verdict: Verdict) {
    judge(task, index, &vec![(verdict, SCORE); panel(task, index).len()]);
}

/// A result on which the committee of three was unanimous.
pub(super) fn judged(terms: TermsOf<Test>, verdict: Verdict) -> (TaskId, Index) {
    let (task, index, _) = under_validation(terms);
    judge_all(task, index, verdict);
    (task, index)
}

pub(super) fn release(task: TaskId, index: Index) {
    assert_ok!(Market::release_key(signed(CONTRIBUTOR), task, index, RELEASE));
}

/// An accepted and paid result.
pub(super) fn paid(terms: TermsOf<Test>) -> (TaskId, Index) {
    let (task, index) = judged(terms, PASS);
    release(task, index);
    (task, index)
}

pub(super) fn reject(task: TaskId, index: Index) -> DispatchResult {
    Market::reject_result(signed(CREATOR), task, index, reason())
}

pub(super) fn reason() -> Reason {
    b"blurred".to_vec().try_into().unwrap()
}

pub(super) fn settle(task: TaskId, index: Index) {
    assert_ok!(Market::settle(signed(OTHER), task, Some(index)));
}

pub(super) fn settle_after(time: Millis, task: TaskId, index: Index) {
    pass(time);
    let early = Market::settle(signed(OTHER), task, Some(index));
    assert_eq!(early, Err(Error::<Test>::NothingToSettle.into()), "at its deadline");
    pass(1);
    settle(task, index);
}

pub(super) fn task(id: TaskId) -> TaskOf<Test> {
    Tasks::<Test>::get(id).unwrap()
}

pub(super) fn submission(task: TaskId, index: Index) -> SubmissionOf<Test> {
    Submissions::<Test>::get(task, index).unwrap()
}

pub(super) fn state(task: TaskId, index: Index) -> SubmissionState<Balance, u64> {
    submission(task, index).state
}

pub(super) fn members(task: TaskId, index: Index) -> Vec<AccountId> {
    submission(task, index).committee.iter().map(|seat| seat.member).collect()
}

/// The seats of the panel that judges now.
pub(super) fn panel(task: TaskId, index: Index) -> Vec<Seat<AccountId>> {
    match state(task, index) {
        SubmissionState::Appealed { .. } => {
            Appeals::<Test>::get(task, index).unwrap().jury.into_inner()
        }
        _ => submission(task, index).committee.into_inner(),
    }
}

pub(super) fn profile(who: AccountId) -> pallet_aggregators::Profile<Balance> {
    pallet_aggregators::Profiles::<Test>::get(who).unwrap()
}

/// Planck that an account can spend, and what is held from it, by reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Purse {
    pub free: Balance,
    pub escrow: Balance,
    pub bond: Balance,
    pub appeal: Balance,
    pub deposit: Balance,
}

pub(super) fn purse(who: AccountId) -> Purse {
    let held = |reason: HoldReason| Balances::balance_on_hold(&reason.into(), &who);
    Purse {
        free: Balances::free_balance(who),
        escrow: held(HoldReason::Escrow),
        bond: held(HoldReason::Bond),
        appeal: held(HoldReason::Appeal),
        deposit: held(HoldReason::Deposit),
    }
}

/// What an account has gained, in all, since it had [`WEALTH`].
pub(super) fn gain(who: AccountId) -> i128 {
    Balances::total_balance(&who) as i128 - WEALTH as i128
}

pub(super) fn treasury_gain() -> Balance {
    Balances::free_balance(TREASURY) - ED
}

pub(super) fn record(who: AccountId, role: Role) -> Record<Balance> {
    Book::record(&who, role)
}

pub(super) fn has_event(event: Event<Test>) -> bool {
    System::events().iter().any(|record| record.event == RuntimeEvent::Market(event.clone()))
}
