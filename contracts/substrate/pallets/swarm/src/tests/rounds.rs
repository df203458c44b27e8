//! Rounds in which all goes well, and arrivals that are refused.

use super::*;

fn arrive_with(who: AccountId, number: u32, base: u32, what: &str) -> DispatchResult {
    Hive::arrive(signed(who), SWARM, number, base, cid(what))
}

#[test]
fn nodes_arrive_one_of_them_is_drawn_and_publishes() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        System::reset_events();
        arrive(1);
        let opened = Event::RoundOpened { swarm: SWARM, round: 1 };
        let arrived = Event::Arrived { swarm: SWARM, round: 1, who: 1, cid: update(1) };
        assert_eq!(events(), [opened, arrived]);
        assert_eq!((round().opened, round().arrivals, round().waiting), (START, 1, 2));
        pass(700);
        arrive(2);
        assert_eq!((node(2).round, node(2).arrived), (1, START + 700));
        assert_eq!(node(2).cid, Some(update(2)));
        arrive(3);
        let anchor = System::block_number();
        let collected = Event::RoundCollected { swarm: SWARM, round: 1, arrivals: 3, anchor };
        assert_eq!(last_event(), collected);
        assert_eq!(round().stage, Stage::Drawing { anchor });
        next_blocks(1);
        pass(6_000);
        advance();
        let (leader, deadline) = (leader().unwrap(), now() + TIMEOUT);
        assert_eq!(last_event(), Event::LeaderDrawn { swarm: SWARM, round: 1, leader, deadline });
        assert_eq!(round().candidates, 2);
        let left_out: LeftOutOf<Test> = vec![(9, Fault::NotFinite)].try_into().unwrap();
        let of_leader = signed(leader);
        assert_ok!(Hive::publish(of_leader, SWARM, 1, cid("merged"), 3, left_out.clone()));
        let cid = cid("merged");
        let told = Event::RoundMerged {
            swarm: SWARM,
            round: 1,
            leader,
            cid: cid.clone(),
            merged: 3,
            left_out,
        };
        assert_eq!(last_event(), told);
        let newest = Merged { round: 1, cid, leader, arrivals: 3 };
        assert_eq!((swarm().newest, swarm().previous), (Some(newest), None));
        assert_eq!((swarm().round, is_open()), (2, false));
    });
}

#[test]
fn a_model_has_the_one_before_it_behind_it() {
    run(|| {
        gathered(terms(), &[1, 2]);
        for number in 1..=4 {
            merged(&[1, 2]);
            assert_eq!(swarm().base(), number);
            assert_eq!(swarm().previous.map_or(0, |merged| merged.round), number - 1);
        }
    });
}

#[test]
fn a_swarm_of_one_goes_on_alone() {
    run(|| {
        gathered(quorum_of(1), &[1]);
        assert_eq!([merged(&[1]), merged(&[1])], [1, 1]);
    });
}

#[test]
fn an_update_is_counted_once() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        arrive(1);
        assert_noop!(try_arrive(1), Error::<Test>::AlreadyArrived);
        assert_noop!(arrive_with(1, 1, 0, "other"), Error::<Test>::AlreadyArrived);
        arrive(2);
        arrive(3);
        assert_noop!(try_arrive(1), Error::<Test>::AlreadyArrived);
        assert_eq!(round().arrivals, 3);
    });
}

#[test]
fn nobody_arrives_in_another_round_than_the_open_one() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        assert_noop!(arrive_with(1, 0, 0, "a"), Error::<Test>::WrongRound);
        assert_noop!(arrive_with(1, 2, 0, "a"), Error::<Test>::WrongRound);
        merged(&[1, 2, 3]);
        assert_noop!(arrive_with(1, 1, 1, "a"), Error::<Test>::WrongRound);
    });
}

#[test]
fn nobody_merges_from_another_starting_point() {
    run(|| {
        gathered(terms(), &[1, 2]);
        assert_noop!(arrive_with(1, 1, 1, "a"), Error::<Test>::StaleBase);
        merged(&[1, 2]);
        assert_noop!(arrive_with(1, 2, 0, "a"), Error::<Test>::StaleBase);
        assert_ok!(arrive_with(1, 2, 1, "a"));
    });
}

#[test]
fn an_update_is_named_by_a_content_identifier() {
    run(|| {
        gathered(terms(), &[1, 2]);
        assert_noop!(arrive_with(1, 1, 0, "Upper"), Error::<Test>::BadCid);
        let empty = Hive::arrive(signed(1), SWARM, 1, 0, Cid::default());
        assert_noop!(empty, Error::<Test>::BadCid);
    });
}

#[test]
fn who_is_late_after_the_collection_is_told_so() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        [1, 2].into_iter().for_each(arrive);
        pass(WAIT + 1);
        advance();
        assert_noop!(try_arrive(3), Error::<Test>::CollectionOver);
        draw();
        assert_noop!(try_arrive(3), Error::<Test>::CollectionOver);
    });
}

#[test]
fn below_the_quorum_a_round_waits_and_has_no_deadline() {
    run(|| {
        gathered(quorum_of(3), &[1, 2, 3, 4]);
        [1, 2].into_iter().for_each(arrive);
        assert_eq!(deadline(), None);
        pass(1_000 * WAIT);
        assert_noop!(try_advance(), Error::<Test>::NothingDue);
        arrive(3);
        assert_eq!(deadline(), Some(now() + WAIT));
    });
}

#[test]
fn all_present_are_too_few_where_the_quorum_is_larger() {
    run(|| {
        gathered(quorum_of(3), &[1, 2]);
        [1, 2].into_iter().for_each(arrive);
        assert_eq!((round().waiting, deadline()), (0, None));
        join(3);
        arrive(3);
        assert!(matches!(round().stage, Stage::Drawing { .. }));
    });
}

#[test]
fn until_somebody_advances_a_round_takes_who_is_late() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        [1, 2].into_iter().for_each(arrive);
        pass(WAIT + 1);
        arrive(3);
        assert_eq!(round().arrivals, 3);
        assert!(matches!(round().stage, Stage::Drawing { .. }));
    });
}

#[test]
fn nothing_is_due_before_its_time() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        assert_noop!(try_advance(), Error::<Test>::NothingDue);
        [1, 2].into_iter().for_each(arrive);
        pass(WAIT);
        assert_noop!(try_advance(), Error::<Test>::NothingDue);
        pass(1);
        advance();
        assert_noop!(try_advance(), Error::<Test>::NothingDue);
        draw();
        pass(TIMEOUT);
        assert_noop!(try_advance(), Error::<Test>::NothingDue);
        pass(1);
        advance();
    });
}

#[test]
fn only_the_leader_publishes_and_only_its_round() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        assert_noop!(try_publish(1), Error::<Test>::WrongRound);
        [1, 2, 3].into_iter().for_each(arrive);
        assert_noop!(try_publish(1), Error::<Test>::NotLeader);
        let leader = draw();
        let other = 1 + leader % 3;
        assert_noop!(try_publish(other), Error::<Test>::NotLeader);
        let publish = |round, what, merged| {
            Hive::publish(signed(leader), SWARM, round, cid(what), merged, LeftOut::default())
        };
        assert_noop!(publish(2, "merged", 3), Error::<Test>::WrongRound);
        assert_noop!(publish(1, "MERGED", 3), Error::<Test>::BadCid);
        assert_noop!(publish(1, "merged", 0), Error::<Test>::BadMerged);
        assert_noop!(publish(1, "merged", 9), Error::<Test>::BadMerged);
        assert_ok!(publish(1, "merged", 3));
        assert_noop!(publish(1, "merged", 3), Error::<Test>::WrongRound);
    });
}

#[test]
fn swarms_do_not_touch_each_other() {
    run(|| {
        gathered(terms(), &[1, 2]);
        create(terms());
        for who in [1, 2] {
            assert_ok!(Hive::take_seat(signed(who), 1, 0));
            assert_ok!(Hive::register(signed(who), 1, certificate(who), address(), 1, true));
            assert_ok!(Hive::ready(signed(who), 1));
        }
        assert_ok!(Hive::arrive(signed(1), 1, 1, 0, cid("a")));
        merged(&[1, 2]);
        assert_eq!(Rounds::<Test>::get(1).unwrap().arrivals, 1);
        assert_eq!(Swarms::<Test>::get(1).unwrap().round, 1);
        assert_ok!(Hive::give_up_seat(signed(2), 1));
        assert_eq!((swarm().seats, swarm().nodes), (2, 2));
    });
}
