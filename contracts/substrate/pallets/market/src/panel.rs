//! How a panel judges: it waits for the result's key, then for all commitments, then for what was
//! committed to. Committees and juries do it alike.

use crate::{
    case::{relieve, Case},
    commitments, draw, is_cid, AccountOf, Attestation, Config, Digest, Error, Event, Index, Millis,
    Pallet, Phase, Seat, TaskId, MILLION,
};
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{Get, OnUnbalanced},
};
use pallet_aggregators::{Misconduct, Office};
use pallet_reputation::{Deed, Reputation, Role};

impl<T: Config> Pallet<T> {
    /// A panel was seated: its members wait for the key, unless they have it or need none. Returns
    /// until when what comes first can be done.
    pub(crate) fn open_sealing(case: &mut Case<T>) -> Millis {
        if !case.is_sealed() || case.panel().iter().all(|seat| seat.wrap.is_some()) {
            return Self::open_committing(case);
        }
        let until = case.after(T::SealingPeriod::get());
        case.set_phase(Phase::Sealing { until });
        until
    }

    /// The panel can judge: its members commit to what they find.
    pub(crate) fn open_committing(case: &mut Case<T>) -> Millis {
        let until = case.after(T::CommitPeriod::get());
        case.set_phase(Phase::Committing { until });
        until
    }

    /// No commitment can come any more: members open those there are. Without any, nothing was
    /// found.
    pub(crate) fn open_revealing(case: &mut Case<T>) -> DispatchResult {
        if case.panel().iter().all(Seat::is_absent) {
            return Self::panel_has_spoken(case);
        }
        let until = case.after(T::RevealPeriod::get());
        case.set_phase(Phase::Revealing { until });
        Ok(())
    }

    pub(crate) fn do_commit(
        who: AccountOf<T>,
        id: TaskId,
        index: Index,
        commitment: Digest,
    ) -> DispatchResult {
        let mut case = Case::<T>::load(id, index)?;
        let until = match case.phase()? {
            Phase::Drawing { .. } => return Err(Error::<T>::CommitteeNotReady.into()),
            Phase::Committing { until } => *until,
            _ => return Err(Error::<T>::NotCommitting.into()),
        };
        let now = case.now;
        let seat = Self::seat_of(&mut case, &who)?;
        ensure!(seat.is_absent(), Error::<T>::AlreadyCommitted);
        ensure!(now <= until, Error::<T>::DeadlinePassed);
        seat.commitment = Some(commitment);
        Self::deposit_event(Event::Committed { task: id, index, member: who });
        if !case.panel().iter().any(Seat::is_absent) {
            Self::open_revealing(&mut case)?;
        }
        case.save();
        Ok(())
    }

    pub(crate) fn do_reveal(
        who: AccountOf<T>,
        id: TaskId,
        index: Index,
        attestation: Attestation,
        salt: [u8; 32],
    ) -> DispatchResult {
        ensure!(attestation.score <= MILLION, Error::<T>::InvalidScore);
        ensure!(is_cid(&attestation.report), Error::<T>::InvalidCid);
        let mut case = Case::<T>::load(id, index)?;
        if let Phase::Committing { until } = case.phase()? {
            // Nobody need settle first, where that would only wait for those who committed.
            let over = case.now > *until && !case.has_replacements();
            ensure!(over, Error::<T>::NotRevealing);
            Self::report_absent(&mut case);
            Self::drop_absent(&mut case);
            Self::open_revealing(&mut case)?;
        }
        let Phase::Revealing { until } = *case.phase().map_err(|_| Error::<T>::NotRevealing)?
        else {
            return Err(Error::<T>::NotRevealing.into());
        };
        Self::ensure_was_replayed(&case, attestation.segment)?;
        let now = case.now;
        let seat = Self::seat_of(&mut case, &who)?;
        let commitment = seat.commitment.ok_or(Error::<T>::NotCommitted)?;
        ensure!(seat.attestation.is_none(), Error::<T>::AlreadyRevealed);
        let opened = commitments::finding(id, index, &who, &attestation, &salt);
        ensure!(opened == commitment, Error::<T>::CommitmentMismatch);
        ensure!(now <= until, Error::<T>::DeadlinePassed);
        seat.attestation = Some(attestation.clone());
        let Attestation { verdict, score, report, segment } = attestation;
        let member = who;
        Self::deposit_event(Event::Revealed {
            task: id,
            index,
            member,
            verdict,
            score,
            report,
            segment,
        });
        if !case.panel().iter().any(Seat::is_unrevealed) {
            Self::panel_has_spoken(&mut case)?;
        }
        case.save();
        Ok(())
    }

    /// A member can only name a segment that it was to replay.
    fn ensure_was_replayed(case: &Case<T>, segment: Option<u32>) -> Result<(), Error<T>> {
        let Some(segment) = segment else { return Ok(()) };
        let replayed = match (case.submission.seed, case.task.terms.replay) {
            (Some(seed), Some(replay)) => draw::segments(seed, replay).contains(&segment),
            _ => false,
        };
        ensure!(replayed, Error::<T>::SegmentOutsideRun);
        Ok(())
    }

    /// The seat of `who` on the panel that judges now.
    fn seat_of<'a>(
        case: &'a mut Case<T>,
        who: &AccountOf<T>,
    ) -> Result<&'a mut Seat<AccountOf<T>>, Error<T>> {
        let mut seats = case.panel_mut().iter_mut();
        seats.find(|seat| seat.member == *who).ok_or(Error::<T>::NotCommitteeMember)
    }

    /// Members of a committee that did not commit lose their seats; a jury's are still counted.
    pub(crate) fn drop_absent(case: &mut Case<T>) {
        if !case.is_before_jury() {
            case.submission.committee.retain(|seat| !seat.is_absent());
        }
    }

    /// Reports the members that did not commit in time.
    pub(crate) fn report_absent(case: &mut Case<T>) {
        let (task, index) = (case.id, case.index);
        for seat in case.panel_mut().iter_mut().filter(|seat| seat.is_absent() && seat.on_duty) {
            Self::punish(seat, Misconduct::Absent);
            let member = seat.member.clone();
            Self::deposit_event(Event::MemberAbsent { task, index, member });
        }
    }

    /// Reports the members that did not open their commitments in time.
    pub(crate) fn report_unrevealed(case: &mut Case<T>) {
        let (task, index) = (case.id, case.index);
        for seat in case.panel_mut().iter_mut().filter(|seat| seat.is_unrevealed()) {
            Self::punish(seat, Misconduct::Unrevealed);
            let member = seat.member.clone();
            Self::deposit_event(Event::MemberUnrevealed { task, index, member });
        }
    }

    /// Reports a member that let a deadline pass, which ends its duty. What that costs it goes to
    /// the treasury.
    pub(crate) fn punish(seat: &mut Seat<AccountOf<T>>, misconduct: Misconduct) {
        T::OnForfeit::on_unbalanced(T::Office::report(&seat.member, misconduct));
        T::Reputation::note(&seat.member, Role::Aggregator, Deed::Expired);
        relieve::<T>(seat);
    }

    /// Nothing more can come from the panel: what it found takes its way.
    pub(crate) fn panel_has_spoken(case: &mut Case<T>) -> DispatchResult {
        if case.is_before_jury() {
            Self::end_appeal(case)
        } else {
            Self::conclude(case)
        }
    }
}
