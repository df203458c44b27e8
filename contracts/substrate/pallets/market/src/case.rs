//! A submission with its task and its appeal, as a call works on them.

use crate::{
    AccountOf, AppealOf, Appeals, Config, Error, Event, Index, Millis, Pallet, Phase, Seat,
    SubmissionOf, SubmissionState, Submissions, TaskId, TaskOf, Tasks, Window,
};
use frame_support::traits::Time;
use frame_system::pallet_prelude::BlockNumberFor;
use pallet_aggregators::Office;
use sp_runtime::{traits::One, Saturating};

/// A submission, its task and, where there is one, its appeal, loaded at `now`. Changes last once
/// [`Case::save`]d.
pub(crate) struct Case<T: Config> {
    pub id: TaskId,
    pub index: Index,
    pub task: TaskOf<T>,
    pub submission: SubmissionOf<T>,
    pub appeal: Option<AppealOf<T>>,
    pub now: Millis,
}

/// The panel of a case, borrowed: its seats.
type Seats<T> = [Seat<AccountOf<T>>];

impl<T: Config> Case<T> {
    /// Reads them, or says which of them is unknown.
    pub fn load(id: TaskId, index: Index) -> Result<Self, Error<T>> {
        let task = Pallet::<T>::task(id)?;
        let submission = Submissions::<T>::get(id, index).ok_or(Error::<T>::UnknownSubmission)?;
        let appeal = match submission.state {
            SubmissionState::Appealed { .. }
            | SubmissionState::Validated { window: Window::Release { .. }, .. } => {
                Appeals::<T>::get(id, index)
            }
            _ => None,
        };
        Ok(Case { id, index, task, submission, appeal, now: Pallet::<T>::now() })
    }

    /// Writes them back. An appeal is forgotten when its submission has ended.
    pub fn save(self) {
        match self.appeal {
            Some(_) if self.submission.state.ended_at().is_some() => {
                Appeals::<T>::remove(self.id, self.index);
            }
            Some(appeal) => Appeals::<T>::insert(self.id, self.index, appeal),
            None => (),
        }
        Tasks::<T>::insert(self.id, self.task);
        Submissions::<T>::insert(self.id, self.index, self.submission);
    }

    /// Whether all in office judge, or are done with it.
    pub fn is_before_jury(&self) -> bool {
        matches!(self.submission.state, SubmissionState::Appealed { .. })
    }

    /// The seats of the panel that judges now: the jury of an appeal, else the committee.
    pub fn panel(&self) -> &Seats<T> {
        match &self.appeal {
            Some(appeal) if self.is_before_jury() => &appeal.jury,
            _ => &self.submission.committee,
        }
    }

    /// The seats of the panel that judges now, to change them.
    pub fn panel_mut(&mut self) -> &mut Seats<T> {
        match &mut self.appeal {
            Some(appeal) if matches!(self.submission.state, SubmissionState::Appealed { .. }) => {
                appeal.jury.as_mut()
            }
            _ => self.submission.committee.as_mut(),
        }
    }

    /// What the panel waits for, if one judges.
    pub fn phase(&self) -> Result<&Phase<BlockNumberFor<T>>, Error<T>> {
        match &self.submission.state {
            SubmissionState::PendingValidation { phase, .. }
            | SubmissionState::Appealed { phase, .. } => Ok(phase),
            _ => Err(Error::<T>::NotPendingValidation),
        }
    }

    /// Has the panel that judges wait for something else.
    pub fn set_phase(&mut self, next: Phase<BlockNumberFor<T>>) {
        match &mut self.submission.state {
            SubmissionState::PendingValidation { phase, .. }
            | SubmissionState::Appealed { phase, .. } => *phase = next,
            _ => (),
        }
    }

    /// Whether absent members of the panel will be replaced: those of a first committee.
    pub fn has_replacements(&self) -> bool {
        matches!(self.submission.state, SubmissionState::PendingValidation { round: 0, .. })
    }

    /// Whether the result is sealed, so that its key has to be handed and released.
    pub fn is_sealed(&self) -> bool {
        self.submission.work.as_ref().is_some_and(|work| work.seal.is_some())
    }

    /// Ends every duty that is left.
    pub fn relieve_all(&mut self) {
        let jury = self.appeal.iter_mut().flat_map(|appeal| appeal.jury.iter_mut());
        self.submission.committee.iter_mut().chain(jury).for_each(relieve::<T>);
    }

    /// What is `at` a time from now.
    pub fn after(&self, time: Millis) -> Millis {
        self.now.saturating_add(time)
    }

    /// Has the next block's hash draw members.
    pub fn start_draw(&mut self, until: Millis, round: u8) {
        let (task, index) = (self.id, self.index);
        let anchor = next_block::<T>();
        let phase = Phase::Drawing { anchor, until };
        self.submission.state = SubmissionState::PendingValidation { phase, round };
        Pallet::<T>::deposit_event(Event::DrawPostponed { task, index, anchor, until });
    }
}

/// Ends the duty of a seat, if it has one.
pub(crate) fn relieve<T: Config>(seat: &mut Seat<AccountOf<T>>) {
    if core::mem::take(&mut seat.on_duty) {
        T::Office::relieve(&seat.member);
    }
}

/// The block after this one, whose hash nobody knows.
pub(crate) fn next_block<T: Config>() -> BlockNumberFor<T> {
    frame_system::Pallet::<T>::block_number().saturating_add(One::one())
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
