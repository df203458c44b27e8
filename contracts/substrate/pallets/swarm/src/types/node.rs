//! Nodes.

use super::{Cid, Digest, Millis, NetAddress, Number, Presence};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// A member's machine.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub struct Node<Balance> {
    /// SHA-256 of its certificate.
    pub identity: Digest,
    /// Of its file server.
    pub address: NetAddress,
    /// How much its updates weigh: 1 to what the terms allow.
    pub weightage: u8,
    /// Whether it may be drawn as leader.
    pub willing: bool,
    /// Whether a model of its was overturned: then it may not be, for as long as it has its seat.
    pub barred: bool,
    pub presence: Presence,
    /// Of its last arrival; 0 if it never arrived.
    pub round: Number,
    /// Of its last arrival.
    pub cid: Option<Cid>,
    /// When that was; 0 if it never arrived.
    pub arrived: Millis,
    /// The latest round that it has not missed: it arrived in it, or was not waited for.
    pub seen: Number,
    /// Its place among the candidates of the round of its last arrival, while it is one.
    pub candidate: Option<u32>,
    /// The swarm's turn in which it objected last; 0 if it never did.
    pub objected: u32,
    /// Held from its account for storing this and its certificate.
    pub deposit: Balance,
}
