//! What accounts can do.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod calls {
    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Make a swarm. Anyone, who is its owner from then on; holds a deposit.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::create())]
        pub fn create(origin: OriginFor<T>, terms: TermsOf<T>) -> DispatchResult {
            Self::do_create(ensure_signed(origin)?, terms)
        }

        /// Change a swarm's terms. The owner, while no round has what it needs to end; one that
        /// waits for more arrivals than there are is void.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::set_terms())]
        pub fn set_terms(
            origin: OriginFor<T>,
            swarm: SwarmId,
            terms: TermsOf<T>,
        ) -> DispatchResult {
            Self::do_set_terms(ensure_signed(origin)?, swarm, terms)
        }

        /// Give an account a seat. The owner, from which a deposit is held.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::grant_seat())]
        pub fn grant_seat(
            origin: OriginFor<T>,
            swarm: SwarmId,
            who: AccountOf<T>,
        ) -> DispatchResult {
            Self::do_grant_seat(ensure_signed(origin)?, swarm, who)
        }

        /// Take a seat of an open swarm, or buy one for `at_most`; holds a deposit, and the price.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::take_seat())]
        pub fn take_seat(
            origin: OriginFor<T>,
            swarm: SwarmId,
            at_most: BalanceOf<T>,
        ) -> DispatchResult {
            Self::do_take_seat(ensure_signed(origin)?, swarm, at_most)
        }

        /// Take a seat away and give its price back. The owner.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::revoke_seat())]
        pub fn revoke_seat(
            origin: OriginFor<T>,
            swarm: SwarmId,
            who: AccountOf<T>,
        ) -> DispatchResult {
            Self::do_revoke_seat(ensure_signed(origin)?, swarm, who)
        }

        /// Leave. Who has a seat; its price is the owner's, unless the swarm was closed before that
        /// was due.
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::give_up_seat())]
        pub fn give_up_seat(origin: OriginFor<T>, swarm: SwarmId) -> DispatchResult {
            Self::do_give_up_seat(ensure_signed(origin)?, swarm)
        }

        /// Make a node known, or change what it says of itself. Who has a seat; holds a deposit.
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::register().max(T::WeightInfo::register_again()))]
        pub fn register(
            origin: OriginFor<T>,
            swarm: SwarmId,
            certificate: Certificate,
            address: NetAddress,
            weightage: u8,
            willing: bool,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_register(who, swarm, certificate, address, weightage, willing)
        }

        /// Have rounds wait for one's node from now on.
        #[pallet::call_index(7)]
        #[pallet::weight(T::WeightInfo::ready())]
        pub fn ready(origin: OriginFor<T>, swarm: SwarmId) -> DispatchResult {
            Self::do_ready(ensure_signed(origin)?, swarm)
        }

        /// Reach the sync point of a round with an update that began from the merged model of
        /// round `base`. A node, once a round; the first opens it.
        #[pallet::call_index(8)]
        #[pallet::weight(T::WeightInfo::arrive())]
        pub fn arrive(
            origin: OriginFor<T>,
            swarm: SwarmId,
            round: Number,
            base: Number,
            cid: Cid,
        ) -> DispatchResult {
            Self::do_arrive(ensure_signed(origin)?, swarm, round, base, cid)
        }

        /// Do what is due: end a round's collection, draw its leader, replace it, overturn a model.
        /// Anyone.
        #[pallet::call_index(9)]
        #[pallet::weight(T::WeightInfo::advance().max(T::WeightInfo::advance_collection()))]
        pub fn advance(origin: OriginFor<T>, swarm: SwarmId) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_advance(swarm)
        }

        /// Have another lead. The round's leader.
        #[pallet::call_index(10)]
        #[pallet::weight(T::WeightInfo::step_down())]
        pub fn step_down(origin: OriginFor<T>, swarm: SwarmId, round: Number) -> DispatchResult {
            Self::do_step_down(ensure_signed(origin)?, swarm, round)
        }

        /// Publish the merged model of a round. Its leader, also after its deadline, as long as
        /// nobody replaced it.
        #[pallet::call_index(11)]
        #[pallet::weight(T::WeightInfo::publish(left_out.len() as u32))]
        pub fn publish(
            origin: OriginFor<T>,
            swarm: SwarmId,
            round: Number,
            cid: Cid,
            merged: u32,
            left_out: LeftOutOf<T>,
        ) -> DispatchResult {
            Self::do_publish(ensure_signed(origin)?, swarm, round, cid, merged, left_out)
        }

        /// Say that the newest model is unusable. Who arrived in its round and in none since;
        /// more than half of them overturn it. Once nobody has gone on from it for as long as a
        /// leader has: anyone that rounds wait for; as many as a round needs overturn it.
        #[pallet::call_index(12)]
        #[pallet::weight(T::WeightInfo::object())]
        pub fn object(origin: OriginFor<T>, swarm: SwarmId, round: Number) -> DispatchResult {
            Self::do_object(ensure_signed(origin)?, swarm, round)
        }

        /// Have no round wait for a node that missed three. Anyone.
        #[pallet::call_index(13)]
        #[pallet::weight(T::WeightInfo::mark_absent())]
        pub fn mark_absent(
            origin: OriginFor<T>,
            swarm: SwarmId,
            who: AccountOf<T>,
        ) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_mark_absent(swarm, who)
        }

        /// End one's training: as snapshot, active or inactive.
        #[pallet::call_index(14)]
        #[pallet::weight(T::WeightInfo::finish())]
        pub fn finish(origin: OriginFor<T>, swarm: SwarmId, presence: Presence) -> DispatchResult {
            Self::do_finish(ensure_signed(origin)?, swarm, presence)
        }

        /// Have no round open any more. The owner.
        #[pallet::call_index(15)]
        #[pallet::weight(T::WeightInfo::close())]
        pub fn close(origin: OriginFor<T>, swarm: SwarmId) -> DispatchResult {
            Self::do_close(ensure_signed(origin)?, swarm)
        }

        /// Forget a seat of a closed swarm, once no round is under way. Anyone. Its price goes back,
        /// unless it was due before the swarm was closed.
        #[pallet::call_index(16)]
        #[pallet::weight(T::WeightInfo::clear_seat().max(T::WeightInfo::clear_sold_seat()))]
        pub fn clear_seat(
            origin: OriginFor<T>,
            swarm: SwarmId,
            who: AccountOf<T>,
        ) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_clear_seat(swarm, who)
        }

        /// Forget a closed swarm without seats. Anyone.
        #[pallet::call_index(17)]
        #[pallet::weight(T::WeightInfo::remove())]
        pub fn remove(origin: OriginFor<T>, swarm: SwarmId) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_remove(swarm)
        }

        /// Have the owner be paid the price of a seat that is due. Anyone.
        #[pallet::call_index(18)]
        #[pallet::weight(T::WeightInfo::collect_price())]
        pub fn collect_price(
            origin: OriginFor<T>,
            swarm: SwarmId,
            who: AccountOf<T>,
        ) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_collect_price(swarm, who)
        }
    }
}
