//! What each call costs at the worst.

use super::*;
use crate::office::Office;
use frame_benchmarking::v2::*;
use frame_support::{
    sp_runtime::Saturating,
    traits::{fungible::Mutate, ChangeMembers, Get},
};
use frame_system::RawOrigin;

/// The longest endpoint.
fn endpoint() -> Endpoint {
    Endpoint::truncate_from(alloc::vec![b'a'; 128])
}

/// An account that can pay the bond many times, while as many are in office as can be.
fn funded<T: Config>() -> T::AccountId
where
    T::Currency: Mutate<T::AccountId>,
{
    let office: alloc::vec::Vec<T::AccountId> =
        (0..T::MaxMembers::get()).map(|seat| account("member", seat, 0)).collect();
    <Pallet<T> as ChangeMembers<_>>::change_members_sorted(&[], &[], &office);
    let who = whitelisted_caller();
    T::Currency::set_balance(&who, T::Bond::get().saturating_mul(10u32.into()));
    who
}

/// An account that is registered.
fn registered<T: Config>() -> T::AccountId
where
    T::Currency: Mutate<T::AccountId>,
{
    let who = funded::<T>();
    let origin = RawOrigin::Signed(who.clone()).into();
    Pallet::<T>::register(origin, endpoint(), [1; 32]).expect("it has the bond");
    who
}

#[benchmarks(where T::Currency: Mutate<T::AccountId>)]
mod benches {
    use super::*;

    #[benchmark]
    fn register() {
        let who = funded::<T>();
        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), endpoint(), [1; 32]);
        assert!(Profiles::<T>::contains_key(&who));
    }

    #[benchmark]
    fn update_profile() {
        let who = registered::<T>();
        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), endpoint(), [2; 32]);
        assert_eq!(<Pallet<T> as Office<_, _>>::encryption_key(&who), Some([2; 32]));
    }

    #[benchmark]
    fn deregister() {
        let who = registered::<T>();
        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()));
        assert!(!Profiles::<T>::contains_key(&who));
    }

    #[benchmark]
    fn top_up() {
        let who = registered::<T>();
        drop(Pallet::<T>::report(&who, Misconduct::Overturned));
        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()));
        assert!(Profiles::<T>::get(&who).is_some_and(|profile| profile.bond == T::Bond::get()));
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_chain(), crate::mock::Test);
}
