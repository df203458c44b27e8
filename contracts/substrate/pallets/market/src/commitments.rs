//! Commitments to what is shown later, as pure functions.

use crate::{Attestation, Digest, Gold, Index, TaskId};
use codec::Encode;
use sp_io::hashing::blake2_256;

/// What a member commits to:
/// `blake2_256(b"decentralml/finding" ++ SCALE(task, index, member, attestation, salt))`. It names
/// the member, so that nobody can open a copy of another's.
pub fn finding<AccountId: Encode>(
    task: TaskId,
    index: Index,
    member: &AccountId,
    attestation: &Attestation,
    salt: &[u8; 32],
) -> Digest {
    (*b"decentralml/finding", task, index, member, attestation, salt).using_encoded(blake2_256)
}

/// What a creator commits to of a result that it plants:
/// `blake2_256(b"decentralml/gold" ++ SCALE(contributor, verdict, low, high, salt))`.
pub fn gold<AccountId: Encode>(gold: &Gold<AccountId>) -> Digest {
    (*b"decentralml/gold", gold).using_encoded(blake2_256)
}
