//! Tasks: posting, taking a slot and giving it back, withdrawing, publishing.

use crate::{
    is_cid, AccountOf, Assignments, BalanceOf, Cid, Committee, Config, Error, Event, Fees,
    HoldReason, Index, Millis, NextTaskId, Pallet, Submission, SubmissionState, Submissions, Task,
    TaskId, TaskOf, TaskStatus, Tasks, TermsOf, ValidationStrategy,
};
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{fungible::MutateHold as _, Get},
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_create_task(creator: AccountOf<T>, terms: TermsOf<T>) -> DispatchResult {
        let now = Self::now();
        Self::ensure_sound(&terms, now)?;
        let escrow = terms.escrow().ok_or(Error::<T>::AmountOverflow)?;
        T::Currency::hold(&HoldReason::Escrow.into(), &creator, escrow)?;
        let id = NextTaskId::<T>::mutate(|next| {
            let id = *next;
            *next += 1;
            id
        });
        let task = Task {
            creator: creator.clone(),
            open_slots: terms.slots,
            terms,
            active: 0,
            accepted: 0,
            submissions: 0,
            created_at: now,
            published: None,
            status: TaskStatus::Created,
        };
        Tasks::<T>::insert(id, task);
        Self::deposit_event(Event::TaskCreated { task: id, creator, escrow });
        Ok(())
    }

    /// Terms that a task can have.
    fn ensure_sound(terms: &TermsOf<T>, now: Millis) -> Result<(), Error<T>> {
        let possible = T::MinimumDuration::get()..=T::MaximumDuration::get();
        ensure!(is_cid(&terms.bundle), Error::<T>::InvalidCid);
        ensure!(
            matches!(terms.committee_size, 1 | 3 | 5 | 7 | 9),
            Error::<T>::InvalidCommitteeSize
        );
        ensure!((1..=T::MaxSlots::get()).contains(&terms.slots), Error::<T>::InvalidSlots);
        let left = terms.expires_at.checked_sub(now).ok_or(Error::<T>::InvalidExpiry)?;
        ensure!(possible.contains(&left), Error::<T>::InvalidExpiry);
        ensure!(possible.contains(&terms.working_time), Error::<T>::InvalidWorkingTime);
        if terms.strategy == ValidationStrategy::ManualAccept {
            ensure!(possible.contains(&terms.review_time), Error::<T>::InvalidReviewTime);
        }
        if let Some(parent) = terms.parent {
            let parent = Tasks::<T>::get(parent).ok_or(Error::<T>::UnknownParent)?;
            ensure!(parent.published.is_some(), Error::<T>::ParentNotPublished);
        }
        Ok(())
    }

    pub(crate) fn do_accept_task(contributor: AccountOf<T>, id: TaskId) -> DispatchResult {
        let mut task = Self::task(id)?;
        let now = Self::now();
        Self::ensure_under_way(&task)?;
        ensure!(now <= task.terms.expires_at, Error::<T>::TaskExpired);
        ensure!(contributor != task.creator, Error::<T>::CreatorCannotContribute);
        ensure!(!Assignments::<T>::contains_key(id, &contributor), Error::<T>::AlreadyAssigned);
        ensure!(task.open_slots > 0, Error::<T>::TaskFull);

        let bond = Self::bond_for(&task);
        T::Currency::hold(&HoldReason::Bond.into(), &contributor, bond)?;
        let index = task.submissions;
        let deadline = now.saturating_add(task.terms.working_time);
        task.open_slots -= 1;
        task.active += 1;
        task.submissions += 1;
        task.status = TaskStatus::InProgress;
        let submission = Submission {
            contributor: contributor.clone(),
            bond,
            accepted_at: now,
            work: None,
            committee: Committee::default(),
            fees: Fees::Undecided,
            state: SubmissionState::Assigned { deadline },
        };
        Tasks::<T>::insert(id, task);
        Submissions::<T>::insert(id, index, submission);
        Assignments::<T>::insert(id, &contributor, index);
        Self::deposit_event(Event::TaskAccepted { task: id, index, contributor, bond, deadline });
        Ok(())
    }

    /// What a contributor puts at stake: enough to pay a committee for looking at junk.
    fn bond_for(task: &TaskOf<T>) -> BalanceOf<T> {
        task.terms.fees(task.terms.committee_size.into()).max(T::MinimumBond::get())
    }

    pub(crate) fn do_abandon(contributor: AccountOf<T>, id: TaskId) -> DispatchResult {
        let (mut case, deadline) = Self::assignment(&contributor, id)?;
        ensure!(case.now <= deadline, Error::<T>::DeadlinePassed);
        let (index, bond) = (case.index, case.submission.bond);
        Self::give_back(HoldReason::Bond, &contributor, bond)?;
        Self::reopen_slot(id, &mut case.task, case.now)?;
        Tasks::<T>::insert(id, case.task);
        Submissions::<T>::remove(id, index);
        Assignments::<T>::remove(id, &contributor);
        Self::deposit_event(Event::AssignmentAbandoned { task: id, index, contributor });
        Ok(())
    }

    pub(crate) fn do_withdraw_task(who: AccountOf<T>, id: TaskId) -> DispatchResult {
        let mut task = Self::task(id)?;
        ensure!(who == task.creator, Error::<T>::NotCreator);
        Self::ensure_under_way(&task)?;
        Self::deposit_event(Event::TaskWithdrawn { task: id });
        Self::end(id, &mut task, TaskStatus::Withdrawn)?;
        Tasks::<T>::insert(id, task);
        Ok(())
    }

    pub(crate) fn do_publish_model(who: AccountOf<T>, id: TaskId, model: Cid) -> DispatchResult {
        let mut task = Self::task(id)?;
        ensure!(who == task.creator, Error::<T>::NotCreator);
        ensure!(task.accepted > 0, Error::<T>::NothingAccepted);
        ensure!(is_cid(&model), Error::<T>::InvalidCid);
        task.published = Some(model.clone());
        Tasks::<T>::insert(id, task);
        Self::deposit_event(Event::ModelPublished { task: id, model });
        Ok(())
    }

    pub(crate) fn do_settle_task(id: TaskId) -> DispatchResult {
        let mut task = Self::task(id)?;
        let over = Self::now() > task.terms.expires_at;
        ensure!(over && task.is_under_way() && task.open_slots > 0, Error::<T>::NothingToSettle);
        Self::deposit_event(Event::TaskExpired { task: id });
        Self::end(id, &mut task, TaskStatus::Expired)?;
        Tasks::<T>::insert(id, task);
        Ok(())
    }

    /// Frees an active slot for another contributor, or refunds it where nobody can take it any
    /// more. Notices that a task's time is over.
    pub(crate) fn reopen_slot(id: TaskId, task: &mut TaskOf<T>, now: Millis) -> DispatchResult {
        task.active -= 1;
        if task.is_live(now) {
            task.open_slots += 1;
        } else if task.is_under_way() {
            task.open_slots += 1;
            Self::deposit_event(Event::TaskExpired { task: id });
            Self::end(id, task, TaskStatus::Expired)?;
        } else {
            Self::refund(id, task, task.terms.slot_hold())?;
        }
        Ok(())
    }

    /// Closes an active slot for good; the last one completes the task.
    pub(crate) fn close_slot(id: TaskId, task: &mut TaskOf<T>) {
        task.active -= 1;
        if task.is_under_way() && task.open_slots == 0 && task.active == 0 {
            task.status = TaskStatus::Completed;
            Self::deposit_event(Event::TaskCompleted { task: id });
        }
    }

    /// Refunds the open slots and gives the task its last status.
    fn end(id: TaskId, task: &mut TaskOf<T>, status: TaskStatus) -> DispatchResult {
        let open = core::mem::take(&mut task.open_slots);
        task.status = status;
        Self::refund(id, task, Self::hold_of_slots(task, open))
    }

    /// What is held for `slots` of a task.
    pub(crate) fn hold_of_slots(task: &TaskOf<T>, slots: Index) -> BalanceOf<T> {
        use sp_runtime::Saturating;
        task.terms.slot_hold().saturating_mul(slots.into())
    }

    /// Names the way in which a task is over, if it is.
    fn ensure_under_way(task: &TaskOf<T>) -> Result<(), Error<T>> {
        match task.status {
            TaskStatus::Created | TaskStatus::InProgress => Ok(()),
            TaskStatus::Completed => Err(Error::<T>::TaskCompleted),
            TaskStatus::Withdrawn => Err(Error::<T>::TaskWithdrawn),
            TaskStatus::Expired => Err(Error::<T>::TaskExpired),
        }
    }
}
