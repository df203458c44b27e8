//! The rules that a call can break.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod errors {
    #[pallet::error]
    pub enum Error<T> {
        /// There is no such swarm.
        UnknownSwarm,
        /// Only the swarm's owner may do this.
        NotOwner,
        /// The swarm is closed.
        SwarmClosed,
        /// Only of a closed swarm.
        NotClosed,
        /// A round is under way.
        RoundUnderWay,
        /// The swarm still has seats.
        SeatsLeft,
        /// Not a content identifier of version 1 in base32.
        BadCid,
        /// A round needs one arrival at least, and no more than there can be seats.
        BadMinPeers,
        /// More seats than a swarm can have.
        BadMaxPeers,
        /// Seats have a price where they are on sale, and only there.
        BadPrice,
        /// The wait for stragglers is too short or too long.
        BadWait,
        /// The leader's timeout is too short or too long.
        BadTimeout,
        /// The spread is above 1000 tenths.
        BadSpread,
        /// More seats are given out than the new limit.
        SeatsAboveLimit,
        /// Every seat is given out.
        SwarmFull,
        /// The account has a seat already.
        SeatTaken,
        /// The account has no seat.
        NoSeat,
        /// Seats are had by the owner's grant only.
        NotInvited,
        /// An owner grants itself a seat; it cannot buy one from itself.
        OwnSeat,
        /// A seat costs more than the account would pay.
        PriceTooHigh,
        /// A certificate is missing.
        BadCertificate,
        /// Not a file server's address: host, colon, port.
        BadAddress,
        /// A weight is 1 to 100, and no more than the swarm's terms allow.
        BadWeightage,
        /// The account has no node in this swarm.
        NotRegistered,
        /// The node is ready already.
        AlreadyReady,
        /// The node has not said that it is ready, or its training has ended.
        NotReady,
        /// A training ends as snapshot, active or inactive.
        BadPresence,
        /// The node has not missed enough rounds.
        StillPresent,
        /// Another round is under way, or none.
        WrongRound,
        /// The update does not begin from the newest model.
        StaleBase,
        /// The node arrived in this round already.
        AlreadyArrived,
        /// The round's collection is over.
        CollectionOver,
        /// Nothing of the swarm's round is due now.
        NothingDue,
        /// Only the round's leader may do this.
        NotLeader,
        /// A merged model has one update at least, and no more than there are nodes.
        BadMerged,
        /// The model is not the newest.
        NotNewest,
        /// The node did not arrive in that round, or went on from its model; and others have, or
        /// may yet.
        NotInRound,
        /// The node objected already.
        AlreadyObjected,
        /// Nothing was paid for the seat, or its owner has it already.
        NothingOnHold,
        /// The price of the seat is not the owner's yet, or goes back to its holder.
        PriceNotDue,
    }
}
