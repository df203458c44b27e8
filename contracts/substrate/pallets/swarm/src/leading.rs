//! Leaders: drawn, replaced, and what they publish.

use crate::{
    candidates, draw, meeting::Meeting, terms::is_cid, AccountOf, Cid, Config, Error, Event,
    LeftOutOf, Merged, Number, Pallet, RoundOf, Stage, SwarmId,
};
use frame_support::{dispatch::DispatchResult, ensure};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::Saturating;

impl<T: Config> Meeting<T> {
    /// Draws the leader by the hash of `anchor`, a block before this one; by this one's, a block
    /// later, if the chain has forgotten that. Without candidates the round is void.
    pub fn draw_leader(&mut self, anchor: BlockNumberFor<T>) {
        let Some(round) = self.round.as_mut().filter(|round| round.candidates > 0) else {
            return self.void();
        };
        let hash = frame_system::Pallet::<T>::block_hash(anchor);
        if hash == Default::default() {
            return self.collect();
        }
        let place = draw::place(hash, self.id, round.number, round.attempt, round.candidates);
        let Some(leader) = candidates::take::<T>(self.id, round, place) else {
            return self.void();
        };
        Pallet::<T>::change_node(self.id, &leader, |node| node.candidate = None);
        let deadline = self.now.saturating_add(self.swarm.terms.leader_timeout);
        round.stage = Stage::Merging { anchor, leader: leader.clone(), deadline };
        let (swarm, round) = (self.id, round.number);
        Pallet::<T>::deposit_event(Event::LeaderDrawn { swarm, round, leader, deadline });
    }

    /// Has another lead, if the round has a leader.
    pub fn replace_leader(&mut self) {
        let Some(round) = &mut self.round else { return };
        let Stage::Merging { anchor, leader, .. } = round.stage.clone() else { return };
        round.attempt.saturating_inc();
        let (swarm, round) = (self.id, round.number);
        Pallet::<T>::deposit_event(Event::LeaderReplaced { swarm, round, leader });
        self.draw_leader(anchor);
    }

    /// The round, if it is `number` and `who` leads it.
    fn led(&self, who: &AccountOf<T>, number: Number) -> Result<&RoundOf<T>, Error<T>> {
        let round = self.round.as_ref().filter(|round| round.number == number);
        let round = round.ok_or(Error::<T>::WrongRound)?;
        ensure!(round.is_led_by(who), Error::<T>::NotLeader);
        Ok(round)
    }
}

impl<T: Config> Pallet<T> {
    pub(crate) fn do_step_down(who: AccountOf<T>, id: SwarmId, number: Number) -> DispatchResult {
        let mut meeting = Meeting::<T>::load(id)?;
        meeting.led(&who, number)?;
        meeting.replace_leader();
        meeting.save();
        Ok(())
    }

    pub(crate) fn do_publish(
        leader: AccountOf<T>,
        id: SwarmId,
        number: Number,
        cid: Cid,
        merged: u32,
        left_out: LeftOutOf<T>,
    ) -> DispatchResult {
        let mut meeting = Meeting::<T>::load(id)?;
        let arrivals = meeting.led(&leader, number)?.arrivals;
        ensure!(is_cid(&cid), Error::<T>::BadCid);
        ensure!((1..=meeting.swarm.terms.max_peers).contains(&merged), Error::<T>::BadMerged);
        let newest = Merged { round: number, cid: cid.clone(), leader: leader.clone(), arrivals };
        meeting.swarm.previous = meeting.swarm.newest.replace(newest);
        meeting.swarm.round.saturating_inc();
        meeting.round = None;
        meeting.turn();
        meeting.save();
        let (swarm, round) = (id, number);
        Self::deposit_event(Event::RoundMerged { swarm, round, leader, cid, merged, left_out });
        Ok(())
    }
}
