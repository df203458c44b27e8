"""The newest merged model, on this node's shelf: fetched, checked; an unusable one objected to."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from decentralml.bundles.manifest import TensorSpec
from decentralml.chain.swarm.calls import ObjectMerged
from decentralml.chain.swarm.words import Merged, Node
from decentralml.errors import (
    CallRefused,
    FetchFailed,
    FileTooLarge,
    LearningError,
    StorageError,
)
from decentralml.service.log import Log
from decentralml.service.patience import told
from decentralml.swarm.board import Board, View
from decentralml.swarm.config import SwarmConfig
from decentralml.swarm.rounds.background import Background
from decentralml.swarm.rounds.peers import Files, providers
from decentralml.swarm.rounds.status import Called
from decentralml.swarm.rounds.turns import may_object, quorum
from decentralml.types import Address, Cid

SHORTEST_TRUST, LONGEST_TRUST = 1.0, 120.0
"""Seconds for which a published model that nobody has is waited for before this node objects: a
quarter of what the swarm gives a leader, within these."""
LEAST_TRIAL = 30.0
"""Seconds that one trial to fetch it may take, at least; a leader's timeout, if that is longer. Who
does not answer or stalls is given up long before."""
FIRST_RETRY, LAST_RETRY = 0.1, 5.0
"""Seconds between two trials."""


@dataclass(frozen=True, slots=True)
class Model:
    """A merged model that is here."""

    merged: Merged
    path: Path


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a trial to have a model came to nothing; see :class:`Trouble`."""

    reason: str
    unusable: bool = False
    own: bool = False


@dataclass
class Trouble:
    """A published model that cannot be had, or not used.

    Attributes
    ----------
    unusable : no further trial will find it otherwise.
    own : it is this node that cannot have it: its disk is full.
    turn : the swarm's; a model that is the newest again is judged anew.
    again : when to try again, in seconds of the steady clock.
    """

    merged: Merged
    turn: int
    since: float
    reason: str | None = None
    unusable: bool = False
    own: bool = False
    objected: bool = False
    pause: float = FIRST_RETRY
    again: float = 0.0


@dataclass
class Newest:
    """Follows what the chain says is the newest model.

    Attributes
    ----------
    model : the newest one that is here, and sound.
    before : the one before it, which it becomes again if most nodes object.
    trouble : why the newest one is not here.
    tensors : what an update and a model must hold, once that is known.
    """

    board: Board
    files: Files
    config: SwarmConfig
    log: Log
    called: Called
    clock: Callable[[], float] = time.monotonic
    model: Model | None = None
    before: Cid | None = None
    trouble: Trouble | None = None
    tensors: Mapping[str, TensorSpec] | None = None
    _taken: float = 0.0
    _loading: Background[Model | Failure] = field(
        default_factory=lambda: Background("swarm-newest"), init=False
    )

    def __post_init__(self) -> None:
        self.tensors = self.config.tensors

    def follow(self, view: View, nodes: Mapping[Address, Node]) -> bool:
        """Have the newest model here, or try to; whether it was had, or objected to, just now."""
        newest = view.swarm.newest
        if newest is None:
            self.model = self.trouble = None
            return False
        if self.model is not None and self.model.merged == newest:
            self.trouble = None
            return False
        trouble = self.trouble
        turn = view.swarm.turn
        if trouble is None or (trouble.merged, trouble.turn) != (newest, turn):
            trouble = self.trouble = Trouble(newest, turn, self.clock())
            # A trial for another model, which may last, keeps nobody from this one.
            self._loading = Background("swarm-newest")
        if not trouble.unusable and self.clock() >= trouble.again:
            seconds = max(LEAST_TRIAL, view.swarm.terms.leader_timeout / 1000)
            for found in self._loading.outcome(newest, lambda: self._load(newest, nodes, seconds)):
                if isinstance(found, Model):
                    self._take(found)
                    return True
                self._fail(trouble, found)
        # What is still being fetched, however long that takes, is no reason to object.
        tried = trouble.reason is not None and not self._loading.is_busy
        waited = self.clock() - trouble.since
        lost = trouble.unusable or (tried and waited > _patience(view, newest))
        if trouble.objected or trouble.own or not lost or not may_object(view):
            return False
        try:
            sent = self.board.send(ObjectMerged(view.swarm.id, newest.round))
        except CallRefused:
            trouble.objected = True
            raise
        if sent is None:
            # A round went on from it just now, or it is not the newest any more: look again.
            return False
        trouble.objected = True
        self.log.event(
            "objected",
            f"objects to the model of round {newest.round} by {self.called(newest.leader)}: "
            f"{trouble.reason}",
            round=newest.round,
            cid=newest.cid,
            reason=trouble.reason,
        )
        return True

    def may_be_lost(self, view: View, nodes: Mapping[Address, Node]) -> bool:
        """Whether this node has published the newest model and perhaps no other has it yet.

        Should this one be lost now, the others would go back to the model before: whoever went on
        from this one would have been alone with it.
        """
        newest, me = view.swarm.newest, self.board.me
        if newest is None or newest.leader != me or not is_overturnable(view, newest):
            return False
        if self.clock() - self._taken > 2 * _trust(view) or self.files.was_sent(newest.cid):
            return False
        others = [node for who, node in nodes.items() if who != me]
        # A model that came out as it was before, or as one of its updates, needs no sending.
        if newest.cid == self.before or any(node.cid == newest.cid for node in others):
            return False
        return not any(node.round > newest.round for node in others)

    def specs(self, path: Path) -> Mapping[str, TensorSpec]:
        """What a model must hold; if nobody has said so yet: what the one in ``path`` does.

        Raises
        ------
        LearningError : it is none.
        """
        if self.tensors is None:
            from decentralml.swarm.merging.updates import specs

            self.tensors = specs(path)
        return self.tensors

    def _take(self, found: Model) -> None:
        self.before = None if self.model is None else self.model.merged.cid
        self.model, self.trouble = found, None
        self._taken = self.clock()
        merged = found.merged
        self.log.event(
            "loaded", f"has the model of round {merged.round}", round=merged.round, cid=merged.cid
        )

    def _fail(self, trouble: Trouble, failure: Failure) -> None:
        if failure.reason != trouble.reason:
            text = f"cannot use the model of round {trouble.merged.round}: {failure.reason}"
            self.log.event("trouble", text, round=trouble.merged.round, reason=failure.reason)
        trouble.reason, trouble.unusable = failure.reason, failure.unusable
        trouble.own = failure.own
        trouble.again = self.clock() + trouble.pause
        trouble.pause = min(LAST_RETRY, 2 * trouble.pause)

    def _load(
        self, newest: Merged, nodes: Mapping[Address, Node], seconds: float
    ) -> Model | Failure:
        """Fetch a published model and check it."""
        from decentralml.swarm.merging.updates import check

        limit = self.config.update_bytes
        asked = providers(nodes, newest.leader, self.board.me)
        try:
            path = self.files.fetch(newest.cid, asked, limit, time.monotonic() + seconds)
            fault = check(path, self.specs(path), limit)
        except FetchFailed as error:
            # Of what one sent damaged another may have the whole; what is too large stays so.
            return Failure(str(error), unusable=isinstance(error, FileTooLarge))
        except LearningError as error:
            return Failure(str(error), unusable=True)
        except (StorageError, OSError) as error:
            return Failure(told(error), own=True)
        return Model(newest, path) if fault is None else Failure(fault[1], unusable=True)


def is_overturnable(view: View, newest: Merged) -> bool:
    """Whether the others that arrived in a model's round can overturn it, sooner or later."""
    others = newest.arrivals - 1
    needed = quorum(view.swarm.terms.min_peers, view.swarm.snapshots)
    return others > newest.arrivals // 2 or others >= needed


def _patience(view: View, newest: Merged) -> float:
    """Seconds for which a model that cannot be had is waited for, before objecting: a leader's
    time where this node comes from elsewhere, as others may be training on from it."""
    if view.me is not None and view.me.round == newest.round:
        return _trust(view)
    return max(_trust(view), view.swarm.terms.leader_timeout / 1000)


def _trust(view: View) -> float:
    """Seconds for which who was in its round waits for a model."""
    seconds = view.swarm.terms.leader_timeout / 4000
    return min(LONGEST_TRUST, max(SHORTEST_TRUST, seconds))
