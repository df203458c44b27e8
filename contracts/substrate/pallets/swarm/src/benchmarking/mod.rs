//! What each call costs at the worst: with seats that were paid for, certificates as long as can be,
//! and what follows from a call done with it.

mod stage;

use crate::{
    Call, Candidates, Certificates, Config, HoldReason, Lateness, Nodes, Pallet, Presence, Rounds,
    Seats, Stage as Standing, Swarms, MAX_LEFT_OUT,
};
use frame_benchmarking::v2::*;
use frame_support::traits::{fungible::InspectHold, Get};
use frame_system::RawOrigin;
use sp_runtime::traits::Zero;
use stage::{Stage, MEMBERS, START, SWARM};

#[benchmarks(where T: Stage)]
mod benches {
    use super::*;

    #[benchmark]
    fn create() {
        let owner = stage::rich::<T>("owner", 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(owner), stage::terms::<T>(1));
        assert!(Swarms::<T>::contains_key(SWARM));
    }

    /// A round that waits is void.
    #[benchmark]
    fn set_terms() {
        stage::create::<T>(2);
        stage::arrive::<T>(&stage::join::<T>(0));
        #[extrinsic_call]
        _(RawOrigin::Signed(stage::owner::<T>()), SWARM, stage::terms::<T>(1));
        assert!(!Rounds::<T>::contains_key(SWARM));
    }

    #[benchmark]
    fn grant_seat() {
        stage::create::<T>(2);
        let who = stage::member::<T>(0);
        #[extrinsic_call]
        _(RawOrigin::Signed(stage::owner::<T>()), SWARM, who.clone());
        assert!(Seats::<T>::contains_key(SWARM, who));
    }

    /// It is bought.
    #[benchmark]
    fn take_seat() {
        stage::create::<T>(2);
        let who = stage::rich::<T>("member", 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), SWARM, stage::price::<T>());
        assert!(Seats::<T>::contains_key(SWARM, who));
    }

    /// The leader's, which was bought, and its price collected: another is drawn.
    #[benchmark]
    fn revoke_seat() {
        let leader = stage::led::<T>();
        stage::collect::<T>(&leader);
        stage::relax::<T>();
        #[extrinsic_call]
        _(RawOrigin::Signed(stage::owner::<T>()), SWARM, leader.clone());
        assert!(!Nodes::<T>::contains_key(SWARM, leader));
        assert_eq!(stage::arrivals::<T>(), Some(MEMBERS - 1));
    }

    /// The leader's, which was bought: another is drawn.
    #[benchmark]
    fn give_up_seat() {
        let leader = stage::led::<T>();
        stage::relax::<T>();
        #[extrinsic_call]
        _(RawOrigin::Signed(leader.clone()), SWARM);
        assert!(!Nodes::<T>::contains_key(SWARM, leader));
        assert_eq!(stage::arrivals::<T>(), Some(MEMBERS - 1));
    }

    #[benchmark]
    fn register() {
        stage::create::<T>(2);
        let who = stage::rich::<T>("member", 0);
        Pallet::<T>::take_seat(stage::by::<T>(&who), SWARM, stage::price::<T>())
            .expect("it can pay");
        let (certificate, address) = (stage::certificate(), stage::address());
        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), SWARM, certificate, address, 100, true);
        assert!(Certificates::<T>::contains_key(SWARM, who));
    }

    /// By a candidate, that is none any more.
    #[benchmark]
    fn register_again() {
        stage::arrived::<T>(MEMBERS, 1);
        let who = stage::member::<T>(0);
        let (certificate, address) = (stage::certificate(), stage::address());
        #[extrinsic_call]
        register(RawOrigin::Signed(who), SWARM, certificate, address, 100, false);
        let candidates = Rounds::<T>::get(SWARM).map(|round| round.candidates);
        assert_eq!(candidates, Some(MEMBERS - 1));
    }

    #[benchmark]
    fn ready() {
        stage::arrived::<T>(1, 1);
        let who = stage::member::<T>(1);
        stage::be_absent::<T>(&who);
        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), SWARM);
        assert!(Nodes::<T>::get(SWARM, who).is_some_and(|node| node.presence.is_awaited()));
    }

    /// An absent node makes the quorum: a deadline is set.
    #[benchmark]
    fn arrive() {
        stage::create::<T>(2);
        let (first, second) = (stage::join::<T>(0), stage::join::<T>(1));
        stage::join::<T>(2);
        stage::arrive::<T>(&first);
        stage::be_absent::<T>(&second);
        #[extrinsic_call]
        _(RawOrigin::Signed(second), SWARM, 1, 0, stage::cid());
        let stage = Rounds::<T>::get(SWARM).map(|round| round.stage);
        assert!(matches!(stage, Some(Standing::Collecting { deadline: Some(_) })));
    }

    /// A leader is replaced.
    #[benchmark]
    fn advance() {
        let leader = stage::led::<T>();
        stage::set_time::<T>(START + T::MinimumWait::get() + 1);
        #[extrinsic_call]
        _(RawOrigin::Signed(leader.clone()), SWARM);
        let round = Rounds::<T>::get(SWARM).expect("it goes on");
        assert!(round.attempt == 1 && !round.is_led_by(&leader));
    }

    /// A collection ends without many.
    #[benchmark]
    fn advance_collection() {
        stage::arrived::<T>(1, 2 * MEMBERS);
        stage::set_time::<T>(START + 2 * T::MaximumWait::get());
        #[extrinsic_call]
        advance(RawOrigin::Signed(stage::owner::<T>()), SWARM);
        let late = Lateness::<T>::get(SWARM);
        assert!(late.iter().all(|found| *found == late[0]));
    }

    #[benchmark]
    fn step_down() {
        let leader = stage::led::<T>();
        #[extrinsic_call]
        _(RawOrigin::Signed(leader.clone()), SWARM, 1);
        assert!(Rounds::<T>::get(SWARM).is_some_and(|round| !round.is_led_by(&leader)));
    }

    #[benchmark]
    fn publish(n: Linear<0, MAX_LEFT_OUT>) {
        let leader = stage::led::<T>();
        let left_out = stage::left_out::<T>(n);
        #[extrinsic_call]
        _(RawOrigin::Signed(leader), SWARM, 1, stage::cid(), MEMBERS, left_out);
        assert_eq!(stage::swarm::<T>().base(), 1);
    }

    /// The model is overturned, and the round that went on from it void.
    #[benchmark]
    fn object() {
        stage::published::<T>();
        stage::arrive::<T>(&stage::member::<T>(0));
        let objectors = MEMBERS / 2;
        for number in 1..=objectors {
            let who = stage::by::<T>(&stage::member::<T>(number));
            Pallet::<T>::object(who, SWARM, 2).expect("it arrived in it");
        }
        let last = stage::member::<T>(objectors + 1);
        assert_eq!(stage::round_of::<T>(&last), 2);
        #[extrinsic_call]
        _(RawOrigin::Signed(last), SWARM, 2);
        assert_eq!(stage::swarm::<T>().base(), 1);
    }

    /// The only one that the round waits for.
    #[benchmark]
    fn mark_absent() {
        stage::create::<T>(1);
        let (present, absent) = (stage::join::<T>(0), stage::join::<T>(1));
        stage::let_rounds_pass::<T>();
        stage::arrive::<T>(&present);
        #[extrinsic_call]
        _(RawOrigin::Signed(present), SWARM, absent);
        let stage = Rounds::<T>::get(SWARM).map(|round| round.stage);
        assert!(matches!(stage, Some(Standing::Drawing { .. })));
    }

    /// The leader's: another is drawn.
    #[benchmark]
    fn finish() {
        let leader = stage::led::<T>();
        #[extrinsic_call]
        _(RawOrigin::Signed(leader.clone()), SWARM, Presence::Snapshot);
        assert!(Rounds::<T>::get(SWARM).is_some_and(|round| !round.is_led_by(&leader)));
    }

    /// A round that waits is void.
    #[benchmark]
    fn close() {
        stage::create::<T>(2);
        stage::arrive::<T>(&stage::join::<T>(0));
        #[extrinsic_call]
        _(RawOrigin::Signed(stage::owner::<T>()), SWARM);
        assert!(!Rounds::<T>::contains_key(SWARM));
    }

    /// With a node; the owner granted it.
    #[benchmark]
    fn clear_seat() {
        stage::create::<T>(2);
        let (owner, who) = (stage::owner::<T>(), stage::rich::<T>("member", 0));
        Pallet::<T>::grant_seat(stage::by::<T>(&owner), SWARM, who.clone()).expect("it can pay");
        stage::register::<T>(&who, true);
        Pallet::<T>::close(stage::by::<T>(&owner), SWARM).expect("it is open");
        #[extrinsic_call]
        _(RawOrigin::Signed(owner), SWARM, who);
        assert_eq!(stage::swarm::<T>().seats, 0);
        assert_eq!(Candidates::<T>::iter_prefix(SWARM).count(), 0);
    }

    /// With a node; its price is the owner's.
    #[benchmark]
    fn clear_sold_seat() {
        stage::create::<T>(2);
        let (owner, who) = (stage::owner::<T>(), stage::join::<T>(0));
        stage::let_prices_be_due::<T>();
        Pallet::<T>::close(stage::by::<T>(&owner), SWARM).expect("it is open");
        #[extrinsic_call]
        clear_seat(RawOrigin::Signed(owner), SWARM, who.clone());
        assert_eq!(stage::swarm::<T>().seats, 0);
        assert!(T::Currency::balance_on_hold(&HoldReason::Price.into(), &who).is_zero());
    }

    #[benchmark]
    fn remove() {
        stage::create::<T>(2);
        let owner = stage::owner::<T>();
        Pallet::<T>::close(stage::by::<T>(&owner), SWARM).expect("it is open");
        #[extrinsic_call]
        _(RawOrigin::Signed(owner.clone()), SWARM);
        assert!(T::Currency::balance_on_hold(&HoldReason::Swarm.into(), &owner).is_zero());
    }

    #[benchmark]
    fn collect_price() {
        stage::create::<T>(2);
        let who = stage::join::<T>(0);
        stage::let_prices_be_due::<T>();
        #[extrinsic_call]
        _(RawOrigin::Signed(stage::owner::<T>()), SWARM, who.clone());
        assert!(T::Currency::balance_on_hold(&HoldReason::Price.into(), &who).is_zero());
    }

    impl_benchmark_test_suite!(Pallet, stage::empty(), crate::mock::Test);
}
