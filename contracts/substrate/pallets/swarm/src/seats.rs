//! Seats: given, bought, taken away and given up.

use crate::{
    meeting::Meeting, AccountOf, Admission, BalanceOf, Config, Error, Event, HoldReason, Pallet,
    Seat, SeatOf, Seats, SwarmId, SwarmOf, Swarms,
};
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{fungible::Mutate as _, tokens::Preservation},
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
            T::Currency::transfer(&who, &swarm.owner, price, Preservation::Preserve)?;
        }
        Self::give_seat(id, swarm, who.clone(), who, price)
    }

    /// Gives `who` a seat, with a deposit from `payer`.
    fn give_seat(
        id: SwarmId,
        mut swarm: SwarmOf<T>,
        who: AccountOf<T>,
        payer: AccountOf<T>,
        paid: BalanceOf<T>,
    ) -> DispatchResult {
        ensure!(!swarm.closed, Error::<T>::SwarmClosed);
        ensure!(!Seats::<T>::contains_key(id, &who), Error::<T>::SeatTaken);
        ensure!(swarm.seats < swarm.terms.max_peers, Error::<T>::SwarmFull);
        let deposit = Self::take_deposit(HoldReason::Seat, &payer)?;
        Seats::<T>::insert(id, &who, Seat { paid, deposit, payer });
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
        if !paid.is_zero() {
            T::Currency::transfer(&owner, &who, paid, Preservation::Preserve)?;
        }
        Self::end_seat(meeting, who, seat, paid)
    }

    pub(crate) fn do_give_up_seat(who: AccountOf<T>, id: SwarmId) -> DispatchResult {
        let meeting = Meeting::<T>::load(id)?;
        let seat = Self::seat(id, &who)?;
        Self::end_seat(meeting, who, seat, Zero::zero())
    }

    pub(crate) fn do_clear_seat(id: SwarmId, who: AccountOf<T>) -> DispatchResult {
        let meeting = Meeting::<T>::load(id)?;
        ensure!(meeting.swarm.closed, Error::<T>::NotClosed);
        ensure!(meeting.round.is_none(), Error::<T>::RoundUnderWay);
        let seat = Self::seat(id, &who)?;
        Self::end_seat(meeting, who, seat, Zero::zero())
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
        Self::return_deposit(HoldReason::Seat, &seat.payer, seat.deposit)?;
        Self::deposit_event(Event::SeatEnded { swarm, who, refunded });
        Ok(())
    }

    /// The seat of `who`.
    fn seat(id: SwarmId, who: &AccountOf<T>) -> Result<SeatOf<T>, DispatchError> {
        Ok(Seats::<T>::get(id, who).ok_or(Error::<T>::NoSeat)?)
    }
}
