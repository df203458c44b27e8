//! Publishing models, and who may do it instead of the creator.

use super::*;

const MERGER: AccountId = 10;

fn publish(who: AccountId, id: TaskId, model: &str) -> DispatchResult {
    Market::publish_model(signed(who), id, model.as_bytes().to_vec().try_into().unwrap())
}

fn appoint(who: AccountId, id: TaskId, merger: impl Into<Option<AccountId>>) -> DispatchResult {
    Market::appoint_merger(signed(who), id, merger.into())
}

fn merger(id: TaskId) -> Option<AccountId> {
    Mergers::<Test>::get(id).map(|merger| merger.account)
}

#[test]
fn publishing_takes_an_accepted_result() {
    run(|| {
        let (id, index) = judged(terms(), PASS);
        assert_noop!(publish(CREATOR, 9, "bafymodel"), Error::<Test>::UnknownTask);
        assert_noop!(publish(OTHER, id, "bafymodel"), Error::<Test>::NotPublisher);
        assert_noop!(publish(CREATOR, id, "bafymodel"), Error::<Test>::NothingAccepted);
        release(id, index);
        assert_noop!(publish(CREATOR, id, "model"), Error::<Test>::InvalidCid);
        assert_ok!(publish(CREATOR, id, "bafymodel"));
        assert_eq!(task(id).published, Some(cid("model")));
        assert_ok!(publish(CREATOR, id, "bafybetter"));
        assert_eq!(task(id).published, Some(cid("better")));
    });
}

#[test]
fn a_merger_publishes_as_its_creator_would() {
    run(|| {
        let (id, index) = judged(terms(), PASS);
        assert_ok!(appoint(CREATOR, id, MERGER));
        assert_noop!(publish(MERGER, id, "bafymodel"), Error::<Test>::NothingAccepted);
        release(id, index);
        assert_noop!(publish(MERGER, id, "model"), Error::<Test>::InvalidCid);
        assert_ok!(publish(MERGER, id, "bafymodel"));
        assert_ok!(publish(MERGER, id, "bafybetter"));
        assert_eq!(task(id).published, Some(cid("better")));
        assert_noop!(publish(MERGER + 1, id, "bafyworse"), Error::<Test>::NotPublisher);
        assert_eq!(merger(id), Some(MERGER));
    });
}

#[test]
fn a_merger_merges_for_one_task_only() {
    run(|| {
        let (id, _) = paid(terms());
        let other = create(terms());
        assert_ok!(appoint(CREATOR, other, MERGER));
        assert_noop!(publish(MERGER, id, "bafymodel"), Error::<Test>::NotPublisher);
    });
}

#[test]
fn the_creators_own_model_is_the_last_word() {
    run(|| {
        let (id, _) = paid(terms());
        assert_ok!(appoint(CREATOR, id, MERGER));
        assert_ok!(publish(MERGER, id, "bafytheirs"));
        assert_ok!(publish(CREATOR, id, "bafymine"));
        assert_eq!((task(id).published, merger(id)), (Some(cid("mine")), None));
        assert!(has_event(Event::MergerAppointed { task: id, merger: None }));
        assert_noop!(publish(MERGER, id, "bafytheirs"), Error::<Test>::NotPublisher);
        assert_eq!(purse(CREATOR).deposit, task(id).deposit);
    });
}

#[test]
fn a_dismissed_merger_publishes_no_more() {
    run(|| {
        let (id, _) = paid(terms());
        assert_ok!(appoint(CREATOR, id, MERGER));
        assert_ok!(publish(MERGER, id, "bafytheirs"));
        assert_ok!(appoint(CREATOR, id, None));
        assert!(has_event(Event::MergerAppointed { task: id, merger: None }));
        assert_noop!(publish(MERGER, id, "bafyworse"), Error::<Test>::NotPublisher);
        assert_eq!(task(id).published, Some(cid("theirs")), "what was published stays");
        assert_eq!(purse(CREATOR).deposit, task(id).deposit);
    });
}

#[test]
fn who_can_appoint_whom() {
    run(|| {
        let id = create(terms());
        assert_noop!(appoint(CREATOR, 9, MERGER), Error::<Test>::UnknownTask);
        assert_noop!(appoint(OTHER, id, MERGER), Error::<Test>::NotCreator);
        assert_noop!(appoint(CREATOR, id, CREATOR), Error::<Test>::CreatorCannotMerge);
        assert_noop!(appoint(CREATOR, id, None), Error::<Test>::NoMerger);
        assert_ok!(appoint(CREATOR, id, MERGER));
        assert!(has_event(Event::MergerAppointed { task: id, merger: Some(MERGER) }));
        assert_noop!(appoint(MERGER, id, OTHER), Error::<Test>::NotCreator);
        assert_noop!(appoint(MERGER, id, None), Error::<Test>::NotCreator);
        assert_ok!(appoint(CREATOR, id, OTHER));
        assert_eq!(merger(id), Some(OTHER));
    });
}

#[test]
fn one_deposit_is_held_however_often_a_merger_is_appointed() {
    use codec::MaxEncodedLen;
    run(|| {
        let id = create(terms());
        let before = purse(CREATOR).deposit;
        let deposit = DEPOSIT_BASE + MergerOf::<Test>::max_encoded_len() as Balance;
        for who in [MERGER, OTHER, OTHER] {
            assert_ok!(appoint(CREATOR, id, who));
            assert_eq!(purse(CREATOR).deposit, before + deposit);
        }
    });
}

#[test]
fn a_merger_can_be_appointed_and_publish_when_the_task_has_ended() {
    run(|| {
        let (id, _) = paid(Terms { slots: 1, ..terms() });
        assert_ne!(task(id).ended_at, None);
        assert_ok!(appoint(CREATOR, id, MERGER));
        assert_ok!(publish(MERGER, id, "bafymodel"));
    });
}

#[test]
fn a_merger_goes_with_its_task() {
    run(|| {
        let id = create(terms());
        assert_ok!(appoint(CREATOR, id, MERGER));
        assert_ok!(Market::withdraw_task(signed(CREATOR), id));
        pass(RETENTION_PERIOD + 1);
        assert_ok!(Market::clear(signed(OTHER), id, None));
        assert_eq!((merger(id), purse(CREATOR).deposit), (None, 0));
        assert_noop!(appoint(CREATOR, id, MERGER), Error::<Test>::UnknownTask);
    });
}
