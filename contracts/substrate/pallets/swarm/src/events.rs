//! What happens, told to those outside.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod events {
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// There is a new swarm.
        SwarmCreated { swarm: SwarmId, owner: AccountOf<T> },
        /// Its terms are others.
        SwarmChanged { swarm: SwarmId },
        /// An account has a seat; that much of its is on hold for the owner.
        SeatGranted { swarm: SwarmId, who: AccountOf<T>, paid: BalanceOf<T> },
        /// A seat was revoked, given up or cleared; that much of its price went back to its holder.
        SeatEnded { swarm: SwarmId, who: AccountOf<T>, refunded: BalanceOf<T> },
        /// A node is a member, or says something else of itself.
        NodeRegistered { swarm: SwarmId, who: AccountOf<T>, identity: Digest },
        /// A node stands somewhere else.
        PresenceChanged { swarm: SwarmId, who: AccountOf<T>, presence: Presence },
        /// The first node of a round arrived.
        RoundOpened { swarm: SwarmId, round: Number },
        /// A node reached the round's sync point, with an update.
        Arrived { swarm: SwarmId, round: Number, who: AccountOf<T>, cid: Cid },
        /// A round's collection is over; the hash of block `anchor` draws its leader.
        RoundCollected { swarm: SwarmId, round: Number, arrivals: u32, anchor: BlockNumberFor<T> },
        /// A round has a leader, which has until `deadline` before it can be replaced.
        LeaderDrawn { swarm: SwarmId, round: Number, leader: AccountOf<T>, deadline: Millis },
        /// The leader did not publish in time, stepped down, ended its training or lost its seat.
        LeaderReplaced { swarm: SwarmId, round: Number, leader: AccountOf<T> },
        /// The merged model of a round.
        RoundMerged {
            swarm: SwarmId,
            round: Number,
            leader: AccountOf<T>,
            cid: Cid,
            merged: u32,
            left_out: LeftOutOf<T>,
        },
        /// Nobody was left to lead, or too few to merge: who waits arrives in the next round.
        RoundVoided { swarm: SwarmId, round: Number },
        /// A member found the model of its round unusable.
        Objected { swarm: SwarmId, round: Number, who: AccountOf<T> },
        /// Most of a round's members objected: the model before it is the newest again.
        MergedOverturned { swarm: SwarmId, round: Number },
        /// No round opens any more.
        SwarmClosed { swarm: SwarmId },
        /// A swarm is gone.
        SwarmRemoved { swarm: SwarmId },
        /// The price of a seat is the owner's.
        PriceCollected { swarm: SwarmId, who: AccountOf<T>, paid: BalanceOf<T> },
    }
}
