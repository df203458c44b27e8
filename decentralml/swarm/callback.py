"""What a PyTorch training loop calls to learn together with the other nodes of a swarm.

    swarm = SwarmCallback(sync_frequency=128, min_peers=4, model=model, optimizer=optimizer)
    swarm.on_train_begin()
    for epoch in range(epochs):
        for inputs, labels in batches:
            …
            optimizer.step()
            swarm.on_batch_end(loss)
        swarm.on_epoch_end(epoch)
    swarm.on_train_end()

The process is started by its node (``decentralml swarm run SWARM -- python train.py``), or finds
it by ``DECENTRALML_SWARM_SOCKET``. At each sync the model's parameters and buffers go to the
node, and training goes on from the merged model. See docs/swarm.md.

Source of the parameters' names: HPE Swarm Learning's callback.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from decentralml.chain.swarm.words import MAX_WEIGHTAGE, MergeMethod, Presence
from decentralml.errors import (
    BadWeightage,
    NodeRefused,
    SyncTimedOut,
    TermsContradicted,
    TrainingDiverged,
    TrainingNotBegun,
    UnknownCheckin,
    UnknownMergeMethod,
    ValidationDataMissing,
)
from decentralml.swarm.link import Link
from decentralml.swarm.training.loss import Loss, mean_loss
from decentralml.swarm.training.schedule import Schedule
from decentralml.swarm.training.snapshots import Progress, Snapshots
from decentralml.swarm.training.weights import load_weights, not_finite, save_weights

LEADER_TIMEOUT, QUORUM_WAIT = 600.0, 30.0
"""Seconds, where the node does not tell."""
METHODS = [method.value.lower() for method in MergeMethod]
CHECKINS = {
    presence.value.lower(): presence
    for presence in (Presence.SNAPSHOT, Presence.ACTIVE, Presence.INACTIVE)
}


class SwarmCallback:
    """A training process's part in a swarm.

    What is a term of the swarm on the chain need not be given; a value that differs from the
    chain's is an error before anything is trained, and at the next sync where the owner changes it
    meanwhile.

    Parameters
    ----------
    sync_frequency : batches between merges, above zero.
    min_peers : fewest nodes of a merge; below it a sync blocks. A term of the swarm.
    use_adaptive_sync : a falling validation loss raises the interval, no improvement lowers it
        (:mod:`.training.schedule`).
    ads_val_data : what that loss is measured on: a ``Dataset`` or an iterable of batches
        ``(inputs, labels)``, or a function from the model to a number.
    ads_val_batch_size : examples at a time, of a ``Dataset``.
    checkin_model_on_train_end : what becomes of the node's model: ``snapshot`` goes on being merged
        as it was, ``active`` takes part with the merged one, ``inactive`` has no weight any more.
    node_weightage : 1 to 100; the node's own, as it was registered.
    merge_method : ``mean``, ``coordmedian`` or ``geomedian``. A term of the swarm.
    leader_failure_base_timeout : seconds after which a leader is replaced. A term of the swarm.
    wait_for_full_quorum_seconds : seconds that a merge waits for stragglers. A term of the swarm.
    model : what is trained; its ``state_dict`` is merged, batch norm's buffers too.
    optimizer : is kept in snapshots. Its state (momentum …) is kept over merges: it says how the
        loss slopes, and that changes little where models are near each other.
    reset_optimizer : forget that state at each merge instead.
    loss_function : of outputs and labels, for ``ads_val_data``; cross entropy unless given.
    snapshots : a folder to resume from, written after each merge and each epoch.
    sync_timeout : seconds after which a sync that is not the last gives up, and training goes on
        with the node's own model; None: it waits, as ``min_peers`` asks.
    link : the node; by default the one that ``DECENTRALML_SWARM_SOCKET`` names.

    Attributes
    ----------
    batches, epochs : that were trained on, and completed; also before a resumed training goes on.
    round : of the newest merged model that the weights began from; 0 if there is none.
    schedule : when the next sync is due.
    training : what the swarm's configuration says of training.

    Raises
    ------
    BadSyncFrequency, BadWeightage, UnknownMergeMethod, UnknownCheckin, ValidationDataMissing
    """

    def __init__(
        self,
        sync_frequency: int,
        min_peers: int | None = None,
        use_adaptive_sync: bool = False,
        ads_val_data: Any = None,
        ads_val_batch_size: int = 64,
        checkin_model_on_train_end: str = "snapshot",
        node_weightage: int | None = None,
        merge_method: str | None = None,
        leader_failure_base_timeout: float | None = None,
        wait_for_full_quorum_seconds: float | None = None,
        *,
        model: nn.Module,
        optimizer: torch.optim.Optimizer | None = None,
        reset_optimizer: bool = False,
        loss_function: Loss | None = None,
        snapshots: Path | str | None = None,
        sync_timeout: float | None = None,
        link: Link | None = None,
        logger: logging.Logger | None = None,
    ) -> None:
        self.schedule = Schedule(sync_frequency)
        if use_adaptive_sync and ads_val_data is None:
            raise ValidationDataMissing
        if checkin_model_on_train_end not in CHECKINS:
            raise UnknownCheckin(checkin_model_on_train_end, list(CHECKINS))
        self.presence = CHECKINS[checkin_model_on_train_end]
        self._given = _given(
            min_peers=min_peers,
            node_weightage=node_weightage,
            merge_method=merge_method,
            leader_failure_base_timeout=leader_failure_base_timeout,
            wait_for_full_quorum_seconds=wait_for_full_quorum_seconds,
        )
        self.model, self.optimizer, self.reset_optimizer = model, optimizer, reset_optimizer
        self._validate = (
            mean_loss(ads_val_data, ads_val_batch_size, loss_function)
            if use_adaptive_sync
            else None
        )
        self._snapshots = None if snapshots is None else Snapshots(Path(snapshots))
        self.sync_timeout = sync_timeout
        self.logger = logger or logging.getLogger("decentralml.swarm")
        self.training: Mapping[str, Any] = {}
        self.batches = self.epochs = self.round = 0
        self._since = 0
        self._link = link
        self._folder = Path()
        self._written: Path | None = None
        self._loss: Tensor | float | None = None
        self._last_wait = LEADER_TIMEOUT + QUORUM_WAIT

    def on_train_begin(self) -> None:
        """Resume from a snapshot if there is one, load the newest merged model, and sync once.

        Raises
        ------
        NodeAway, NodeRefused, TermsContradicted, SnapshotDamaged, StructureMismatch,
        TrainingDiverged
        """
        if self._link is None:
            self._link = Link.connect()
        info = {"sync_frequency": self.schedule.sync_frequency}
        begun = self._link.begin(info, told=self._told)
        self._check_terms(begun.terms)
        self.training, self._folder = begun.training, begun.folder
        resumed = self._resume()
        if begun.newest is not None and not (resumed and self.round == begun.round):
            load_weights(self.model, begun.newest, f"round {begun.round}")
            self.logger.info("begins from the merged model of round %d", begun.round)
            self._since = 0
        self.round = begun.round
        self._sync(self.sync_timeout)

    def on_batch_end(self, loss: Tensor | float | None = None) -> None:
        """After an optimizer's step; syncs when it is time. ``loss``: checked before a sync.

        Raises
        ------
        TrainingNotBegun, TrainingDiverged, NodeAway, NodeRefused
        """
        self.batches += 1
        self._since += 1
        self._loss = loss.detach() if isinstance(loss, Tensor) else loss
        if self._since >= self.schedule.interval:
            self._sync(self.sync_timeout)

    def on_epoch_end(self, epoch: int | None = None) -> None:
        """After a pass over the data; ``epoch`` is its number from zero, counted if not given."""
        self.epochs = self.epochs + 1 if epoch is None else epoch + 1
        self.logger.info("epoch %d ended at batch %d", self.epochs, self.batches)
        self._snapshot()

    def on_train_end(self) -> None:
        """Sync what was trained since the last sync, and leave the model as was asked.

        The last sync is waited for as long as a leader may take and the quorum may wait, and no
        longer: others may have ended before.

        Raises
        ------
        TrainingNotBegun, TrainingDiverged, NodeAway, NodeRefused
        """
        if self._link is None:
            raise TrainingNotBegun
        own = None
        if self._since and not self._sync(self._last_wait):
            own = self._write()
        self._link.finish(self.presence, own)
        self._link.close()

    def _resume(self) -> bool:
        progress = self._snapshots and self._snapshots.load(self.model, self.optimizer)
        if not progress:
            return False
        self.batches, self.epochs = progress.batches, progress.epochs
        self.round, self._since = progress.round, progress.since
        if self._validate is not None:
            self.schedule = self.schedule.resumed(progress.interval, progress.loss)
        self.logger.info("resumes at batch %d of round %d", self.batches, self.round)
        return True

    def _snapshot(self) -> None:
        if self._snapshots is not None:
            progress = Progress(
                self.batches,
                self.epochs,
                self.round,
                self._since,
                self.schedule.interval,
                self.schedule.loss,
            )
            self._snapshots.write(self.model, self.optimizer, progress)

    def _sync(self, deadline: float | None) -> bool:
        """Merge with the others and go on from that; False if nothing was merged in time."""
        if self._link is None:
            raise TrainingNotBegun
        started = time.monotonic()
        update = self._write()
        self._since = 0
        try:
            synced = self._link.sync(update, deadline=deadline, told=self._told)
        except NodeRefused as error:
            if error.kind != SyncTimedOut.__name__:
                raise
            self.logger.warning("not merged, goes on with its own model: %s", error)
            return False
        self._check_terms(synced.terms)
        load_weights(self.model, synced.path, f"round {synced.round}")
        self.round = synced.round
        if self.reset_optimizer and self.optimizer is not None:
            self.optimizer.state.clear()
        self.logger.info(
            "round %d: %s updates merged, at batch %d, in %.1f s",
            synced.round,
            synced.merged or "the",
            self.batches,
            time.monotonic() - started,
        )
        if not synced.counted:
            self.logger.warning("round %d was merged without this node's update", synced.round)
        for account, fault in synced.left_out:
            self.logger.warning("round %d left out %s: %s", synced.round, account, fault)
        if self._validate is not None:
            loss = self._validate(self.model)
            self.schedule = self.schedule.after(loss)
            self.logger.info("loss %.4g; next sync in %d batches", loss, self.schedule.interval)
        self._snapshot()
        return True

    def _write(self) -> Path:
        """This node's update, unless it is not finite. Raises :class:`TrainingDiverged`."""
        if self._loss is not None and not math.isfinite(loss := float(self._loss)):
            raise TrainingDiverged(self.batches, f"the loss is {loss}")
        if name := not_finite(self.model):
            raise TrainingDiverged(self.batches, f"tensor {name!r} holds NaN or infinity")
        update = self._folder / f"update-{self.batches}.safetensors"
        save_weights(self.model, update)
        if self._written is not None and self._written != update:
            self._written.unlink(missing_ok=True)
        self._written = update
        return update

    def _told(self, waits: str) -> None:
        self.logger.info("%s", waits)

    def _check_terms(self, terms: Mapping[str, Any]) -> None:
        """Raises :class:`TermsContradicted` for the first that is given otherwise."""
        if not terms:
            return
        for name, given in self._given.items():
            if name in terms and given != _lower(terms[name]):
                raise TermsContradicted(name, given, terms[name])
        self._last_wait = float(terms.get("leader_failure_base_timeout", LEADER_TIMEOUT)) + float(
            terms.get("wait_for_full_quorum_seconds", QUORUM_WAIT)
        )


def _given(**arguments: Any) -> dict[str, Any]:
    """The arguments that were given, by name. Raises BadWeightage, UnknownMergeMethod."""
    given = {name: value for name, value in arguments.items() if value is not None}
    weightage = given.get("node_weightage", 1)
    if type(weightage) is not int or not 1 <= weightage <= MAX_WEIGHTAGE:
        raise BadWeightage(weightage, MAX_WEIGHTAGE)
    if "merge_method" in given:
        named = _lower(given["merge_method"])
        if named not in METHODS:
            raise UnknownMergeMethod(given["merge_method"], METHODS)
        given["merge_method"] = named
    return given


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value
