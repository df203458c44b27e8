//! What clients ask without a transaction.

use crate::{Record, Role};
use codec::Codec;

sp_api::decl_runtime_apis! {
    /// How accounts stand.
    pub trait ReputationApi<AccountId, Balance>
    where
        AccountId: Codec,
        Balance: Codec,
    {
        /// How much of what `who` did as `role` was good, in parts per million.
        fn standing(who: AccountId, role: Role) -> u32;

        /// What `who` did as `role`, with its counts as they are now.
        fn record(who: AccountId, role: Role) -> Record<Balance>;
    }
}
