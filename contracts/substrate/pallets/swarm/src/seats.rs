//! Seats: given, bought, paid for, taken away and given up.

use crate::{
    meeting::Meeting, AccountOf, Admission, BalanceOf, Config, Error, Event, HoldReason, Pallet,
    Seat, SeatOf, Seats, SwarmId, SwarmOf, Swarms,
};
use codec::MaxEncodedLen;
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{
        fungible::{Mutate as _, MutateHold as _},
        tokens::{Fortitude, Precision, Preservation, Restriction},
        Get, Time,
    },
};
use sp_runtime::{
    traits::{Saturating, Zero},
    DispatchError,
};

impl<T: Config> Pallet<T> {
    /// Whether `who` has a seat.
    pub(crate) fn ensure_seated(id: SwarmId, who: &AccountOf<T>) -> Result<(), Error<T>> {
        ensure!(Seats::<T>::contains_key(id, who), Error::<T>::NoSeat);
        Ok(())
    }

    pub(crate) fn do_grant_seat(
        owner: AccountOf<T>,
        id: SwarmId,
        who: AccountOf<T>,
    ) -> DispatchResult {
        let swarm = Self::owned(id, &owner)?;
        Self::give_seat(id, swarm, who, owner, Zero::zero())
    }

    pub(crate) fn do_take_seat(
        who: AccountOf<T>,
        id: SwarmId,
        at_most: BalanceOf<T>,
    ) -> DispatchResult {
        let swarm = Self::swarm(id)?;
        ensure!(swarm.terms.admission != Admission::Invited, Error::<T>::NotInvited);
        let price = swarm.terms.price;
        if swarm.terms.admission == Admission::Sale {
            ensure!(who != swarm.owner, Error::<T>::OwnSeat);
            ensure!(price <= at_most, Error::<T>::PriceTooHigh);
        }
        Self::give_seat(id, swarm, who.clone(), who, price)
    }

    /// Gives `who` a seat, with a deposit from `payer`; its price, if it has one, is on hold.
    fn give_seat(
        id: SwarmId,
        mut swarm: SwarmOf<T>,
        who: AccountOf<T>,
        payer: AccountOf<T>,
        paid: BalanceOf<T>,
    ) -> DispatchResult {
        ensure!(swarm.closed.is_none(), Error::<T>::SwarmClosed);
        ensure!(!Seats::<T>::contains_key(id, &who), Error::<T>::SeatTaken);
        ensure!(swarm.seats < swarm.terms.max_peers, Error::<T>::SwarmFull);
        let bytes = SeatOf::<T>::max_encoded_len();
        let deposit = Self::take_deposit(HoldReason::Seat, &payer, bytes)?;
        let due = if paid.is_zero() {
            None
        } else {
            T::Currency::hold(&HoldReason::Price.into(), &who, paid)?;
            Some(T::Time::now().saturating_add(T::PriceWait::get()))
        };
        Seats::<T>::insert(id, &who, Seat { paid, due, deposit, payer });
        swarm.seats.saturating_inc();
        Swarms::<T>::insert(id, swarm);
        Self::deposit_event(Event::SeatGranted { swarm: id, who, paid });
        Ok(())
    }

    pub(crate) fn do_revoke_seat(
        owner: AccountOf<T>,
        id: SwarmId,
        who: AccountOf<T>,
    ) -> DispatchResult {
        let meeting = Meeting::<T>::load(id)?;
        ensure!(owner == meeting.swarm.owner, Error::<T>::NotOwner);
        let seat = Self::seat(id, &who)?;
        let paid = seat.paid;
        if seat.due.is_some() {
            Self::give_back(HoldReason::Price, &who, paid)?;
        } else if !paid.is_zero() {
            T::Currency::transfer(&owner, &who, paid, Preservation::Preserve)?;
        }
        Self::end_seat(meeting, who, seat, paid)
    }

    pub(crate) fn do_give_up_seat(who: AccountOf<T>, id: SwarmId) -> DispatchResult {
        let meeting = Meeting::<T>::load(id)?;
        Self::settle_seat(meeting, who)
    }

    pub(crate) fn do_clear_seat(id: SwarmId, who: AccountOf<T>) -> DispatchResult {
        let meeting = Meeting::<T>::load(id)?;
        ensure!(meeting.swarm.closed.is_some(), Error::<T>::NotClosed);
        ensure!(meeting.round.is_none(), Error::<T>::RoundUnderWay);
        Self::settle_seat(meeting, who)
    }

    pub(crate) fn do_collect_price(id: SwarmId, who: AccountOf<T>) -> DispatchResult {
        let swarm = Self::swarm(id)?;
        let mut seat = Self::seat(id, &who)?;
        let due = seat.due.take().ok_or(Error::<T>::NothingOnHold)?;
        ensure!(due <= swarm.closed.unwrap_or_else(T::Time::now), Error::<T>::PriceNotDue);
        Self::pay_price(id, &swarm.owner, &who, seat.paid)?;
        Seats::<T>::insert(id, who, seat);
        Ok(())
    }

    /// Ends a seat. A price that is on hold goes back to its holder if the owner closed the swarm
    /// before it was due; else it is the owner's.
    fn settle_seat(meeting: Meeting<T>, who: AccountOf<T>) -> DispatchResult {
        let seat = Self::seat(meeting.id, &who)?;
        let mut refunded = Zero::zero();
        match (seat.due, meeting.swarm.closed) {
            (Some(due), Some(closed)) if closed < due => {
                Self::give_back(HoldReason::Price, &who, seat.paid)?;
                refunded = seat.paid;
            }
            (Some(_), _) => Self::pay_price(meeting.id, &meeting.swarm.owner, &who, seat.paid)?,
            (None, _) => (),
        }
        Self::end_seat(meeting, who, seat, refunded)
    }

    /// Pays the owner the price that is on hold from `who`. Vote locks do not hinder it, and an
    /// account with a swarm's deposit can take any amount.
    fn pay_price(
        swarm: SwarmId,
        owner: &AccountOf<T>,
        who: &AccountOf<T>,
        paid: BalanceOf<T>,
    ) -> DispatchResult {
        T::Currency::transfer_on_hold(
            &HoldReason::Price.into(),
            who,
            owner,
            paid,
            Precision::Exact,
            Restriction::Free,
            Fortitude::Force,
        )?;
        Self::deposit_event(Event::PriceCollected { swarm, who: who.clone(), paid });
        Ok(())
    }

    /// Forgets a seat and the node of its holder.
    fn end_seat(
        mut meeting: Meeting<T>,
        who: AccountOf<T>,
        seat: SeatOf<T>,
        refunded: BalanceOf<T>,
    ) -> DispatchResult {
        let swarm = meeting.id;
        meeting.remove_node(&who)?;
        Seats::<T>::remove(swarm, &who);
        meeting.swarm.seats.saturating_dec();
        meeting.save();
        Self::give_back(HoldReason::Seat, &seat.payer, seat.deposit)?;
        Self::deposit_event(Event::SeatEnded { swarm, who, refunded });
        Ok(())
    }

    /// The seat of `who`.
    fn seat(id: SwarmId, who: &AccountOf<T>) -> Result<SeatOf<T>, DispatchError> {
        Ok(Seats::<T>::get(id, who).ok_or(Error::<T>::NoSeat)?)
    }
}
