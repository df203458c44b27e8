"""The rounds of a swarm, for one node: a visit that does all that is due, made again and again.

What stands is on the chain and on the shelf; this object remembers only what a restart may forget:
who waits for an answer, what was tried in vain and when. So a node that was killed anywhere looks
at the chain and goes on, and no step of it is taken twice:

- the update of this node is on the shelf, then on the chain (``Arrive``), then in a model;
- what anyone may move on is moved on by whoever's turn it is (:mod:`.turns`);
- the leader fetches, checks, merges, publishes (:mod:`.leading`); one that is cut off from too many
  steps down, so that another one tries;
- everybody fetches what was published and checks it (:mod:`.newest`), and objects to what is
  unusable;
- who finds that a round has gone on without it takes the newest model.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from decentralml.chain.swarm.calls import Advance, Arrive, FinishTraining, Ready
from decentralml.chain.swarm.words import Node, Presence, Stage
from decentralml.errors import (
    CallRefused,
    DecentralMLError,
    FetchFailed,
    NotRegistered,
    StorageError,
    SwarmIsClosed,
    SyncTimedOut,
)
from decentralml.service.log import Log
from decentralml.swarm.board import Board, View
from decentralml.swarm.config import SwarmConfig
from decentralml.swarm.link import Synced
from decentralml.swarm.rounds.background import Background
from decentralml.swarm.rounds.leading import Leader
from decentralml.swarm.rounds.newest import Model, Newest
from decentralml.swarm.rounds.peers import parties, providers
from decentralml.swarm.rounds.status import Called, Standing, standing
from decentralml.swarm.rounds.turns import is_deserted, is_due, place, step_of
from decentralml.types import Address, Cid

TRAINING = frozenset({Presence.READY, Presence.ABSENT})
LONGEST_REST = 60.0
"""Seconds before arriving again after round upon round that came to nothing."""
MIRROR_PAUSE = 10.0
"""Seconds between two trials to get copies of the snapshots that others left."""
MIRROR_SECONDS = 600.0
"""Of one trial, at most."""

Nodes = Mapping[Address, Node]
Outcome = Synced | DecentralMLError


@dataclass
class Update:
    """What this node's training wants merged.

    Attributes
    ----------
    base : round of the merged model that it began from; 0 if there was none.
    arrived : the round in which it arrived, last; 0 if in none yet.
    failed : the last round in which it arrived and that came to nothing.
    voids : rounds in a row that came to nothing.
    again : when to arrive again after those, in seconds of the steady clock.
    since : block before it arrived.
    until : when its training stops waiting, in seconds of the steady clock.
    answer : where the outcome goes; None if nobody waits for it.
    """

    cid: Cid
    base: int
    arrived: int = 0
    failed: int = 0
    voids: int = 0
    again: float = 0.0
    since: int = 0
    began: float = 0.0
    until: float | None = None
    answer: Callable[[Outcome], None] | None = None

    def settle(self, outcome: Outcome) -> None:
        """Tell whoever waits, once."""
        answer, self.answer = self.answer, None
        if answer is not None:
            answer(outcome)


@dataclass
class Rounds:
    """A node's part in the rounds of its swarm.

    Attributes
    ----------
    keep : files to keep whatever happens: the swarm's configuration.
    view, nodes, standing : where the swarm stood at the last visit.
    update : what training waits for.
    starting : training processes that wait for the newest model.
    ending : how training has ended, while the chain does not know that yet.
    ended : whether training has said so since it last began.
    """

    board: Board
    newest: Newest
    leader: Leader
    log: Log
    called: Called
    keep: frozenset[Cid] = frozenset()
    clock: Callable[[], float] = time.monotonic
    view: View | None = None
    nodes: Nodes = field(default_factory=dict)
    standing: Standing | None = None
    update: Update | None = None
    starting: list[Callable[[Model | None], None]] = field(default_factory=list)
    ending: Presence | None = None
    ended: bool = False
    _noticed: tuple[tuple[int, str, int], float] | None = None
    _mirrored: float = 0.0
    _mirroring: Background[bool] = field(
        default_factory=lambda: Background("swarm-mirror"), init=False
    )

    # -- what training asks

    def agree(self, config: SwarmConfig, cid: Cid) -> None:
        """Go by another configuration from now on."""
        self.newest.config, self.newest.tensors = config, config.tensors
        self.keep = frozenset({cid})

    def begin(self, answer: Callable[[Model | None], None]) -> None:
        """Training begins: be ready, and answer with the newest model once it is here."""
        self.starting.append(answer)
        self.ending, self.ended = None, False

    def offer(
        self, cid: Cid, base: int, seconds: float | None, answer: Callable[[Outcome], None] | None
    ) -> None:
        """Have an update on the shelf merged; whoever repeats this has its answer as well."""
        now = self.clock()
        if self.update is None or (self.update.cid, self.update.base) != (cid, base):
            self.update = Update(cid, base)
        self.update.began = now
        self.update.until = None if seconds is None else now + seconds
        self.update.answer = answer

    def finish(self, presence: Presence) -> None:
        """Training has ended; said to the chain once its last update has arrived."""
        self.ending, self.ended = presence, True

    def abandon(self) -> None:
        """Nobody waits any more; what has arrived goes on being merged."""
        self.starting.clear()
        if self.update is not None:
            self.update.answer = None

    def expire(self) -> None:
        """Let training go whose time is over, also while the chain is away; its update stays."""
        update, now = self.update, self.clock()
        if update is None or update.answer is None or update.until is None:
            return
        if now >= update.until:
            update.settle(SyncTimedOut(now - update.began, self.waits))

    # -- a visit

    def visit(self) -> bool:
        """Do one thing that is due; whether there was any.

        Raises
        ------
        NotRegistered : the node was removed.
        ChainError, OSError : something is away; the next visit goes on.
        """
        view = self.view = self.board.look()
        if view.me is None:
            raise NotRegistered(view.swarm.id, self.called(self.board.me))
        nodes = self.nodes = self.board.nodes(view)
        self._tell(view, nodes)
        if self.newest.follow(view, nodes):
            self._prune(view, view.me, nodes)
            return True
        return (
            self._settle(view, view.me)
            or self._announce(view, view.me)
            or self._arrive(view, view.me)
            or self.leader.lead(view, nodes)
            or self._advance(view, nodes)
            or self._mirror(nodes)
        )

    @property
    def waits(self) -> str:
        """What this node waits for, in a line."""
        told = "" if self.standing is None else self.standing.text
        trouble = self.newest.trouble
        if trouble is not None:
            why = trouble.reason or "being fetched"
            told = f"waits for the model of round {trouble.merged.round} ({why}); {told}"
        elif self._is_alone:
            told = f"waits for another node to have the model that this one merged; {told}"
        return told

    @property
    def _is_alone(self) -> bool:
        """Whether the training has to wait, as what was merged may still be lost."""
        view = self.view
        waits = view is not None and self.update is not None and self.update.base != view.newest
        return view is not None and waits and self.newest.may_be_lost(view, self.nodes)

    @property
    def busy(self) -> bool:
        """Whether something may be due any moment."""
        return bool(
            self.starting
            or self.ending
            or self.update is not None
            or self.newest.trouble is not None
            or (self.standing is not None and self.standing.stage in _UNDER_WAY)
        )

    def _tell(self, view: View, nodes: Nodes) -> None:
        found = standing(view, nodes, self.called)
        if self.standing is None or found.text != self.standing.text:
            self.log.status(found.text)
        self.standing = found

    # -- answers

    def _settle(self, view: View, me: Node) -> bool:
        """Answer who waits, as soon as there is something to say."""
        is_here = self.newest.trouble is None
        if is_here and (me.presence in TRAINING or view.swarm.closed):
            answers, self.starting = self.starting, []
            for answer in answers:
                answer(self.newest.model)
        update = self.update
        if update is None:
            return False
        if view.newest != update.base:
            if not is_here or self._is_alone:
                return False
            # The chain may be away: who waits is forgotten only once there is an answer.
            outcome = self._merged(update, me)
            self.update = None
            update.settle(outcome)
            return True
        if view.swarm.closed and view.round is None:
            self.update = None
            update.settle(SwarmIsClosed(view.swarm.id))
            return True
        return False

    def _merged(self, update: Update, me: Node) -> Synced:
        """What has come of an update, now that there is another model than it began from."""
        model = self.newest.model
        if model is None:
            # The only model there was has been overturned: training goes on from its own.
            path = self.newest.files.path(update.cid)
            assert path is not None, "an update is on the shelf while it is waited for"
            return Synced(path, 0, 0, counted=False)
        number = model.merged.round
        took_part = (me.round, me.cid) == (number, update.cid)
        event = self.board.published(number, update.since) if took_part else None
        left_out = () if event is None else event.left_out
        faults = dict(left_out)
        fault = faults.get(self.board.me)
        if not took_part:
            name, text = "late", f"round {number} went on without this node"
        elif fault is not None:
            name, text = "left-out", f"round {number} left out this node's update: {fault}"
        else:
            name, text = "merged", f"round {number} is merged"
        self.log.event(name, text, round=number, cid=model.merged.cid, fault=fault)
        return Synced(
            model.path,
            number,
            0 if event is None else event.merged,
            left_out,
            counted=name == "merged",
        )

    # -- calls

    def _announce(self, view: View, me: Node) -> bool:
        """Say that this node is ready, or that its training has ended."""
        waits = self.starting and me.presence not in TRAINING
        if (waits or self._is_kept_out(view, me)) and not view.swarm.closed:
            return self.board.send(Ready(view.swarm.id)) is not None
        if self.ending is None or self._goes_on(view):
            return False
        presence = self.ending
        if me.presence in (presence, Presence.REGISTERED):
            self.ending = None
            return False
        try:
            sent = self.board.send(FinishTraining(view.swarm.id, presence))
        except CallRefused:
            self.ending = None
            raise
        self.ending = None
        self.log.event("finished", f"training has ended: {presence}", presence=presence)
        return sent is not None

    def _is_kept_out(self, view: View, me: Node) -> bool:
        """Whether this node cannot arrive, as nobody has the newest model, and may object only once
        rounds wait for it again."""
        trains = self.starting or self.update is not None
        is_lost = self.newest.trouble is not None and is_deserted(view)
        return bool(trains) and is_lost and me.presence is Presence.ABSENT

    def _goes_on(self, view: View) -> bool:
        """Whether the last update is still to arrive, or in a round that ends by itself: this node
        may have to lead that."""
        if self.update is None or self.update.base != view.newest or view.swarm.closed:
            return False
        stands = view.round
        if stands is None or not view.arrived:
            return True
        return stands.stage is not Stage.COLLECTING or stands.deadline is not None

    def _arrive(self, view: View, me: Node) -> bool:
        """Reach the sync point of the round that is open or comes next."""
        stands = view.round
        if view.arrived:
            self._adopt(view, me)
            return False
        is_taken = stands is None or stands.stage is Stage.COLLECTING
        if view.swarm.closed or not is_taken or self.newest.trouble is not None:
            return False
        offered = self._offered(view, me)
        if offered is None or self._rests():
            return False
        if me.presence not in TRAINING and me.presence is not Presence.ACTIVE:
            return self.board.send(Ready(view.swarm.id)) is not None
        update, number = self.update, view.number
        since = self.board.head()
        if self.board.send(Arrive(view.swarm.id, number, view.newest, offered)) is None:
            return False
        text = f"arrived in round {number}"
        if update is not None:
            if update.arrived:
                text += f", as round {update.arrived} came to nothing"
            update.arrived, update.since = number, since
        self.log.event("arrived", text, round=number, cid=offered)
        return True

    def _rests(self) -> bool:
        """Whether to wait a little, longer each time, after rounds that came to nothing: every
        call costs a fee, and it may be the network that keeps them from ending."""
        update, now = self.update, self.clock()
        if update is None or not update.arrived:
            return False
        if update.failed != update.arrived:
            update.failed, update.voids = update.arrived, update.voids + 1
            update.again = now + min(LONGEST_REST, 2.0 ** (update.voids - 2))
        return now < update.again

    def _offered(self, view: View, me: Node) -> Cid | None:
        """What to arrive with: an update of training's; of a node that only leads, the newest."""
        if self.update is not None:
            return self.update.cid if self.update.base == view.newest else None
        if me.presence is Presence.ACTIVE and view.round is not None:
            return me.cid if view.swarm.newest is None else view.swarm.newest.cid
        return None

    def _adopt(self, view: View, me: Node) -> None:
        """Take what arrived before a restart for the update that is waited for."""
        update = self.update
        if update is None or update.base != view.newest or update.arrived == view.number:
            return
        update.arrived = view.number
        if me.cid is not None and me.cid != update.cid:
            update.cid = me.cid
            self.log.event(
                "adopted",
                f"in round {view.number} counts what arrived before the restart",
                round=view.number,
                cid=me.cid,
            )

    def _advance(self, view: View, nodes: Nodes) -> bool:
        """Move the round on, if that is due and this node's turn."""
        # Who has the model leaves it to those who have not to go back behind it.
        is_idle = view.round is None and self.newest.trouble is None
        if is_idle or not is_due(view):
            self._noticed = None
            return False
        step, now = step_of(view), self.clock()
        if self._noticed is None or self._noticed[0] != step:
            self._noticed = (step, now)
        if now - self._noticed[1] < place(view, nodes, self.board.me) * self.board.turn:
            return False
        self._noticed = None
        return self.board.send(Advance(view.swarm.id)) is not None

    # -- files

    def _prune(self, view: View, me: Node, nodes: Nodes) -> None:
        """Keep what may be asked for: the newest model, the one before it (it may become the newest
        again), this round's updates, snapshots, this node's last update, the configuration."""
        newest, before = view.swarm.newest, self.newest.before
        outcome = self.leader.outcome
        held = {node.cid for node in parties(nodes, view.number)} | {me.cid, before}
        held.add(None if newest is None else newest.cid)
        held.add(None if self.update is None else self.update.cid)
        held.add(None if outcome is None else outcome.cid)
        self.newest.files.keep({cid for cid in held if cid is not None} | self.keep)

    def _mirror(self, nodes: Nodes) -> bool:
        """Have a copy of the snapshots that others left: their owners may be gone for good."""
        files = self.newest.files
        left = [
            node
            for node in nodes.values()
            if node.presence is Presence.SNAPSHOT and node.cid and files.path(node.cid) is None
        ]
        if left and self.clock() >= self._mirrored:
            wanted = left[0]
            if self._mirroring.outcome(wanted.cid, lambda: self._copied(wanted, nodes)) == [False]:
                self._mirrored = self.clock() + MIRROR_PAUSE
        return False

    def _copied(self, wanted: Node, nodes: Nodes) -> bool:
        assert wanted.cid is not None
        asked = providers(nodes, wanted.account, self.board.me)
        until = time.monotonic() + MIRROR_SECONDS
        try:
            self.newest.files.fetch(wanted.cid, asked, self.newest.config.update_bytes, until)
        except (FetchFailed, StorageError, OSError):
            return False
        return True


_UNDER_WAY = frozenset(stage.value for stage in Stage)
