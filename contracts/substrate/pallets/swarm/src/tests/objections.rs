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
        assert!(!node(leader).willing);
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
