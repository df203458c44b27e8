"""A swarm's node that trains with the Trainer of Transformers: extra ``transformers``.

trainer = Trainer(…, callbacks=[TransformersSwarm(sync_frequency=128, min_peers=4)])
trainer.train()
"""

from __future__ import annotations

from typing import Any

from torch import nn

from decentralml.errors import SeveralProcesses, SwarmExtraMissing
from decentralml.swarm.callback import SwarmCallback

try:
    from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
except ImportError:
    raise SwarmExtraMissing("Transformers", "transformers") from None


class TransformersSwarm(TrainerCallback):
    """:class:`~decentralml.swarm.callback.SwarmCallback` at the Trainer's events.

    Takes the same arguments, but ``model`` and ``optimizer``, which the Trainer knows. A step of
    it is an optimizer's step: with ``gradient_accumulation_steps``, ``sync_frequency`` counts those
    and not batches. Where the Trainer has to resume its loop, too, use its own checkpoints.

    Attributes
    ----------
    swarm : what the events call.

    Raises
    ------
    SwarmError : as the callback does; :class:`SeveralProcesses` when training starts on several.
    """

    def __init__(self, sync_frequency: int, min_peers: int | None = None, **options: Any) -> None:
        self.swarm = SwarmCallback(sync_frequency, min_peers, model=nn.Identity(), **options)

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **known: Any,
    ) -> None:
        if args.world_size > 1:
            raise SeveralProcesses(args.world_size)
        self.swarm.model = known["model"]
        self.swarm.optimizer = getattr(known["optimizer"], "optimizer", known["optimizer"])
        self.swarm.on_train_begin()

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **known: Any,
    ) -> None:
        self.swarm.on_batch_end()

    def on_epoch_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **known: Any,
    ) -> None:
        self.swarm.on_epoch_end()

    def on_train_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **known: Any,
    ) -> None:
        self.swarm.on_train_end()
