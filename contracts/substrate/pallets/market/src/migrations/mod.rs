//! From what earlier versions stored to what is stored now.

pub mod v1;
mod v2;

use crate::Pallet;
use frame_support::{migrations::VersionedMigration, traits::StorageVersion};

/// Of what is stored now.
pub const STORAGE_VERSION: StorageVersion = StorageVersion::new(2);

/// From version 1, which did not say which it was, to version 2.
pub type FromV1<T> =
    VersionedMigration<0, 2, v2::FromV1<T>, Pallet<T>, <T as frame_system::Config>::DbWeight>;
