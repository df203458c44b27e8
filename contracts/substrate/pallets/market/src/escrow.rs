//! Held money: every way in which it leaves.
//!
//! Native money always arrives: what a receiver's account cannot take is forfeited. Other assets
//! may refuse to be paid, for a while or for ever; then they stay held, and [`crate::claiming`]
//! tries again.

use crate::{AccountOf, AssetId, BalanceOf, Config, CreditOf, Event, HoldReason, Pallet};
use frame_support::{
    dispatch::DispatchResult,
    storage::with_storage_layer,
    traits::{
        fungible::{Balanced as _, BalancedHold as _, Inspect as _, MutateHold as _},
        fungibles::MutateHold as _,
        tokens::{DepositConsequence, Fortitude, Precision, Provenance, Restriction},
        Imbalance, OnUnbalanced,
    },
};
use sp_runtime::{traits::Zero, DispatchError};

impl<T: Config> Pallet<T> {
    /// Holds `amount` of the native token.
    pub(crate) fn hold(
        reason: HoldReason,
        who: &AccountOf<T>,
        amount: BalanceOf<T>,
    ) -> DispatchResult {
        if amount.is_zero() {
            return Ok(());
        }
        T::Currency::hold(&reason.into(), who, amount)
    }

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
        if amount.is_zero() {
            return;
        }
        T::OnForfeit::on_unbalanced(Self::take(source, who, amount));
        Self::deposit_event(Event::Forfeited { who: who.clone(), amount });
    }

    /// Takes `amount` of what is held from `who`, to be given to others.
    pub(crate) fn take(
        source: HoldReason,
        who: &AccountOf<T>,
        amount: BalanceOf<T>,
    ) -> CreditOf<T> {
        T::Currency::slash(&source.into(), who, amount).0
    }

    /// Gives what was taken to `who`, or to the treasury where its account cannot take it.
    pub(crate) fn give(who: &AccountOf<T>, credit: CreditOf<T>) {
        let amount = credit.peek();
        if let Err(credit) = T::Currency::resolve(who, credit) {
            T::OnForfeit::on_unbalanced(credit);
            Self::deposit_event(Event::Forfeited { who: who.clone(), amount });
        }
    }

    /// Holds `amount` more of the creator's balance as escrow, if it has that.
    pub(crate) fn refill(creator: &AccountOf<T>, amount: BalanceOf<T>) -> bool {
        with_storage_layer(|| Self::hold(HoldReason::Escrow, creator, amount)).is_ok()
    }

    /// Holds `amount` of an asset as escrow.
    pub(crate) fn hold_asset(
        asset: AssetId,
        who: &AccountOf<T>,
        amount: BalanceOf<T>,
    ) -> DispatchResult {
        if amount.is_zero() {
            return Ok(());
        }
        T::Assets::hold(asset, &HoldReason::Escrow.into(), who, amount)
    }

    /// Pays `amount` of an asset in escrow, if asset and receiver allow it; else nothing changes.
    pub(crate) fn pay_asset(
        asset: AssetId,
        payer: &AccountOf<T>,
        payee: &AccountOf<T>,
        amount: BalanceOf<T>,
    ) -> DispatchResult {
        if amount.is_zero() {
            return Ok(());
        }
        with_storage_layer(|| {
            T::Assets::transfer_on_hold(
                asset,
                &HoldReason::Escrow.into(),
                payer,
                payee,
                amount,
                Precision::Exact,
                Restriction::Free,
                Fortitude::Force,
            )
            .map(drop)
        })
    }

    /// Gives `amount` of an asset in escrow back, if asset and account allow it; else nothing
    /// changes.
    pub(crate) fn give_back_asset(
        asset: AssetId,
        who: &AccountOf<T>,
        amount: BalanceOf<T>,
    ) -> DispatchResult {
        if amount.is_zero() {
            return Ok(());
        }
        with_storage_layer(|| {
            let reason = HoldReason::Escrow.into();
            T::Assets::release(asset, &reason, who, amount, Precision::Exact)?;
            Ok::<_, DispatchError>(())
        })
    }

    /// Whether the account of `who` can take `amount`: an empty account cannot take less than the
    /// existential deposit.
    fn can_take(who: &AccountOf<T>, amount: BalanceOf<T>) -> bool {
        T::Currency::can_deposit(who, amount, Provenance::Extant) == DepositConsequence::Success
    }
}
