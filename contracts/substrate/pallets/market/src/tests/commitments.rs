//! Commitments as functions of bytes that other implementations can compute.

use super::{cid, FAIL, PASS};
use crate::{commitments, Attestation, Gold};
use sp_io::hashing::blake2_256;

#[test]
fn a_commitment_to_a_finding_is_a_hash_of_these_bytes() {
    let said = Attestation { verdict: FAIL, score: 7, report: cid("r"), segment: Some(258) };
    let mut bytes = b"decentralml/finding".to_vec();
    bytes.extend([1, 0, 0, 0, 0, 0, 0, 0]); // task
    bytes.extend([2, 0, 0, 0]); // index
    bytes.extend([3; 32]); // member
    bytes.extend([1, 7, 0, 0, 0]); // verdict and score
    bytes.extend([5 << 2]); // length of the report, compact
    bytes.extend(b"bafyr");
    bytes.extend([1, 2, 1, 0, 0]); // segment
    bytes.extend([4; 32]); // salt
    let found = commitments::finding(1, 2, &[3u8; 32], &said, &[4; 32]);
    assert_eq!(found, blake2_256(&bytes));
}

#[test]
fn everything_changes_a_commitment() {
    let said = Attestation { verdict: FAIL, score: 7, report: cid("r"), segment: None };
    let commit = |task, index, member: u64, said: &Attestation, salt| {
        commitments::finding(task, index, &member, said, &[salt; 32])
    };
    let found = [
        commit(0, 0, 0, &said, 0),
        commit(1, 0, 0, &said, 0),
        commit(0, 1, 0, &said, 0),
        commit(0, 0, 1, &said, 0),
        commit(0, 0, 0, &said, 1),
        commit(0, 0, 0, &Attestation { verdict: PASS, ..said.clone() }, 0),
        commit(0, 0, 0, &Attestation { score: 8, ..said.clone() }, 0),
        commit(0, 0, 0, &Attestation { report: cid("s"), ..said.clone() }, 0),
        commit(0, 0, 0, &Attestation { segment: Some(0), ..said.clone() }, 0),
    ];
    assert_eq!(found.iter().collect::<std::collections::BTreeSet<_>>().len(), found.len());
}

#[test]
fn a_commitment_to_a_gold_is_a_hash_of_these_bytes() {
    let gold = Gold { contributor: [3u8; 32], verdict: FAIL, low: 1, high: 256, salt: [4; 32] };
    let mut bytes = b"decentralml/gold".to_vec();
    bytes.extend([3; 32]);
    bytes.extend([1, 1, 0, 0, 0, 0, 1, 0, 0]);
    bytes.extend([4; 32]);
    assert_eq!(commitments::gold(&gold), blake2_256(&bytes));
}
