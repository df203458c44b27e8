"""Where a training process's requests are taken in, and given their answers."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from decentralml.chain.swarm.words import Presence, SwarmId
from decentralml.errors import (
    ConfigError,
    DecentralMLError,
    TrainingReplaced,
    UpdateMisplaced,
    UpdateUnfit,
)
from decentralml.service.log import Log
from decentralml.swarm.link import Synced
from decentralml.swarm.merging.updates import check
from decentralml.swarm.node.listening import Request
from decentralml.swarm.rounds.newest import Model
from decentralml.swarm.rounds.sync import Outcome, Rounds
from decentralml.types import Cid


@dataclass
class Desk:
    """
    Attributes
    ----------
    folder : where updates lie.
    checks : whether updates are checked here, before any leader does.
    requests : what was asked and not looked at yet.
    served : what the node's file server has to tell.
    began : whether a training process has been heard of.
    """

    swarm: SwarmId
    folder: Path
    log: Log
    checks: bool = True
    requests: SimpleQueue[Request] = field(default_factory=SimpleQueue)
    waiting: list[Request] = field(default_factory=list)
    served: Callable[[], dict[str, Any]] = dict
    began: bool = False

    def take(self, rounds: Rounds, request: Request) -> None:
        """Begin to do what a request asks."""
        try:
            self._do(rounds, request)
        except Exception as error:  # whatever it was told, the node lives on
            self._drop(request)
            request.refuse(error)

    def tell(self, waits: str) -> None:
        """Say to all that wait what for."""
        for request in self.waiting:
            request.tell(waits)

    def dismiss(self, error: DecentralMLError) -> None:
        """Nothing more is answered here."""
        while not self.requests.empty():
            self.waiting.append(self.requests.get())
        for request in self.waiting:
            request.refuse(error)
        self.waiting = []

    def status(self, rounds: Rounds) -> dict[str, Any]:
        """What the node knows of itself."""
        model = rounds.newest.model
        return {
            "process": os.getpid(),
            "model_round": 0 if model is None else model.merged.round,
            "model": None if model is None else str(model.path),
            "waits": rounds.waits,
            "training_waits": bool(self.waiting),
            **self.served(),
        }

    def _do(self, rounds: Rounds, request: Request) -> None:
        fields = request.fields
        match request.do:
            case "hello":
                request.answer(swarm=self.swarm, account=rounds.board.me)
            case "status":
                request.answer(**self.status(rounds))
            case "begin":
                self._only(rounds, request)
                self.began = True
                self.log.event("training", "training begins", info=fields.get("info"))
                rounds.begin(lambda model: self._begun(rounds, request, model))
            case "sync":
                seconds = fields.get("seconds")
                cid = self._put(rounds, fields["update"])
                self._only(rounds, request)
                rounds.offer(
                    cid,
                    int(fields["base"]),
                    None if seconds is None else float(seconds),
                    lambda outcome: self._synced(rounds, request, outcome),
                )
            case "finish":
                presence = Presence(fields["presence"])
                if fields.get("update") is not None:
                    cid = self._put(rounds, fields["update"])
                    rounds.offer(cid, int(fields["base"]), None, None)
                rounds.finish(presence)
                request.answer()
            case "gone":
                if request.about in self.waiting:
                    self._drop(request.about)
                    rounds.abandon()
                    self.log.event("training-gone", "the training process has gone away")
            case other:
                request.refuse(ConfigError(f"a node is not asked to {other!r}"))

    def _only(self, rounds: Rounds, request: Request) -> None:
        """One training process waits at a time: the one that came last."""
        for other in self.waiting:
            other.refuse(TrainingReplaced())
        rounds.abandon()
        self.waiting = [request]

    def _drop(self, request: Request | None) -> None:
        self.waiting = [other for other in self.waiting if other is not request]

    def _put(self, rounds: Rounds, named: Any) -> Cid:
        """Take an update in, unless no leader would merge it: its training is told at once."""
        path = self._update(named)
        newest = rounds.newest
        if self.checks and newest.tensors is not None:
            fault = check(path, newest.tensors, newest.config.update_bytes)
            if fault is not None:
                raise UpdateUnfit(path.name, *fault)
        return newest.files.put(path)

    def _update(self, named: Any) -> Path:
        path = Path(str(named))
        path = path if path.is_absolute() else self.folder / path
        if path.resolve().parent != self.folder.resolve() or not path.is_file():
            raise UpdateMisplaced(str(named), str(self.folder))
        return path

    def _begun(self, rounds: Rounds, request: Request, model: Model | None) -> None:
        self._drop(request)
        request.answer(
            newest=None if model is None else str(model.path),
            round=0 if model is None else model.merged.round,
            folder=str(self.folder),
            training=dict(rounds.newest.config.training),
            terms=_terms(rounds),
        )

    def _synced(self, rounds: Rounds, request: Request, outcome: Outcome) -> None:
        self._drop(request)
        if not isinstance(outcome, Synced):
            request.refuse(outcome)
            return
        request.answer(
            path=str(outcome.path),
            round=outcome.round,
            merged=outcome.merged,
            left_out=[[who, fault.value] for who, fault in outcome.left_out],
            counted=outcome.counted,
            terms=_terms(rounds),
        )


def _terms(rounds: Rounds) -> dict[str, Any]:
    """What holds for this node now, in the callback's words (``link.TERMS``)."""
    view = rounds.view
    assert view is not None and view.me is not None, "answers are given after a look"
    terms = view.swarm.terms
    return {
        "min_peers": terms.min_peers,
        "merge_method": terms.merge.value,
        "node_weightage": terms.weight(view.me),
        "leader_failure_base_timeout": terms.leader_timeout / 1000,
        "wait_for_full_quorum_seconds": terms.quorum_wait / 1000,
    }
