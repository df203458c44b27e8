//! Drawing committees, and replacing absent members.

use super::*;

#[test]
fn a_committee_is_drawn_from_those_in_office() {
    run(|| {
        let (id, index) = submitted(terms());
        let drawn = draw(id, index);
        assert_eq!(drawn.len(), 3);
        assert!(drawn.iter().all(|who| MEMBERS.contains(who) && profile(*who).duties == 1));
        assert!(submission(id, index).seed.is_some());
    });
}

#[test]
fn the_anchor_is_a_block_that_comes_after_the_result() {
    run(|| {
        let (id, index) = submitted(terms());
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
            let (id, index) = submitted(terms());
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
            let (id, index) = submitted(Terms { slots: 1, ..terms() });
            let mut members = draw(id, index);
            members.sort();
            assert_eq!(members, [10, 11, 12]);
        }
    });
}

#[test]
fn members_in_office_without_a_profile_or_half_of_the_bond_are_not_drawn() {
    run(|| {
        put_in_office(&[10, 11, 30, 31, 32]);
        pallet_aggregators::Profiles::<Test>::mutate(11, |profile| {
            profile.as_mut().unwrap().bond = OFFICE_BOND / 2 - 1;
        });
        let (id, index) = submitted(terms());
        assert_eq!(draw(id, index), [10]);
        pallet_aggregators::Profiles::<Test>::mutate(11, |profile| {
            profile.as_mut().unwrap().bond = OFFICE_BOND;
        });
    });
}

#[test]
fn too_few_aggregators_seat_the_largest_odd_number() {
    run(|| {
        put_in_office(&[10, 11, 12, 13]);
        let (id, index) = submitted(Terms { committee_size: 5, ..terms() });
        assert_eq!(draw(id, index).len(), 3);
    });
}

#[test]
fn nobody_to_draw_is_an_error_until_somebody_is_in_office() {
    run(|| {
        put_in_office(&[]);
        let (id, index) = submitted(terms());
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
        let (id, index) = submitted(terms());
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
fn absent_members_are_replaced_once() {
    run(|| {
        let (id, index, first) = under_validation(terms());
        commit(id, index, first[1], PASS, SCORE);
        settle_after(COMMIT_PERIOD, id, index);
        let anchor = System::block_number() + 1;
        let phase = Phase::Drawing { anchor, until: Market::now() + DRAW_PERIOD };
        assert_eq!(state(id, index), SubmissionState::PendingValidation { phase, round: 1 });
        for absent in [first[0], first[2]] {
            assert!(has_event(Event::MemberAbsent { task: id, index, member: absent }));
            assert_eq!((profile(absent).duties, profile(absent).missed), (0, 1));
        }
        assert_eq!(profile(first[1]).duties, 1, "who committed still has to open it");

        let seed = submission(id, index).seed;
        let second = draw(id, index);
        assert_eq!(second[1], first[1]);
        for (place, absent) in [(0, first[0]), (2, first[2])] {
            assert!(MEMBERS.contains(&second[place]) && !first.contains(&second[place]));
            let replacement = Some(second[place]);
            let event = Event::MemberReplaced { task: id, index, absent, replacement };
            assert!(has_event(event));
        }
        assert_eq!(submission(id, index).seed, seed, "the segments stay those of the first draw");

        // Only the new members wait for the key.
        let waiting = [second[0], second[2]];
        let all = Market::hand_key(signed(CONTRIBUTOR), id, index, wraps(&second));
        assert_noop!(all, Error::<Test>::WrongRecipient);
        assert_ok!(Market::hand_key(signed(CONTRIBUTOR), id, index, wraps(&waiting)));
        for member in waiting {
            commit(id, index, member, PASS, SCORE);
        }
        for member in second {
            reveal(id, index, member, PASS, SCORE);
        }
        release(id, index);
        assert_eq!(gain(first[0]), 0);
        assert_eq!(gain(first[1]), FEE as i128);
    });
}

#[test]
fn seats_for_which_nobody_is_left_are_dropped() {
    run(|| {
        put_in_office(&[10, 11, 12]);
        let (id, index, first) = under_validation(terms());
        commit(id, index, first[0], PASS, SCORE);
        settle_after(COMMIT_PERIOD, id, index);
        put_in_office(&[10, 11, 12, 13]);
        let second = draw(id, index);
        assert_eq!(second, [first[0], 13]);
        let (absent, replacement) = (first[2], None);
        assert!(has_event(Event::MemberReplaced { task: id, index, absent, replacement }));
    });
}

#[test]
fn those_who_committed_decide_where_nobody_can_replace_the_absent() {
    run(|| {
        put_in_office(&[10, 11, 12]);
        let (id, index, first) = under_validation(terms());
        commit(id, index, first[0], PASS, SCORE);
        settle_after(COMMIT_PERIOD, id, index);
        next_blocks(2);
        assert_noop!(
            Market::draw_committee(signed(OTHER), id, index),
            Error::<Test>::NoEligibleAggregator
        );
        settle_after(DRAW_PERIOD, id, index);
        assert_eq!(members(id, index), [first[0]]);
        reveal(id, index, first[0], PASS, SCORE);
        release(id, index);
        assert_eq!(gain(CONTRIBUTOR), REWARD as i128);
        assert_eq!(gain(CREATOR), -((REWARD + FEE) as i128));
    });
}

#[test]
fn a_second_key_that_is_not_handed_expires_too() {
    run(|| {
        let (id, index, first) = under_validation(terms());
        commit(id, index, first[0], PASS, SCORE);
        settle_after(COMMIT_PERIOD, id, index);
        let second = draw(id, index);
        settle_after(SEALING_PERIOD, id, index);
        assert_eq!(gain(CONTRIBUTOR), -(BOND as i128));
        assert!(second.iter().chain(&first).all(|member| profile(*member).duties == 0));
    });
}

#[test]
fn whoever_is_absent_again_loses_a_part_of_its_bond() {
    run(|| {
        put_in_office(&[10]);
        for (times, lost) in [(1, 0), (2, OFFICE_BOND / 20)] {
            let (id, index, _) = under_validation(terms());
            settle_after(COMMIT_PERIOD, id, index);
            assert_eq!(profile(10).missed, times);
            assert_eq!((profile(10).bond, treasury_gain()), (OFFICE_BOND - lost, lost));
        }
    });
}
