//! Deposits for what is stored, and clearing what has ended.

use crate::{
    AccountOf, BalanceOf, Config, Error, Event, HoldReason, Index, Invitations, Mergers, Pallet,
    PartiesOf, Shares, SubmissionState, Submissions, TaskId, TaskOf, Tasks,
};
use codec::MaxEncodedLen;
use frame_support::{dispatch::DispatchResult, ensure, traits::Get};
use sp_runtime::{traits::Zero, DispatchError, Saturating};

impl<T: Config> Pallet<T> {
    /// Holds the deposit of a stored `Value` from `who`, and says how much that is.
    pub(crate) fn take_deposit<Value: MaxEncodedLen>(
        who: &AccountOf<T>,
    ) -> Result<BalanceOf<T>, DispatchError> {
        let bytes = Value::max_encoded_len() as u32;
        let deposit = T::DepositPerByte::get()
            .saturating_mul(bytes.into())
            .saturating_add(T::DepositBase::get());
        Self::hold(HoldReason::Deposit, who, deposit)?;
        Ok(deposit)
    }

    /// Gives a deposit back to who paid it.
    pub(crate) fn return_deposit(who: &AccountOf<T>, amount: BalanceOf<T>) -> DispatchResult {
        if amount.is_zero() {
            return Ok(());
        }
        Self::give_back(HoldReason::Deposit, who, amount)?;
        Self::deposit_event(Event::DepositReturned { who: who.clone(), amount });
        Ok(())
    }

    /// Forgets a submission that has ended.
    pub(crate) fn do_clear_submission(id: TaskId, index: Index) -> DispatchResult {
        let mut task = Self::task(id)?;
        let submission = Submissions::<T>::get(id, index).ok_or(Error::<T>::UnknownSubmission)?;
        let ended_at = submission.state.ended_at().ok_or(Error::<T>::NotEnded)?;
        Self::ensure_retained(ended_at)?;
        let unpaid = matches!(submission.state, SubmissionState::Accepted { unpaid: true, .. });
        ensure!(!unpaid, Error::<T>::StillUnpaid);
        Submissions::<T>::remove(id, index);
        task.stored.saturating_dec();
        Tasks::<T>::insert(id, task);
        Self::return_deposit(&submission.contributor, submission.deposit)?;
        Self::deposit_event(Event::SubmissionCleared { task: id, index });
        Ok(())
    }

    /// Forgets a task that has ended.
    pub(crate) fn do_clear_task(id: TaskId) -> DispatchResult {
        let task = Self::task(id)?;
        let ended_at = task.ended_at.ok_or(Error::<T>::NotEnded)?;
        ensure!(task.stored == 0, Error::<T>::StillStored);
        ensure!(task.unreturned.is_zero(), Error::<T>::StillUnpaid);
        Self::ensure_retained(ended_at)?;
        Self::remove_merger(id, &task.creator)?;
        Tasks::<T>::remove(id);
        Self::return_deposit(&task.creator, task.deposit)?;
        Self::deposit_event(Event::TaskCleared { task: id });
        Ok(())
    }

    /// Forgets invitations and shares of a task that has ended.
    pub(crate) fn do_clear_access(id: TaskId, accounts: PartiesOf<T>) -> DispatchResult {
        let mut task = Self::task(id)?;
        ensure!(task.ended_at.is_some(), Error::<T>::NotEnded);
        for account in accounts {
            Self::remove_invitation(id, &mut task, &account)?;
            Self::remove_share(id, &mut task, &account)?;
        }
        Tasks::<T>::insert(id, task);
        Ok(())
    }

    /// Removes an invitation and returns its deposit. Says whether there was one.
    pub(crate) fn remove_invitation(
        id: TaskId,
        task: &mut TaskOf<T>,
        account: &AccountOf<T>,
    ) -> Result<bool, DispatchError> {
        let Some(deposit) = Invitations::<T>::take(id, account) else { return Ok(false) };
        task.stored.saturating_dec();
        Self::return_deposit(&task.creator, deposit)?;
        Ok(true)
    }

    /// Removes a share and returns its deposit. Says whether there was one.
    pub(crate) fn remove_share(
        id: TaskId,
        task: &mut TaskOf<T>,
        account: &AccountOf<T>,
    ) -> Result<bool, DispatchError> {
        let Some(share) = Shares::<T>::take(id, account) else { return Ok(false) };
        task.stored.saturating_dec();
        Self::return_deposit(&share.by, share.deposit)?;
        Ok(true)
    }

    /// Dismisses a task's merger and returns its deposit. Says whether there was one.
    pub(crate) fn remove_merger(id: TaskId, creator: &AccountOf<T>) -> Result<bool, DispatchError> {
        let Some(merger) = Mergers::<T>::take(id) else { return Ok(false) };
        Self::return_deposit(creator, merger.deposit)?;
        Self::deposit_event(Event::MergerAppointed { task: id, merger: None });
        Ok(true)
    }

    /// What ended then has been kept long enough for everybody to read it.
    fn ensure_retained(ended_at: u64) -> Result<(), Error<T>> {
        let until = ended_at.saturating_add(T::RetentionPeriod::get());
        ensure!(Self::now() > until, Error::<T>::TooEarly);
        Ok(())
    }
}
