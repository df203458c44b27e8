//! Posting tasks, taking slots and giving them back, withdrawing.

use super::*;

#[test]
fn creating_holds_reward_and_fees_of_every_slot_and_a_deposit() {
    run(|| {
        let id = create(terms());
        let found = task(id);
        let Purse { free, escrow, deposit, .. } = purse(CREATOR);
        assert_eq!((escrow, deposit), (3 * SLOT, found.deposit));
        assert_eq!(free, WEALTH - 3 * SLOT - deposit);
        assert_eq!((found.open_slots, found.active, found.status), (3, 0, TaskStatus::Created));
        assert_eq!((found.created_at, found.ended_at), (START, None));
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
fn accepting_takes_a_slot_against_a_bond_and_a_deposit() {
    run(|| {
        let id = create(terms());
        let index = accept(id, CONTRIBUTOR);
        let found = submission(id, index);
        assert_eq!((index, purse(CONTRIBUTOR).bond), (0, BOND));
        assert_eq!(purse(CONTRIBUTOR).deposit, found.deposit);
        assert_eq!((found.accepted_at, found.accepted_in), (START, 1));
        assert_eq!(found.state, SubmissionState::Assigned { deadline: START + WORKING });
        let found = task(id);
        assert_eq!((found.open_slots, found.active, found.submissions, found.stored), (2, 1, 1, 1));
        assert_eq!(found.status, TaskStatus::InProgress);
    });
}

#[test]
fn the_bond_must_be_at_hand() {
    run(|| {
        let id = create(Terms { bond: WEALTH, ..terms() });
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
        let (completed, _) = paid(Terms { slots: 1, ..terms() });
        let expired = create(Terms { expires_at: Market::now() + 1_000, ..terms() });
        pass(1_001);
        assert_ok!(Market::settle(signed(OTHER), expired, None));
        for (id, error) in [
            (withdrawn, Error::<Test>::TaskWithdrawn),
            (completed, Error::<Test>::TaskCompleted),
            (expired, Error::<Test>::TaskExpired),
        ] {
            assert_ne!(task(id).ended_at, None);
            let error = sp_runtime::DispatchError::from(error);
            assert_noop!(Market::accept_task(signed(OTHER), id), error);
            assert_noop!(Market::withdraw_task(signed(CREATOR), id), error);
        }
    });
}

#[test]
fn abandoning_at_once_costs_nothing() {
    run(|| {
        let id = create(terms());
        let index = accept(id, CONTRIBUTOR);
        assert_ok!(Market::abandon(signed(CONTRIBUTOR), id));
        assert_eq!(gain(CONTRIBUTOR), 0);
        assert_eq!(purse(CONTRIBUTOR).free, WEALTH);
        let found = task(id);
        assert_eq!((found.open_slots, found.active, found.stored), (3, 0, 0));
        assert_eq!(Submissions::<Test>::get(id, index), None);
        assert_eq!(accept(id, CONTRIBUTOR), index + 1);
    });
}

#[test]
fn keeping_a_slot_from_others_costs_its_part_of_the_bond() {
    for (kept, forfeited) in [(WORKING / 4, BOND / 4), (WORKING, BOND), (1, 0)] {
        run(|| {
            let id = create(terms());
            let index = accept(id, CONTRIBUTOR);
            pass(kept);
            assert_ok!(Market::abandon(signed(CONTRIBUTOR), id));
            assert_eq!(gain(CONTRIBUTOR), -(forfeited as i128));
            assert_eq!(treasury_gain(), forfeited);
            let contributor = CONTRIBUTOR;
            let event = Event::AssignmentAbandoned { task: id, index, contributor, forfeited };
            assert!(has_event(event));
        });
    }
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
        assert_eq!((task(id).status, task(id).ended_at), (TaskStatus::Withdrawn, None));

        assert_ok!(Market::abandon(signed(CONTRIBUTOR), id));
        assert_eq!((gain(CREATOR), purse(CREATOR).escrow), (0, 0));
        assert_eq!((task(id).status, task(id).ended_at), (TaskStatus::Withdrawn, Some(START)));
    });
}

#[test]
fn work_in_a_withdrawn_task_is_still_paid() {
    run(|| {
        let (id, index, _) = under_validation(terms());
        assert_ok!(Market::withdraw_task(signed(CREATOR), id));
        judge_all(id, index, PASS);
        release(id, index);
        assert_eq!(gain(CONTRIBUTOR), REWARD as i128);
        assert_eq!(purse(CREATOR).escrow, 0);
    });
}
