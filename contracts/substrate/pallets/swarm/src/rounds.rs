//! Rounds, from the first arrival to the draw.

use crate::{
    deadline, meeting::Meeting, terms::is_cid, AccountOf, Cid, Config, Error, Event, Lateness,
    Nodes, Number, Pallet, Presence, Round, Stage, SwarmId,
};
use frame_support::{dispatch::DispatchResult, ensure};
use sp_runtime::Saturating;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_arrive(
        who: AccountOf<T>,
        id: SwarmId,
        number: Number,
        base: Number,
        cid: Cid,
    ) -> DispatchResult {
        ensure!(is_cid(&cid), Error::<T>::BadCid);
        let mut meeting = Meeting::<T>::load(id)?;
        let mut node = Self::node(id, &who)?;
        ensure!(node.presence.may_arrive(), Error::<T>::NotReady);
        ensure!(number == meeting.swarm.round, Error::<T>::WrongRound);
        ensure!(node.round != number, Error::<T>::AlreadyArrived);
        ensure!(base == meeting.swarm.base(), Error::<T>::StaleBase);
        meeting.open()?;
        if node.presence == Presence::Absent {
            meeting.set_presence(&who, &mut node, Presence::Ready);
        }
        node.round = number;
        node.cid = Some(cid.clone());
        node.arrived = meeting.now;
        node.seen = number;
        meeting.enter_candidate(&who, &mut node);
        Nodes::<T>::insert(id, &who, node);
        Self::deposit_event(Event::Arrived { swarm: id, round: number, who, cid });
        meeting.enter_arrival();
        meeting.review();
        meeting.save();
        Ok(())
    }

    pub(crate) fn do_advance(id: SwarmId) -> DispatchResult {
        let mut meeting = Meeting::<T>::load(id)?;
        let stage = meeting.round.as_ref().map(|round| round.stage.clone());
        match stage {
            Some(Stage::Collecting { deadline: Some(deadline) }) if meeting.now > deadline => {
                meeting.remember_missed(deadline);
                meeting.collect();
            }
            Some(Stage::Drawing { anchor })
                if frame_system::Pallet::<T>::block_number() > anchor =>
            {
                meeting.draw_leader(anchor);
            }
            Some(Stage::Merging { deadline, .. }) if meeting.now > deadline => {
                meeting.replace_leader();
            }
            None if meeting.is_rejected() => meeting.overturn(),
            _ => return Err(Error::<T>::NothingDue.into()),
        }
        meeting.save();
        Ok(())
    }
}

impl<T: Config> Meeting<T> {
    /// Opens the round that comes next, unless it is under way and takes arrivals.
    fn open(&mut self) -> Result<(), Error<T>> {
        if let Some(round) = &self.round {
            ensure!(round.is_collecting(), Error::<T>::CollectionOver);
            return Ok(());
        }
        ensure!(self.swarm.closed.is_none(), Error::<T>::SwarmClosed);
        let number = self.swarm.round;
        self.round = Some(Round {
            number,
            opened: self.now,
            arrivals: 0,
            waiting: self.swarm.present,
            snapshots: self.swarm.snapshots,
            candidates: 0,
            attempt: 0,
            stage: Stage::Collecting { deadline: None },
        });
        Pallet::<T>::deposit_event(Event::RoundOpened { swarm: self.id, round: number });
        Ok(())
    }

    /// Counts one more, and remembers how late it was.
    fn enter_arrival(&mut self) {
        let Some(round) = &mut self.round else { return };
        round.arrivals.saturating_inc();
        round.waiting.saturating_dec();
        let late = self.now.saturating_sub(round.opened);
        Lateness::<T>::mutate(self.id, |lateness| deadline::remember(lateness, late, 1));
    }

    /// Remembers those that a deadline missed.
    fn remember_missed(&mut self, over: crate::Millis) {
        let Some(round) = &self.round else { return };
        let late = deadline::missed(round.opened, over, self.swarm.terms.quorum_wait);
        Lateness::<T>::mutate(self.id, |lateness| {
            deadline::remember(lateness, late, round.waiting);
        });
    }
}
