//! How appeals end: what the jury finds, and who pays for it.

mod faults;
mod inconclusive;
mod sides;

pub(super) use super::*;
use pallet_reputation::Role;

pub(super) const HALF: i128 = OFFICE_BOND as i128 / 2;

pub(super) fn appeal(who: AccountId, id: TaskId, index: Index) {
    assert_ok!(Market::appeal(signed(who), id, index));
}

/// An appeal on which the jury can judge. The committee of three was unanimous.
pub(super) fn appealed(who: AccountId, terms: TermsOf<Test>, verdict: Verdict) -> (TaskId, Index) {
    let (id, index) = judged(terms, verdict);
    appeal(who, id, index);
    hand(id, index);
    (id, index)
}

/// The creator overruled a Pass, against which the contributor appeals.
pub(super) fn overruled() -> (TaskId, Index) {
    let (id, index) = judged(manual(), PASS);
    assert_ok!(reject(id, index));
    appeal(CONTRIBUTOR, id, index);
    hand(id, index);
    (id, index)
}

pub(super) fn outcome(id: TaskId, index: Index) -> Outcome {
    match state(id, index) {
        SubmissionState::Rejected { outcome, .. } => outcome,
        SubmissionState::Validated { window: Window::Release { .. }, .. } => Outcome::Accepted,
        other => panic!("{other:?}"),
    }
}

pub(super) fn assert_appeal_ended(id: TaskId, index: Index, appellant: AccountId, upheld: bool) {
    assert!(has_event(Event::AppealEnded { task: id, index, appellant, upheld }));
    assert_eq!((purse(CREATOR).appeal, purse(CONTRIBUTOR).appeal), (0, 0));
}

/// Members of the committee, and those in office besides.
pub(super) fn in_and_out(id: TaskId, index: Index) -> (Vec<AccountId>, Vec<AccountId>) {
    let inside = members(id, index);
    let outside = MEMBERS.into_iter().filter(|who| !inside.contains(who)).collect();
    (inside, outside)
}
