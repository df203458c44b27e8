//! Sending results, and the creator's decision.

use super::*;

#[test]
fn a_result_waits_for_the_next_block_to_draw_its_committee() {
    run(|| {
        let id = create(terms());
        let index = accept(id, CONTRIBUTOR);
        pass(WORKING);
        submit(id, CONTRIBUTOR);
        let found = submission(id, index);
        let now = Market::now();
        let work = Work { cid: cid("result"), digest: [7; 32], submitted_at: now };
        assert_eq!(found.work, Some(work));
        let phase = Phase::Drawing { anchor: 2, until: now + DRAW_PERIOD };
        assert_eq!(found.state, SubmissionState::PendingValidation { phase, round: 0 });
    });
}

#[test]
fn who_can_submit_what_and_when() {
    run(|| {
        let send = |who, id, cid: &str| {
            let cid = cid.as_bytes().to_vec().try_into().unwrap();
            Market::submit_result(signed(who), id, cid, [0; 32])
        };
        assert_noop!(send(CONTRIBUTOR, 0, "bafyresult"), Error::<Test>::UnknownTask);
        let id = create(terms());
        assert_noop!(send(CONTRIBUTOR, id, "bafyresult"), Error::<Test>::NotAssigned);
        accept(id, CONTRIBUTOR);
        accept(id, OTHER);
        assert_noop!(send(CONTRIBUTOR, id, "result"), Error::<Test>::InvalidCid);
        assert_ok!(send(CONTRIBUTOR, id, "bafyresult"));
        assert_noop!(send(CONTRIBUTOR, id, "bafyagain"), Error::<Test>::AlreadySubmitted);
        pass(WORKING + 1);
        assert_noop!(send(OTHER, id, "bafylate"), Error::<Test>::DeadlinePassed);
    });
}

#[test]
fn the_creator_of_a_manual_task_decides_until_the_review_deadline() {
    run(|| {
        let (id, index) = under_review(PASS);
        pass(REVIEW);
        assert_ok!(Market::accept_result(signed(CREATOR), id, index));
        assert_eq!(gain(CONTRIBUTOR), REWARD as i128);

        let (id, index) = under_review(PASS);
        pass(REVIEW + 1);
        assert_noop!(
            Market::accept_result(signed(CREATOR), id, index),
            Error::<Test>::DeadlinePassed
        );
        assert_noop!(
            Market::reject_result(signed(CREATOR), id, index, Reason::default()),
            Error::<Test>::DeadlinePassed
        );
    });
}

#[test]
fn who_can_decide_what() {
    run(|| {
        let (id, index) = under_review(PASS);
        let both = |who, id, index| {
            let accepted = Market::accept_result(signed(who), id, index);
            let rejected = Market::reject_result(signed(who), id, index, Reason::default());
            assert_eq!(accepted, rejected);
            accepted
        };
        assert_eq!(both(CREATOR, 9, index), Err(Error::<Test>::UnknownTask.into()));
        assert_eq!(both(CREATOR, id, 9), Err(Error::<Test>::UnknownSubmission.into()));
        assert_eq!(both(OTHER, id, index), Err(Error::<Test>::NotCreator.into()));
        let (auto, index, _) = under_validation(terms());
        assert_eq!(both(CREATOR, auto, index), Err(Error::<Test>::NotManual.into()));
        let pending = accept(id, OTHER);
        assert_eq!(both(CREATOR, id, pending), Err(Error::<Test>::NotValidated.into()));
        assert_ok!(Market::accept_result(signed(CREATOR), id, 0));
        assert_eq!(both(CREATOR, id, 0), Err(Error::<Test>::NotValidated.into()));
    });
}

#[test]
fn a_contributor_can_try_again_after_a_rejection() {
    run(|| {
        let (id, index) = under_review(PASS);
        let reason: Reason = b"blurred".to_vec().try_into().unwrap();
        assert_ok!(Market::reject_result(signed(CREATOR), id, index, reason.clone()));
        let state = SubmissionState::Rejected { verdict: PASS, score: 500_000, reason };
        assert_eq!(submission(id, index).state, state);
        assert_eq!(accept(id, CONTRIBUTOR), index + 1);
    });
}
