//! Held money: deposits for what is stored, and how it goes back.

use crate::{AccountOf, BalanceOf, Config, HoldReason, Pallet};
use frame_support::{
    dispatch::DispatchResult,
    traits::{fungible::MutateHold as _, tokens::Precision, Get},
};
use sp_runtime::{DispatchError, Saturating};

impl<T: Config> Pallet<T> {
    /// Holds the deposit for so many `bytes` from `who`, and says how much that is.
    pub(crate) fn take_deposit(
        reason: HoldReason,
        who: &AccountOf<T>,
        bytes: usize,
    ) -> Result<BalanceOf<T>, DispatchError> {
        let deposit = T::DepositPerByte::get()
            .saturating_mul((bytes as u32).into())
            .saturating_add(T::DepositBase::get());
        T::Currency::hold(&reason.into(), who, deposit)?;
        Ok(deposit)
    }

    /// Gives what is held from `who` back to it.
    pub(crate) fn give_back(
        reason: HoldReason,
        who: &AccountOf<T>,
        amount: BalanceOf<T>,
    ) -> DispatchResult {
        T::Currency::release(&reason.into(), who, amount, Precision::Exact).map(|_| ())
    }
}
