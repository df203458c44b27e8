//! What a panel says, as a pure function of its seats.

use crate::{Attestation, Finding, Seat, Verdict};
use alloc::vec::Vec;

/// How many must agree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule {
    /// More than half of the attestations, and at least half of the seats must have attested.
    Committee,
    /// More than half of all seats.
    Jury,
}

/// What a panel found, and whether a verdict stands: without one, the finding is Inconclusive and
/// nobody has earned anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tally {
    pub finding: Finding,
    pub stands: bool,
}

impl Tally {
    /// The finding, if a verdict stands.
    pub fn standing(self) -> Option<Finding> {
        self.stands.then_some(self.finding)
    }
}

/// Counts a panel's attestations.
///
/// The score is the median of those who agree with the verdict. Crashed is a vote for nothing: it
/// counts as given, but no panel finds it.
pub fn tally<AccountId>(seats: &[Seat<AccountId>], rule: Rule) -> Tally {
    let given = seats.iter().filter(|seat| seat.attestation.is_some()).count();
    let (needed, enough) = match rule {
        Rule::Committee => (given, given * 2 >= seats.len()),
        Rule::Jury => (seats.len(), true),
    };
    let verdict = [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive]
        .into_iter()
        .find(|verdict| enough && scores(seats, *verdict).len() * 2 > needed);
    let finding = |verdict| Finding { verdict, score: median(scores(seats, verdict)) };
    Tally { finding: finding(verdict.unwrap_or(Verdict::Inconclusive)), stands: verdict.is_some() }
}

/// Whether an attestation earns its fee: it gives the panel's verdict, and a score that differs
/// from the panel's by at most `tolerance`.
pub fn earns(attestation: &Attestation, panel: Finding, tolerance: u32) -> bool {
    attestation.verdict == panel.verdict && attestation.score.abs_diff(panel.score) <= tolerance
}

/// Whether a member has earned its fee.
pub fn has_earned<AccountId>(seat: &Seat<AccountId>, panel: Finding, tolerance: u32) -> bool {
    seat.attestation.as_ref().is_some_and(|found| earns(found, panel, tolerance))
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
