//! The invariants, checked over the whole state.

use crate::{
    Assignments, BalanceOf, Config, FeeSource, Fees, HoldReason, Pallet, SubmissionOf,
    SubmissionState, Submissions, TaskOf, Tasks,
};
use alloc::collections::BTreeMap;
use frame_support::{ensure, traits::fungible::InspectHold as _};
use sp_runtime::{traits::Zero, Saturating, TryRuntimeError};

impl<T: Config> Pallet<T> {
    /// Every hold is what is owed, and every count is what it counts.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        let mut escrow = BTreeMap::<T::AccountId, BalanceOf<T>>::new();
        let mut bonds = BTreeMap::<T::AccountId, BalanceOf<T>>::new();
        for (id, task) in Tasks::<T>::iter() {
            let terms = &task.terms;
            ensure!(task.open_slots + task.active <= terms.slots, "more slots than were offered");
            let mut owed = Self::hold_of_slots(&task, task.open_slots + task.active);
            let mut active = 0;
            for (index, submission) in Submissions::<T>::iter_prefix(id) {
                let assigned = Assignments::<T>::get(id, &submission.contributor);
                if is_open::<T>(&submission) {
                    active += 1;
                    ensure!(assigned == Some(index), "an open submission is not assigned");
                } else {
                    ensure!(assigned != Some(index), "a submission that ended is assigned");
                }
                owed.saturating_accrue(due_from_escrow::<T>(&task, &submission));
                bonds.entry(submission.contributor).or_default().saturating_accrue(submission.bond);
            }
            ensure!(active == task.active, "active slots are not the open submissions");
            escrow.entry(task.creator).or_default().saturating_accrue(owed);
        }
        let (escrow_reason, bond_reason) = (HoldReason::Escrow.into(), HoldReason::Bond.into());
        for who in frame_system::Account::<T>::iter_keys() {
            for (reason, owed) in [(&escrow_reason, &mut escrow), (&bond_reason, &mut bonds)] {
                let held = T::Currency::balance_on_hold(reason, &who);
                ensure!(
                    held == owed.remove(&who).unwrap_or_default(),
                    "a hold is not what is owed"
                );
            }
        }
        let lost = escrow.into_values().chain(bonds.into_values()).any(|owed| !owed.is_zero());
        ensure!(!lost, "what is owed is not held");
        Ok(())
    }
}

/// Whether a submission still takes a slot.
fn is_open<T: Config>(submission: &SubmissionOf<T>) -> bool {
    matches!(
        submission.state,
        SubmissionState::Assigned { .. }
            | SubmissionState::PendingValidation { .. }
            | SubmissionState::Validated { .. }
    )
}

/// Fees of an ended submission that its creator still owes.
fn due_from_escrow<T: Config>(task: &TaskOf<T>, submission: &SubmissionOf<T>) -> BalanceOf<T> {
    let silent = submission.committee.iter().filter(|seat| seat.is_silent()).count() as u32;
    match submission.fees {
        Fees::Due { source: FeeSource::Escrow, .. } => task.terms.fees(silent),
        _ => Default::default(),
    }
}
