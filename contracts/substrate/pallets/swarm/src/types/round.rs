//! Rounds that are under way.

use super::{Millis, Number};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// The round that is under way.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub struct Round<AccountId, BlockNumber> {
    pub number: Number,
    /// When its first node arrived.
    pub opened: Millis,
    pub arrivals: u32,
    /// Nodes that it waits for and that have not arrived.
    pub waiting: u32,
    /// Snapshots that it merges beside the arrivals; they count for the quorum.
    pub snapshots: u32,
    /// Arrivals that can be drawn as leader and have not been.
    pub candidates: u32,
    /// Leaders that failed.
    pub attempt: u32,
    pub stage: Stage<AccountId, BlockNumber>,
}

/// Where a round stands.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub enum Stage<AccountId, BlockNumber> {
    /// It waits for arrivals: from when on no more, once enough have arrived.
    #[codec(index = 0)]
    Collecting { deadline: Option<Millis> },
    /// The hash of a block draws its leader.
    #[codec(index = 1)]
    Drawing { anchor: BlockNumber },
    /// Its leader merges.
    #[codec(index = 2)]
    Merging { anchor: BlockNumber, leader: AccountId, deadline: Millis },
}

impl<AccountId: PartialEq, BlockNumber> Round<AccountId, BlockNumber> {
    /// Whether arrivals are still taken.
    pub fn is_collecting(&self) -> bool {
        matches!(self.stage, Stage::Collecting { .. })
    }

    /// Whether so many updates are there; without an arrival nobody could lead.
    pub fn has_quorum(&self, min_peers: u32) -> bool {
        self.arrivals > 0 && self.arrivals.saturating_add(self.snapshots) >= min_peers
    }

    /// Whether it is led by `who` now.
    pub fn is_led_by(&self, who: &AccountId) -> bool {
        matches!(&self.stage, Stage::Merging { leader, .. } if leader == who)
    }
}
