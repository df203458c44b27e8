//! Deposits for what is stored.

use crate::{
    AccountOf, BalanceOf, Certificate, Config, HoldReason, Memory, NodeOf, Pallet, RoundOf, SeatOf,
    SwarmOf,
};
use codec::MaxEncodedLen;
use frame_support::{
    dispatch::DispatchResult,
    traits::{fungible::MutateHold as _, tokens::Precision, Get},
};
use sp_runtime::{DispatchError, Saturating};

impl<T: Config> Pallet<T> {
    /// Holds the deposit of what is stored for `reason` from `who`, and says how much that is.
    pub(crate) fn take_deposit(
        reason: HoldReason,
        who: &AccountOf<T>,
    ) -> Result<BalanceOf<T>, DispatchError> {
        let bytes = match reason {
            // With its round, and what it remembers.
            HoldReason::Swarm => {
                SwarmOf::<T>::max_encoded_len()
                    + RoundOf::<T>::max_encoded_len()
                    + Memory::max_encoded_len()
            }
            HoldReason::Seat => SeatOf::<T>::max_encoded_len(),
            // With its certificate, and its place among candidates.
            HoldReason::Node => {
                NodeOf::<T>::max_encoded_len()
                    + Certificate::max_encoded_len()
                    + AccountOf::<T>::max_encoded_len()
            }
        };
        let deposit = T::DepositPerByte::get()
            .saturating_mul((bytes as u32).into())
            .saturating_add(T::DepositBase::get());
        T::Currency::hold(&reason.into(), who, deposit)?;
        Ok(deposit)
    }

    /// Gives a deposit back to who paid it.
    pub(crate) fn return_deposit(
        reason: HoldReason,
        who: &AccountOf<T>,
        amount: BalanceOf<T>,
    ) -> DispatchResult {
        T::Currency::release(&reason.into(), who, amount, Precision::Exact).map(|_| ())
    }
}
