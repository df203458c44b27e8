//! Settlement: what anyone may do once a deadline has passed.

use crate::{
    case::Case, outcome::Ruling, Config, Error, HoldReason, Index, Millis, Outcome, Pallet, Phase,
    SubmissionState, TaskId, Window,
};
use frame_support::{dispatch::DispatchResult, ensure, traits::Get};
use frame_system::pallet_prelude::BlockNumberFor;
use pallet_reputation::{Deed, Reputation, Role};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_settle_submission(id: TaskId, index: Index) -> DispatchResult {
        let mut case = Case::<T>::load(id, index)?;
        match case.submission.state.clone() {
            SubmissionState::Assigned { deadline } => {
                Self::ensure_over(&case, deadline)?;
                Self::expire_submission(&mut case)
            }
            SubmissionState::PendingValidation { phase, .. }
            | SubmissionState::Appealed { phase, .. } => Self::settle_phase(&mut case, phase),
            SubmissionState::Validated { finding, window } => match window {
                Window::Review { until } => {
                    Self::ensure_over(&case, until)?;
                    T::Reputation::note(&case.task.creator, Role::Creator, Deed::Expired);
                    Self::rule(&mut case, Ruling::new(finding, Outcome::of(finding.verdict)))
                }
                Window::Challenge { until, outcome, reason, counter } => {
                    Self::ensure_over(&case, until)?;
                    Self::give_back(HoldReason::Appeal, &case.task.creator, counter)?;
                    Self::take_effect(&mut case, Ruling { finding, outcome, reason })
                }
                Window::Release { until } => {
                    Self::ensure_over(&case, until)?;
                    Self::reject(&mut case, Ruling::new(finding, Outcome::Accepted))
                }
            },
            SubmissionState::Accepted { .. }
            | SubmissionState::Rejected { .. }
            | SubmissionState::Expired { .. } => Err(Error::<T>::NothingToSettle.into()),
        }?;
        case.save();
        Ok(())
    }

    /// A panel has let a deadline pass, or was let down.
    fn settle_phase(case: &mut Case<T>, phase: Phase<BlockNumberFor<T>>) -> DispatchResult {
        match phase {
            // Nobody could be drawn: what is known decides, which in the first round is nothing.
            Phase::Drawing { until, .. } => {
                Self::ensure_over(case, until)?;
                Self::drop_absent(case);
                Self::open_revealing(case)
            }
            Phase::Sealing { until } => {
                Self::ensure_over(case, until)?;
                match case.is_before_jury() {
                    true => Self::settle_sealed_appeal(case),
                    false => Self::expire_submission(case),
                }
            }
            Phase::Committing { until } => {
                Self::ensure_over(case, until)?;
                Self::report_absent(case);
                if case.has_replacements() {
                    case.start_draw(case.after(T::DrawPeriod::get()), 1);
                    return Ok(());
                }
                Self::drop_absent(case);
                Self::open_revealing(case)
            }
            Phase::Revealing { until } => {
                Self::ensure_over(case, until)?;
                Self::report_unrevealed(case);
                Self::panel_has_spoken(case)
            }
        }
    }

    fn ensure_over(case: &Case<T>, until: Millis) -> Result<(), Error<T>> {
        ensure!(case.now > until, Error::<T>::NothingToSettle);
        Ok(())
    }
}
