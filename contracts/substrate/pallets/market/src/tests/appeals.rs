//! Appeals: who can have all in office judge again, against what and for how much.

use super::*;

fn try_appeal(who: AccountId, id: TaskId, index: Index) -> DispatchResult {
    Market::appeal(signed(who), id, index)
}

fn appeal(who: AccountId, id: TaskId, index: Index) {
    assert_ok!(try_appeal(who, id, index));
}

/// Members of the committee, and those in office besides.
fn in_and_out(id: TaskId, index: Index) -> (Vec<AccountId>, Vec<AccountId>) {
    let inside = members(id, index);
    let outside = MEMBERS.into_iter().filter(|who| !inside.contains(who)).collect();
    (inside, outside)
}

#[test]
fn an_appeal_seats_all_in_office_against_a_bond() {
    run(|| {
        let (id, index) = judged(challenged(), FAIL);
        appeal(CONTRIBUTOR, id, index);
        let found = Appeals::<Test>::get(id, index).unwrap();
        let jury: Vec<_> = found.jury.iter().map(|seat| seat.member).collect();
        assert_eq!(jury, MEMBERS);
        assert_eq!((found.appellant, found.bond, found.counter), (CONTRIBUTOR, APPEAL_BOND, 0));
        assert_eq!(purse(CONTRIBUTOR).appeal, APPEAL_BOND);
        let phase = Phase::Sealing { until: START + SEALING_PERIOD };
        let finding = Finding { verdict: FAIL, score: SCORE };
        let (outcome, reason) = (Outcome::Failed, Reason::default());
        assert_eq!(state(id, index), SubmissionState::Appealed { finding, outcome, reason, phase });
        let (inside, outside) = in_and_out(id, index);
        for member in inside {
            assert_eq!(profile(member).duties, 2);
        }
        for member in &outside {
            assert_eq!(profile(*member).duties, 1);
        }
        let (appellant, bond, gold) = (CONTRIBUTOR, APPEAL_BOND, false);
        let jury = MEMBERS.to_vec().try_into().unwrap();
        assert!(has_event(Event::Appealed { task: id, index, appellant, bond, gold, jury }));

        // Members of the committee have the key already.
        let all = Market::hand_key(signed(CONTRIBUTOR), id, index, wraps(&MEMBERS));
        assert_noop!(all, Error::<Test>::WrongRecipient);
        assert_ok!(Market::hand_key(signed(CONTRIBUTOR), id, index, wraps(&outside)));
    });
}

#[test]
fn a_jury_of_those_who_have_the_key_need_not_wait_for_it() {
    run(|| {
        put_in_office(&[10, 11, 12]);
        let (id, index) = judged(challenged(), FAIL);
        appeal(CONTRIBUTOR, id, index);
        assert!(panel(id, index).iter().all(|seat| seat.wrap == Some(wrap(seat.member))));
        let SubmissionState::Appealed { phase, .. } = state(id, index) else { panic!() };
        assert_eq!(phase, Phase::Committing { until: START + COMMIT_PERIOD });
    });
}

#[test]
fn a_jury_has_no_party_and_at_most_sixteen() {
    run(|| {
        let office: Vec<_> = [CREATOR, CONTRIBUTOR].into_iter().chain(10..=27).collect();
        for who in &office {
            if !MEMBERS.contains(who) {
                register(*who);
            }
        }
        put_in_office(&office);
        let (id, index) = judged(challenged(), FAIL);
        appeal(CONTRIBUTOR, id, index);
        let jury: Vec<_> = panel(id, index).iter().map(|seat| seat.member).collect();
        assert_eq!(jury, (10..26).collect::<Vec<_>>());
        assert_eq!(purse(CONTRIBUTOR).appeal, 16 * FEE);
    });
}

#[test]
fn who_can_appeal_against_what_and_when() {
    run(|| {
        let refuse = |who, id, index, error: Error<Test>| {
            assert_noop!(try_appeal(who, id, index), error);
        };
        refuse(CONTRIBUTOR, 0, 0, Error::UnknownTask);
        let (id, index, _) = under_validation(challenged());
        refuse(CONTRIBUTOR, id, 9, Error::UnknownSubmission);
        refuse(CONTRIBUTOR, id, index, Error::NotChallengeable);
        judge_all(id, index, FAIL);
        for who in [OTHER, 10, 40] {
            refuse(who, id, index, Error::NotParty);
        }
        refuse(CREATOR, id, index, Error::CannotAppeal);
        pass(CHALLENGE + 1);
        refuse(CONTRIBUTOR, id, index, Error::DeadlinePassed);
        set_time(START + CHALLENGE);
        appeal(CONTRIBUTOR, id, index);
        refuse(CONTRIBUTOR, id, index, Error::NotChallengeable);

        let (accepted, index) = judged(challenged(), PASS);
        refuse(CONTRIBUTOR, accepted, index, Error::CannotAppeal);
        appeal(CREATOR, accepted, index);
        let (ended, index) = judged(terms(), FAIL);
        refuse(CONTRIBUTOR, ended, index, Error::NotChallengeable);
        let (overruled, index) = judged(manual(), PASS);
        assert_ok!(reject(overruled, index));
        refuse(CREATOR, overruled, index, Error::CannotAppeal);
    });
}

#[test]
fn an_appeal_takes_its_bond() {
    run(|| {
        let (id, index) = judged(challenged(), FAIL);
        let spare = Balances::free_balance(CONTRIBUTOR) - ED - APPEAL_BOND + 1;
        assert_ok!(Balances::transfer_allow_death(signed(CONTRIBUTOR), 40, spare));
        let poor = try_appeal(CONTRIBUTOR, id, index);
        assert_noop!(poor, Error::<Test>::AppealUnaffordable);
        assert_ok!(Balances::transfer_allow_death(signed(40), CONTRIBUTOR, 1));
        appeal(CONTRIBUTOR, id, index);
    });
}

#[test]
fn without_anyone_in_office_there_is_no_appeal() {
    run(|| {
        let (id, index) = judged(challenged(), FAIL);
        put_in_office(&[]);
        let alone = try_appeal(CONTRIBUTOR, id, index);
        assert_noop!(alone, Error::<Test>::NoEligibleAggregator);
    });
}
