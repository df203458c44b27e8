//! Leaders that are silent, leave or step down, and rounds that come to nothing.

use super::*;

#[test]
fn a_silent_leader_is_replaced_until_nobody_is_left() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        let mut failed = vec![led(&[1, 2, 3])];
        for attempt in 1..3 {
            pass(TIMEOUT + 1);
            advance();
            let replaced =
                Event::LeaderReplaced { swarm: SWARM, round: 1, leader: failed[failed.len() - 1] };
            assert!(events().contains(&replaced));
            assert_eq!((round().attempt, round().candidates), (attempt, 2 - attempt));
            failed.push(leader().unwrap());
        }
        failed.sort();
        assert_eq!(failed, [1, 2, 3]);
        pass(TIMEOUT + 1);
        advance();
        assert_eq!(last_event(), Event::RoundVoided { swarm: SWARM, round: 1 });
        assert_eq!((swarm().round, swarm().newest.clone(), is_open()), (2, None, false));
        // Who waits arrives again.
        merged(&[1, 2, 3]);
        assert_eq!(swarm().base(), 2);
    });
}

#[test]
fn a_late_leader_may_publish_until_it_is_replaced() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        let first = led(&[1, 2, 3]);
        pass(TIMEOUT + 1);
        advance();
        assert_noop!(try_publish(first), Error::<Test>::NotLeader);
        let second = leader().unwrap();
        pass(TIMEOUT + 1);
        assert_ok!(try_publish(second));
        assert_eq!(swarm().newest.unwrap().leader, second);
    });
}

#[test]
fn a_leader_steps_down_and_another_leads_at_once() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        let step_down = |who, round| Hive::step_down(signed(who), SWARM, round);
        assert_noop!(step_down(1, 1), Error::<Test>::WrongRound);
        let first = led(&[1, 2, 3]);
        assert_noop!(step_down(first, 2), Error::<Test>::WrongRound);
        assert_noop!(step_down(1 + first % 3, 1), Error::<Test>::NotLeader);
        assert_ok!(step_down(first, 1));
        let second = leader().unwrap();
        assert_ne!(first, second);
        assert_eq!((round().arrivals, round().attempt), (3, 1));
        assert_ok!(step_down(second, 1));
        assert_ok!(step_down(leader().unwrap(), 1));
        assert!(!is_open());
    });
}

#[test]
fn without_anybody_willing_a_round_is_void() {
    run(|| {
        create(terms());
        join_as(1, false);
        join_as(2, false);
        [1, 2].into_iter().for_each(arrive);
        next_blocks(1);
        advance();
        assert_eq!(last_event(), Event::RoundVoided { swarm: SWARM, round: 1 });
        assert_eq!(swarm().round, 2);
    });
}

#[test]
fn a_leader_that_leaves_is_replaced_at_once() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        let first = led(&[1, 2, 3]);
        assert_ok!(Hive::give_up_seat(signed(first), SWARM));
        assert_ne!(leader(), Some(first));
        assert_eq!((round().arrivals, round().attempt), (2, 1));
        assert_ok!(try_publish(leader().unwrap()));
    });
}

#[test]
fn a_leader_whose_seat_is_revoked_is_replaced_at_once() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        let first = led(&[1, 2, 3]);
        assert_ok!(Hive::revoke_seat(signed(OWNER), SWARM, first));
        assert_noop!(try_publish(first), Error::<Test>::NotLeader);
        assert_ok!(try_publish(leader().unwrap()));
    });
}

#[test]
fn too_few_to_merge_are_not_merged() {
    run(|| {
        gathered(quorum_of(3), &[1, 2, 3]);
        led(&[1, 2, 3]);
        assert_ok!(Hive::give_up_seat(signed(1), SWARM));
        assert!(events().contains(&Event::RoundVoided { swarm: SWARM, round: 1 }));
        assert!(!is_open());
    });
}

#[test]
fn too_few_to_draw_from_are_not_drawn_from() {
    run(|| {
        gathered(quorum_of(3), &[1, 2, 3]);
        [1, 2, 3].into_iter().for_each(arrive);
        assert_ok!(Hive::revoke_seat(signed(OWNER), SWARM, 2));
        assert!(!is_open());
        assert_eq!(swarm().round, 2);
    });
}

#[test]
fn the_last_arrival_that_leaves_takes_the_round_with_it() {
    run(|| {
        gathered(terms(), &[1, 2]);
        arrive(1);
        assert_ok!(Hive::give_up_seat(signed(1), SWARM));
        assert!(!is_open());
        assert_eq!(swarm().round, 2);
    });
}

#[test]
fn a_round_does_not_wait_for_who_has_left() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        [1, 2].into_iter().for_each(arrive);
        assert_ok!(Hive::give_up_seat(signed(3), SWARM));
        assert!(matches!(round().stage, Stage::Drawing { .. }));
    });
}

#[test]
fn who_comes_back_to_a_round_arrives_in_it_anew() {
    run(|| {
        gathered(quorum_of(3), &[1, 2, 3]);
        [1, 2].into_iter().for_each(arrive);
        assert_ok!(Hive::give_up_seat(signed(1), SWARM));
        assert_eq!((round().arrivals, round().waiting, round().candidates), (1, 1, 1));
        join(1);
        assert_eq!((round().arrivals, round().waiting), (1, 2));
        [1, 3].into_iter().for_each(arrive);
        assert_eq!((round().arrivals, round().candidates), (3, 3));
    });
}

#[test]
fn candidates_move_up_where_one_leaves() {
    run(|| {
        let members: Vec<_> = (1..=8).collect();
        gathered(terms(), &members);
        members[..7].iter().for_each(|who| arrive(*who));
        for who in [1, 7, 4] {
            assert_ok!(Hive::give_up_seat(signed(who), SWARM));
            assert_ok!(Hive::do_try_state());
        }
        let mut left: Vec<_> = (0..round().candidates)
            .map(|place| Candidates::<Test>::get(SWARM, place).unwrap())
            .collect();
        left.sort();
        assert_eq!(left, [2, 3, 5, 6]);
        assert_ok!(Hive::give_up_seat(signed(8), SWARM));
        let leader = draw();
        assert!(left.contains(&leader));
    });
}

#[test]
fn nothing_is_left_of_candidates_when_all_have_gone() {
    run(|| {
        gathered(terms(), &[1, 2, 3, 4, 5]);
        merged(&[1, 2, 3, 4, 5]);
        for who in 1..=5 {
            assert_ok!(Hive::give_up_seat(signed(who), SWARM));
        }
        assert_eq!(Candidates::<Test>::iter().count(), 0);
    });
}

#[test]
fn where_a_leader_dies_and_nobody_advances_nothing_is_lost() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        led(&[1, 2, 3]);
        pass(1_000 * TIMEOUT);
        next_blocks(10 * HASHES);
        advance();
        let leader = draw();
        assert_ok!(try_publish(leader));
    });
}
