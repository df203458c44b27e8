//! How long a round waits for stragglers, as pure functions of how late nodes have been.
//!
//! A node's lateness is the time from the opening of its round to its arrival. A round whose quorum
//! is there waits until the median of the latest [`crate::MEMORY`] plus a multiple of their median
//! absolute deviation, at least and at most for what bounds say. A node that a deadline missed is
//! remembered as twice as late as the deadline, so that one that was too short grows again.

use crate::{Memory, Millis};
use alloc::vec::Vec;

/// With fewer arrivals to learn from, a round waits as long as it may.
pub const LEAST_MEMORY: usize = 8;

/// When a round that `opened` then and had its quorum at `quorum_at` waits no longer.
pub fn deadline(
    opened: Millis,
    quorum_at: Millis,
    lateness: &[u32],
    spread: u32,
    least: Millis,
    most: Millis,
) -> Millis {
    let wait = match expected(lateness, spread) {
        None => most,
        Some(late) => opened.saturating_add(late).saturating_sub(quorum_at).max(least).min(most),
    };
    quorum_at.saturating_add(wait)
}

/// By when a node that comes at all has come: the median plus `spread` tenths of the median absolute
/// deviation, in milliseconds from the opening. Nothing, if too little is known.
pub fn expected(lateness: &[u32], spread: u32) -> Option<Millis> {
    if lateness.len() < LEAST_MEMORY {
        return None;
    }
    let middle = median(lateness.to_vec());
    let deviation = median(lateness.iter().map(|late| late.abs_diff(middle)).collect());
    let margin = u64::from(deviation).saturating_mul(spread.into()) / 10;
    Some(u64::from(middle).saturating_add(margin))
}

/// What is remembered of a node that was not there at `deadline`: twice the time waited, at most
/// `most` more.
pub fn missed(opened: Millis, deadline: Millis, most: Millis) -> Millis {
    let waited = deadline.saturating_sub(opened);
    waited.saturating_add(waited.min(most))
}

/// Remembers that `count` nodes were `late`, and forgets the oldest.
pub fn remember(lateness: &mut Memory, late: Millis, count: u32) {
    let late = u32::try_from(late).unwrap_or(u32::MAX);
    for _ in 0..count.min(crate::MEMORY) {
        if lateness.is_full() {
            lateness.remove(0);
        }
        let _ = lateness.try_push(late);
    }
}

/// The middle, or the mean of the two in the middle, rounded down; of nothing 0.
fn median(mut numbers: Vec<u32>) -> u32 {
    numbers.sort_unstable();
    let (below, above) = (numbers.len().saturating_sub(1) / 2, numbers.len() / 2);
    match (numbers.get(below), numbers.get(above)) {
        // Between two that are u32.
        (Some(low), Some(high)) => ((u64::from(*low) + u64::from(*high)) / 2) as u32,
        _ => 0,
    }
}
