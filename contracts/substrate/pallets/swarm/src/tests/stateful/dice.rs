//! Numbers that look random and are the same for the same seed, everywhere: SplitMix64.

use std::ops::RangeInclusive;

pub(super) struct Dice(pub u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn among(&mut self, range: RangeInclusive<u64>) -> u64 {
        range.start() + self.below(range.end() - range.start() + 1)
    }

    pub fn one<Item: Clone>(&mut self, items: &[Item]) -> Item {
        items[self.below(items.len() as u64) as usize].clone()
    }

    /// Mostly `right`, sometimes somebody else.
    pub fn mostly(&mut self, right: u64) -> u64 {
        if self.chance(92) {
            right
        } else {
            self.among(1..=22)
        }
    }
}
