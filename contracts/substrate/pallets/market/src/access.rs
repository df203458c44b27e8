//! Who may take part: invitations and reputation, and who has the validation set's key.

use crate::{
    Access, AccountOf, BalanceOf, Config, Error, Event, Invitations, Pallet, Parties, PartiesOf,
    Share, ShareOf, Shares, TaskId, TaskOf, Tasks, WrapsOf,
};
use frame_support::{dispatch::DispatchResult, ensure};
use pallet_reputation::{Reputation, Role};
use sp_runtime::Saturating;

impl<T: Config> Pallet<T> {
    /// Whether the task lets `who` contribute.
    pub(crate) fn ensure_admitted(
        id: TaskId,
        task: &TaskOf<T>,
        who: &AccountOf<T>,
    ) -> Result<(), Error<T>> {
        let terms = &task.terms;
        if terms.access == Access::Invited {
            ensure!(Invitations::<T>::contains_key(id, who), Error::<T>::NotInvited);
        }
        if terms.minimum_reputation > 0 {
            let standing = T::Reputation::standing(who, Role::Contributor);
            ensure!(standing >= terms.minimum_reputation, Error::<T>::ReputationTooLow);
        }
        Ok(())
    }

    pub(crate) fn do_invite(
        who: AccountOf<T>,
        id: TaskId,
        accounts: PartiesOf<T>,
    ) -> DispatchResult {
        let mut task = Self::invitational(&who, id)?;
        Self::ensure_not_ended(&task)?;
        let mut invited = Parties::default();
        for account in accounts {
            if Invitations::<T>::contains_key(id, &account) {
                continue;
            }
            let deposit = Self::take_deposit::<BalanceOf<T>>(&who)?;
            Invitations::<T>::insert(id, &account, deposit);
            task.stored.saturating_inc();
            // At most as many as were given, which fit.
            let _ = invited.try_push(account);
        }
        Tasks::<T>::insert(id, task);
        Self::deposit_event(Event::Invited { task: id, accounts: invited });
        Ok(())
    }

    pub(crate) fn do_uninvite(
        who: AccountOf<T>,
        id: TaskId,
        accounts: PartiesOf<T>,
    ) -> DispatchResult {
        let mut task = Self::invitational(&who, id)?;
        let mut uninvited = Parties::default();
        for account in accounts {
            if Self::remove_invitation(id, &mut task, &account)? {
                let _ = uninvited.try_push(account);
            }
        }
        Tasks::<T>::insert(id, task);
        Self::deposit_event(Event::Uninvited { task: id, accounts: uninvited });
        Ok(())
    }

    /// The task of `who`, if it is by invitation.
    fn invitational(who: &AccountOf<T>, id: TaskId) -> Result<TaskOf<T>, Error<T>> {
        let task = Self::task(id)?;
        ensure!(*who == task.creator, Error::<T>::NotCreator);
        ensure!(task.terms.access == Access::Invited, Error::<T>::NotInvitational);
        Ok(task)
    }

    pub(crate) fn do_share_key(
        who: AccountOf<T>,
        id: TaskId,
        shares: WrapsOf<T>,
    ) -> DispatchResult {
        let mut task = Self::task(id)?;
        let is_creator = who == task.creator;
        ensure!(is_creator || Shares::<T>::contains_key(id, &who), Error::<T>::NotSharer);
        Self::ensure_not_ended(&task)?;
        let mut members = Parties::default();
        for (member, wrap) in shares {
            let had_one = Self::remove_share(id, &mut task, &member)?;
            // Only the creator knows better than whoever gave it: an error undoes the removal.
            ensure!(is_creator || !had_one, Error::<T>::AlreadyShared);
            let deposit = Self::take_deposit::<ShareOf<T>>(&who)?;
            Shares::<T>::insert(id, &member, Share { wrap, by: who.clone(), deposit });
            task.stored.saturating_inc();
            let _ = members.try_push(member);
        }
        Tasks::<T>::insert(id, task);
        Self::deposit_event(Event::KeyShared { task: id, by: who, members });
        Ok(())
    }

    pub(crate) fn do_discard_share(member: AccountOf<T>, id: TaskId) -> DispatchResult {
        let mut task = Self::task(id)?;
        ensure!(Self::remove_share(id, &mut task, &member)?, Error::<T>::NoShare);
        Tasks::<T>::insert(id, task);
        Self::deposit_event(Event::ShareDiscarded { task: id, member });
        Ok(())
    }
}
