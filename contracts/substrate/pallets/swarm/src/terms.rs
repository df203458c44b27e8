//! What terms a swarm can have, and what names and addresses nodes can give.

use crate::{Admission, Config, Error, Pallet, TermsOf, MAX_SPREAD, MAX_WEIGHTAGE};
use frame_support::{ensure, traits::Get};
use sp_runtime::traits::Zero;

impl<T: Config> Pallet<T> {
    /// Says what is wrong with terms that a swarm cannot have.
    pub(crate) fn ensure_sound(terms: &TermsOf<T>) -> Result<(), Error<T>> {
        ensure!(is_cid(&terms.config), Error::<T>::BadCid);
        ensure!(terms.max_peers <= T::MaxPeers::get(), Error::<T>::BadMaxPeers);
        ensure!((1..=terms.max_peers).contains(&terms.min_peers), Error::<T>::BadMinPeers);
        let on_sale = terms.admission == Admission::Sale;
        ensure!(on_sale != terms.price.is_zero(), Error::<T>::BadPrice);
        let possible = T::MinimumWait::get()..=T::MaximumWait::get();
        ensure!(possible.contains(&terms.quorum_wait), Error::<T>::BadWait);
        ensure!(possible.contains(&terms.leader_timeout), Error::<T>::BadTimeout);
        ensure!(terms.spread <= MAX_SPREAD, Error::<T>::BadSpread);
        let weights = 1..=MAX_WEIGHTAGE;
        ensure!(weights.contains(&terms.max_weightage), Error::<T>::BadWeightage);
        Ok(())
    }
}

/// Whether `cid` looks like a CID of version 1 in base32: its multibase prefix, its version, and
/// nothing but base32 letters. Whether there is content behind it, no chain can know.
pub fn is_cid(cid: &[u8]) -> bool {
    cid.starts_with(b"ba") && cid.iter().all(|c| matches!(c, b'a'..=b'z' | b'2'..=b'7'))
}

/// Whether `address` looks like `host:port`: printable, without spaces, and a port from 1 on.
pub fn is_address(address: &[u8]) -> bool {
    let Some(colon) = address.iter().rposition(|c| *c == b':') else { return false };
    let (host, port) = (&address[..colon], &address[colon + 1..]);
    let port = core::str::from_utf8(port).ok().and_then(|port| port.parse::<u16>().ok());
    !host.is_empty() && host.iter().all(u8::is_ascii_graphic) && port.is_some_and(|port| port > 0)
}
