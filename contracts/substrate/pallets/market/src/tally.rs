//! What a committee says, as a pure function of its seats.

use crate::{Seat, Verdict};
use alloc::vec::Vec;

/// The committee's verdict and score, once there is one.
///
/// A verdict stands when more than half of the seats gave it. Where all have attested, or no
/// attestation can come any more (`closed`), more than half of the attestations decide; without
/// such a majority, and without any attestation, the verdict is inconclusive. The score is the
/// median of those who agree with the verdict.
pub fn tally<AccountId>(seats: &[Seat<AccountId>], closed: bool) -> Option<(Verdict, u32)> {
    let given = seats.iter().filter(|seat| !seat.is_silent()).count();
    let voters = if closed { given } else { seats.len() };
    let majority = [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive]
        .into_iter()
        .find(|verdict| scores(seats, *verdict).len() * 2 > voters);
    match majority {
        Some(verdict) => Some((verdict, median(scores(seats, verdict)))),
        None if given == voters => {
            Some((Verdict::Inconclusive, median(scores(seats, Verdict::Inconclusive))))
        }
        None => None,
    }
}

/// The scores of those who gave `verdict`.
fn scores<AccountId>(seats: &[Seat<AccountId>], verdict: Verdict) -> Vec<u32> {
    seats
        .iter()
        .filter_map(|seat| seat.attestation.as_ref())
        .filter(|attestation| attestation.verdict == verdict)
        .map(|attestation| attestation.score)
        .collect()
}

/// The middle one, or the mean of the middle two, rounded down; 0 of none.
fn median(mut scores: Vec<u32>) -> u32 {
    scores.sort_unstable();
    let middle = scores.len() / 2;
    match scores.len() {
        0 => 0,
        n if n % 2 == 1 => scores[middle],
        _ => {
            let pair = u64::from(scores[middle - 1]) + u64::from(scores[middle]);
            (pair / 2) as u32
        }
    }
}
