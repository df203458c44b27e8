//! What a runtime decides.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod config {
    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// Holds deposits and the prices of seats.
        type Currency: MutateHold<AccountOf<Self>, Reason = Self::RuntimeHoldReason>
            + Mutate<AccountOf<Self>>;

        /// The runtime's hold reasons, this pallet's among them.
        type RuntimeHoldReason: From<HoldReason>;

        /// Unix milliseconds.
        type Time: Time<Moment = Millis>;

        /// What storing anything costs while it is stored; at least the existential deposit, so
        /// that every account can take it back.
        #[pallet::constant]
        type DepositBase: Get<BalanceOf<Self>>;

        /// What each byte costs that it can take, besides.
        #[pallet::constant]
        type DepositPerByte: Get<BalanceOf<Self>>;

        /// The least milliseconds that terms can set, and that a round waits for stragglers.
        #[pallet::constant]
        type MinimumWait: Get<Millis>;

        /// The most milliseconds that terms can set.
        #[pallet::constant]
        type MaximumWait: Get<Millis>;

        /// The most seats of a swarm.
        #[pallet::constant]
        type MaxPeers: Get<u32>;

        /// For how many milliseconds the price of a seat is on hold before it is the owner's.
        #[pallet::constant]
        type PriceWait: Get<Millis>;

        /// Weights of this pallet's calls.
        type WeightInfo: WeightInfo;
    }
}
