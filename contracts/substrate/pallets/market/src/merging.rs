//! The model that a task led to: who may publish it, and publishing it.

use crate::{
    is_cid, AccountOf, Cid, Config, Error, Event, Merger, MergerOf, Mergers, Pallet, TaskId, Tasks,
};
use frame_support::{dispatch::DispatchResult, ensure};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_appoint_merger(
        who: AccountOf<T>,
        id: TaskId,
        merger: Option<AccountOf<T>>,
    ) -> DispatchResult {
        let task = Self::task(id)?;
        ensure!(who == task.creator, Error::<T>::NotCreator);
        match merger {
            None => ensure!(Self::remove_merger(id, &who)?, Error::<T>::NoMerger),
            Some(account) => {
                ensure!(account != who, Error::<T>::CreatorCannotMerge);
                let deposit = match Mergers::<T>::get(id) {
                    Some(before) => before.deposit,
                    None => Self::take_deposit::<MergerOf<T>>(&who)?,
                };
                Mergers::<T>::insert(id, Merger { account: account.clone(), deposit });
                Self::deposit_event(Event::MergerAppointed { task: id, merger: Some(account) });
            }
        }
        Ok(())
    }

    /// The creator's word is the last one: its own model ends the appointment of a merger, which
    /// could replace it otherwise.
    pub(crate) fn do_publish_model(who: AccountOf<T>, id: TaskId, model: Cid) -> DispatchResult {
        let mut task = Self::task(id)?;
        let is_creator = who == task.creator;
        let is_merger = || Mergers::<T>::get(id).is_some_and(|merger| merger.account == who);
        ensure!(is_creator || is_merger(), Error::<T>::NotPublisher);
        ensure!(task.accepted > 0, Error::<T>::NothingAccepted);
        ensure!(is_cid(&model), Error::<T>::InvalidCid);
        if is_creator {
            Self::remove_merger(id, &who)?;
        }
        task.published = Some(model.clone());
        Tasks::<T>::insert(id, task);
        Self::deposit_event(Event::ModelPublished { task: id, model });
        Ok(())
    }
}
