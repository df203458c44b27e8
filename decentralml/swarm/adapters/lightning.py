"""A swarm's node that trains with Lightning: extra ``lightning``.

trainer = Trainer(max_epochs=5, callbacks=[LightningSwarm(sync_frequency=128, min_peers=4)])
trainer.fit(module, batches)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from decentralml.errors import SeveralProcesses, SwarmExtraMissing
from decentralml.swarm.callback import SwarmCallback

try:
    from lightning.pytorch import Callback, LightningModule, Trainer
except ImportError:
    raise SwarmExtraMissing("Lightning", "lightning") from None


class LightningSwarm(Callback):
    """:class:`~decentralml.swarm.callback.SwarmCallback` at Lightning's hooks, for a whole module.

    Takes the same arguments, but ``model`` and ``optimizer``, which Lightning knows. Where
    Lightning has to resume its loops, too, give ``fit`` a ``ckpt_path``; a swarm's ``snapshots``
    hold weights and optimizer only.

    Attributes
    ----------
    swarm : what the hooks call.

    Raises
    ------
    SwarmError : as the callback does; :class:`SeveralProcesses` when training starts on several.
    """

    def __init__(self, sync_frequency: int, min_peers: int | None = None, **options: Any) -> None:
        self.swarm = SwarmCallback(sync_frequency, min_peers, model=nn.Identity(), **options)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.world_size > 1:
            raise SeveralProcesses(trainer.world_size)
        self.swarm.model = pl_module
        if len(trainer.optimizers) == 1:
            self.swarm.optimizer = trainer.optimizers[0]
        self.swarm.on_train_begin()

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Tensor | Mapping[str, Any] | None,
        batch: Any,
        batch_idx: int,
    ) -> None:
        self.swarm.on_batch_end(outputs["loss"] if isinstance(outputs, Mapping) else outputs)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.swarm.on_epoch_end()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.swarm.on_train_end()
