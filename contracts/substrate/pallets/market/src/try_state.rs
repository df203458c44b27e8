//! The invariants, checked over the whole state.

use crate::{
    AccountOf, Appeals, AssetId, Assignments, BalanceOf, Config, HoldReason, Invitations, Mergers,
    Pallet, Shares, SubmissionOf, SubmissionState, Submissions, TaskId, TaskOf, Tasks, Window,
};
use alloc::collections::BTreeMap;
use frame_support::{
    ensure,
    traits::{fungible::InspectHold as _, fungibles::InspectHold as _},
};
use sp_runtime::{traits::Zero, Saturating, TryRuntimeError};

/// What is owed to or by accounts.
type Owed<Who, Balance> = BTreeMap<Who, Balance>;

/// What should be held, by reason.
struct Ledger<T: Config> {
    escrow: Owed<AccountOf<T>, BalanceOf<T>>,
    bonds: Owed<AccountOf<T>, BalanceOf<T>>,
    appeals: Owed<AccountOf<T>, BalanceOf<T>>,
    deposits: Owed<AccountOf<T>, BalanceOf<T>>,
    assets: Owed<(AccountOf<T>, AssetId), BalanceOf<T>>,
}

impl<T: Config> Pallet<T> {
    /// Every hold is what is owed, and every count is what it counts.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        let mut ledger = Ledger::<T> {
            escrow: BTreeMap::new(),
            bonds: BTreeMap::new(),
            appeals: BTreeMap::new(),
            deposits: BTreeMap::new(),
            assets: BTreeMap::new(),
        };
        for (id, task) in Tasks::<T>::iter() {
            ledger.enter_task(id, &task)?;
        }
        ensure_of_known_tasks::<T>()?;
        ledger.ensure_held()
    }
}

impl<T: Config> Ledger<T> {
    fn enter_task(&mut self, id: TaskId, task: &TaskOf<T>) -> Result<(), TryRuntimeError> {
        let terms = &task.terms;
        let slots = task.open_slots.saturating_add(task.active);
        ensure!(slots <= terms.slots, "more slots than were offered");
        let has_ended = !task.is_under_way() && slots == 0;
        ensure!(task.ended_at.is_some() == has_ended, "a task has not the end that it has");
        ensure!(task.is_under_way() || task.open_slots == 0, "a task that is over has open slots");
        let (mut active, mut stored) = (0, 0);
        let mut of_asset = terms.slot_asset().saturating_mul(slots.into());
        of_asset.saturating_accrue(task.unreturned);
        for (index, submission) in Submissions::<T>::iter_prefix(id) {
            stored += 1;
            let assigned = Assignments::<T>::get(id, &submission.contributor);
            if submission.state.ended_at().is_some() {
                ensure!(assigned != Some(index), "a submission that ended is assigned");
                ensure!(!Appeals::<T>::contains_key(id, index), "an appeal outlives its cause");
            } else {
                active += 1;
                ensure!(assigned == Some(index), "an open submission is not assigned");
            }
            if matches!(submission.state, SubmissionState::Accepted { unpaid: true, .. }) {
                of_asset.saturating_accrue(terms.slot_asset());
            }
            self.enter_submission(id, index, task, &submission)?;
        }
        for (_, deposit) in Invitations::<T>::iter_prefix(id) {
            stored += 1;
            enter(&mut self.deposits, &task.creator, deposit);
        }
        for (_, share) in Shares::<T>::iter_prefix(id) {
            stored += 1;
            enter(&mut self.deposits, &share.by, share.deposit);
        }
        if let Some(merger) = Mergers::<T>::get(id) {
            ensure!(merger.account != task.creator, "a creator is its own merger");
            enter(&mut self.deposits, &task.creator, merger.deposit);
        }
        ensure!(active == task.active, "active slots are not the open submissions");
        ensure!(stored == task.stored, "more or less is stored than was counted");
        let native = terms.slot_native().saturating_mul(slots.into());
        enter(&mut self.escrow, &task.creator, native);
        enter(&mut self.deposits, &task.creator, task.deposit);
        if let Some(asset) = terms.asset {
            enter(&mut self.assets, &(task.creator.clone(), asset), of_asset);
        }
        Ok(())
    }

    fn enter_submission(
        &mut self,
        id: TaskId,
        index: u32,
        task: &TaskOf<T>,
        submission: &SubmissionOf<T>,
    ) -> Result<(), TryRuntimeError> {
        let contributor = &submission.contributor;
        enter(&mut self.bonds, contributor, submission.bond);
        enter(&mut self.deposits, contributor, submission.deposit);
        let appeal = Appeals::<T>::get(id, index);
        if let Some(appeal) = &appeal {
            enter(&mut self.appeals, &appeal.appellant, appeal.bond);
            enter(&mut self.appeals, &task.creator, appeal.counter);
        }
        let may_have_appeal = match &submission.state {
            SubmissionState::Validated { window: Window::Challenge { counter, .. }, .. } => {
                enter(&mut self.appeals, &task.creator, *counter);
                appeal.is_none()
            }
            SubmissionState::Appealed { .. } => appeal.is_some(),
            SubmissionState::Validated { window: Window::Release { .. }, .. } => true,
            _ => appeal.is_none(),
        };
        ensure!(may_have_appeal, "an appeal is where none can be, or missing");
        Ok(())
    }

    /// Compares with what is held.
    fn ensure_held(mut self) -> Result<(), TryRuntimeError> {
        for who in frame_system::Account::<T>::iter_keys() {
            for (reason, owed) in [
                (HoldReason::Escrow, &mut self.escrow),
                (HoldReason::Bond, &mut self.bonds),
                (HoldReason::Appeal, &mut self.appeals),
                (HoldReason::Deposit, &mut self.deposits),
            ] {
                let held = T::Currency::balance_on_hold(&reason.into(), &who);
                let owed = owed.remove(&who).unwrap_or_default();
                ensure!(held == owed, "a hold is not what is owed");
            }
        }
        let natives = [self.escrow, self.bonds, self.appeals, self.deposits];
        let lost = natives.into_iter().flatten().any(|(_, owed)| !owed.is_zero());
        ensure!(!lost, "what is owed is not held");
        for ((who, asset), owed) in self.assets {
            let held = T::Assets::balance_on_hold(asset, &HoldReason::Escrow.into(), &who);
            ensure!(held == owed, "a hold of an asset is not what is owed");
        }
        Ok(())
    }
}

/// Nothing is stored of tasks that are gone.
fn ensure_of_known_tasks<T: Config>() -> Result<(), TryRuntimeError> {
    let ids = Submissions::<T>::iter_keys()
        .map(|key| key.0)
        .chain(Assignments::<T>::iter_keys().map(|key| key.0))
        .chain(Appeals::<T>::iter_keys().map(|key| key.0))
        .chain(Invitations::<T>::iter_keys().map(|key| key.0))
        .chain(Shares::<T>::iter_keys().map(|key| key.0))
        .chain(Mergers::<T>::iter_keys());
    for id in ids {
        ensure!(Tasks::<T>::contains_key(id), "something is stored of a task that is gone");
    }
    Ok(())
}

fn enter<Who: Ord + Clone, Amount: Saturating + Default + Clone>(
    owed: &mut Owed<Who, Amount>,
    who: &Who,
    amount: Amount,
) {
    let entry = owed.entry(who.clone()).or_default();
    *entry = entry.clone().saturating_add(amount);
}
