//! Panels: who judges a result, and what they say.

use super::{Cid, Digest, Jury, Millis, Verdict, Wrap};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// One place on a committee or jury.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub struct Seat<AccountId> {
    pub member: AccountId,
    /// The result's key for the member, once the contributor has handed it.
    pub wrap: Option<Wrap>,
    /// To what the member found.
    pub commitment: Option<Digest>,
    /// What the member found, once it has opened its commitment.
    pub attestation: Option<Attestation>,
    /// Whether the member has its fee.
    pub paid: bool,
    /// Whether the office counts the seat as a duty: as long as its member can be held to account.
    pub on_duty: bool,
}

/// What a member found.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub struct Attestation {
    pub verdict: Verdict,
    /// Parts per million.
    pub score: u32,
    /// The report that explains it.
    pub report: Cid,
    /// A segment of the training that did not replay.
    pub segment: Option<u32>,
}

/// What a panel found.
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
pub struct Finding {
    pub verdict: Verdict,
    /// Parts per million.
    pub score: u32,
}

/// What a panel waits for.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub enum Phase<BlockNumber> {
    /// The hash of block `anchor`, which draws the committee.
    #[codec(index = 0)]
    Drawing { anchor: BlockNumber, until: Millis },
    /// The result's key, which the contributor hands to each member.
    #[codec(index = 1)]
    Sealing { until: Millis },
    /// The members' commitments.
    #[codec(index = 2)]
    Committing { until: Millis },
    /// What the members committed to.
    #[codec(index = 3)]
    Revealing { until: Millis },
}

/// An outcome that all in office judge again. Kept until its submission ends.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub struct Appeal<AccountId, Balance> {
    pub appellant: AccountId,
    /// Held from the appellant.
    pub bond: Balance,
    /// Held from a creator that overruled the committee.
    pub counter: Balance,
    /// What the creator knew of the result, where it planted it.
    pub gold: Option<Expected>,
    pub jury: Jury<AccountId>,
}

/// A planted result, as the creator shows it: what its commitment in the terms was made of.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub struct Gold<AccountId> {
    /// Who sent it.
    pub contributor: AccountId,
    pub verdict: Verdict,
    /// The least score that agrees with it.
    pub low: u32,
    /// The highest score that agrees with it.
    pub high: u32,
    pub salt: [u8; 32],
}

/// What a panel should have found.
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
pub struct Expected {
    pub verdict: Verdict,
    pub low: u32,
    pub high: u32,
}

impl<AccountId> Seat<AccountId> {
    /// A seat that was just taken.
    pub fn new(member: AccountId) -> Self {
        Seat { member, wrap: None, commitment: None, attestation: None, paid: false, on_duty: true }
    }

    /// Whether its member has not committed to anything.
    pub fn is_absent(&self) -> bool {
        self.commitment.is_none()
    }

    /// Whether its member has committed to something that it has not opened.
    pub fn is_unrevealed(&self) -> bool {
        self.commitment.is_some() && self.attestation.is_none()
    }
}

impl Attestation {
    /// What it says of the result.
    pub fn finding(&self) -> Finding {
        Finding { verdict: self.verdict, score: self.score }
    }
}

impl Expected {
    /// Whether a finding is what it should be.
    pub fn agrees(&self, finding: Finding) -> bool {
        self.is_near(finding, 0)
    }

    /// Whether a finding has the verdict it should, and a score within `tolerance` of the range.
    pub fn is_near(&self, finding: Finding, tolerance: u32) -> bool {
        let range = self.low.saturating_sub(tolerance)..=self.high.saturating_add(tolerance);
        finding.verdict == self.verdict && range.contains(&finding.score)
    }
}
