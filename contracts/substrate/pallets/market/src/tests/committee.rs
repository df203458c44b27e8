//! Drawing committees, and attesting.

use super::*;

#[test]
fn a_committee_is_drawn_from_those_in_office() {
    run(|| {
        let (id, index, members) = under_validation(terms());
        assert_eq!(members.len(), 3);
        assert!(members.iter().all(|member| MEMBERS.contains(member) && duties(*member) == 1));
        let until = Market::now() + ATTESTATION_PERIOD;
        let state =
            SubmissionState::PendingValidation { phase: Phase::Attesting { until }, round: 0 };
        assert_eq!(submission(id, index).state, state);
    });
}

#[test]
fn the_anchor_is_a_block_that_comes_after_the_result() {
    run(|| {
        let id = create(terms());
        let index = accept(id, CONTRIBUTOR);
        submit(id, CONTRIBUTOR);
        for _ in 0..2 {
            let early = Market::draw_committee(signed(CONTRIBUTOR), id, index);
            assert_eq!(early, Err(Error::<Test>::CommitteeNotReady.into()));
            next_blocks(1);
        }
        assert_ok!(Market::draw_committee(signed(CONTRIBUTOR), id, index));
    });
}

#[test]
fn the_hash_of_the_anchor_draws() {
    let drawn = |salt: u8| {
        let mut found = Vec::new();
        run(|| {
            let id = create(terms());
            let index = accept(id, CONTRIBUTOR);
            submit(id, CONTRIBUTOR);
            next_blocks(2);
            frame_system::BlockHash::<Test>::insert(2, sp_runtime::testing::H256([salt; 32]));
            assert_ok!(Market::draw_committee(signed(OTHER), id, index));
            found = members(id, index);
        });
        found
    };
    assert_eq!(drawn(1), drawn(1));
    assert!((2..20).any(|salt| drawn(salt) != drawn(1)));
}

#[test]
fn creator_and_contributor_are_not_drawn_even_in_office() {
    run(|| {
        register(CREATOR);
        register(CONTRIBUTOR);
        put_in_office(&[CREATOR, CONTRIBUTOR, 10, 11, 12]);
        for _ in 0..20 {
            let id = create(Terms { slots: 1, ..terms() });
            let index = accept(id, CONTRIBUTOR);
            submit(id, CONTRIBUTOR);
            let mut members = draw(id, index);
            members.sort();
            assert_eq!(members, [10, 11, 12]);
        }
    });
}

#[test]
fn members_in_office_without_a_profile_are_not_drawn() {
    run(|| {
        put_in_office(&[10, 30, 31, 32]);
        assert_eq!(under_validation(terms()).2, [10]);
    });
}

#[test]
fn too_few_aggregators_seat_the_largest_odd_number() {
    run(|| {
        put_in_office(&[10, 11, 12, 13]);
        let (_, _, members) = under_validation(Terms { committee_size: 5, ..terms() });
        assert_eq!(members.len(), 3);
    });
}

#[test]
fn nobody_to_draw_is_an_error_until_somebody_is_in_office() {
    run(|| {
        put_in_office(&[]);
        let id = create(terms());
        let index = accept(id, CONTRIBUTOR);
        submit(id, CONTRIBUTOR);
        next_blocks(2);
        assert_noop!(
            Market::draw_committee(signed(OTHER), id, index),
            Error::<Test>::NoEligibleAggregator
        );
        put_in_office(&[10]);
        assert_ok!(Market::draw_committee(signed(OTHER), id, index));
    });
}

#[test]
fn a_forgotten_anchor_is_replaced_by_a_block_to_come() {
    run(|| {
        let id = create(terms());
        let index = accept(id, CONTRIBUTOR);
        submit(id, CONTRIBUTOR);
        let until = Market::now() + DRAW_PERIOD;
        next_blocks(HASHES + 5);
        let anchor = System::block_number() + 1;
        assert_ok!(Market::draw_committee(signed(OTHER), id, index));
        assert!(has_event(Event::DrawPostponed { task: id, index, anchor, until }));
        assert!(members(id, index).is_empty());
        assert_eq!(draw(id, index).len(), 3);
    });
}

#[test]
fn when_a_draw_is_refused() {
    run(|| {
        let refuse = |id, index, error: Error<Test>| {
            assert_noop!(Market::draw_committee(signed(OTHER), id, index), error);
        };
        refuse(0, 0, Error::UnknownTask);
        let id = create(terms());
        refuse(id, 0, Error::UnknownSubmission);
        let index = accept(id, CONTRIBUTOR);
        refuse(id, index, Error::NotPendingValidation);
        submit(id, CONTRIBUTOR);
        draw(id, index);
        refuse(id, index, Error::CommitteeAlreadyDrawn);
        let late = accept(id, OTHER);
        submit(id, OTHER);
        next_blocks(2);
        pass(DRAW_PERIOD + 1);
        refuse(id, late, Error::DeadlinePassed);
    });
}

#[test]
fn who_can_attest_what_and_when() {
    run(|| {
        let id = create(terms());
        assert_noop!(try_attest(9, 0, 10, PASS, 0), Error::<Test>::UnknownTask);
        assert_noop!(try_attest(id, 0, 10, PASS, 0), Error::<Test>::UnknownSubmission);
        let index = accept(id, CONTRIBUTOR);
        assert_noop!(try_attest(id, index, 10, PASS, 0), Error::<Test>::NotPendingValidation);
        submit(id, CONTRIBUTOR);
        assert_noop!(try_attest(id, index, 10, PASS, 0), Error::<Test>::CommitteeNotReady);
        let members = draw(id, index);
        let outsider = MEMBERS.into_iter().find(|who| !members.contains(who)).unwrap();
        assert_noop!(try_attest(id, index, outsider, PASS, 0), Error::<Test>::NotCommitteeMember);
        let member = members[0];
        assert_noop!(try_attest(id, index, member, PASS, 1_000_001), Error::<Test>::InvalidScore);
        assert_noop!(
            Market::attest(signed(member), id, index, PASS, 0, Cid::default()),
            Error::<Test>::InvalidCid
        );
        pass(ATTESTATION_PERIOD);
        attest(id, index, member, PASS, 1_000_000);
        assert_noop!(try_attest(id, index, member, FAIL, 0), Error::<Test>::AlreadyAttested);
        pass(1);
        assert_noop!(try_attest(id, index, members[1], PASS, 0), Error::<Test>::DeadlinePassed);
    });
}

#[test]
fn attesting_ends_a_duty_and_the_majority_ends_the_submission() {
    run(|| {
        let (id, index, members) = under_validation(terms());
        attest(id, index, members[0], PASS, 300_000);
        assert_eq!(duties(members[0]), 0);
        assert_eq!(gain(members[0]), 0, "nobody is paid before the end");
        attest(id, index, members[1], PASS, 100_000);
        let state = SubmissionState::Accepted { verdict: PASS, score: 200_000 };
        assert_eq!(submission(id, index).state, state);
        assert_eq!(gain(members[0]), FEE as i128);
        assert_eq!(duties(members[2]), 1);
    });
}

#[test]
fn a_late_member_is_paid_until_the_attestation_deadline() {
    run(|| {
        let (id, index, members) = under_validation(terms());
        attest(id, index, members[0], PASS, 1);
        attest(id, index, members[1], PASS, 1);
        let until = Market::now() + ATTESTATION_PERIOD;
        assert_eq!(submission(id, index).fees, Fees::Due { source: FeeSource::Escrow, until });
        assert_eq!(purse(CREATOR).escrow, 2 * SLOT + FEE);
        assert_ok!(Market::do_try_state());
        pass(ATTESTATION_PERIOD);
        attest(id, index, members[2], FAIL, 0);
        assert_eq!(gain(members[2]), FEE as i128);
        assert_eq!(submission(id, index).fees, Fees::Settled);
        assert_eq!(purse(CREATOR).escrow, 2 * SLOT);
        let state = SubmissionState::Accepted { verdict: PASS, score: 1 };
        assert_eq!(submission(id, index).state, state, "the verdict stands");
        assert_noop!(
            try_attest(id, index, members[2], FAIL, 0),
            Error::<Test>::NotPendingValidation
        );
    });
}

#[test]
fn a_member_that_left_office_finishes_what_it_began() {
    run(|| {
        let (id, index, members) = under_validation(terms());
        put_in_office(&[]);
        for member in &members {
            let leave = Aggregators::deregister(signed(*member));
            assert_eq!(leave, Err(pallet_aggregators::Error::<Test>::OnDuty.into()));
            attest(id, index, *member, PASS, 1);
            assert_ok!(Aggregators::deregister(signed(*member)));
        }
        assert_eq!(gain(CONTRIBUTOR), REWARD as i128);
    });
}
