"""A training run whose whole state can be put away and taken up again anywhere.

The state is a set of named tensors: ``parameter.NAME`` and ``buffer.NAME`` of the model,
``SLOT.NAME`` of the optimizer (``momentum.NAME``, …) for each parameter that is trained, and
``step``, a 64-bit integer. What comes before the first dot is the tensor's **group**.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from decentralml.bundles.replay import Recipe
from decentralml.errors import CheckpointMismatch, NotReplayable
from decentralml.learning.models import spec
from decentralml.learning.replay.optimizers import update
from decentralml.learning.replay.order import batch, step_seed
from decentralml.learning.stack import first_difference
from decentralml.learning.tensors import TensorFile, replacing

Loss = Callable[[Tensor, Tensor], Tensor]
"""Outputs of the model and labels in, a scalar out."""

STEP = "step"
PARAMETER = "parameter"
BUFFER = "buffer"


class Training:
    """A model, its optimizer's state, and how many steps it took.

    Parameters
    ----------
    model : trained in place. Only what its ``state_dict`` holds is part of the state.
    inputs, labels : ``[N, …]`` each.
    order_seed : 32 bytes, see :mod:`.order`.

    Raises
    ------
    NotReplayable : there are no examples, or nothing to train.
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Tensor,
        labels: Tensor,
        recipe: Recipe,
        order_seed: bytes,
        loss: Loss = nn.functional.cross_entropy,
    ) -> None:
        if not len(inputs) or len(inputs) != len(labels):
            raise NotReplayable(f"{len(inputs)} inputs have {len(labels)} labels")
        self.model, self.inputs, self.labels = model, inputs, labels
        self.recipe, self.order_seed, self.loss = recipe, order_seed, loss
        self.step = 0
        self.losses: list[float] = []
        """Of the steps taken by this object."""
        self._trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
        if not self._trained:
            raise NotReplayable("the model has no parameters to train")
        self._slots = {
            name: {slot: torch.zeros_like(p) for slot in recipe.optimizer.slots}
            for name, p in self._trained.items()
        }

    def advance(self, steps: int) -> None:
        """Take some steps, each on the examples and with the random numbers that are its own."""
        self.model.train()
        with _repeatable():
            for _ in range(steps):
                torch.manual_seed(step_seed(self.order_seed, self.recipe.seed, self.step))
                self._take_step()
                self.step += 1
        self.model.eval()

    def tensors(self) -> dict[str, Tensor]:
        """A copy of the state."""
        return {name: value.detach().clone() for name, value in self._state().items()}

    def load(self, tensors: Mapping[str, Tensor], name: str) -> None:
        """Go on from another state; ``name`` is what to call it in complaints.

        Raises
        ------
        CheckpointMismatch : it is of another model or optimizer.
        """
        state = self._state()
        difference = first_difference(
            {n: spec(v) for n, v in state.items()}, {n: spec(v) for n, v in tensors.items()}
        )
        if difference:
            raise CheckpointMismatch(name, *difference)
        with torch.no_grad():
            for key, value in state.items():
                value.copy_(tensors[key])
        self.step = int(tensors[STEP].item())

    def save(self, file: Path) -> None:
        """Write the state as safetensors: the same state gives the same bytes."""
        with replacing(file) as stream:
            stream.write(save(self.tensors()))

    def restore(self, file: Path) -> None:
        """Go on from what :meth:`save` wrote, or somebody else.

        Raises
        ------
        DamagedTensors, CheckpointMismatch
        """
        TensorFile.open(file)
        self.load(load_file(file), file.name)

    def _state(self) -> dict[str, Tensor]:
        """The tensors themselves, not copies (but for the step's)."""
        parameters = dict(self.model.named_parameters())
        state = {STEP: torch.tensor(self.step, dtype=torch.int64)}
        for name, value in self.model.state_dict(keep_vars=True).items():
            state[f"{PARAMETER if name in parameters else BUFFER}.{name}"] = value
        for name, slots in self._slots.items():
            state |= {f"{slot}.{name}": value for slot, value in slots.items()}
        return state

    def _take_step(self) -> None:
        numbers = batch(self.order_seed, self.step, self.recipe.batch_size, len(self.inputs))
        picked = torch.from_numpy(numbers.copy())
        self.model.zero_grad(set_to_none=True)
        loss = self.loss(self.model(self.inputs[picked]), self.labels[picked])
        loss.backward()  # type: ignore[no-untyped-call]
        for name, parameter in self._trained.items():
            if parameter.grad is not None:
                update(
                    self.recipe.optimizer,
                    parameter,
                    self._slots[name],
                    parameter.grad,
                    self.recipe.learning_rate,
                    self.step,
                )
        self.losses.append(loss.item())


@contextmanager
def _repeatable() -> Iterator[None]:
    """Deterministic operations only; the caller's settings and random numbers come back."""
    # As use_deterministic_algorithms, but without its import of the compiler, which takes seconds.
    before = torch.get_deterministic_debug_mode()
    with torch.random.fork_rng(devices=[]):
        torch.set_deterministic_debug_mode("error")
        try:
            yield
        finally:
            torch.set_deterministic_debug_mode(before)
