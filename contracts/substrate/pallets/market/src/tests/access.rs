//! Invitations, minimum reputation, and the shares of a validation set's key.

use super::*;
use pallet_reputation::{Deed, Reputation as _};

fn invited() -> TermsOf<Test> {
    Terms { access: Access::Invited, ..terms() }
}

fn parties(accounts: &[AccountId]) -> PartiesOf<Test> {
    accounts.to_vec().try_into().unwrap()
}

fn invite(who: AccountId, id: TaskId, accounts: &[AccountId]) -> DispatchResult {
    Market::invite(signed(who), id, parties(accounts))
}

fn uninvite(who: AccountId, id: TaskId, accounts: &[AccountId]) -> DispatchResult {
    Market::uninvite(signed(who), id, parties(accounts))
}

fn share(who: AccountId, id: TaskId, members: &[AccountId]) -> DispatchResult {
    Market::share_key(signed(who), id, wraps(members))
}

/// An ended task.
fn ended(terms: TermsOf<Test>) -> TaskId {
    let id = create(terms);
    assert_ok!(Market::withdraw_task(signed(CREATOR), id));
    id
}

#[test]
fn a_task_by_invitation_is_for_the_invited() {
    run(|| {
        let id = create(invited());
        let refused = Market::accept_task(signed(CONTRIBUTOR), id);
        assert_noop!(refused, Error::<Test>::NotInvited);
        assert_ok!(invite(CREATOR, id, &[CONTRIBUTOR, OTHER, CONTRIBUTOR]));
        let accounts = parties(&[CONTRIBUTOR, OTHER]);
        assert!(has_event(Event::Invited { task: id, accounts }));
        assert_eq!(task(id).stored, 2);
        accept(id, CONTRIBUTOR);
        assert_ok!(uninvite(CREATOR, id, &[CONTRIBUTOR, OTHER, 4]));
        let accounts = parties(&[CONTRIBUTOR, OTHER]);
        assert!(has_event(Event::Uninvited { task: id, accounts }));
        assert_eq!((task(id).stored, purse(CREATOR).deposit), (1, task(id).deposit));
        assert_noop!(Market::accept_task(signed(OTHER), id), Error::<Test>::NotInvited);
        // Who has begun finishes.
        submit(id, CONTRIBUTOR);
    });
}

#[test]
fn who_can_invite_to_what() {
    run(|| {
        assert_noop!(invite(CREATOR, 0, &[4]), Error::<Test>::UnknownTask);
        let (open, closed) = (create(terms()), create(invited()));
        for call in [invite, uninvite] {
            assert_noop!(call(OTHER, closed, &[4]), Error::<Test>::NotCreator);
            assert_noop!(call(CREATOR, open, &[4]), Error::<Test>::NotInvitational);
        }
        let over = ended(invited());
        assert_noop!(invite(CREATOR, over, &[4]), Error::<Test>::TaskWithdrawn);
    });
}

#[test]
fn a_task_can_ask_for_a_reputation() {
    run(|| {
        let id = create(Terms { minimum_reputation: 500_001, ..terms() });
        let refused = Market::accept_task(signed(CONTRIBUTOR), id);
        assert_noop!(refused, Error::<Test>::ReputationTooLow);
        Book::note(&CONTRIBUTOR, Role::Contributor, Deed::Accepted);
        accept(id, CONTRIBUTOR);
        let easy = create(Terms { minimum_reputation: 500_000, ..terms() });
        accept(easy, OTHER);
    });
}

#[test]
fn the_creator_shares_the_key_and_whoever_has_it_shares_it_further() {
    run(|| {
        let id = create(terms());
        assert_noop!(share(10, id, &[11]), Error::<Test>::NotSharer);
        assert_ok!(share(CREATOR, id, &[10]));
        assert_ok!(share(10, id, &[11, 12]));
        assert_eq!(task(id).stored, 3);
        let found = Shares::<Test>::get(id, 11).unwrap();
        assert_eq!((found.wrap, found.by), (wrap(11), 10));
        assert_eq!(purse(10).deposit, 2 * found.deposit);
        let (by, members) = (10, parties(&[11, 12]));
        assert!(has_event(Event::KeyShared { task: id, by, members }));
    });
}

#[test]
fn only_the_creator_replaces_a_share() {
    run(|| {
        let id = create(terms());
        assert_ok!(share(CREATOR, id, &[10, 11]));
        assert_ok!(share(10, id, &[12]));
        assert_noop!(share(10, id, &[11]), Error::<Test>::AlreadyShared);
        assert_noop!(share(10, id, &[13, 13]), Error::<Test>::AlreadyShared);
        let deposit = purse(10).deposit;
        assert_ok!(share(CREATOR, id, &[12]));
        assert_eq!((purse(10).deposit, task(id).stored), (0, 3));
        assert!(has_event(Event::DepositReturned { who: 10, amount: deposit }));
        assert_eq!(Shares::<Test>::get(id, 12).unwrap().by, CREATOR);
    });
}

#[test]
fn a_member_discards_a_share_that_does_not_open_for_a_good_one() {
    run(|| {
        let id = create(terms());
        assert_ok!(share(CREATOR, id, &[10, 11]));
        assert_ok!(Market::discard_share(signed(11), id));
        assert!(has_event(Event::ShareDiscarded { task: id, member: 11 }));
        assert_noop!(Market::discard_share(signed(11), id), Error::<Test>::NoShare);
        assert_noop!(share(11, id, &[12]), Error::<Test>::NotSharer);
        assert_ok!(share(10, id, &[11]));
        assert_eq!((task(id).stored, Shares::<Test>::get(id, 11).unwrap().by), (2, 10));
    });
}

#[test]
fn nothing_is_shared_of_a_task_that_is_unknown_or_has_ended() {
    run(|| {
        assert_noop!(share(CREATOR, 0, &[10]), Error::<Test>::UnknownTask);
        assert_noop!(Market::discard_share(signed(10), 0), Error::<Test>::UnknownTask);
        let id = ended(terms());
        assert_noop!(share(CREATOR, id, &[10]), Error::<Test>::TaskWithdrawn);
        let (completed, _) = paid(Terms { slots: 1, ..terms() });
        assert_noop!(share(CREATOR, completed, &[10]), Error::<Test>::TaskCompleted);
        let expired = create(terms());
        pass(LIFE + 1);
        assert_ok!(share(CREATOR, expired, &[10]));
        assert_ok!(Market::settle(signed(OTHER), expired, None));
        assert_noop!(share(CREATOR, expired, &[10]), Error::<Test>::TaskExpired);
    });
}
