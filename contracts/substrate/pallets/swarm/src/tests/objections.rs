//! Models that members find unusable.

use super::*;

fn object(who: AccountId, round: u32) -> DispatchResult {
    Hive::object(signed(who), SWARM, round)
}

#[test]
fn more_than_half_overturn_a_model_and_its_leader_leads_no_more() {
    run(|| {
        gathered(terms(), &[1, 2, 3, 4]);
        merged(&[1, 2, 3, 4]);
        let leader = merged(&[1, 2, 3, 4]);
        assert_ok!(object(1, 2));
        assert_eq!(last_event(), Event::Objected { swarm: SWARM, round: 2, who: 1 });
        assert_ok!(object(2, 2));
        assert_eq!((swarm().objections, swarm().base()), (2, 2));
        assert_ok!(object(3, 2));
        assert_eq!(last_event(), Event::MergedOverturned { swarm: SWARM, round: 2 });
        assert_eq!((swarm().base(), swarm().previous, swarm().objections), (1, None, 0));
        assert!(node(leader).barred);
        assert_noop!(object(4, 2), Error::<Test>::NotNewest);
        assert_eq!(swarm().round, 3);
        assert_ne!(merged(&[1, 2, 3, 4]), leader);
        assert_eq!(swarm().previous.unwrap().round, 1);
    });
}

#[test]
fn the_first_model_of_all_can_be_overturned() {
    run(|| {
        gathered(terms(), &[1, 2]);
        merged(&[1, 2]);
        assert_ok!(object(1, 1));
        assert_ok!(object(2, 1));
        assert_eq!((swarm().base(), swarm().newest), (0, None));
        merged(&[1, 2]);
        assert_eq!(swarm().base(), 2);
    });
}

#[test]
fn who_has_no_part_in_it_cannot_object() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        assert_noop!(object(1, 0), Error::<Test>::NotNewest);
        assert_noop!(object(1, 1), Error::<Test>::NotNewest);
        [1, 2].into_iter().for_each(arrive);
        pass(WAIT + 1);
        advance();
        let leader = draw();
        assert_noop!(object(1, 1), Error::<Test>::NotNewest);
        assert_ok!(try_publish(leader));
        assert_noop!(object(3, 1), Error::<Test>::NotInRound);
        assert_ok!(object(1, 1));
        assert_noop!(object(1, 1), Error::<Test>::AlreadyObjected);
    });
}

#[test]
fn who_went_on_from_a_model_has_accepted_it() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        merged(&[1, 2, 3]);
        arrive(1);
        assert_noop!(object(1, 1), Error::<Test>::NotInRound);
    });
}

#[test]
fn a_round_that_went_on_from_an_overturned_model_is_void() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        merged(&[1, 2, 3]);
        arrive(1);
        assert_ok!(object(2, 1));
        assert_ok!(object(3, 1));
        assert!(!is_open());
        let ended = [
            Event::MergedOverturned { swarm: SWARM, round: 1 },
            Event::RoundVoided { swarm: SWARM, round: 2 },
        ];
        assert!(events().ends_with(&ended));
        assert_eq!((swarm().round, swarm().base()), (3, 0));
        arrive(1);
    });
}

#[test]
fn a_model_that_is_the_newest_again_is_objected_to_by_its_own() {
    run(|| {
        gathered(quorum_of(1), &[1, 2, 3]);
        merged(&[1, 2, 3]);
        // The third misses the second round.
        [1, 2].into_iter().for_each(arrive);
        pass(WAIT + 1);
        advance();
        let leader = draw();
        assert_ok!(try_publish(leader));
        assert_ok!(object(1, 2));
        assert_ok!(object(2, 2));
        assert_eq!(swarm().base(), 1);
        // Alone it is not more than half of three.
        assert_ok!(object(3, 1));
        assert_eq!((swarm().base(), swarm().objections), (1, 1));
        assert_noop!(object(1, 1), Error::<Test>::NotInRound);
    });
}

#[test]
fn whose_model_was_overturned_leads_no_more_whatever_it_registers() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        let barred = merged(&[1, 2, 3]);
        for who in (1..=3).filter(|who| *who != barred) {
            assert_ok!(object(who, 1));
        }
        assert_ok!(register(barred, true));
        for _ in 0..4 {
            assert_ne!(merged(&[1, 2, 3]), barred);
        }
        // Its owner forgives it by another seat.
        assert_ok!(Hive::give_up_seat(signed(barred), SWARM));
        join(barred);
        arrive(barred);
        assert_eq!(round().candidates, 1);
    });
}

/// Two of six are left, and the model of the six is nowhere.
fn deserted() {
    gathered(terms(), &[1, 2, 3, 4, 5, 6]);
    merged(&[1, 2, 3, 4, 5, 6]);
    merged(&[1, 2, 3, 4, 5, 6]);
    pass(TIMEOUT);
}

#[test]
fn a_model_that_nobody_goes_on_from_falls_by_as_many_as_a_round_needs() {
    run(|| {
        deserted();
        assert_ok!(object(1, 2));
        join(7);
        // Others may yet have it.
        assert_noop!(object(7, 2), Error::<Test>::NotInRound);
        assert_noop!(try_advance(), Error::<Test>::NothingDue);
        pass(1);
        assert_ok!(object(7, 2));
        assert_eq!((swarm().base(), swarm().objections, swarm().others), (1, 0, 0));
        // That one may be gone, too: who objected to the other objects again.
        pass(TIMEOUT + 1);
        assert_ok!(object(1, 1));
        assert_noop!(object(1, 1), Error::<Test>::AlreadyObjected);
        assert_ok!(object(7, 1));
        assert_eq!((swarm().base(), swarm().newest), (0, None));
        merged_by_two();
    });
}

/// The two that are left go on.
fn merged_by_two() {
    [1, 7].into_iter().for_each(arrive);
    pass(2 * WAIT);
    advance();
    let leader = draw();
    assert_ok!(try_publish(leader));
}

#[test]
fn snapshots_count_for_what_a_round_needs() {
    run(|| {
        gathered(quorum_of(4), &[1, 2, 3, 4, 5, 6]);
        merged(&[1, 2, 3, 4, 5, 6]);
        assert_ok!(Hive::finish(signed(6), SWARM, Presence::Snapshot));
        for who in 1..=3 {
            assert_ok!(object(who, 1));
        }
        assert_eq!(swarm().base(), 1);
        pass(TIMEOUT + 1);
        advance();
        assert_eq!(swarm().base(), 0);
    });
}

#[test]
fn who_objected_before_need_not_again() {
    run(|| {
        deserted();
        assert_ok!(object(1, 2));
        assert_ok!(object(2, 2));
        assert_eq!(swarm().base(), 2);
        pass(1);
        advance();
        assert_eq!(last_event(), Event::MergedOverturned { swarm: SWARM, round: 2 });
        assert_eq!(swarm().base(), 1);
    });
}

#[test]
fn a_model_that_somebody_goes_on_from_is_only_for_its_round_to_overturn() {
    run(|| {
        deserted();
        join(7);
        pass(1);
        arrive(1);
        assert_noop!(object(7, 2), Error::<Test>::NotInRound);
        assert_ok!(object(2, 2));
        assert_ok!(object(3, 2));
        assert_eq!(swarm().base(), 2);
        assert_noop!(try_advance(), Error::<Test>::NothingDue);
    });
}

#[test]
fn who_is_not_waited_for_has_no_say_in_a_deserted_model() {
    run(|| {
        deserted();
        pass(1);
        assert_ok!(take_seat(7));
        assert_ok!(register(7, true));
        assert_noop!(object(7, 2), Error::<Test>::NotInRound);
    });
}

#[test]
fn a_leader_that_has_left_does_not_hinder() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        let leader = merged(&[1, 2, 3]);
        assert_ok!(Hive::give_up_seat(signed(leader), SWARM));
        for who in (1..=3).filter(|who| *who != leader) {
            assert_ok!(object(who, 1));
        }
        assert_eq!(swarm().newest, None);
    });
}
