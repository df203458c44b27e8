//! Handing a result's key to a panel, and releasing it to the creator.

use super::*;

fn try_hand(id: TaskId, index: Index, wraps: WrapsOf<Test>) -> DispatchResult {
    Market::hand_key(signed(CONTRIBUTOR), id, index, wraps)
}

fn try_release(who: AccountId, id: TaskId, index: Index, wrap: Wrap) -> DispatchResult {
    Market::release_key(signed(who), id, index, wrap)
}

#[test]
fn the_contributor_hands_each_member_its_wrap_and_they_can_judge() {
    run(|| {
        let (id, index) = submitted(terms());
        let members = draw(id, index);
        let phase = Phase::Sealing { until: Market::now() + SEALING_PERIOD };
        assert_eq!(state(id, index), SubmissionState::PendingValidation { phase, round: 0 });
        pass(SEALING_PERIOD);
        assert_ok!(try_hand(id, index, wraps(&members)));
        for seat in panel(id, index) {
            assert_eq!(seat.wrap, Some(wrap(seat.member)));
        }
        let phase = Phase::Committing { until: Market::now() + COMMIT_PERIOD };
        assert_eq!(state(id, index), SubmissionState::PendingValidation { phase, round: 0 });
        let members = members.try_into().unwrap();
        assert!(has_event(Event::KeyHanded { task: id, index, members }));
    });
}

#[test]
fn no_member_is_left_out_and_nobody_else_is_given_the_key() {
    run(|| {
        let (id, index) = submitted(terms());
        let drawn = draw(id, index);
        let outsider = MEMBERS.into_iter().find(|who| !drawn.contains(who)).unwrap();
        let refuse = |members: &[AccountId], error: Error<Test>| {
            assert_noop!(try_hand(id, index, wraps(members)), error);
        };
        refuse(&[], Error::WrapMissing);
        refuse(&drawn[..2], Error::WrapMissing);
        refuse(&[drawn[0], drawn[1], outsider], Error::WrongRecipient);
        refuse(&[drawn[0], drawn[1], drawn[2], outsider], Error::WrongRecipient);
        refuse(&[drawn[0], drawn[1], drawn[1], drawn[2]], Error::WrongRecipient);
        refuse(&[drawn[0], drawn[1], CREATOR], Error::WrongRecipient);
        assert_ok!(try_hand(id, index, wraps(&drawn)));
    });
}

#[test]
fn who_can_hand_the_key_when() {
    run(|| {
        assert_noop!(try_hand(0, 0, wraps(&[])), Error::<Test>::UnknownTask);
        let (id, index) = submitted(terms());
        assert_noop!(try_hand(id, 9, wraps(&[])), Error::<Test>::UnknownSubmission);
        assert_noop!(try_hand(id, index, wraps(&[])), Error::<Test>::NotSealing);
        let drawn = draw(id, index);
        for who in [CREATOR, OTHER, drawn[0]] {
            let handed = Market::hand_key(signed(who), id, index, wraps(&drawn));
            assert_eq!(handed, Err(Error::<Test>::NotAssigned.into()));
        }
        pass(SEALING_PERIOD + 1);
        assert_noop!(try_hand(id, index, wraps(&drawn)), Error::<Test>::DeadlinePassed);
        set_time(START);
        hand(id, index);
        assert_noop!(try_hand(id, index, wraps(&drawn)), Error::<Test>::NotSealing);
        judge_all(id, index, PASS);
        assert_noop!(try_hand(id, index, wraps(&drawn)), Error::<Test>::NotSealing);
    });
}

#[test]
fn a_key_that_is_not_handed_is_as_if_nothing_had_been_sent() {
    run(|| {
        let (id, index) = submitted(terms());
        let drawn = draw(id, index);
        settle_after(SEALING_PERIOD, id, index);
        assert_eq!(state(id, index), SubmissionState::Expired { ended_at: Market::now() });
        assert_eq!(gain(CONTRIBUTOR), -(BOND as i128));
        assert_eq!(treasury_gain(), BOND);
        assert_eq!((task(id).open_slots, task(id).active), (3, 0));
        for member in drawn {
            assert_eq!((profile(member).duties, profile(member).missed), (0, 0));
        }
    });
}

#[test]
fn whoever_releases_the_key_has_everybody_paid() {
    for releaser in 0..4 {
        run(|| {
            let (id, index) = judged(terms(), PASS);
            let finding = Finding { verdict: PASS, score: SCORE };
            let window = Window::Release { until: Market::now() + RELEASE_PERIOD };
            assert_eq!(state(id, index), SubmissionState::Validated { finding, window });
            assert_eq!(gain(CONTRIBUTOR), 0, "nobody is paid before the creator has the key");
            let who = members(id, index).get(releaser).copied().unwrap_or(CONTRIBUTOR);
            pass(RELEASE_PERIOD);
            assert_ok!(try_release(who, id, index, RELEASE));
            assert_eq!(submission(id, index).key, Some(RELEASE));
            assert_eq!(gain(CONTRIBUTOR), REWARD as i128);
            for member in members(id, index) {
                assert_eq!(gain(member), FEE as i128);
            }
            assert!(has_event(Event::KeyReleased { task: id, index, by: who, wrap: RELEASE }));
        });
    }
}

#[test]
fn a_key_whose_digest_does_not_match_pays_nobody() {
    run(|| {
        let (id, index) = judged(terms(), PASS);
        for wrong in [[0; 80], [43; 80], wrap(10)] {
            assert_noop!(try_release(CONTRIBUTOR, id, index, wrong), Error::<Test>::WrongKey);
        }
        release(id, index);
    });
}

#[test]
fn who_can_release_a_key_when() {
    run(|| {
        assert_noop!(try_release(10, 0, 0, RELEASE), Error::<Test>::UnknownTask);
        let (id, index, drawn) = under_validation(terms());
        assert_noop!(try_release(10, id, 9, RELEASE), Error::<Test>::UnknownSubmission);
        assert_noop!(try_release(drawn[0], id, index, RELEASE), Error::<Test>::NotReleasing);
        judge_all(id, index, PASS);
        let outsider = MEMBERS.into_iter().find(|who| !drawn.contains(who)).unwrap();
        for who in [CREATOR, OTHER, outsider] {
            assert_noop!(try_release(who, id, index, RELEASE), Error::<Test>::NotParty);
        }
        pass(RELEASE_PERIOD + 1);
        assert_noop!(try_release(drawn[0], id, index, RELEASE), Error::<Test>::DeadlinePassed);
        settle(id, index);
        assert_noop!(try_release(drawn[0], id, index, RELEASE), Error::<Test>::NotReleasing);
    });
}

#[test]
fn members_that_did_not_pass_a_result_need_not_have_a_key_to_release() {
    // A creator accepts, from a friend, what has no key that fits: that must not cost the members
    // that said so.
    for verdict in [FAIL, INCONCLUSIVE] {
        run(|| {
            let (id, index) = judged(manual(), verdict);
            assert_ok!(Market::accept_result(signed(CREATOR), id, index));
            settle_after(RELEASE_PERIOD, id, index);
            for member in members(id, index) {
                assert_eq!((profile(member).bond, profile(member).duties), (OFFICE_BOND, 0));
            }
        });
    }
}

#[test]
fn a_key_that_nobody_releases_costs_those_who_would_have_earned() {
    run(|| {
        let (id, index, drawn) = under_validation(terms());
        judge(id, index, &[(PASS, SCORE), (FAIL, 0), (PASS, SCORE)]);
        settle_after(RELEASE_PERIOD, id, index);
        let withheld = OFFICE_BOND / 5;
        assert_eq!(profile(drawn[0]).bond, OFFICE_BOND - withheld);
        assert_eq!(profile(drawn[1]).bond, OFFICE_BOND);
        assert_eq!(profile(drawn[2]).bond, OFFICE_BOND - withheld);
        assert_eq!(treasury_gain(), 2 * withheld);
        assert!(drawn.iter().all(|member| profile(*member).duties == 0));
        assert_eq!((gain(CREATOR), gain(CONTRIBUTOR)), (0, 0));
        assert_eq!(purse(CONTRIBUTOR).bond, 0);
        assert_eq!(purse(CREATOR).escrow, 3 * SLOT);
        assert_eq!(task(id).open_slots, 3);
        let SubmissionState::Rejected { outcome, .. } = state(id, index) else { panic!() };
        assert_eq!(outcome, Outcome::Accepted);
    });
}
