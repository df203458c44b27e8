//! The office: what pallets that draw committees ask and tell.

use crate::{BalanceOf, Config, CreditOf, Event, HoldReason, InOffice, Pallet, Profile, Profiles};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
    sp_runtime::{Perbill, Saturating},
    traits::{fungible::BalancedHold, ChangeMembers, Get, InitializeMembers},
    BoundedVec,
};
use scale_info::TypeInfo;

/// How an aggregator can break its duty.
#[derive(
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
)]
pub enum Misconduct {
    /// It did not commit to a finding in time.
    #[codec(index = 0)]
    Absent,
    /// It committed to a finding that it did not open in time.
    #[codec(index = 1)]
    Unrevealed,
    /// It kept the key of an accepted result from the creator.
    #[codec(index = 2)]
    Withheld,
    /// An appeal to all in office found otherwise.
    #[codec(index = 3)]
    Overturned,
    /// It judged a planted result otherwise than all in office did.
    #[codec(index = 4)]
    FailedGold,
}

impl Misconduct {
    /// The part of the full bond that it costs somebody who has been absent `missed` times, this
    /// one included.
    pub fn penalty(self, missed: u32) -> Perbill {
        Perbill::from_percent(match self {
            Misconduct::Absent if missed <= 1 => 0,
            Misconduct::Absent => 5,
            Misconduct::Unrevealed | Misconduct::Withheld => 20,
            Misconduct::Overturned | Misconduct::FailedGold => 50,
        })
    }
}

/// Those who can be drawn for a committee, and the record of what they do there.
///
/// `Credit` is money taken from a bond and not yet given to anybody.
pub trait Office<AccountId, Credit> {
    /// The accounts that can be drawn now, in a fixed order: in office, with a profile and at least
    /// half of the bond. Bounded, so that a draw costs the same whatever the chain holds.
    fn eligible() -> Vec<AccountId>;

    /// Whether `who` is in office.
    fn is_in_office(who: &AccountId) -> bool;

    /// The key to which data for `who` is sealed, if it has a profile.
    fn encryption_key(who: &AccountId) -> Option<[u8; 32]>;

    /// `who` was given a duty. It cannot leave before it is relieved of it.
    fn seat(who: &AccountId);

    /// `who` has done a duty, or its time is over.
    fn relieve(who: &AccountId);

    /// `who` has broken a duty, of which it is not relieved by this. Returns what that costs it,
    /// for the treasury or for those who showed it; never for whoever accused.
    fn report(who: &AccountId, misconduct: Misconduct) -> Credit;
}

impl<T: Config> Office<T::AccountId, CreditOf<T>> for Pallet<T> {
    fn eligible() -> Vec<T::AccountId> {
        let can_be_drawn = |who: &T::AccountId| {
            Profiles::<T>::get(who).is_some_and(|profile| Self::is_covered(&profile))
        };
        InOffice::<T>::get().into_iter().filter(can_be_drawn).collect()
    }

    fn is_in_office(who: &T::AccountId) -> bool {
        InOffice::<T>::get().binary_search(who).is_ok()
    }

    fn encryption_key(who: &T::AccountId) -> Option<[u8; 32]> {
        Profiles::<T>::get(who).map(|profile| profile.encryption_key)
    }

    fn seat(who: &T::AccountId) {
        Profiles::<T>::mutate_extant(who, |profile| profile.duties.saturating_inc());
    }

    fn relieve(who: &T::AccountId) {
        Profiles::<T>::mutate_extant(who, |profile| profile.duties.saturating_dec());
    }

    fn report(who: &T::AccountId, misconduct: Misconduct) -> CreditOf<T> {
        Profiles::<T>::mutate(who, |profile| match profile {
            Some(profile) => Self::punish(who, profile, misconduct),
            None => Default::default(),
        })
    }
}

impl<T: Config> Pallet<T> {
    /// Whether enough of the bond is left to answer for a panel.
    fn is_covered(profile: &Profile<BalanceOf<T>>) -> bool {
        profile.bond.saturating_mul(2u32.into()) >= T::Bond::get()
    }

    /// Takes what a misconduct costs, as far as the bond covers it.
    fn punish(
        who: &T::AccountId,
        profile: &mut Profile<BalanceOf<T>>,
        misconduct: Misconduct,
    ) -> CreditOf<T> {
        if misconduct == Misconduct::Absent {
            profile.missed.saturating_inc();
        }
        let missed = profile.missed;
        let slashed = misconduct.penalty(missed).mul_floor(T::Bond::get()).min(profile.bond);
        let (credit, _) = T::Currency::slash(&HoldReason::Bond.into(), who, slashed);
        profile.bond.saturating_reduce(slashed);
        Self::deposit_event(Event::Misconducted { who: who.clone(), misconduct, missed, slashed });
        credit
    }
}

/// Told by the election whenever a term begins or a member leaves.
impl<T: Config> ChangeMembers<T::AccountId> for Pallet<T> {
    fn change_members_sorted(_: &[T::AccountId], _: &[T::AccountId], new: &[T::AccountId]) {
        let members = BoundedVec::truncate_from(new.to_vec());
        InOffice::<T>::put(&members);
        Self::deposit_event(Event::OfficeChanged { members });
    }
}

/// Told by the election's genesis.
impl<T: Config> InitializeMembers<T::AccountId> for Pallet<T> {
    fn initialize_members(members: &[T::AccountId]) {
        let mut members = members.to_vec();
        members.sort();
        InOffice::<T>::put(BoundedVec::truncate_from(members));
    }
}
