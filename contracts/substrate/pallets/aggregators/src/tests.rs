use crate::{mock::*, *};
use frame_support::{
    assert_noop, assert_ok,
    traits::{ChangeMembers, InitializeMembers},
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
            frame_support::sp_runtime::TokenError::FundsUnavailable
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
fn misconduct_is_remembered() {
    run(|| {
        register(1);
        Aggregators::seat(&1);
        Aggregators::seat(&1);
        Aggregators::report(&1, Misconduct::Absent);
        assert_eq!((profile(1).duties, profile(1).missed), (1, 1));
        let event = Event::Misconducted { who: 1, misconduct: Misconduct::Absent, missed: 1 };
        System::assert_last_event(RuntimeEvent::Aggregators(event));
    });
}
