//! Whom rounds wait for, and how training ends.

use super::*;

fn finish(who: AccountId, presence: Presence) {
    assert_ok!(Hive::finish(signed(who), SWARM, presence));
}

fn mark_absent(who: AccountId) -> DispatchResult {
    Hive::mark_absent(signed(ANYONE), SWARM, who)
}

/// A round that the others have without those missing.
fn merged_without_the_rest(members: &[AccountId]) {
    members.iter().for_each(|who| arrive(*who));
    pass(2 * WAIT);
    advance();
    let leader = draw();
    assert_ok!(try_publish(leader));
}

#[test]
fn who_is_not_ready_does_not_arrive_and_is_not_waited_for() {
    run(|| {
        gathered(terms(), &[1, 2]);
        assert_ok!(take_seat(3));
        assert_ok!(register(3, true));
        assert_noop!(try_arrive(3), Error::<Test>::NotReady);
        let finished = Hive::finish(signed(3), SWARM, Presence::Snapshot);
        assert_noop!(finished, Error::<Test>::NotReady);
        assert_noop!(mark_absent(3), Error::<Test>::NotReady);
        [1, 2].into_iter().for_each(arrive);
        assert!(matches!(round().stage, Stage::Drawing { .. }));
    });
}

#[test]
fn a_round_that_is_open_waits_for_who_becomes_ready() {
    run(|| {
        gathered(terms(), &[1, 2]);
        arrive(1);
        join(3);
        let presence = Presence::Ready;
        assert_eq!(last_event(), Event::PresenceChanged { swarm: SWARM, who: 3, presence });
        assert_noop!(Hive::ready(signed(3), SWARM), Error::<Test>::AlreadyReady);
        assert_eq!((round().waiting, swarm().present), (2, 3));
        arrive(2);
        assert!(deadline().is_some());
        arrive(3);
        assert!(matches!(round().stage, Stage::Drawing { .. }));
    });
}

#[test]
fn who_missed_three_rounds_is_waited_for_no_more() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        merged(&[1, 2, 3]);
        for _ in 0..3 {
            assert_noop!(mark_absent(3), Error::<Test>::StillPresent);
            merged_without_the_rest(&[1, 2]);
        }
        assert_noop!(mark_absent(1), Error::<Test>::StillPresent);
        assert_ok!(mark_absent(3));
        assert_eq!((presence(3), swarm().present), (Presence::Absent, 2));
        assert_noop!(mark_absent(3), Error::<Test>::NotReady);
        merged(&[1, 2]);
    });
}

#[test]
fn an_absent_node_that_arrives_is_ready_again() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        for _ in 0..3 {
            merged_without_the_rest(&[1, 2]);
        }
        assert_ok!(mark_absent(3));
        arrive(1);
        arrive(3);
        assert_eq!((presence(3), swarm().present), (Presence::Ready, 3));
        assert_eq!((round().arrivals, round().waiting), (2, 1));
        arrive(2);
        assert!(matches!(round().stage, Stage::Drawing { .. }));
        assert_noop!(mark_absent(3), Error::<Test>::StillPresent);
    });
}

#[test]
fn who_becomes_ready_has_missed_nothing_yet() {
    run(|| {
        gathered(terms(), &[1, 2]);
        for _ in 0..5 {
            merged(&[1, 2]);
        }
        [1, 2].into_iter().for_each(arrive);
        join(3);
        assert_ok!(try_publish(draw()));
        for _ in 0..3 {
            assert_noop!(mark_absent(3), Error::<Test>::StillPresent);
            merged_without_the_rest(&[1, 2]);
        }
        assert_ok!(mark_absent(3));
        assert_ok!(Hive::ready(signed(3), SWARM));
        assert_noop!(mark_absent(3), Error::<Test>::StillPresent);
    });
}

#[test]
fn a_round_goes_on_when_the_last_it_waits_for_is_absent() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        for _ in 0..3 {
            merged_without_the_rest(&[1, 2]);
        }
        [1, 2].into_iter().for_each(arrive);
        assert!(deadline().is_some());
        assert_ok!(mark_absent(3));
        assert!(matches!(round().stage, Stage::Drawing { .. }));
    });
}

#[test]
fn a_training_ends_in_one_of_three_ways() {
    run(|| {
        gathered(terms(), &[1, 2, 3, 4]);
        for bad in [Presence::Registered, Presence::Ready, Presence::Absent] {
            assert_noop!(Hive::finish(signed(1), SWARM, bad), Error::<Test>::BadPresence);
        }
        merged(&[1, 2, 3, 4]);
        finish(1, Presence::Snapshot);
        finish(2, Presence::Active);
        finish(3, Presence::Inactive);
        let last = Event::PresenceChanged { swarm: SWARM, who: 3, presence: Presence::Inactive };
        assert_eq!(last_event(), last);
        assert_eq!(swarm().present, 2);
        assert_eq!(node(1).cid, Some(update(1)));
        assert_noop!(try_arrive(1), Error::<Test>::NotReady);
        assert_noop!(try_arrive(3), Error::<Test>::NotReady);
        merged(&[2, 4]);
        assert_eq!(presence(2), Presence::Active);
    });
}

#[test]
fn snapshots_count_for_the_quorum_once_for_each() {
    run(|| {
        gathered(quorum_of(3), &[1, 2, 3, 4]);
        merged(&[1, 2, 3, 4]);
        finish(3, Presence::Snapshot);
        arrive(4);
        assert_eq!((round().snapshots, swarm().snapshots), (1, 1));
        // It has arrived: it is one of the arrivals, and no snapshot beside them.
        finish(4, Presence::Snapshot);
        assert_eq!((round().snapshots, swarm().snapshots, deadline()), (1, 2, None));
        arrive(1);
        assert!(deadline().is_some());
        arrive(2);
        assert_ok!(try_publish(draw()));
        arrive(1);
        assert_eq!(round().snapshots, 2);
        assert!(deadline().is_some());
    });
}

#[test]
fn without_an_arrival_snapshots_are_no_quorum() {
    run(|| {
        gathered(quorum_of(2), &[1, 2, 3]);
        merged(&[1, 2, 3]);
        finish(2, Presence::Snapshot);
        finish(3, Presence::Snapshot);
        assert!(!is_open());
        arrive(1);
        assert!(matches!(round().stage, Stage::Drawing { .. }));
        assert_ok!(Hive::give_up_seat(signed(1), SWARM));
        assert!(!is_open());
    });
}

#[test]
fn who_ended_otherwise_or_never_arrived_does_not_count_for_the_quorum() {
    run(|| {
        gathered(quorum_of(3), &[1, 2, 3]);
        join(4);
        merged(&[1, 2, 3, 4]);
        finish(3, Presence::Inactive);
        join(5);
        finish(5, Presence::Snapshot);
        [1, 2].into_iter().for_each(arrive);
        assert_eq!((round().snapshots, deadline()), (0, None));
    });
}

#[test]
fn a_snapshot_that_trains_again_is_waited_for_instead() {
    run(|| {
        gathered(quorum_of(3), &[1, 2, 3, 4]);
        merged(&[1, 2, 3, 4]);
        finish(3, Presence::Snapshot);
        [1, 2].into_iter().for_each(arrive);
        assert!(deadline().is_some());
        assert_ok!(Hive::ready(signed(3), SWARM));
        assert_eq!((round().snapshots, round().waiting, deadline()), (0, 2, None));
        arrive(3);
        assert!(deadline().is_some());
        // Once the collection is over, what is merged is settled.
        finish(4, Presence::Inactive);
        finish(1, Presence::Snapshot);
        assert_ok!(Hive::ready(signed(1), SWARM));
        assert!(matches!(round().stage, Stage::Drawing { .. }));
        assert_ok!(try_publish(draw()));
    });
}

#[test]
fn nobody_is_waited_for_by_becoming_ready_over_and_over() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        for _ in 0..2 {
            finish(3, Presence::Active);
            merged_without_the_rest(&[1, 2]);
            assert_ok!(Hive::ready(signed(3), SWARM));
        }
        merged_without_the_rest(&[1, 2]);
        assert_ok!(mark_absent(3));
        // Who was there before has one round left.
        for again in [Presence::Absent, Presence::Snapshot] {
            if again.is_an_end() {
                finish(3, again);
            }
            assert_ok!(Hive::ready(signed(3), SWARM));
            assert_noop!(mark_absent(3), Error::<Test>::StillPresent);
            merged_without_the_rest(&[1, 2]);
            assert_ok!(mark_absent(3));
        }
    });
}

#[test]
fn what_arrived_stays_in_its_round_but_its_node_does_not_lead() {
    run(|| {
        gathered(quorum_of(3), &[1, 2, 3, 4]);
        [1, 2, 3].into_iter().for_each(arrive);
        finish(1, Presence::Snapshot);
        finish(2, Presence::Inactive);
        assert_eq!((round().arrivals, round().candidates, round().waiting), (3, 1, 1));
        finish(4, Presence::Inactive);
        assert!(matches!(round().stage, Stage::Drawing { .. }));
        assert_eq!(draw(), 3);
    });
}

#[test]
fn a_leader_whose_training_ends_is_replaced_unless_it_stays_active() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        let first = led(&[1, 2, 3]);
        finish(first, Presence::Active);
        assert_eq!(leader(), Some(first));
        finish(first, Presence::Snapshot);
        assert_ne!(leader(), Some(first));
        assert_eq!(round().arrivals, 3);
        finish(leader().unwrap(), Presence::Inactive);
        finish(leader().unwrap(), Presence::Inactive);
        assert!(!is_open());
    });
}

#[test]
fn who_trains_again_is_ready_again() {
    run(|| {
        gathered(terms(), &[1, 2]);
        merged(&[1, 2]);
        finish(1, Presence::Inactive);
        assert_ok!(Hive::ready(signed(1), SWARM));
        assert_eq!((presence(1), swarm().present), (Presence::Ready, 2));
        merged(&[1, 2]);
    });
}

#[test]
fn an_active_node_that_dies_is_marked_absent_like_any_other() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        finish(3, Presence::Active);
        for _ in 0..3 {
            merged_without_the_rest(&[1, 2]);
        }
        assert_ok!(mark_absent(3));
        merged(&[1, 2]);
    });
}

#[test]
fn with_all_nodes_dead_nothing_happens_and_nothing_breaks() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        [1, 2].into_iter().for_each(arrive);
        pass(1_000_000_000);
        next_blocks(100);
        advance();
        draw();
        for _ in 0..2 {
            pass(1_000_000_000);
            next_blocks(HASHES + 3);
            advance();
            next_blocks(1);
            let _ = try_advance();
        }
        assert!(!is_open());
        assert_noop!(try_advance(), Error::<Test>::NothingDue);
    });
}
