//! Held money: every way in which it leaves.

use crate::{AccountOf, BalanceOf, Config, Event, HoldReason, Pallet, TaskId, TaskOf};
use frame_support::{
    dispatch::DispatchResult,
    traits::{
        fungible::{hold::Inspect as _, BalancedHold as _, Inspect as _, MutateHold as _},
        tokens::{DepositConsequence, Fortitude, Precision, Provenance, Restriction},
        OnUnbalanced,
    },
};
use sp_runtime::traits::Zero;

impl<T: Config> Pallet<T> {
    /// Pays `amount` of what is held from `payer` to `payee`.
    ///
    /// Vote locks do not hinder it: what is in escrow is owed.
    pub(crate) fn pay(
        source: HoldReason,
        payer: &AccountOf<T>,
        payee: &AccountOf<T>,
        amount: BalanceOf<T>,
    ) -> DispatchResult {
        if !Self::can_take(payee, amount) {
            Self::forfeit(source, payer, amount);
        } else if !amount.is_zero() {
            T::Currency::transfer_on_hold(
                &source.into(),
                payer,
                payee,
                amount,
                Precision::Exact,
                Restriction::Free,
                Fortitude::Force,
            )?;
        }
        Ok(())
    }

    /// Gives `amount` of what is held from `who` back to it.
    pub(crate) fn give_back(
        source: HoldReason,
        who: &AccountOf<T>,
        amount: BalanceOf<T>,
    ) -> DispatchResult {
        if !Self::can_take(who, amount) {
            Self::forfeit(source, who, amount);
        } else if !amount.is_zero() {
            T::Currency::release(&source.into(), who, amount, Precision::Exact)?;
        }
        Ok(())
    }

    /// Takes `amount` of what is held from `who` for the treasury.
    pub(crate) fn forfeit(source: HoldReason, who: &AccountOf<T>, amount: BalanceOf<T>) {
        let (credit, _) = T::Currency::slash(&source.into(), who, amount);
        T::OnForfeit::on_unbalanced(credit);
        Self::deposit_event(Event::Forfeited { who: who.clone(), amount });
    }

    /// Gives `amount` of a task's escrow back to its creator.
    pub(crate) fn refund(id: TaskId, task: &TaskOf<T>, amount: BalanceOf<T>) -> DispatchResult {
        if amount.is_zero() {
            return Ok(());
        }
        Self::give_back(HoldReason::Escrow, &task.creator, amount)?;
        let creator = task.creator.clone();
        Self::deposit_event(Event::EscrowRefunded { task: id, creator, amount });
        Ok(())
    }

    /// Holds `amount` more of the creator's balance as escrow, if it has that.
    pub(crate) fn refill(
        id: TaskId,
        task: &TaskOf<T>,
        amount: BalanceOf<T>,
    ) -> Result<bool, sp_runtime::DispatchError> {
        let reason = HoldReason::Escrow.into();
        if !T::Currency::can_hold(&reason, &task.creator, amount) {
            return Ok(false);
        }
        T::Currency::hold(&reason, &task.creator, amount)?;
        let creator = task.creator.clone();
        Self::deposit_event(Event::EscrowRefilled { task: id, creator, amount });
        Ok(true)
    }

    /// Whether the account of `who` can take `amount`: an empty account cannot take less than the
    /// existential deposit.
    fn can_take(who: &AccountOf<T>, amount: BalanceOf<T>) -> bool {
        T::Currency::can_deposit(who, amount, Provenance::Extant) == DepositConsequence::Success
    }
}
