//! Rewards in assets of `pallet-assets`: what holds allow and refuse.

use super::{account, new_chain, signed};
use crate::{AccountId, Assets, AssetsHolder, Balance, Runtime, RuntimeHoldReason};
use frame_support::{
    assert_noop, assert_ok,
    storage::with_storage_layer,
    traits::{
        fungibles::{InspectHold, MutateHold},
        tokens::{Fortitude, Precision, Restriction},
    },
};
use sp_runtime::DispatchResult;

const ASSET: u32 = 7;

/// An asset of account 1, which has 1,000 of it and needs 10.
fn issue() {
    let owner = || account(1).into();
    assert_ok!(Assets::create(signed(1), ASSET.into(), owner(), 10));
    assert_ok!(Assets::mint(signed(1), ASSET.into(), owner(), 1_000));
}

fn escrow() -> RuntimeHoldReason {
    pallet_market::HoldReason::Escrow.into()
}

fn hold(amount: Balance) {
    assert_ok!(AssetsHolder::hold(ASSET, &escrow(), &account(1), amount));
}

fn held() -> Balance {
    AssetsHolder::balance_on_hold(ASSET, &escrow(), &account(1))
}

fn pay(to: AccountId, amount: Balance) -> DispatchResult {
    with_storage_layer(|| {
        AssetsHolder::transfer_on_hold(
            ASSET,
            &escrow(),
            &account(1),
            &to,
            amount,
            Precision::Exact,
            Restriction::Free,
            Fortitude::Force,
        )
        .map(drop)
    })
}

#[test]
fn rewards_in_assets_can_be_held_and_paid() {
    new_chain().execute_with(|| {
        issue();
        hold(500);
        assert_ok!(pay(account(2), 200));
        assert_eq!((held(), Assets::balance(ASSET, account(2))), (300, 200));
    });
}

#[test]
fn an_asset_in_escrow_cannot_be_destroyed_nor_burned() {
    new_chain().execute_with(|| {
        issue();
        hold(900);
        let contains_holds = pallet_assets::Error::<Runtime>::ContainsHolds;
        assert_noop!(Assets::start_destroy(signed(1), ASSET.into()), contains_holds);
        let _ = Assets::burn(signed(1), ASSET.into(), account(1).into(), 1_000);
        assert_eq!(held(), 900);
        assert_ok!(pay(account(2), 900));
    });
}

#[test]
fn a_frozen_asset_stays_held_and_can_be_paid_later() {
    new_chain().execute_with(|| {
        issue();
        hold(500);
        assert_ok!(Assets::freeze_asset(signed(1), ASSET.into()));
        assert!(pay(account(2), 500).is_err());
        assert_eq!(held(), 500);
        assert_ok!(Assets::thaw_asset(signed(1), ASSET.into()));
        assert_ok!(pay(account(2), 500));
    });
}

#[test]
fn an_account_that_cannot_have_an_asset_is_not_paid_and_loses_nothing() {
    new_chain().execute_with(|| {
        issue();
        hold(500);
        assert!(pay(account(200), 500).is_err(), "it has no account at all");
        assert_ok!(pay(account(2), 100));
        assert_ok!(Assets::block(signed(1), ASSET.into(), account(2).into()));
        assert!(pay(account(2), 100).is_err());
        assert_eq!(held(), 400);
    });
}
