//! Rewards in other assets, and assets that refuse to be paid.

use super::*;
use frame_support::traits::fungibles::InspectHold as _;

fn in_asset() -> TermsOf<Test> {
    Terms { asset: Some(ASSET), ..terms() }
}

fn held(who: AccountId) -> Balance {
    AssetsHolder::balance_on_hold(ASSET, &HoldReason::Escrow.into(), &who)
}

fn has(who: AccountId) -> Balance {
    Assets::balance(ASSET, who)
}

fn claim(id: TaskId, index: Option<Index>) -> DispatchResult {
    Market::claim(signed(OTHER), id, index)
}

fn freeze() {
    assert_ok!(Assets::freeze_asset(signed(ISSUER), ASSET));
}

fn thaw() {
    assert_ok!(Assets::thaw_asset(signed(ISSUER), ASSET));
}

#[test]
fn rewards_are_held_in_the_asset_and_fees_in_the_native_token() {
    run(|| {
        let id = create(in_asset());
        assert_eq!((held(CREATOR), has(CREATOR)), (3 * REWARD, WEALTH - 3 * REWARD));
        assert_eq!(purse(CREATOR).escrow, 9 * FEE);
        let event = Event::TaskCreated { task: id, creator: CREATOR, escrow: 9 * FEE };
        assert!(has_event(event));
    });
}

#[test]
fn an_accepted_result_is_paid_in_the_asset() {
    run(|| {
        let (id, index) = paid(in_asset());
        assert_eq!((has(CONTRIBUTOR), held(CREATOR)), (WEALTH + REWARD, 2 * REWARD));
        assert_eq!((gain(CONTRIBUTOR), gain(CREATOR)), (0, -3 * FEE as i128));
        assert_eq!(record(CONTRIBUTOR, Role::Contributor).earned, 0, "only native money counts");
        assert_noop!(claim(id, Some(index)), Error::<Test>::NothingUnpaid);
    });
}

#[test]
fn open_slots_are_refunded_in_the_asset() {
    run(|| {
        let id = create(in_asset());
        assert_ok!(Market::withdraw_task(signed(CREATOR), id));
        assert_eq!((held(CREATOR), has(CREATOR)), (0, WEALTH));
        let (creator, amount, asset) = (CREATOR, 3 * REWARD, Some(ASSET));
        assert!(has_event(Event::EscrowRefunded { task: id, creator, amount, asset }));
        assert_noop!(claim(id, None), Error::<Test>::NothingUnpaid);
    });
}

#[test]
fn no_other_end_moves_the_reward() {
    // An inconclusive result closes its slot, and what that held goes back.
    for (verdict, slots) in [(FAIL, 3), (INCONCLUSIVE, 2)] {
        run(|| {
            judged(in_asset(), verdict);
            assert_eq!((held(CREATOR), has(CONTRIBUTOR)), (slots * REWARD, WEALTH));
        });
    }
}

#[test]
fn more_of_an_asset_than_the_creator_has_is_refused() {
    run(|| {
        let dear = Terms { reward: WEALTH, slots: 1, ..in_asset() };
        assert_noop!(
            Market::create_task(signed(CREATOR), dear),
            sp_runtime::TokenError::FundsUnavailable
        );
    });
}

#[test]
fn who_cannot_have_the_asset_is_told_before_it_works() {
    run(|| {
        // Below the least that an account can have, and no account yet.
        let id = create(Terms { reward: ASSET_MINIMUM - 1, ..in_asset() });
        accept(id, CONTRIBUTOR);
        Balances::force_set_balance(RuntimeOrigin::root(), 60, WEALTH).unwrap();
        assert_noop!(Market::accept_task(signed(60), id), Error::<Test>::CannotReceive);
        Balances::force_set_balance(RuntimeOrigin::root(), 60, 0).unwrap();
        assert_ok!(Assets::block(signed(ISSUER), ASSET, OTHER));
        assert_noop!(Market::accept_task(signed(OTHER), id), Error::<Test>::CannotReceive);
    });
}

#[test]
fn a_frozen_asset_does_not_hold_up_fees_and_is_claimed_later() {
    run(|| {
        let (id, index) = judged(in_asset(), PASS);
        freeze();
        release(id, index);
        let finding = Finding { verdict: PASS, score: SCORE };
        let unpaid = SubmissionState::Accepted { finding, unpaid: true, ended_at: START };
        assert_eq!(state(id, index), unpaid);
        let (contributor, reward, asset, paid) = (CONTRIBUTOR, REWARD, Some(ASSET), false);
        let event = Event::ResultAccepted { task: id, index, contributor, reward, asset, paid };
        assert!(has_event(event));
        assert_eq!(submission(id, index).key, Some(RELEASE));
        for member in members(id, index) {
            assert_eq!(gain(member), FEE as i128);
        }
        assert_eq!((has(CONTRIBUTOR), held(CREATOR)), (WEALTH, 3 * REWARD));
        assert!(claim(id, Some(index)).is_err());
        pass(RETENTION_PERIOD + 1);
        let clear = Market::clear(signed(OTHER), id, Some(index));
        assert_eq!(clear, Err(Error::<Test>::StillUnpaid.into()));

        thaw();
        assert_ok!(claim(id, Some(index)));
        assert_eq!((has(CONTRIBUTOR), held(CREATOR)), (WEALTH + REWARD, 2 * REWARD));
        assert!(has_event(Event::RewardClaimed { task: id, index, contributor, reward }));
        assert_noop!(claim(id, Some(index)), Error::<Test>::NothingUnpaid);
        assert_ok!(Market::clear(signed(OTHER), id, Some(index)));
    });
}

#[test]
fn a_blocked_receiver_does_not_hold_up_others() {
    run(|| {
        let (id, index, _) = under_validation(in_asset());
        accept(id, OTHER);
        submit(id, OTHER);
        draw(id, 1);
        hand(id, 1);
        assert_ok!(Assets::block(signed(ISSUER), ASSET, CONTRIBUTOR));
        judge_all(id, index, PASS);
        judge_all(id, 1, PASS);
        release(id, index);
        assert_ok!(Market::release_key(signed(OTHER), id, 1, RELEASE));
        assert_eq!((has(CONTRIBUTOR), has(OTHER)), (WEALTH, WEALTH + REWARD));
        assert_ok!(Assets::thaw(signed(ISSUER), ASSET, CONTRIBUTOR));
        assert_ok!(claim(id, Some(index)));
        assert_eq!(has(CONTRIBUTOR), WEALTH + REWARD);
    });
}

#[test]
fn refunds_of_a_frozen_asset_wait_for_it() {
    run(|| {
        let id = create(in_asset());
        freeze();
        assert_ok!(Market::withdraw_task(signed(CREATOR), id));
        assert_eq!(task(id).unreturned, 3 * REWARD);
        assert_eq!((held(CREATOR), purse(CREATOR).escrow), (3 * REWARD, 0));
        assert!(claim(id, None).is_err());
        pass(RETENTION_PERIOD + 1);
        let clear = Market::clear(signed(OTHER), id, None);
        assert_eq!(clear, Err(Error::<Test>::StillUnpaid.into()));
        thaw();
        assert_ok!(claim(id, None));
        assert_eq!((held(CREATOR), has(CREATOR), task(id).unreturned), (0, WEALTH, 0));
        assert_noop!(claim(id, None), Error::<Test>::NothingUnpaid);
        assert_ok!(Market::clear(signed(OTHER), id, None));
    });
}

#[test]
fn nothing_can_be_claimed_of_what_is_unknown_or_not_accepted() {
    run(|| {
        assert_noop!(claim(0, None), Error::<Test>::UnknownTask);
        assert_noop!(claim(0, Some(0)), Error::<Test>::UnknownTask);
        let (id, index) = judged(in_asset(), PASS);
        assert_noop!(claim(id, Some(9)), Error::<Test>::UnknownSubmission);
        assert_noop!(claim(id, Some(index)), Error::<Test>::NothingUnpaid);
    });
}

#[test]
fn an_asset_in_escrow_cannot_be_destroyed() {
    run(|| {
        create(in_asset());
        let destroyed = Assets::start_destroy(signed(ISSUER), codec::Compact(ASSET).into());
        assert_eq!(destroyed, Err(pallet_assets::Error::<Test>::ContainsHolds.into()));
    });
}

#[test]
fn an_asset_under_destruction_can_be_no_reward() {
    run(|| {
        assert_ok!(Assets::start_destroy(signed(ISSUER), codec::Compact(ASSET).into()));
        assert_noop!(
            Market::create_task(signed(CREATOR), in_asset()),
            sp_runtime::TokenError::FundsUnavailable
        );
    });
}
