//! A submission with its task, as a call works on them.

use crate::{
    Config, Error, Index, Millis, Pallet, SubmissionOf, Submissions, TaskId, TaskOf, Tasks,
};
use frame_support::traits::Time;

/// A submission and its task, loaded at `now`. Changes last once [`Case::save`]d.
pub(crate) struct Case<T: Config> {
    pub id: TaskId,
    pub index: Index,
    pub task: TaskOf<T>,
    pub submission: SubmissionOf<T>,
    pub now: Millis,
}

impl<T: Config> Case<T> {
    /// Reads both, or says which of them is unknown.
    pub fn load(id: TaskId, index: Index) -> Result<Self, Error<T>> {
        let task = Pallet::<T>::task(id)?;
        let submission = Submissions::<T>::get(id, index).ok_or(Error::<T>::UnknownSubmission)?;
        Ok(Case { id, index, task, submission, now: Pallet::<T>::now() })
    }

    /// Writes both back.
    pub fn save(self) {
        Tasks::<T>::insert(self.id, self.task);
        Submissions::<T>::insert(self.id, self.index, self.submission);
    }

    /// Seats whose member has not attested.
    pub fn silent_seats(&self) -> u32 {
        self.submission.committee.iter().filter(|seat| seat.is_silent()).count() as u32
    }
}

impl<T: Config> Pallet<T> {
    /// The chain's clock.
    pub(crate) fn now() -> Millis {
        T::Time::now()
    }

    /// Task `id`.
    pub(crate) fn task(id: TaskId) -> Result<TaskOf<T>, Error<T>> {
        Tasks::<T>::get(id).ok_or(Error::<T>::UnknownTask)
    }
}
