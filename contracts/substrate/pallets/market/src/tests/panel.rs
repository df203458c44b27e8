//! Commitments, and opening them.

use super::*;

#[test]
fn members_commit_and_then_open_what_they_committed_to() {
    run(|| {
        let (id, index, members) = under_validation(terms());
        for member in &members {
            commit(id, index, *member, PASS, SCORE);
            assert!(has_event(Event::Committed { task: id, index, member: *member }));
        }
        let phase = Phase::Revealing { until: Market::now() + REVEAL_PERIOD };
        assert_eq!(state(id, index), SubmissionState::PendingValidation { phase, round: 0 });
        for member in &members {
            assert_eq!(submission(id, index).work.map(|work| work.digest), Some([7; 32]));
            reveal(id, index, *member, PASS, SCORE);
        }
        let event =
            Event::ResultValidated { task: id, index, verdict: PASS, score: SCORE, jury: false };
        assert!(has_event(event));
    });
}

#[test]
fn who_can_commit_when() {
    run(|| {
        let try_commit = |id, index, who| try_commit(id, index, who, &says(PASS, 1));
        assert_noop!(try_commit(9, 0, 10), Error::<Test>::UnknownTask);
        let id = create(terms());
        assert_noop!(try_commit(id, 0, 10), Error::<Test>::UnknownSubmission);
        let index = accept(id, CONTRIBUTOR);
        assert_noop!(try_commit(id, index, 10), Error::<Test>::NotPendingValidation);
        submit(id, CONTRIBUTOR);
        assert_noop!(try_commit(id, index, 10), Error::<Test>::CommitteeNotReady);
        let members = draw(id, index);
        assert_noop!(try_commit(id, index, members[0]), Error::<Test>::NotCommitting);
        hand(id, index);
        let outsider = MEMBERS.into_iter().find(|who| !members.contains(who)).unwrap();
        for who in [outsider, CREATOR, CONTRIBUTOR] {
            assert_noop!(try_commit(id, index, who), Error::<Test>::NotCommitteeMember);
        }
        pass(COMMIT_PERIOD);
        assert_ok!(try_commit(id, index, members[0]));
        pass(1);
        assert_noop!(try_commit(id, index, members[1]), Error::<Test>::DeadlinePassed);
        settle(id, index);
        assert_noop!(try_commit(id, index, members[0]), Error::<Test>::CommitteeNotReady);
    });
}

#[test]
fn a_second_commitment_is_refused() {
    run(|| {
        let (id, index, members) = under_validation(terms());
        commit(id, index, members[0], PASS, 1);
        for again in [says(PASS, 1), says(FAIL, 0)] {
            let again = try_commit(id, index, members[0], &again);
            assert_noop!(again, Error::<Test>::AlreadyCommitted);
        }
    });
}

#[test]
fn nobody_opens_a_commitment_before_all_have_committed() {
    run(|| {
        let (id, index, members) = under_validation(terms());
        commit(id, index, members[0], PASS, 1);
        commit(id, index, members[1], PASS, 1);
        let early = try_reveal(id, index, members[0], says(PASS, 1));
        assert_noop!(early, Error::<Test>::NotRevealing);
        pass(COMMIT_PERIOD + 1);
        let seat_is_vacant = try_reveal(id, index, members[0], says(PASS, 1));
        assert_noop!(seat_is_vacant, Error::<Test>::NotRevealing);
    });
}

#[test]
fn an_opening_is_of_what_was_committed_to_by_the_member_itself() {
    run(|| {
        let (id, index, members) = under_validation(terms());
        commit(id, index, members[0], PASS, 7);
        commit(id, index, members[1], PASS, 7);
        // A copy of another's commitment cannot be opened.
        let copied = panel(id, index)[0].commitment.unwrap();
        assert_ok!(Market::commit(signed(members[2]), id, index, copied));
        let refuse = |who, what| {
            let opened = try_reveal(id, index, who, what);
            assert_noop!(opened, Error::<Test>::CommitmentMismatch);
        };
        refuse(members[0], says(PASS, 8));
        refuse(members[0], says(FAIL, 7));
        refuse(members[0], Attestation { report: cid("other"), ..says(PASS, 7) });
        refuse(members[2], says(PASS, 7));
        let copied = Market::reveal(signed(members[2]), id, index, says(PASS, 7), salt(members[0]));
        assert_noop!(copied, Error::<Test>::CommitmentMismatch);
        reveal(id, index, members[0], PASS, 7);
    });
}

#[test]
fn who_can_reveal_what_and_when() {
    run(|| {
        let (id, index, members) = under_validation(terms());
        let too_much = try_reveal(id, index, members[0], says(PASS, 1_000_001));
        assert_noop!(too_much, Error::<Test>::InvalidScore);
        let nowhere = Attestation { report: Cid::default(), ..says(PASS, 1) };
        assert_noop!(try_reveal(id, index, members[0], nowhere), Error::<Test>::InvalidCid);
        let of_no_run = Attestation { segment: Some(0), ..says(PASS, 1) };
        assert_noop!(try_reveal(9, 0, 10, says(PASS, 1)), Error::<Test>::UnknownTask);
        assert_noop!(try_reveal(id, 9, 10, says(PASS, 1)), Error::<Test>::UnknownSubmission);
        for member in &members {
            commit(id, index, *member, PASS, 1);
        }
        let outside = try_reveal(id, index, members[0], of_no_run);
        assert_noop!(outside, Error::<Test>::SegmentOutsideRun);
        let outsider = MEMBERS.into_iter().find(|who| !members.contains(who)).unwrap();
        let stranger = try_reveal(id, index, outsider, says(PASS, 1));
        assert_noop!(stranger, Error::<Test>::NotCommitteeMember);
        pass(REVEAL_PERIOD);
        reveal(id, index, members[0], PASS, 1);
        let again = try_reveal(id, index, members[0], says(PASS, 1));
        assert_noop!(again, Error::<Test>::AlreadyRevealed);
        pass(1);
        let late = try_reveal(id, index, members[1], says(PASS, 1));
        assert_noop!(late, Error::<Test>::DeadlinePassed);
        settle(id, index);
        let over = try_reveal(id, index, members[1], says(PASS, 1));
        assert_noop!(over, Error::<Test>::NotPendingValidation);
    });
}

#[test]
fn a_segment_that_did_not_replay_is_one_that_was_drawn() {
    run(|| {
        let replay = Replay { checkpoints: 100, segments: 3 };
        let replayed = Terms { replay: Some(replay), ..terms() };
        let (id, index, members) = under_validation(replayed);
        let drawn = crate::draw::segments(submission(id, index).seed.unwrap(), replay);
        assert_eq!(drawn.len(), 3);
        let failing = |segment| Attestation { segment: Some(segment), ..says(FAIL, 0) };
        let within = failing(drawn[1]);
        assert_ok!(try_commit(id, index, members[0], &within));
        let other = (0..99).find(|segment| !drawn.contains(segment)).unwrap();
        for (member, segment) in [(members[1], other), (members[2], 99)] {
            assert_ok!(try_commit(id, index, member, &failing(segment)));
        }
        assert_ok!(try_reveal(id, index, members[0], within));
        for (member, segment) in [(members[1], other), (members[2], 99)] {
            let outside = try_reveal(id, index, member, failing(segment));
            assert_noop!(outside, Error::<Test>::SegmentOutsideRun);
        }
    });
}

#[test]
fn the_second_committee_can_open_its_commitments_without_a_settle() {
    run(|| {
        let (id, index, members) = under_validation(terms());
        commit(id, index, members[0], PASS, SCORE);
        settle_after(COMMIT_PERIOD, id, index);
        let second = draw(id, index);
        hand(id, index);
        let (new, lazy) = (second[1], second[2]);
        commit(id, index, new, PASS, SCORE);
        pass(COMMIT_PERIOD);
        let early = try_reveal(id, index, members[0], says(PASS, SCORE));
        assert_noop!(early, Error::<Test>::NotRevealing);
        pass(1);
        let absent = try_reveal(id, index, lazy, says(PASS, SCORE));
        assert_noop!(absent, Error::<Test>::NotCommitteeMember);
        reveal(id, index, members[0], PASS, SCORE);
        assert!(has_event(Event::MemberAbsent { task: id, index, member: lazy }));
        assert_eq!(profile(lazy).missed, 1);
        reveal(id, index, new, PASS, SCORE);
        release(id, index);
        assert_eq!((gain(members[0]), gain(new), gain(lazy)), (FEE as i128, FEE as i128, 0));
    });
}

#[test]
fn a_commitment_that_is_not_opened_costs_its_member_and_the_rest_decide() {
    run(|| {
        let (id, index, members) = under_validation(terms());
        for member in &members {
            commit(id, index, *member, PASS, SCORE);
        }
        reveal(id, index, members[0], PASS, SCORE);
        reveal(id, index, members[2], PASS, SCORE);
        settle_after(REVEAL_PERIOD, id, index);
        assert!(has_event(Event::MemberUnrevealed { task: id, index, member: members[1] }));
        let lost = OFFICE_BOND / 5;
        assert_eq!((profile(members[1]).bond, treasury_gain()), (OFFICE_BOND - lost, lost));
        assert_eq!(profile(members[1]).duties, 0);
        release(id, index);
        let fee = FEE as i128;
        assert_eq!(gain(members[0]), fee);
        assert_eq!(gain(members[1]), -(lost as i128));
        assert_eq!(gain(members[2]), fee);
    });
}

#[test]
fn not_opening_a_commitment_cannot_turn_the_verdict() {
    run(|| {
        // Seeing that most pass the result, the last member keeps its Fail to itself, or not.
        let verdict_without_it = |opens| {
            let (id, index, members) = under_validation(manual());
            for (member, verdict) in members.iter().zip([PASS, PASS, FAIL]) {
                commit(id, index, *member, verdict, SCORE);
            }
            reveal(id, index, members[0], PASS, SCORE);
            reveal(id, index, members[1], PASS, SCORE);
            if opens {
                reveal(id, index, members[2], FAIL, SCORE);
            } else {
                pass(REVEAL_PERIOD + 1);
                settle(id, index);
            }
            let SubmissionState::Validated { finding, .. } = state(id, index) else { panic!() };
            finding
        };
        assert_eq!(verdict_without_it(true), verdict_without_it(false));
    });
}

#[test]
fn one_of_three_that_opens_its_commitment_does_not_decide_alone() {
    run(|| {
        let (id, index, members) = under_validation(manual());
        for member in &members {
            commit(id, index, *member, PASS, SCORE);
        }
        reveal(id, index, members[0], PASS, SCORE);
        pass(REVEAL_PERIOD + 1);
        settle(id, index);
        let SubmissionState::Validated { finding, .. } = state(id, index) else { panic!() };
        assert_eq!(finding, Finding { verdict: INCONCLUSIVE, score: 0 });
    });
}

#[test]
fn a_member_that_left_office_finishes_what_it_began_and_stays_liable() {
    run(|| {
        let (id, index, members) = under_validation(terms());
        put_in_office(&[]);
        let leave = |member: AccountId| Aggregators::deregister(signed(member));
        judge_all(id, index, PASS);
        for member in &members {
            let on_duty = pallet_aggregators::Error::<Test>::OnDuty;
            assert_noop!(leave(*member), on_duty);
        }
        release(id, index);
        for member in &members {
            assert_ok!(leave(*member));
        }
    });
}
