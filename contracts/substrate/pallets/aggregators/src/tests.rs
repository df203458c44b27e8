use crate::{mock::*, *};
use frame_support::{
    assert_noop, assert_ok,
    sp_runtime::{Perbill, TokenError},
    traits::{ChangeMembers, Imbalance, InitializeMembers},
};

fn signed(who: AccountId) -> RuntimeOrigin {
    RuntimeOrigin::signed(who)
}

fn endpoint(text: &str) -> Endpoint {
    text.as_bytes().to_vec().try_into().unwrap()
}

fn register(who: AccountId) {
    assert_ok!(Aggregators::register(signed(who), endpoint("https://a.example"), [1; 32]));
}

fn elect(members: &[AccountId]) {
    <Aggregators as ChangeMembers<_>>::change_members_sorted(&[], &[], members);
}

/// What a misconduct cost; the money is burned.
fn report(who: AccountId, misconduct: Misconduct) -> Balance {
    Aggregators::report(&who, misconduct).peek()
}

fn profile(who: AccountId) -> Profile<Balance> {
    Profiles::<Test>::get(who).unwrap()
}

#[test]
fn registering_holds_the_bond() {
    run(|| {
        register(1);
        assert_eq!(Balances::free_balance(1), WEALTH - BOND);
        let expected = Profile {
            endpoint: endpoint("https://a.example"),
            encryption_key: [1; 32],
            bond: BOND,
            duties: 0,
            missed: 0,
        };
        assert_eq!(profile(1), expected);
    });
}

#[test]
fn registering_once_is_enough() {
    run(|| {
        register(1);
        assert_noop!(
            Aggregators::register(signed(1), endpoint(""), [0; 32]),
            Error::<Test>::AlreadyRegistered
        );
    });
}

#[test]
fn registering_takes_the_bond_at_hand() {
    run(|| {
        assert_ok!(Balances::transfer_allow_death(signed(1), 2, WEALTH - BOND));
        assert_noop!(
            Aggregators::register(signed(1), endpoint(""), [0; 32]),
            TokenError::FundsUnavailable
        );
    });
}

#[test]
fn an_endpoint_is_printable_text() {
    run(|| {
        let unprintable = |bytes: &[u8]| Endpoint::try_from(bytes.to_vec()).unwrap();
        for bytes in [&b"a\nb"[..], b"\0", b"\xff\xfe", b"\x1b[2J"] {
            assert_noop!(
                Aggregators::register(signed(1), unprintable(bytes), [0; 32]),
                Error::<Test>::InvalidEndpoint
            );
        }
        register(1);
        assert_noop!(
            Aggregators::update_profile(signed(1), unprintable(b"\t"), [0; 32]),
            Error::<Test>::InvalidEndpoint
        );
    });
}

#[test]
fn a_profile_can_change() {
    run(|| {
        assert_noop!(
            Aggregators::update_profile(signed(1), endpoint("b"), [2; 32]),
            Error::<Test>::NotRegistered
        );
        register(1);
        assert_ok!(Aggregators::update_profile(signed(1), endpoint("b"), [2; 32]));
        assert_eq!(profile(1).endpoint, endpoint("b"));
        assert_eq!(profile(1).encryption_key, [2; 32]);
    });
}

#[test]
fn on_a_panel_the_endpoint_can_change_but_not_the_key() {
    run(|| {
        register(1);
        let key = profile(1).encryption_key;
        Aggregators::seat(&1);
        assert_ok!(Aggregators::update_profile(signed(1), endpoint("b"), key));
        assert_noop!(
            Aggregators::update_profile(signed(1), endpoint("c"), [2; 32]),
            Error::<Test>::OnDuty
        );
        Aggregators::relieve(&1);
        assert_ok!(Aggregators::update_profile(signed(1), endpoint("c"), [2; 32]));
    });
}

#[test]
fn leaving_returns_the_bond() {
    run(|| {
        assert_noop!(Aggregators::deregister(signed(1)), Error::<Test>::NotRegistered);
        register(1);
        assert_ok!(Aggregators::deregister(signed(1)));
        assert_eq!(Balances::free_balance(1), WEALTH);
        assert_eq!(Profiles::<Test>::get(1), None);
    });
}

#[test]
fn nobody_leaves_in_office_or_on_duty() {
    run(|| {
        register(1);
        elect(&[1, 2]);
        assert_noop!(Aggregators::deregister(signed(1)), Error::<Test>::InOffice);
        Aggregators::seat(&1);
        elect(&[2]);
        assert_noop!(Aggregators::deregister(signed(1)), Error::<Test>::OnDuty);
        Aggregators::relieve(&1);
        assert_ok!(Aggregators::deregister(signed(1)));
    });
}

#[test]
fn those_in_office_with_a_profile_are_eligible() {
    run(|| {
        register(1);
        register(3);
        assert!(Aggregators::eligible().is_empty());
        elect(&[1, 2, 3]);
        assert_eq!(Aggregators::eligible(), [1, 3]);
        elect(&[2, 3]);
        assert_eq!(Aggregators::eligible(), [3]);
    });
}

#[test]
fn the_genesis_of_the_election_puts_in_office() {
    run(|| {
        <Aggregators as InitializeMembers<_>>::initialize_members(&[3, 1]);
        assert_eq!(InOffice::<Test>::get().into_inner(), [1, 3]);
    });
}

#[test]
fn those_in_office_and_their_keys_can_be_asked_for() {
    run(|| {
        register(1);
        elect(&[2]);
        assert_eq!([1, 2].map(|who| Aggregators::is_in_office(&who)), [false, true]);
        assert_eq!(Aggregators::encryption_key(&1), Some([1; 32]));
        assert_eq!(Aggregators::encryption_key(&2), None);
    });
}

#[test]
fn each_misconduct_has_its_price() {
    let table = [
        (Misconduct::Absent, 0, 0),
        (Misconduct::Absent, 1, 0),
        (Misconduct::Absent, 2, 5),
        (Misconduct::Absent, u32::MAX, 5),
        (Misconduct::Unrevealed, 0, 20),
        (Misconduct::Withheld, 0, 20),
        (Misconduct::Overturned, 0, 50),
        (Misconduct::FailedGold, 0, 50),
    ];
    for (misconduct, missed, percent) in table {
        assert_eq!(misconduct.penalty(missed), Perbill::from_percent(percent), "{misconduct:?}");
    }
}

#[test]
fn being_absent_costs_from_the_second_time_on() {
    run(|| {
        register(1);
        Aggregators::seat(&1);
        for (missed, slashed) in [(1, 0), (2, 5), (3, 5)] {
            assert_eq!(report(1, Misconduct::Absent), slashed);
            let event =
                Event::Misconducted { who: 1, misconduct: Misconduct::Absent, missed, slashed };
            System::assert_has_event(RuntimeEvent::Aggregators(event));
        }
        assert_eq!((profile(1).duties, profile(1).missed, profile(1).bond), (1, 3, BOND - 10));
        assert_eq!(Balances::total_balance(&1), WEALTH - 10);
    });
}

#[test]
fn other_misconduct_costs_at_once_and_is_no_absence() {
    run(|| {
        register(1);
        assert_eq!(report(1, Misconduct::Unrevealed), 20);
        assert_eq!((profile(1).missed, profile(1).bond), (0, 80));
    });
}

#[test]
fn nothing_is_slashed_beyond_what_is_left_of_the_bond() {
    run(|| {
        register(1);
        let slashed = [50, 20, 20, 10, 0].map(|expected| {
            let misconduct =
                if expected == 50 { Misconduct::Overturned } else { Misconduct::Withheld };
            report(1, misconduct)
        });
        assert_eq!(slashed, [50, 20, 20, 10, 0]);
        assert_eq!(profile(1).bond, 0);
        assert_eq!(Balances::total_balance(&1), WEALTH - BOND);
        assert_ok!(Aggregators::deregister(signed(1)));
    });
}

#[test]
fn who_has_no_profile_cannot_be_slashed() {
    run(|| {
        assert_eq!(report(1, Misconduct::Overturned), 0);
        assert_eq!(Balances::total_balance(&1), WEALTH);
        assert!(System::events().is_empty());
    });
}

#[test]
fn with_less_than_half_of_the_bond_nobody_is_drawn() {
    run(|| {
        register(1);
        elect(&[1]);
        report(1, Misconduct::FailedGold);
        assert_eq!(Aggregators::eligible(), [1], "half is enough");
        report(1, Misconduct::Absent);
        report(1, Misconduct::Absent);
        assert!(Aggregators::eligible().is_empty());
        assert_ok!(Aggregators::top_up(signed(1)));
        assert_eq!(Aggregators::eligible(), [1]);
    });
}

#[test]
fn a_bond_is_topped_up_to_the_full() {
    run(|| {
        assert_noop!(Aggregators::top_up(signed(1)), Error::<Test>::NotRegistered);
        register(1);
        assert_noop!(Aggregators::top_up(signed(1)), Error::<Test>::BondComplete);
        report(1, Misconduct::Overturned);
        assert_ok!(Aggregators::top_up(signed(1)));
        assert_eq!(profile(1).bond, BOND);
        System::assert_last_event(Event::ToppedUp { who: 1, amount: 50 }.into());
        assert_ok!(Aggregators::deregister(signed(1)));
        assert_eq!(Balances::free_balance(1), WEALTH - 50);
    });
}

#[test]
fn topping_up_takes_the_money_at_hand() {
    run(|| {
        register(1);
        report(1, Misconduct::Overturned);
        assert_ok!(Balances::transfer_allow_death(signed(1), 2, WEALTH - BOND - 10));
        assert_noop!(Aggregators::top_up(signed(1)), TokenError::FundsUnavailable);
        assert_eq!(profile(1).bond, BOND - 50);
    });
}

#[test]
fn who_tampers_with_the_books_is_found() {
    run(|| {
        register(1);
        Profiles::<Test>::mutate_extant(1, |profile| profile.bond -= 1);
        assert!(Aggregators::do_try_state().is_err());
        Profiles::<Test>::mutate_extant(1, |profile| profile.bond += 1);
    });
}
