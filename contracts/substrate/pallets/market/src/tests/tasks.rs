//! Posting tasks, taking slots and giving them back, withdrawing, publishing.

use super::*;

#[test]
fn creating_holds_reward_and_fees_of_every_slot() {
    run(|| {
        let id = create(terms());
        assert_eq!(purse(CREATOR).escrow, 3 * SLOT);
        assert_eq!(purse(CREATOR).free, WEALTH - 3 * SLOT);
        let found = task(id);
        assert_eq!((found.open_slots, found.active, found.status), (3, 0, TaskStatus::Created));
        assert_eq!(found.created_at, START);
        let event = Event::TaskCreated { task: id, creator: CREATOR, escrow: 3 * SLOT };
        assert!(has_event(event));
        assert_eq!(create(terms()), id + 1);
    });
}

#[test]
fn creating_needs_the_whole_escrow() {
    run(|| {
        let dear = Terms { reward: WEALTH, slots: 1, ..terms() };
        assert_noop!(
            Market::create_task(signed(CREATOR), dear),
            sp_runtime::TokenError::FundsUnavailable
        );
    });
}

#[test]
fn terms_out_of_range_are_refused() {
    run(|| {
        let now = Market::now();
        let refuse = |terms: TermsOf<Test>, error: Error<Test>| {
            assert_noop!(Market::create_task(signed(CREATOR), terms), error);
        };
        for bundle in ["", "b", "Qmfoo", "bafyUPPER", "bafy/..", "ba fy", "bafy0189"] {
            let bundle = bundle.as_bytes().to_vec().try_into().unwrap();
            refuse(Terms { bundle, ..terms() }, Error::InvalidCid);
        }
        for committee_size in [0, 2, 4, 8, 10, 11, 255] {
            refuse(Terms { committee_size, ..terms() }, Error::InvalidCommitteeSize);
        }
        for slots in [0, 10_001, u32::MAX] {
            refuse(Terms { slots, ..terms() }, Error::InvalidSlots);
        }
        for expires_at in [0, now - 1, now, now + 999, now + 31_536_000_001, u64::MAX] {
            refuse(Terms { expires_at, ..terms() }, Error::InvalidExpiry);
        }
        for working_time in [0, 999, 31_536_000_001, u64::MAX] {
            refuse(Terms { working_time, ..terms() }, Error::InvalidWorkingTime);
        }
        for review_time in [0, 999, 31_536_000_001, u64::MAX] {
            refuse(Terms { review_time, ..manual() }, Error::InvalidReviewTime);
        }
        refuse(Terms { reward: Balance::MAX, ..terms() }, Error::AmountOverflow);
        refuse(Terms { fee: Balance::MAX, ..terms() }, Error::AmountOverflow);
        refuse(Terms { reward: Balance::MAX / 3, ..terms() }, Error::AmountOverflow);
    });
}

#[test]
fn review_time_is_of_no_matter_where_no_creator_reviews() {
    run(|| {
        create(Terms { review_time: 0, ..terms() });
    });
}

#[test]
fn a_parent_has_a_published_model() {
    run(|| {
        let child = |parent| Terms { parent: Some(parent), ..terms() };
        assert_noop!(Market::create_task(signed(CREATOR), child(7)), Error::<Test>::UnknownParent);
        let (parent, index) = under_review(PASS);
        assert_noop!(
            Market::create_task(signed(CREATOR), child(parent)),
            Error::<Test>::ParentNotPublished
        );
        assert_ok!(Market::accept_result(signed(CREATOR), parent, index));
        assert_ok!(Market::publish_model(signed(CREATOR), parent, cid("model")));
        create(child(parent));
    });
}

#[test]
fn accepting_takes_a_slot_against_a_bond() {
    run(|| {
        let id = create(terms());
        let index = accept(id, CONTRIBUTOR);
        assert_eq!((index, purse(CONTRIBUTOR).bond), (0, BOND));
        let found = task(id);
        assert_eq!((found.open_slots, found.active, found.submissions), (2, 1, 1));
        assert_eq!(found.status, TaskStatus::InProgress);
        let state = SubmissionState::Assigned { deadline: START + WORKING };
        assert_eq!(submission(id, index).state, state);
    });
}

#[test]
fn the_bond_is_at_least_the_minimum() {
    run(|| {
        let id = create(Terms { fee: 1, ..terms() });
        accept(id, CONTRIBUTOR);
        assert_eq!(purse(CONTRIBUTOR).bond, MINIMUM_BOND);
    });
}

#[test]
fn the_bond_must_be_at_hand() {
    run(|| {
        let id = create(Terms { fee: 400_000, committee_size: 1, slots: 1, ..terms() });
        Balances::transfer_allow_death(signed(CONTRIBUTOR), OTHER, WEALTH - 1_000).unwrap();
        assert_noop!(
            Market::accept_task(signed(CONTRIBUTOR), id),
            sp_runtime::TokenError::FundsUnavailable
        );
    });
}

#[test]
fn who_can_accept_what() {
    run(|| {
        let refuse = |who, id, error: Error<Test>| {
            assert_noop!(Market::accept_task(signed(who), id), error);
        };
        refuse(CONTRIBUTOR, 0, Error::UnknownTask);
        let id = create(Terms { slots: 2, ..terms() });
        refuse(CREATOR, id, Error::CreatorCannotContribute);
        accept(id, CONTRIBUTOR);
        refuse(CONTRIBUTOR, id, Error::AlreadyAssigned);
        accept(id, OTHER);
        refuse(4, id, Error::TaskFull);
    });
}

#[test]
fn a_task_can_be_accepted_until_it_expires() {
    run(|| {
        let id = create(terms());
        pass(LIFE);
        accept(id, CONTRIBUTOR);
        pass(1);
        assert_noop!(Market::accept_task(signed(OTHER), id), Error::<Test>::TaskExpired);
        assert_ok!(Market::settle(signed(OTHER), id, None));
        assert_noop!(Market::accept_task(signed(OTHER), id), Error::<Test>::TaskExpired);
    });
}

#[test]
fn a_task_that_is_over_cannot_be_accepted_nor_withdrawn() {
    run(|| {
        let withdrawn = create(terms());
        assert_ok!(Market::withdraw_task(signed(CREATOR), withdrawn));
        let (completed, index, members) = under_validation(Terms { slots: 1, ..terms() });
        for member in &members[..2] {
            attest(completed, index, *member, PASS, 1);
        }
        let expired = create(Terms { expires_at: Market::now() + 1_000, ..terms() });
        pass(1_001);
        assert_ok!(Market::settle(signed(OTHER), expired, None));
        for (id, error) in [
            (withdrawn, Error::<Test>::TaskWithdrawn),
            (completed, Error::<Test>::TaskCompleted),
            (expired, Error::<Test>::TaskExpired),
        ] {
            let error = sp_runtime::DispatchError::from(error);
            assert_noop!(Market::accept_task(signed(OTHER), id), error);
            assert_noop!(Market::withdraw_task(signed(CREATOR), id), error);
        }
    });
}

#[test]
fn abandoning_frees_the_slot_and_returns_the_bond() {
    run(|| {
        let id = create(terms());
        let index = accept(id, CONTRIBUTOR);
        pass(WORKING);
        assert_ok!(Market::abandon(signed(CONTRIBUTOR), id));
        assert_eq!(gain(CONTRIBUTOR), 0);
        assert_eq!(purse(CONTRIBUTOR).bond, 0);
        assert_eq!((task(id).open_slots, task(id).active), (3, 0));
        assert_eq!(Submissions::<Test>::get(id, index), None);
        assert_eq!(accept(id, CONTRIBUTOR), index + 1);
    });
}

#[test]
fn who_can_abandon_when() {
    run(|| {
        let refuse = |who, id, error: Error<Test>| {
            assert_noop!(Market::abandon(signed(who), id), error);
        };
        refuse(CONTRIBUTOR, 0, Error::UnknownTask);
        let id = create(terms());
        refuse(CONTRIBUTOR, id, Error::NotAssigned);
        accept(id, CONTRIBUTOR);
        accept(id, OTHER);
        submit(id, OTHER);
        refuse(OTHER, id, Error::AlreadySubmitted);
        pass(WORKING + 1);
        refuse(CONTRIBUTOR, id, Error::DeadlinePassed);
    });
}

#[test]
fn withdrawing_refunds_what_nobody_works_on() {
    run(|| {
        let id = create(terms());
        accept(id, CONTRIBUTOR);
        assert_noop!(Market::withdraw_task(signed(OTHER), id), Error::<Test>::NotCreator);
        assert_noop!(Market::withdraw_task(signed(CREATOR), 9), Error::<Test>::UnknownTask);
        assert_ok!(Market::withdraw_task(signed(CREATOR), id));
        assert_eq!(purse(CREATOR).escrow, SLOT);
        assert_eq!((task(id).open_slots, task(id).active), (0, 1));
        assert_eq!(task(id).status, TaskStatus::Withdrawn);

        assert_ok!(Market::abandon(signed(CONTRIBUTOR), id));
        assert_eq!(purse(CREATOR), Purse { free: WEALTH, escrow: 0, bond: 0 });
        assert_eq!(task(id).status, TaskStatus::Withdrawn);
    });
}

#[test]
fn work_in_a_withdrawn_task_is_still_paid() {
    run(|| {
        let (id, index, members) = under_validation(terms());
        assert_ok!(Market::withdraw_task(signed(CREATOR), id));
        for member in members {
            attest(id, index, member, PASS, 1);
        }
        assert_eq!(gain(CONTRIBUTOR), REWARD as i128);
        assert_eq!(purse(CREATOR).escrow, 0);
    });
}

#[test]
fn publishing_takes_an_accepted_result() {
    run(|| {
        let (id, index) = under_review(PASS);
        let publish = |who, id, model: &str| {
            let model = model.as_bytes().to_vec().try_into().unwrap();
            Market::publish_model(signed(who), id, model)
        };
        assert_noop!(publish(CREATOR, 9, "bafymodel"), Error::<Test>::UnknownTask);
        assert_noop!(publish(OTHER, id, "bafymodel"), Error::<Test>::NotCreator);
        assert_noop!(publish(CREATOR, id, "bafymodel"), Error::<Test>::NothingAccepted);
        assert_ok!(Market::accept_result(signed(CREATOR), id, index));
        assert_noop!(publish(CREATOR, id, "model"), Error::<Test>::InvalidCid);
        assert_ok!(publish(CREATOR, id, "bafymodel"));
        assert_eq!(task(id).published, Some(cid("model")));
        assert_ok!(publish(CREATOR, id, "bafybetter"));
        assert_eq!(task(id).published, Some(cid("better")));
    });
}
