//! A record and how it fades: pure arithmetic.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Unix milliseconds, or a number of milliseconds.
pub type Millis = u64;

/// What one deed counts.
pub const DEED: u32 = 1_000;
/// The standing of whom nothing is known of, in parts per million.
pub const NEUTRAL: u32 = 500_000;
const MILLION: u64 = 1_000_000;

/// In what an account acts.
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
pub enum Role {
    #[codec(index = 0)]
    Creator,
    #[codec(index = 1)]
    Contributor,
    #[codec(index = 2)]
    Aggregator,
}

/// What became of something that an account did. `docs/protocol.md` has what each means in each
/// role.
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
pub enum Deed {
    /// It was good.
    #[codec(index = 0)]
    Accepted,
    /// It was not good enough.
    #[codec(index = 1)]
    Rejected,
    /// It did not come in time.
    #[codec(index = 2)]
    Expired,
    /// All in office found it wrong.
    #[codec(index = 3)]
    Overturned,
}

/// What an account did in a role.
///
/// Time is cut into half-lives, counted from the Unix epoch, the same for everybody. The counts are
/// those of the *beginning* of the half-life in which `updated_at` lies; within it they fade along a
/// straight line to their half. What is done in its midst is entered as so much more as will have
/// faded by then: thus it makes no difference how often a record is written.
#[derive(
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
    Clone,
    Default,
    PartialEq,
    Eq,
    Debug,
)]
pub struct Record<Balance> {
    /// Thousandths of deeds, as are the others.
    pub accepted: u32,
    pub rejected: u32,
    pub expired: u32,
    pub overturned: u32,
    /// Native money that was earned, ever.
    pub earned: Balance,
    /// When it was last written.
    pub updated_at: Millis,
}

impl<Balance> Record<Balance> {
    /// Enters a deed of `now`.
    pub fn note(&mut self, deed: Deed, now: Millis, half_life: Millis) {
        self.move_to(now, half_life);
        let count = self.count_mut(deed);
        *count = count.saturating_add(entered(now, half_life));
    }

    /// Brings the counts to the half-life in which `now` lies.
    pub fn move_to(&mut self, now: Millis, half_life: Millis) {
        let halvings = (now / half_life).saturating_sub(self.updated_at / half_life);
        for count in self.counts_mut() {
            *count = u32::try_from(halvings).ok().and_then(|by| count.checked_shr(by)).unwrap_or(0);
        }
        self.updated_at = self.updated_at.max(now);
    }

    /// The record with its counts as they are at `now`.
    pub fn at(mut self, now: Millis, half_life: Millis) -> Self {
        self.move_to(now, half_life);
        for count in self.counts_mut() {
            *count = faded(*count, now, half_life);
        }
        self
    }

    /// How much of it is good, in parts per million, of a record as it is [`at`](Self::at) a time.
    ///
    /// `accepted / (accepted + rejected + 2 × expired + 4 × overturned)`, with one deed more in
    /// everybody's record that is half good: who did nothing stands at [`NEUTRAL`], and as deeds
    /// fade a standing goes back there step by step.
    pub fn standing(&self) -> u32 {
        let [accepted, rejected, expired, overturned] =
            [self.accepted, self.rejected, self.expired, self.overturned].map(u64::from);
        let deed = u64::from(DEED);
        let all = accepted + rejected + 2 * expired + 4 * overturned + deed;
        // Less than a million: what is good is a part of `all`, which is not zero.
        ((accepted + deed / 2) * MILLION / all) as u32
    }

    fn count_mut(&mut self, deed: Deed) -> &mut u32 {
        match deed {
            Deed::Accepted => &mut self.accepted,
            Deed::Rejected => &mut self.rejected,
            Deed::Expired => &mut self.expired,
            Deed::Overturned => &mut self.overturned,
        }
    }

    fn counts_mut(&mut self) -> [&mut u32; 4] {
        [&mut self.accepted, &mut self.rejected, &mut self.expired, &mut self.overturned]
    }
}

/// What a count of the beginning of a half-life is at `now` within it, rounded down.
fn faded(count: u32, now: Millis, half_life: Millis) -> u32 {
    let (whole, gone) = (u128::from(half_life) * 2, u128::from(now % half_life));
    // Less than `count`.
    (u128::from(count) * (whole - gone) / whole) as u32
}

/// What is to be entered at `now` so that it has faded to one [`DEED`], rounded up.
fn entered(now: Millis, half_life: Millis) -> u32 {
    let (whole, gone) = (u128::from(half_life) * 2, u128::from(now % half_life));
    // Less than two deeds.
    (u128::from(DEED) * whole).div_ceil(whole - gone) as u32
}
