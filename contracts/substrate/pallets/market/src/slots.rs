//! Slots: how they open, close and are refunded, and when a task has ended.

use crate::{
    BalanceOf, Config, Error, Event, HoldReason, Millis, Pallet, TaskId, TaskOf, TaskStatus, Tasks,
};
use frame_support::dispatch::DispatchResult;
use sp_runtime::{traits::Zero, Saturating};

impl<T: Config> Pallet<T> {
    /// Frees an active slot, of whose fees `spent` were paid, for another contributor: the creator
    /// fills up its hold again. Refunds the slot where the creator cannot, or where nobody can take
    /// it any more. Notices that a task's time is over.
    pub(crate) fn reopen_slot(
        id: TaskId,
        task: &mut TaskOf<T>,
        spent: BalanceOf<T>,
        now: Millis,
    ) -> DispatchResult {
        if task.is_live(now) && Self::refill(&task.creator, spent) {
            if !spent.is_zero() {
                let creator = task.creator.clone();
                Self::deposit_event(Event::EscrowRefilled { task: id, creator, amount: spent });
            }
            task.active.saturating_dec();
            task.open_slots.saturating_inc();
            return Ok(());
        }
        Self::refund_slot(id, task, spent, now)
    }

    /// Closes an active slot, of whose fees `spent` were paid, and refunds the rest of it.
    pub(crate) fn refund_slot(
        id: TaskId,
        task: &mut TaskOf<T>,
        spent: BalanceOf<T>,
        now: Millis,
    ) -> DispatchResult {
        task.active.saturating_dec();
        let (native, asset) = (task.terms.slot_native(), task.terms.slot_asset());
        Self::refund(id, task, native.saturating_sub(spent), asset)?;
        if task.is_under_way() && now > task.terms.expires_at {
            Self::expire(id, task)?;
        }
        Self::note_end(id, task, now);
        Ok(())
    }

    /// Closes an active slot for good.
    pub(crate) fn close_slot(id: TaskId, task: &mut TaskOf<T>, now: Millis) {
        task.active.saturating_dec();
        Self::note_end(id, task, now);
    }

    /// The time to take slots is over: refunds the open ones.
    pub(crate) fn expire(id: TaskId, task: &mut TaskOf<T>) -> DispatchResult {
        task.status = TaskStatus::Expired;
        Self::deposit_event(Event::TaskExpired { task: id });
        Self::refund_open_slots(id, task)
    }

    /// Refunds the open slots.
    pub(crate) fn refund_open_slots(id: TaskId, task: &mut TaskOf<T>) -> DispatchResult {
        let open = core::mem::take(&mut task.open_slots);
        let native = task.terms.slot_native().saturating_mul(open.into());
        let asset = task.terms.slot_asset().saturating_mul(open.into());
        Self::refund(id, task, native, asset)
    }

    /// Completes a task of which no slot is open or active, and remembers when nothing was left to
    /// happen.
    pub(crate) fn note_end(id: TaskId, task: &mut TaskOf<T>, now: Millis) {
        if task.active > 0 || task.open_slots > 0 {
            return;
        }
        if task.is_under_way() {
            task.status = TaskStatus::Completed;
            Self::deposit_event(Event::TaskCompleted { task: id });
        }
        task.ended_at = Some(now);
    }

    /// Gives escrow back to the creator: `native`, and `of_asset` of the reward's asset. What the
    /// asset does not allow stays held, as unreturned.
    pub(crate) fn refund(
        id: TaskId,
        task: &mut TaskOf<T>,
        native: BalanceOf<T>,
        of_asset: BalanceOf<T>,
    ) -> DispatchResult {
        let creator = task.creator.clone();
        if !native.is_zero() {
            Self::give_back(HoldReason::Escrow, &creator, native)?;
            let (creator, asset) = (creator.clone(), None);
            Self::deposit_event(Event::EscrowRefunded { task: id, creator, amount: native, asset });
        }
        let Some(asset) = task.terms.asset.filter(|_| !of_asset.is_zero()) else {
            return Ok(());
        };
        if Self::give_back_asset(asset, &creator, of_asset).is_ok() {
            let (amount, asset) = (of_asset, Some(asset));
            Self::deposit_event(Event::EscrowRefunded { task: id, creator, amount, asset });
        } else {
            task.unreturned.saturating_accrue(of_asset);
        }
        Ok(())
    }

    /// Tries again to give back to the creator what the reward's asset did not allow.
    pub(crate) fn do_claim_refund(id: TaskId) -> DispatchResult {
        let mut task = Self::task(id)?;
        let amount = core::mem::replace(&mut task.unreturned, Zero::zero());
        let asset = task.terms.asset.filter(|_| !amount.is_zero());
        let asset = asset.ok_or(Error::<T>::NothingUnpaid)?;
        Self::give_back_asset(asset, &task.creator, amount)?;
        let creator = task.creator.clone();
        Tasks::<T>::insert(id, task);
        let asset = Some(asset);
        Self::deposit_event(Event::EscrowRefunded { task: id, creator, amount, asset });
        Ok(())
    }
}
