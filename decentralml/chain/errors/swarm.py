"""Errors of the pallet ``swarm``."""

from __future__ import annotations

from typing import ClassVar

from decentralml.chain.errors.short import Below, Outside
from decentralml.errors import CallRefused
from decentralml.errors.quantities import format_time


class SwarmRefused(CallRefused):
    """An error of the pallet ``swarm``."""

    home: ClassVar[str] = "Swarm"


class UnknownSwarm(SwarmRefused):
    message = "there is no swarm {swarm}; `decentralml swarm list` shows those there are"


class NotOwner(SwarmRefused):
    message = "{signer} does not own swarm {swarm}; sign with its owner's key (--as)"


class SwarmClosed(SwarmRefused):
    message = "swarm {swarm} was closed by its owner; choose another (`decentralml swarm list`)"


class NotClosed(SwarmRefused):
    message = "swarm {swarm} is not closed; have its owner close it first"


class RoundUnderWay(SwarmRefused):
    message = "a round of swarm {swarm} is under way; try again after it (`swarm status {swarm}`)"


class SeatsLeft(SwarmRefused):
    message = "swarm {swarm} still has seats; clear them first (`decentralml swarm clear {swarm}`)"


class BadCid(SwarmRefused):
    message = "the chain takes CIDs of version 1 in base32 (bafy…); name the file by such a one"


class BadMinPeers(Outside, SwarmRefused):
    message = "min_peers must be at least 1, and at most max_peers{numbers}; correct it"


class BadMaxPeers(Outside, SwarmRefused):
    message = "max_peers is more than the seats that a swarm can have{numbers}; lower it"


class BadPrice(SwarmRefused):
    message = "seats have a price with admission Sale, and only there; correct price or admission"


class BadWait(Outside, SwarmRefused):
    unit = "ms"
    message = "the wait for stragglers (quorum_wait) is too short or too long{numbers}; correct it"


class BadTimeout(Outside, SwarmRefused):
    unit = "ms"
    message = "the time of a leader (leader_timeout) is too short or too long{numbers}; correct it"


class BadSpread(Outside, SwarmRefused):
    message = "the spread, in tenths of the deviation, is too large{numbers}; lower it"


class SeatsAboveLimit(SwarmRefused):
    message = "swarm {swarm} has more seats than the new max_peers; revoke some, or raise it"


class SwarmFull(SwarmRefused):
    message = "every seat of swarm {swarm} is taken; ask its owner to raise max_peers"


class SeatTaken(SwarmRefused):
    message = "this account has a seat of swarm {swarm} already; nothing is left to do"


class NoSeat(SwarmRefused):
    message = (
        "this account has no seat of swarm {swarm}; take one (`decentralml swarm buy {swarm}`), or "
        "have its owner grant one"
    )


class NotInvited(SwarmRefused):
    message = "seats of swarm {swarm} are only granted; ask its owner for one"


class OwnSeat(SwarmRefused):
    message = "{signer} owns swarm {swarm} and cannot buy a seat from itself; grant it one"


class PriceTooHigh(Below, SwarmRefused):
    message = "a seat of swarm {swarm} costs more than that{numbers}; offer more"


class BadCertificate(SwarmRefused):
    message = "the certificate is empty; make one with `decentralml swarm identity`"


class BadAddress(SwarmRefused):
    message = "a file server's address is host:port, such as node.example:4433; correct it"


class BadWeightage(Outside, SwarmRefused):
    message = "{weight}{numbers}; correct it"

    def words(self) -> dict[str, str]:
        swarm = vars(self).get("swarm")
        weight = "the most that a node may weigh (max_weightage) is a whole number from 1 to 100"
        if swarm is not None:
            weight = f"a node of swarm {swarm} weighs at least 1, and no more than its terms allow"
        return {**super().words(), "weight": weight}


class NotRegistered(SwarmRefused):
    message = (
        "this account has no node in swarm {swarm}; join it (`decentralml swarm join {swarm}`)"
    )


class AlreadyReady(SwarmRefused):
    message = "the node is ready in swarm {swarm} already; nothing is left to do"


class NotReady(SwarmRefused):
    message = (
        "the node takes no part in rounds of swarm {swarm}: it is not ready, or its training has "
        "ended; make it ready (`decentralml swarm ready {swarm}`)"
    )


class BadPresence(SwarmRefused):
    message = "a training ends as Snapshot, Active or Inactive; choose one of these"


class StillPresent(SwarmRefused):
    message = "{who} has not missed three rounds of swarm {swarm}; wait for it"


class WrongRound(SwarmRefused):
    message = "round {round} of swarm {swarm} is not the one under way; see `swarm status {swarm}`"


class StaleBase(SwarmRefused):
    message = (
        "the update does not begin from the newest model of swarm {swarm}; load that model, train "
        "on from it, and arrive again"
    )


class AlreadyArrived(SwarmRefused):
    message = "{signer} has arrived in round {round} of swarm {swarm}; wait for its merged model"


class CollectionOver(SwarmRefused):
    message = (
        "round {round} of swarm {swarm} takes no more arrivals; wait for its merged model and go "
        "on from that"
    )


class NothingDue(SwarmRefused):
    message = (
        "nothing of swarm {swarm}'s round is due now; wait (`decentralml swarm status {swarm}`)"
    )


class NotLeader(SwarmRefused):
    message = "{signer} does not lead round {round} of swarm {swarm}; leave it to its leader"


class BadMerged(SwarmRefused):
    message = "a merged model is of at least one update, and of max_peers at most; correct it"


class NotNewest(SwarmRefused):
    message = (
        "the model of round {round} is not the newest of swarm {swarm}; there is nothing to object "
        "to"
    )


class NotInRound(SwarmRefused):
    message = (
        "{signer} did not arrive in round {round} of swarm {swarm}, or went on from its model; "
        "leave it to those who did, or wait until nobody has gone on from it for as long as a "
        "leader has"
    )


class AlreadyObjected(SwarmRefused):
    message = "{signer} has objected to the model of round {round}; nothing is left to do"


class NothingOnHold(SwarmRefused):
    message = (
        "no price is on hold for the seat of {who} in swarm {swarm}: it cost nothing, or the owner "
        "has it; nothing is left to do"
    )


class PriceNotDue(SwarmRefused):
    """Facts, where they are known: ``due``, from when on the price is the owner's, and ``closed``,
    since when the swarm is; Unix milliseconds."""

    message = "the price that {who} paid for a seat of swarm {swarm} is not the owner's; {when}"

    def words(self) -> dict[str, str]:
        facts = vars(self)
        due = facts.get("due")
        if facts.get("closed") is not None:
            back = f"`decentralml swarm clear {facts.get('swarm')}` gives it back"
            return {"when": f"the swarm was closed before it was due, and {back}"}
        return {"when": f"try again {'later' if due is None else f'from {format_time(due)} on'}"}
