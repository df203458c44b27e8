//! Sending results, and the creator's decision.

use super::*;

type Sent = (Option<Seal>, Option<Trace>);

fn send(who: AccountId, id: TaskId, cid: &str, (seal, trace): Sent) -> DispatchResult {
    let cid = cid.as_bytes().to_vec().try_into().unwrap();
    Market::submit_result(signed(who), id, cid, [0; 32], seal, trace)
}

#[test]
fn a_result_waits_for_the_next_block_to_draw_its_committee() {
    run(|| {
        let id = create(terms());
        let index = accept(id, CONTRIBUTOR);
        pass(WORKING);
        submit(id, CONTRIBUTOR);
        let found = submission(id, index);
        let (now, seal) = (Market::now(), Some(seal()));
        let cid = cid("result");
        let work = Work { cid, digest: [7; 32], seal, trace: None, submitted_at: now };
        assert_eq!(found.work, Some(work));
        let phase = Phase::Drawing { anchor: 2, until: now + DRAW_PERIOD };
        assert_eq!(found.state, SubmissionState::PendingValidation { phase, round: 0 });
    });
}

#[test]
fn who_can_submit_what_and_when() {
    run(|| {
        let sealed = (Some(seal()), None);
        let send = |who, id, cid| send(who, id, cid, sealed);
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
fn a_result_is_sealed() {
    run(|| {
        let id = create(terms());
        accept(id, CONTRIBUTOR);
        let open = send(CONTRIBUTOR, id, "bafyresult", (None, None));
        assert_eq!(open, Err(Error::<Test>::SealMissing.into()));
    });
}

#[test]
fn a_task_of_version_1_has_nobody_to_seal_to() {
    run(|| {
        let id = create(terms());
        Tasks::<Test>::mutate(id, |task| task.as_mut().unwrap().terms.reader = [0; 32]);
        accept(id, CONTRIBUTOR);
        let sealed = send(CONTRIBUTOR, id, "bafyresult", (Some(seal()), None));
        assert_eq!(sealed, Err(Error::<Test>::SealUnexpected.into()));
        assert_ok!(send(CONTRIBUTOR, id, "bafyresult", (None, None)));
        // Its members need no key, and it is paid as soon as it is accepted.
        draw(id, 0);
        judge_all(id, 0, PASS);
        assert_eq!(gain(CONTRIBUTOR), REWARD as i128);
    });
}

#[test]
fn a_trace_has_the_checkpoints_that_the_task_asks_for() {
    run(|| {
        let replay = Some(Replay { checkpoints: 11, segments: 2 });
        let (plain, traced) = (create(terms()), create(Terms { replay, ..terms() }));
        accept(plain, CONTRIBUTOR);
        accept(traced, CONTRIBUTOR);
        let send = |id, checkpoints: Option<u32>| {
            let trace = checkpoints.map(|checkpoints| Trace { root: [1; 32], checkpoints });
            send(CONTRIBUTOR, id, "bafyresult", (Some(seal()), trace))
        };
        assert_noop!(send(plain, Some(11)), Error::<Test>::TraceUnexpected);
        assert_noop!(send(traced, None), Error::<Test>::TraceMissing);
        for wrong in [0, 10, 12, u32::MAX] {
            assert_noop!(send(traced, Some(wrong)), Error::<Test>::WrongCheckpoints);
        }
        assert_ok!(send(plain, None));
        assert_ok!(send(traced, Some(11)));
    });
}

#[test]
fn the_creator_of_a_manual_task_decides_until_the_review_deadline() {
    run(|| {
        let (id, index) = judged(manual(), PASS);
        pass(REVIEW);
        assert_ok!(Market::accept_result(signed(CREATOR), id, index));
        release(id, index);
        assert_eq!(gain(CONTRIBUTOR), REWARD as i128);

        let (id, index) = judged(manual(), PASS);
        pass(REVIEW + 1);
        assert_noop!(
            Market::accept_result(signed(CREATOR), id, index),
            Error::<Test>::DeadlinePassed
        );
        assert_noop!(reject(id, index), Error::<Test>::DeadlinePassed);
    });
}

#[test]
fn who_can_decide_what() {
    run(|| {
        let (id, index) = judged(manual(), PASS);
        let both = |who, id, index| {
            let accepted = Market::accept_result(signed(who), id, index);
            let rejected = Market::reject_result(signed(who), id, index, Reason::default());
            assert_eq!(accepted, rejected);
            accepted
        };
        assert_eq!(both(CREATOR, 9, index), Err(Error::<Test>::UnknownTask.into()));
        assert_eq!(both(CREATOR, id, 9), Err(Error::<Test>::UnknownSubmission.into()));
        assert_eq!(both(OTHER, id, index), Err(Error::<Test>::NotCreator.into()));
        let pending = accept(id, OTHER);
        assert_eq!(both(CREATOR, id, pending), Err(Error::<Test>::NotValidated.into()));
        assert_ok!(Market::accept_result(signed(CREATOR), id, 0));
        assert_eq!(both(CREATOR, id, 0), Err(Error::<Test>::NotValidated.into()));
        let (auto, index) = judged(challenged(), FAIL);
        assert_noop!(reject(auto, index), Error::<Test>::NotManual);
    });
}

#[test]
fn a_creator_need_not_wait_for_the_end_of_a_challenge_window() {
    for verdict in [PASS, FAIL, INCONCLUSIVE] {
        run(|| {
            let (id, index) = judged(challenged(), verdict);
            assert_ok!(Market::accept_result(signed(CREATOR), id, index));
            release(id, index);
            assert_eq!(gain(CONTRIBUTOR), REWARD as i128);
        });
    }
}

#[test]
fn a_creator_can_think_better_of_overruling() {
    run(|| {
        let (id, index) = judged(manual(), PASS);
        assert_ok!(reject(id, index));
        assert_eq!(purse(CREATOR).appeal, APPEAL_BOND);
        pass(APPEAL_PERIOD);
        assert_ok!(Market::accept_result(signed(CREATOR), id, index));
        assert_eq!(purse(CREATOR).appeal, 0);
        release(id, index);
        assert_eq!(gain(CONTRIBUTOR), REWARD as i128);
    });
}

#[test]
fn a_challenge_window_can_be_waived_until_it_ends() {
    run(|| {
        let (id, index) = judged(challenged(), FAIL);
        pass(CHALLENGE + 1);
        let late = Market::accept_result(signed(CREATOR), id, index);
        assert_eq!(late, Err(Error::<Test>::DeadlinePassed.into()));
    });
}

#[test]
fn a_contributor_can_try_again_after_a_rejection() {
    run(|| {
        let (id, index) = judged(manual(), FAIL);
        assert_ok!(reject(id, index));
        let state = SubmissionState::Rejected {
            finding: Finding { verdict: FAIL, score: SCORE },
            outcome: Outcome::Failed,
            reason: reason(),
            ended_at: Market::now(),
        };
        assert_eq!(submission(id, index).state, state);
        assert_eq!(accept(id, CONTRIBUTOR), index + 1);
    });
}
