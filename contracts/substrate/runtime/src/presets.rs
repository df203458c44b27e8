//! Genesis of a development chain.

use crate::{
    treasury, Balance, BalancesConfig, RuntimeGenesisConfig, SudoConfig, EXISTENTIAL_DEPOSIT,
};
use alloc::{string::ToString, vec, vec::Vec};
use frame_support::build_struct_json_patch;
use sp_genesis_builder::{PresetId, DEV_RUNTIME_PRESET};
use sp_keyring::{Ed25519Keyring, Sr25519Keyring};

/// What each development account starts with: over a million tokens.
pub const ENDOWMENT: Balance = 1 << 60;

/// The keyring's accounts endowed, the treasury alive, and Alice in charge of blocks and of `sudo`.
fn development() -> serde_json::Value {
    let mut balances: Vec<_> =
        Sr25519Keyring::iter().map(|key| (key.to_account_id(), ENDOWMENT)).collect();
    balances.push((treasury(), EXISTENTIAL_DEPOSIT));
    build_struct_json_patch!(RuntimeGenesisConfig {
        balances: BalancesConfig { balances },
        aura: pallet_aura::GenesisConfig {
            authorities: vec![Sr25519Keyring::Alice.public().into()],
        },
        grandpa: pallet_grandpa::GenesisConfig {
            authorities: vec![(Ed25519Keyring::Alice.public().into(), 1)],
        },
        sudo: SudoConfig { key: Some(Sr25519Keyring::Alice.to_account_id()) },
    })
}

/// The preset's JSON patch over the default genesis.
pub fn preset(id: &PresetId) -> Option<Vec<u8>> {
    (id == DEV_RUNTIME_PRESET).then(|| development().to_string().into_bytes())
}

/// Names of the presets.
pub fn names() -> Vec<PresetId> {
    vec![PresetId::from(DEV_RUNTIME_PRESET)]
}
