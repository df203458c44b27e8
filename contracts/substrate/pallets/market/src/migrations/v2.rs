//! To version 2: results are sealed, members commit before they reveal, what is stored takes a
//! deposit. `docs/protocol.md` says what each state of version 1 becomes.

use super::v1;
use crate::{
    case::relieve, Access, Attestation, BalanceOf, Config, FeeSource, Finding, Golds, HoldReason,
    Index, Millis, Outcome, Pallet, Phase, Seat, Submission, SubmissionOf, SubmissionState,
    Submissions, Task, TaskId, TaskOf, Tasks, Terms, TermsOf, Verdict, Window, Work, MILLION,
};
use alloc::vec::Vec;
use core::marker::PhantomData;
use frame_support::{
    traits::{Get, UncheckedOnRuntimeUpgrade},
    weights::Weight,
    BoundedVec,
};
use frame_system::pallet_prelude::BlockNumberFor;
use pallet_aggregators::Office;
use sp_runtime::traits::Zero;

/// Reads and writes of one submission: itself, its task, and of each of its nine members a profile;
/// an account and its holds, to return fees.
const PER_SUBMISSION: u64 = 16;

/// Turns every stored task and submission into one of version 2, in one block.
pub struct FromV1<T>(PhantomData<T>);

impl<T: Config> UncheckedOnRuntimeUpgrade for FromV1<T> {
    fn on_runtime_upgrade() -> Weight {
        let now = Pallet::<T>::now();
        let (mut tasks, mut submissions) = (0, 0);
        Submissions::<T>::translate::<v1::SubmissionOf<T>, _>(|id, index, old| {
            submissions += 1;
            let terms = v1::Tasks::<T>::get(id)?;
            return_fees::<T>(id, index, &terms, &old);
            Some(submission::<T>(old, now))
        });
        Tasks::<T>::translate::<v1::TaskOf<T>, _>(|id, old| {
            tasks += 1;
            Some(task::<T>(id, old, now))
        });
        let touched = tasks * 2 + submissions * PER_SUBMISSION;
        T::DbWeight::get().reads_writes(touched, touched)
    }

    #[cfg(feature = "try-runtime")]
    fn pre_upgrade() -> Result<Vec<u8>, sp_runtime::TryRuntimeError> {
        check::before::<T>()
    }

    #[cfg(feature = "try-runtime")]
    fn post_upgrade(before: Vec<u8>) -> Result<(), sp_runtime::TryRuntimeError> {
        check::after::<T>(before)
    }
}

fn terms<T: Config>(old: v1::Terms<BalanceOf<T>>) -> TermsOf<T> {
    Terms {
        bond: old.fees(old.committee_size.into()).max(T::MinimumBond::get()),
        task_type: old.task_type,
        strategy: old.strategy,
        model_type: old.model_type,
        storage: old.storage,
        bundle: old.bundle,
        reward: old.reward,
        asset: None,
        fee: old.fee,
        committee_size: old.committee_size,
        tolerance: MILLION,
        slots: old.slots,
        expires_at: old.expires_at,
        working_time: old.working_time,
        review_time: old.review_time,
        challenge_time: 0,
        parent: old.parent,
        reader: [0; 32],
        access: Access::Open,
        minimum_reputation: 0,
        replay: None,
        golds: Golds::default(),
    }
}

fn task<T: Config>(id: TaskId, old: v1::TaskOf<T>, now: Millis) -> TaskOf<T> {
    let mut task = Task {
        creator: old.creator,
        terms: terms::<T>(old.terms),
        deposit: Zero::zero(),
        open_slots: old.open_slots,
        active: old.active,
        accepted: old.accepted,
        submissions: old.submissions,
        stored: Submissions::<T>::iter_key_prefix(id).count() as u32,
        unreturned: Zero::zero(),
        created_at: old.created_at,
        ended_at: None,
        published: old.published,
        status: old.status,
    };
    if !task.is_under_way() && task.active == 0 {
        task.ended_at = Some(now);
    }
    task
}

/// Gives back the fees that silent members of an ended submission could still have earned.
fn return_fees<T: Config>(
    id: TaskId,
    index: Index,
    task: &v1::TaskOf<T>,
    submission: &v1::SubmissionOf<T>,
) {
    let v1::Fees::Due { source, .. } = submission.fees else { return };
    let (amount, contributor) = (task.terms.fees(submission.silent()), &submission.contributor);
    let returned = match source {
        FeeSource::Bond => Pallet::<T>::return_bond(id, index, contributor, submission.bond),
        _ => Pallet::<T>::give_back(HoldReason::Escrow, &task.creator, amount),
    };
    frame_support::defensive_assert!(returned.is_ok(), "a hold is less than what is owed");
}

fn submission<T: Config>(old: v1::SubmissionOf<T>, now: Millis) -> SubmissionOf<T> {
    let fees_are_due = matches!(old.fees, v1::Fees::Due { .. });
    // Where the fees of an ended submission are settled, silent members were reported.
    let silent_are_on_duty = !matches!(old.fees, v1::Fees::Settled);
    let mut new = Submission {
        contributor: old.contributor,
        bond: if fees_are_due { Zero::zero() } else { old.bond },
        deposit: Zero::zero(),
        accepted_at: old.accepted_at,
        accepted_in: Zero::zero(),
        work: old.work.map(|work| Work {
            cid: work.cid,
            digest: work.digest,
            seal: None,
            trace: None,
            submitted_at: work.submitted_at,
        }),
        seed: None,
        committee: BoundedVec::truncate_from(
            old.committee.into_iter().map(|old| seat(old, silent_are_on_duty)).collect::<Vec<_>>(),
        ),
        key: None,
        state: SubmissionState::Expired { ended_at: now },
    };
    new.state = match old.state {
        v1::SubmissionState::Assigned { deadline } => SubmissionState::Assigned { deadline },
        v1::SubmissionState::PendingValidation { phase, round } => {
            judge_anew::<T>(&mut new, phase, round, now)
        }
        v1::SubmissionState::Validated { verdict, score, review_until, .. } => {
            keep_attested::<T>(&mut new, true);
            let window = Window::Review { until: review_until };
            SubmissionState::Validated { finding: Finding { verdict, score }, window }
        }
        v1::SubmissionState::Accepted { verdict, score } => {
            keep_attested::<T>(&mut new, false);
            let finding = Finding { verdict, score };
            SubmissionState::Accepted { finding, unpaid: false, ended_at: now }
        }
        v1::SubmissionState::Rejected { verdict, score, reason } => {
            keep_attested::<T>(&mut new, false);
            let outcome = match verdict {
                Verdict::Fail => Outcome::Failed,
                Verdict::Pass => Outcome::Overruled,
                Verdict::Inconclusive | Verdict::Crashed => Outcome::Inconclusive,
            };
            let finding = Finding { verdict, score };
            SubmissionState::Rejected { finding, outcome, reason, ended_at: now }
        }
        v1::SubmissionState::Expired => SubmissionState::Expired { ended_at: now },
    };
    new
}

/// A seat as it was: members that attested had done their duty.
fn seat<AccountId>(old: v1::Seat<AccountId>, silent_are_on_duty: bool) -> Seat<AccountId> {
    let attestation = old.attestation.map(|found| Attestation {
        verdict: found.verdict,
        score: found.score,
        report: found.report,
        segment: None,
    });
    Seat {
        member: old.member,
        wrap: None,
        // Nobody can open it: what it stands for is known.
        commitment: attestation.as_ref().map(|_| [0; 32]),
        on_duty: attestation.is_none() && silent_are_on_duty,
        attestation,
        paid: old.paid,
    }
}

/// Gives a member of a panel that goes on its duty again.
fn put_on_duty<T: Config>(seat: &mut Seat<T::AccountId>) {
    if !core::mem::replace(&mut seat.on_duty, true) {
        T::Office::seat(&seat.member);
    }
}

/// What was attested in the open cannot be committed to any more: a committee begins anew. One that
/// waited for replacements had absent members, who have lost their duty: it is drawn anew.
fn judge_anew<T: Config>(
    new: &mut SubmissionOf<T>,
    phase: v1::Phase<BlockNumberFor<T>>,
    round: u8,
    now: Millis,
) -> SubmissionState<BalanceOf<T>, BlockNumberFor<T>> {
    match phase {
        v1::Phase::Drawing { anchor, until } => {
            new.committee = Default::default();
            let phase = Phase::Drawing { anchor, until };
            SubmissionState::PendingValidation { phase, round: 0 }
        }
        v1::Phase::Attesting { .. } => {
            for seat in &mut new.committee {
                put_on_duty::<T>(seat);
                *seat = Seat::new(seat.member.clone());
            }
            let until = now.saturating_add(T::CommitPeriod::get());
            let phase = Phase::Committing { until };
            SubmissionState::PendingValidation { phase, round }
        }
    }
}

/// Members that stayed silent have nothing to do any more, and lose their seats. The others can
/// still earn a fee while the result `is_open`.
fn keep_attested<T: Config>(new: &mut SubmissionOf<T>, is_open: bool) {
    for seat in &mut new.committee {
        match seat.attestation {
            None => relieve::<T>(seat),
            Some(_) if is_open => put_on_duty::<T>(seat),
            Some(_) => (),
        }
    }
    new.committee.retain(|seat| seat.attestation.is_some());
}

/// What has to be true before and after.
#[cfg(feature = "try-runtime")]
mod check {
    use super::*;
    use crate::AccountOf;
    use alloc::collections::BTreeMap;
    use codec::{Decode, Encode};
    use frame_support::{
        ensure,
        traits::fungible::{Inspect as _, InspectHold as _},
    };
    use sp_runtime::{Saturating, TryRuntimeError};

    /// What stays as it is: tasks, submissions, and all the money there is.
    type Totals<T> = (u32, u32, BalanceOf<T>);

    fn totals<T: Config>() -> Totals<T> {
        let tasks = Tasks::<T>::iter_keys().count() as u32;
        let submissions = Submissions::<T>::iter_keys().count() as u32;
        (tasks, submissions, T::Currency::total_issuance())
    }

    /// Every hold is what version 1 owed.
    pub fn before<T: Config>() -> Result<Vec<u8>, TryRuntimeError> {
        let mut escrow = BTreeMap::<AccountOf<T>, BalanceOf<T>>::new();
        let mut bonds = BTreeMap::<AccountOf<T>, BalanceOf<T>>::new();
        for (id, task) in v1::Tasks::<T>::iter() {
            let (slots, terms) = (task.open_slots.saturating_add(task.active), &task.terms);
            let slot = terms.reward.saturating_add(terms.fees(terms.committee_size.into()));
            let mut owed = slot.saturating_mul(slots.into());
            for (_, submission) in v1::Submissions::<T>::iter_prefix(id) {
                if let v1::Fees::Due { source: FeeSource::Escrow, .. } = submission.fees {
                    owed.saturating_accrue(terms.fees(submission.silent()));
                }
                bonds.entry(submission.contributor).or_default().saturating_accrue(submission.bond);
            }
            escrow.entry(task.creator).or_default().saturating_accrue(owed);
        }
        for (reason, owed) in [(HoldReason::Escrow, escrow), (HoldReason::Bond, bonds)] {
            for (who, amount) in owed {
                let held = T::Currency::balance_on_hold(&reason.into(), &who);
                ensure!(held == amount, "a hold is not what version 1 owed");
            }
        }
        Ok(totals::<T>().encode())
    }

    /// Nothing is lost, and version 2's invariants hold.
    pub fn after<T: Config>(before: Vec<u8>) -> Result<(), TryRuntimeError> {
        let before = Totals::<T>::decode(&mut &before[..]).map_err(|_| "unreadable totals")?;
        ensure!(totals::<T>() == before, "tasks, submissions or money were made or lost");
        Pallet::<T>::do_try_state()
    }
}
