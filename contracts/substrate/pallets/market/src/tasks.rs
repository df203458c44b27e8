//! Tasks: posting, taking a slot and giving it back, withdrawing.

use crate::{
    case::Case, AccountOf, Assignments, Committee, Config, Error, Event, HoldReason, NextTaskId,
    Pallet, Submission, SubmissionOf, SubmissionState, Submissions, Task, TaskId, TaskOf,
    TaskStatus, Tasks, TermsOf,
};
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{fungibles::Inspect as _, tokens::Provenance},
};
use sp_runtime::{traits::Zero, Perbill, Saturating};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_create_task(creator: AccountOf<T>, terms: TermsOf<T>) -> DispatchResult {
        let now = Self::now();
        Self::ensure_sound(&terms, now)?;
        let (escrow, of_asset) = terms.escrow().ok_or(Error::<T>::AmountOverflow)?;
        Self::hold(HoldReason::Escrow, &creator, escrow)?;
        if let Some(asset) = terms.asset {
            Self::hold_asset(asset, &creator, of_asset)?;
        }
        let deposit = Self::take_deposit::<TaskOf<T>>(&creator)?;
        let id = NextTaskId::<T>::mutate(|next| {
            let id = *next;
            *next += 1;
            id
        });
        let task = Task {
            creator: creator.clone(),
            deposit,
            open_slots: terms.slots,
            terms,
            active: 0,
            accepted: 0,
            submissions: 0,
            stored: 0,
            unreturned: Default::default(),
            created_at: now,
            ended_at: None,
            published: None,
            status: TaskStatus::Created,
        };
        Tasks::<T>::insert(id, task);
        Self::deposit_event(Event::TaskCreated { task: id, creator, escrow });
        Ok(())
    }

    pub(crate) fn do_accept_task(contributor: AccountOf<T>, id: TaskId) -> DispatchResult {
        let mut task = Self::task(id)?;
        let now = Self::now();
        Self::ensure_under_way(&task)?;
        ensure!(now <= task.terms.expires_at, Error::<T>::TaskExpired);
        ensure!(contributor != task.creator, Error::<T>::CreatorCannotContribute);
        Self::ensure_admitted(id, &task, &contributor)?;
        ensure!(!Assignments::<T>::contains_key(id, &contributor), Error::<T>::AlreadyAssigned);
        ensure!(task.open_slots > 0, Error::<T>::TaskFull);
        if let Some(asset) = task.terms.asset.filter(|_| !task.terms.reward.is_zero()) {
            // What refuses the reward now would most likely refuse it when it is earned.
            let (reward, provenance) = (task.terms.reward, Provenance::Extant);
            T::Assets::can_deposit(asset, &contributor, reward, provenance)
                .into_result()
                .map_err(|_| Error::<T>::CannotReceive)?;
        }

        let bond = task.terms.bond;
        Self::hold(HoldReason::Bond, &contributor, bond)?;
        let index = task.submissions;
        let deadline = now.saturating_add(task.terms.working_time);
        task.open_slots.saturating_dec();
        task.active.saturating_inc();
        task.submissions.saturating_inc();
        task.stored.saturating_inc();
        task.status = TaskStatus::InProgress;
        let submission = Submission {
            contributor: contributor.clone(),
            bond,
            deposit: Self::take_deposit::<SubmissionOf<T>>(&contributor)?,
            accepted_at: now,
            accepted_in: frame_system::Pallet::<T>::block_number(),
            work: None,
            seed: None,
            committee: Committee::default(),
            key: None,
            state: SubmissionState::Assigned { deadline },
        };
        Tasks::<T>::insert(id, task);
        Submissions::<T>::insert(id, index, submission);
        Assignments::<T>::insert(id, &contributor, index);
        Self::deposit_event(Event::TaskAccepted { task: id, index, contributor, bond, deadline });
        Ok(())
    }

    /// Gives a slot back. The part of the working time for which it was kept from others costs
    /// that part of the bond.
    pub(crate) fn do_abandon(contributor: AccountOf<T>, id: TaskId) -> DispatchResult {
        let (case, deadline) = Self::assignment(&contributor, id)?;
        ensure!(case.now <= deadline, Error::<T>::DeadlinePassed);
        let Case { index, mut task, submission, now, .. } = case;
        let kept = now.saturating_sub(submission.accepted_at);
        let part = Perbill::from_rational(kept, task.terms.working_time);
        let forfeited = part.mul_floor(submission.bond);
        Self::forfeit(HoldReason::Bond, &contributor, forfeited);
        let rest = submission.bond.saturating_sub(forfeited);
        Self::return_bond(id, index, &contributor, rest)?;
        Self::return_deposit(&contributor, submission.deposit)?;
        Self::deposit_event(Event::AssignmentAbandoned {
            task: id,
            index,
            contributor: contributor.clone(),
            forfeited,
        });
        task.stored.saturating_dec();
        Self::reopen_slot(id, &mut task, Default::default(), now)?;
        Submissions::<T>::remove(id, index);
        Assignments::<T>::remove(id, contributor);
        Tasks::<T>::insert(id, task);
        Ok(())
    }

    pub(crate) fn do_withdraw_task(who: AccountOf<T>, id: TaskId) -> DispatchResult {
        let mut task = Self::task(id)?;
        ensure!(who == task.creator, Error::<T>::NotCreator);
        Self::ensure_under_way(&task)?;
        task.status = TaskStatus::Withdrawn;
        Self::deposit_event(Event::TaskWithdrawn { task: id });
        Self::refund_open_slots(id, &mut task)?;
        Self::note_end(id, &mut task, Self::now());
        Tasks::<T>::insert(id, task);
        Ok(())
    }

    pub(crate) fn do_settle_task(id: TaskId) -> DispatchResult {
        let (mut task, now) = (Self::task(id)?, Self::now());
        let over = now > task.terms.expires_at;
        ensure!(over && task.is_under_way() && task.open_slots > 0, Error::<T>::NothingToSettle);
        Self::expire(id, &mut task)?;
        Self::note_end(id, &mut task, now);
        Tasks::<T>::insert(id, task);
        Ok(())
    }

    /// Names the way in which a task is over, if it is.
    fn ensure_under_way(task: &TaskOf<T>) -> Result<(), Error<T>> {
        if task.is_under_way() {
            return Ok(());
        }
        Err(Self::way_of_being_over(task))
    }

    /// Names the way in which nothing of a task is left to happen, if so.
    pub(crate) fn ensure_not_ended(task: &TaskOf<T>) -> Result<(), Error<T>> {
        match task.ended_at {
            None => Ok(()),
            Some(_) => Err(Self::way_of_being_over(task)),
        }
    }

    fn way_of_being_over(task: &TaskOf<T>) -> Error<T> {
        match task.status {
            TaskStatus::Withdrawn => Error::<T>::TaskWithdrawn,
            TaskStatus::Expired => Error::<T>::TaskExpired,
            _ => Error::<T>::TaskCompleted,
        }
    }
}
