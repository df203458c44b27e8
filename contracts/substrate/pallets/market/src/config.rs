//! What a runtime decides.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod config {
    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// Holds escrow, bonds and deposits, and pays: the native token.
        type Currency: MutateHold<AccountOf<Self>, Reason = Self::RuntimeHoldReason>
            + BalancedHold<AccountOf<Self>>;

        /// Holds rewards in other assets, and pays them.
        type Assets: fungibles::MutateHold<
            AccountOf<Self>,
            AssetId = AssetId,
            Balance = BalanceOf<Self>,
            Reason = Self::RuntimeHoldReason,
        >;

        /// The runtime's hold reasons, this pallet's among them.
        type RuntimeHoldReason: From<HoldReason>;

        /// Unix milliseconds.
        type Time: Time<Moment = Millis>;

        /// The aggregators: whom to draw, and whom to tell of duties and misconduct.
        type Office: Office<AccountOf<Self>, CreditOf<Self>>;

        /// Where deeds are noted.
        type Reputation: Reputation<AccountOf<Self>, BalanceOf<Self>>;

        /// Takes forfeited money, and what aggregators are slashed.
        type OnForfeit: OnUnbalanced<CreditOf<Self>>;

        /// The least bond of a contributor, and of an appeal.
        #[pallet::constant]
        type MinimumBond: Get<BalanceOf<Self>>;

        /// The least fee of a member: nobody is made to work for nothing.
        #[pallet::constant]
        type MinimumFee: Get<BalanceOf<Self>>;

        /// What storing anything costs while it is stored.
        #[pallet::constant]
        type DepositBase: Get<BalanceOf<Self>>;

        /// What each byte costs that it can take, besides.
        #[pallet::constant]
        type DepositPerByte: Get<BalanceOf<Self>>;

        /// Milliseconds in which a committee can be drawn.
        #[pallet::constant]
        type DrawPeriod: Get<Millis>;

        /// Milliseconds in which a contributor can hand a panel its key.
        #[pallet::constant]
        type SealingPeriod: Get<Millis>;

        /// Milliseconds in which members can commit to what they find.
        #[pallet::constant]
        type CommitPeriod: Get<Millis>;

        /// Milliseconds in which members can open their commitments.
        #[pallet::constant]
        type RevealPeriod: Get<Millis>;

        /// Milliseconds in which the key of an accepted result can be released.
        #[pallet::constant]
        type ReleasePeriod: Get<Millis>;

        /// The least milliseconds in which a contributor can appeal against its creator.
        #[pallet::constant]
        type AppealPeriod: Get<Millis>;

        /// Milliseconds for which what has ended stays in storage.
        #[pallet::constant]
        type RetentionPeriod: Get<Millis>;

        /// The shortest time that terms can set.
        #[pallet::constant]
        type MinimumDuration: Get<Millis>;

        /// The longest time that terms can set.
        #[pallet::constant]
        type MaximumDuration: Get<Millis>;

        /// The longest review and challenge times: contributor and members wait for their pay.
        #[pallet::constant]
        type MaximumWindow: Get<Millis>;

        /// The most slots of a task.
        #[pallet::constant]
        type MaxSlots: Get<u32>;

        /// Weights of this pallet's calls.
        type WeightInfo: WeightInfo;
    }
}
