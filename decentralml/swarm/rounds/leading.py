"""A leader's work on a round: fetch every update, check it, merge, publish the model."""

from __future__ import annotations

import time
from collections.abc import Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path

from decentralml.bundles.manifest import TensorSpec
from decentralml.chain.swarm.calls import MarkAbsent, Publish, StepDown
from decentralml.chain.swarm.words import MAX_LEFT_OUT, Fault, Node, Presence, Stage, SwarmTerms
from decentralml.errors import (
    CallRefused,
    FetchFailed,
    FileDamaged,
    FileTooLarge,
    LearningError,
    StorageError,
)
from decentralml.service.patience import told
from decentralml.swarm.board import View
from decentralml.swarm.rounds.background import Background
from decentralml.swarm.rounds.newest import Newest
from decentralml.swarm.rounds.peers import parties, providers
from decentralml.swarm.rounds.turns import MISSED, WAITED_FOR, enough
from decentralml.types import Address, Cid

AT_ONCE = 8
"""Updates that are fetched at a time."""
HINDRANCES = (LearningError, StorageError, OSError)
"""With which another leader may fare better: this one's disk may be full."""
SNAPSHOT_SECONDS = 10.0
"""For which a leader looks for a snapshot of which it has no copy yet."""
FETCHING = 0.6
"""The part of a leader's time that fetching may take: it must merge, too."""
LEAST_SHARE = 1.0
"""Seconds below which fetching an update is not divided any further."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An update that was not merged."""

    who: Address
    fault: Fault
    reason: str


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a leader has to merge."""

    updates: tuple[tuple[Node, Path], ...]
    left_out: tuple[LeftOut, ...]

    def judged(self, arrivals: Set[Address]) -> int:
        """How many arrivals are here, or would be left out by any leader: all it could reach."""
        away = {each.who for each in self.left_out if each.fault is Fault.UNREACHABLE}
        return len(arrivals - away)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A merged model that is on the shelf, of certain updates of a round."""

    number: int
    cids: tuple[Cid, ...]
    cid: Cid
    gathered: Gathered


@dataclass
class Leader:
    """Leads the rounds that this node is drawn for.

    Attributes
    ----------
    scratch : folder for what is being merged.
    outcome : the last model that it merged; kept so that publishing can be tried again.
    """

    newest: Newest
    scratch: Path
    outcome: Outcome | None = None
    _begun: object = None
    _merging: Background[Outcome | str] = field(
        default_factory=lambda: Background("swarm-merging"), init=False
    )

    def lead(self, view: View, nodes: Mapping[Address, Node]) -> bool:
        """Merge and publish the round, if this node leads it; whether it did anything."""
        board, log = self.newest.board, self.newest.log
        stands = view.round
        if stands is None or stands.stage is not Stage.MERGING or stands.leader != board.me:
            return False
        cids = tuple(node.cid for node in parties(nodes, view.number) if node.cid is not None)
        done = self.outcome
        if done is None or (done.number, done.cids) != (view.number, cids):
            key = (view.number, stands.attempt, cids)
            if self._begun != key:
                self._begun = key
                log.event("leads", f"leads round {view.number}", round=view.number)
            left = max(0, (stands.deadline or 0) - view.now) / 1000
            found = self._merging.outcome(key, lambda: self._merged(view, nodes, left))
            if not found:
                return False
            if isinstance(found[0], str):
                text = f"round {view.number}: leaves it to another node to lead ({found[0]})"
                log.event("stepped-down", text, round=view.number, reason=found[0])
                return board.send(StepDown(view.swarm.id, view.number)) is not None
            done = self.outcome = found[0]
            for each in done.gathered.left_out:
                who = self.newest.called(each.who)
                log.warn(f"leaves out {who}: {each.fault} ({each.reason})")
        merged, left_out = len(done.gathered.updates), done.gathered.left_out
        named = tuple((each.who, each.fault) for each in left_out[:MAX_LEFT_OUT])
        call = Publish(view.swarm.id, view.number, done.cid, merged, named)
        if board.send(call) is None:
            return False
        log.event(
            "published",
            f"round {view.number}: merged {merged} updates",
            round=view.number,
            cid=done.cid,
            merged=merged,
            left_out=[(each.who, each.fault.value) for each in left_out],
        )
        self._mark_absent(view, nodes)
        return True

    def _merged(self, view: View, nodes: Mapping[Address, Node], seconds: float) -> Outcome | str:
        """The merged model; else why another leader should try."""
        wanted = parties(nodes, view.number)
        cids = tuple(node.cid for node in wanted if node.cid is not None)
        try:
            gathered = self._gather(view, nodes, time.monotonic() + FETCHING * seconds)
            arrivals = {node.account for node in wanted if node.round == view.number}
            reached = gathered.judged(arrivals)
            snapshots = 0 if view.round is None else view.round.snapshots
            needed = enough(view.swarm.terms.min_peers, len(arrivals), snapshots)
            if reached < needed:
                return f"reaches {reached} of {needed} updates that are needed"
            if not gathered.updates:
                return "no update can be merged"
            cid = self._merge(view.swarm.terms, gathered)
        except HINDRANCES as error:
            return told(error)
        return Outcome(view.number, cids, cid, gathered)

    def _gather(self, view: View, nodes: Mapping[Address, Node], until: float) -> Gathered:
        """Fetch what the round merges, a few at a time, and check it.

        What does not come in its share of the time has to wait until all others were asked for, so
        that no few that trickle keep the leader from the rest.

        Raises
        ------
        LearningError : nobody has said what an update holds, and this node's own cannot be read.
        StorageError, OSError
        """
        from decentralml.swarm.merging.updates import check

        newest, limit = self.newest, self.newest.config.update_bytes
        specs = self._specs(view)

        def judged(node: Node, seconds: float) -> Path | LeftOut | None:
            """None if its time was over before the round's is."""
            assert node.cid is not None, "a party of a round has an update"
            asked = providers(nodes, node.account, newest.board.me)
            # All have been making copies of snapshots: what is not here by now may be nowhere.
            is_left = node.presence is Presence.SNAPSHOT and node.round != view.number
            share = min(until, time.monotonic() + seconds)
            last = min(share, time.monotonic() + SNAPSHOT_SECONDS) if is_left else share
            try:
                path = newest.files.fetch(node.cid, asked, limit, last)
            except FetchFailed as error:
                if last == share < until and time.monotonic() >= share:
                    return None
                return LeftOut(node.account, _fault_of(error), str(error))
            fault = check(path, specs, limit)
            return path if fault is None else LeftOut(node.account, *fault)

        wanted = parties(nodes, view.number)
        found: dict[Address, Path | LeftOut] = {}
        with ThreadPoolExecutor(AT_ONCE, "swarm-fetch") as pool:
            while left := [node for node in wanted if node.account not in found]:
                seconds = _share(len(left), until - time.monotonic())
                for node, got in zip(left, pool.map(judged, left, repeat(seconds)), strict=True):
                    if got is not None:
                        found[node.account] = got
        both = [(node, found[node.account]) for node in wanted]
        return Gathered(
            tuple((node, got) for node, got in both if isinstance(got, Path)),
            tuple(got for _, got in both if isinstance(got, LeftOut)),
        )

    def _specs(self, view: View) -> Mapping[str, TensorSpec]:
        newest = self.newest
        if newest.tensors is not None:
            return newest.tensors
        assert view.me is not None and view.me.cid is not None, "a leader has arrived"
        own = newest.files.path(view.me.cid)
        if own is None:
            raise LearningError("its own update is not on its shelf")
        return newest.specs(own)

    def _merge(self, terms: SwarmTerms, gathered: Gathered) -> Cid:
        """Merge what was gathered, in the order of accounts, and put the model on the shelf."""
        from decentralml.swarm.merging.merge import merge

        self.scratch.mkdir(parents=True, exist_ok=True)
        out = self.scratch / "merged.safetensors"
        paths = [path for _, path in gathered.updates]
        weights = [float(terms.weight(node)) for node, _ in gathered.updates]
        try:
            merge(terms.merge, paths, weights, out)
            return self.newest.files.put(out)
        finally:
            out.unlink(missing_ok=True)

    def _mark_absent(self, view: View, nodes: Mapping[Address, Node]) -> None:
        """Have no round wait for nodes that missed one after the other."""
        for node in nodes.values():
            if node.presence in WAITED_FOR and node.seen + MISSED <= view.number:
                with suppress(CallRefused):  # it may have ended its training just now
                    self.newest.board.send(MarkAbsent(view.swarm.id, node.account))


def _share(count: int, seconds: float) -> float:
    """Seconds for each of so many updates: all there are, if all can be fetched at a time; else
    such that half of them is left once each had its share."""
    if count <= AT_ONCE:
        return seconds
    share = seconds / 2 / -(-count // AT_ONCE)
    return share if share >= LEAST_SHARE else seconds


def _fault_of(error: FetchFailed) -> Fault:
    if isinstance(error, FileTooLarge):
        return Fault.TOO_LARGE
    return Fault.DAMAGED if isinstance(error, FileDamaged) else Fault.UNREACHABLE
