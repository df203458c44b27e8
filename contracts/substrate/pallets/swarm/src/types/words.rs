//! The enumerations that swarms, nodes and events share.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// How updates become one.
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
pub enum MergeMethod {
    /// Weighted by weightage.
    #[codec(index = 0)]
    Mean,
    /// The weighted median of each coordinate.
    #[codec(index = 1)]
    CoordMedian,
    /// Weiszfeld's geometric median.
    #[codec(index = 2)]
    GeoMedian,
}

/// How a seat is had.
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
pub enum Admission {
    /// Whoever takes one.
    #[codec(index = 0)]
    Open,
    /// Only by the owner's grant.
    #[codec(index = 1)]
    Invited,
    /// By grant, or for a price that is on hold for a time and then the owner's.
    #[codec(index = 2)]
    Sale,
}

/// Where a node stands.
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
pub enum Presence {
    /// It has not said that it is ready.
    #[codec(index = 0)]
    Registered,
    /// Rounds wait for it.
    #[codec(index = 1)]
    Ready,
    /// It missed rounds: none waits for it until it arrives again.
    #[codec(index = 2)]
    Absent,
    /// Its training ended; its last update goes on being merged.
    #[codec(index = 3)]
    Snapshot,
    /// Its training ended; it still arrives with the merged model, and leads.
    #[codec(index = 4)]
    Active,
    /// Its training ended; it has no weight any more.
    #[codec(index = 5)]
    Inactive,
}

/// Why a leader left an arrival out.
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
pub enum Fault {
    /// Nobody had it.
    #[codec(index = 0)]
    Unreachable,
    /// It is not what its CID says, or no safetensors file.
    #[codec(index = 1)]
    Damaged,
    /// Other names, shapes or types of tensors.
    #[codec(index = 2)]
    Structure,
    /// It holds numbers that are not finite.
    #[codec(index = 3)]
    NotFinite,
    /// It is larger than the swarm agreed.
    #[codec(index = 4)]
    TooLarge,
}

impl Presence {
    /// Whether rounds wait for it.
    pub fn is_awaited(self) -> bool {
        matches!(self, Presence::Ready | Presence::Active)
    }

    /// Whether an update of it is merged without its arriving.
    pub fn is_merged(self) -> bool {
        self == Presence::Snapshot
    }

    /// Whether it may arrive.
    pub fn may_arrive(self) -> bool {
        matches!(self, Presence::Ready | Presence::Absent | Presence::Active)
    }

    /// Whether it is how a training can end.
    pub fn is_an_end(self) -> bool {
        matches!(self, Presence::Snapshot | Presence::Active | Presence::Inactive)
    }
}
