//! Swarms, their terms and their seats.

use super::{Admission, Cid, MergeMethod, Millis, Number};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// What an owner decides about a swarm.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub struct Terms<Balance> {
    /// A file with what all must agree on.
    pub config: Cid,
    pub merge: MergeMethod,
    /// Fewest updates that a round merges: arrivals, at least one, and snapshots.
    pub min_peers: u32,
    /// Most seats.
    pub max_peers: u32,
    pub admission: Admission,
    /// Of a seat, where they are on sale; else nothing.
    pub price: Balance,
    /// Most milliseconds that a round waits for stragglers after `min_peers` arrived.
    pub quorum_wait: Millis,
    /// After how many milliseconds a leader that has not published can be replaced.
    pub leader_timeout: Millis,
    /// The multiple of the median absolute deviation of arrivals, in tenths.
    pub spread: u32,
    /// The most that a node may say its updates weigh, 1 to 100; with 1 all weigh the same.
    pub max_weightage: u8,
}

/// A model that a leader published.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub struct Merged<AccountId> {
    pub round: Number,
    pub cid: Cid,
    pub leader: AccountId,
    /// Of its round: more than half of them can overturn it.
    pub arrivals: u32,
}

/// A group that trains one model.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub struct Swarm<AccountId, Balance> {
    pub owner: AccountId,
    pub terms: Terms<Balance>,
    /// Seats given out.
    pub seats: u32,
    /// Nodes registered.
    pub nodes: u32,
    /// Nodes that rounds wait for.
    pub present: u32,
    /// Nodes whose last update goes on being merged.
    pub snapshots: u32,
    /// The round that is under way or comes next.
    pub round: Number,
    pub newest: Option<Merged<AccountId>>,
    /// What is the newest again if that is overturned.
    pub previous: Option<Merged<AccountId>>,
    /// When the newest became that.
    pub since: Millis,
    /// How often another model became the newest.
    pub turn: u32,
    /// Against the newest, of who arrived in its round.
    pub objections: u32,
    /// Against the newest, of others.
    pub others: u32,
    /// Since when no round opens any more.
    pub closed: Option<Millis>,
    /// Held from the owner for storing this.
    pub deposit: Balance,
}

impl<AccountId, Balance> Swarm<AccountId, Balance> {
    /// The round of the model that training goes on from: nothing's is 0.
    pub fn base(&self) -> Number {
        self.newest.as_ref().map_or(0, |merged| merged.round)
    }
}

/// A licence to take part.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub struct Seat<AccountId, Balance> {
    /// What its holder paid for it.
    pub paid: Balance,
    /// From when on that is the owner's, while it is on hold from the holder.
    pub due: Option<Millis>,
    /// Held for storing this.
    pub deposit: Balance,
    /// From whom: the owner where it granted the seat, else the holder.
    pub payer: AccountId,
}
