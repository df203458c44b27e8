"""What a model is like: measured once, on a few examples, before it runs for many clients."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import grad, vmap

from decentralml.learning.stacked.layers import BATCH_NORMS
from decentralml.learning.stacked.model import StackedModel, Tensors

RANDOM = (
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
    nn.AlphaDropout,
    nn.FeatureAlphaDropout,
    nn.RReLU,
)


@dataclass(frozen=True, slots=True)
class LinearUse:
    """A linear layer that may be shared.

    Attributes
    ----------
    inputs, outputs : its sizes.
    rows : how many it is given for one example.
    leading : whether what it is given depends on the examples alone, and on no parameter.
    """

    inputs: int
    outputs: int
    rows: int
    leading: bool = False


@dataclass(frozen=True, slots=True)
class Traits:
    """What the cost of a model depends on.

    Attributes
    ----------
    name : the module's class.
    parameters : elements of all of them.
    activations : elements of all layers' outputs, for one example.
    convolved : multiply-adds in convolutions of one forward pass of one example.
    linear : linear layers whose weight may be shared, by name.
    coupled : whether an example's output depends on the others of its batch by a layer unknown
        here, so that a batch may not be padded.
    unstackable : why it cannot run under ``vmap``; empty if it can.
    """

    name: str
    parameters: int
    activations: int
    convolved: int
    linear: dict[str, LinearUse]
    coupled: bool
    unstackable: str


def traits(module: nn.Module, examples: Tensor) -> Traits:
    """Measure ``module`` on examples ``[N, …]``; two are enough. It stays as it is."""
    where = next((p.device for p in module.parameters()), examples.device)
    examples = (examples[:2] if len(examples) > 1 else torch.cat([examples, examples])).to(where)
    probed = copy.deepcopy(module).train()
    random = any(isinstance(layer, RANDOM) and _active(layer) for layer in module.modules())
    calls: Counter[str] = Counter()
    uses: dict[str, LinearUse] = {}
    sizes: dict[str, int] = {}
    convolved: Counter[str] = Counter()

    def hook(name: str) -> Callable[..., None]:
        def record(layer: nn.Module, given: tuple[Tensor, ...], out: object) -> None:
            if not isinstance(out, Tensor):
                return
            calls[name] += 1
            sizes[f"{name} {calls[name]}"] = out.numel() // len(examples)
            if isinstance(layer, nn.Linear):
                rows = given[0].numel() // layer.in_features // len(examples)
                leading = not (given[0].requires_grad or random)
                uses[name] = LinearUse(layer.in_features, layer.out_features, max(1, rows), leading)
            elif isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d):
                each = layer.weight.numel() // layer.out_channels
                convolved[name] += each * (out.numel() // len(examples))

        return record

    for name, layer in probed.named_modules():
        if not any(True for _ in layer.children()):
            layer.register_forward_hook(hook(name))
    probed.requires_grad_(True)
    with torch.enable_grad(), torch.random.fork_rng(devices=[]):
        probed(examples)
    names = Counter(
        id(p) for m in module.modules() for p in m._parameters.values() if p is not None
    )
    layers = dict(module.named_modules())
    return Traits(
        name=type(module).__name__,
        parameters=sum(p.numel() for p in module.parameters()),
        activations=sum(sizes.values()),
        convolved=convolved.total(),
        linear={
            name: use
            for name, use in uses.items()
            if calls[name] == 1
            and type(layers[name]) is nn.Linear
            and names[id(layers[name].weight)] == 1
            and layers[name].weight.requires_grad
        },
        coupled=_coupled(module, examples),
        unstackable=_unstackable(module, examples),
    )


def _active(layer: nn.Module) -> bool:
    return getattr(layer, "p", 1.0) > 0


def _coupled(module: nn.Module, examples: Tensor) -> bool:
    """Whether the second of two examples changes what the first one gives, batch norm aside."""
    quiet = copy.deepcopy(module).train()
    for layer in quiet.modules():
        if isinstance(layer, (*BATCH_NORMS, *RANDOM)):
            layer.eval()
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        pair = quiet(torch.stack([examples[0], examples[1]]))
        twin = quiet(torch.stack([examples[0], examples[0]]))
    return not torch.allclose(pair[0], twin[0], rtol=1e-3, atol=1e-5, equal_nan=True)


def _unstackable(module: nn.Module, examples: Tensor) -> str:
    """Try two clients under ``vmap``, and whether they get what the module itself gives."""
    model = StackedModel(module)
    values = {n: torch.stack([p, p]) for n, p in model.parameters.items()}
    buffers = {n: torch.stack([b, b]) for n, b in model.buffers.items()}
    outside = copy.deepcopy(module).train()

    def loss(parameters: Tensors, buffers: Tensors, inputs: Tensor) -> tuple[Tensor, Tensors]:
        forward = model(parameters, buffers, inputs)
        return forward.outputs.square().sum(), forward.buffers

    try:
        with torch.random.fork_rng(devices=[]):
            mapped = vmap(grad(loss, has_aux=True), randomness="different")
            _, after = mapped(values, buffers, torch.stack([examples, examples]))
            with torch.no_grad():
                outside(examples)
    except (RuntimeError, ValueError, TypeError, NotImplementedError) as error:
        return str(error).strip().split("\n")[0] or type(error).__name__
    for name, value in outside.named_buffers():
        if not torch.allclose(after[name][0], value, rtol=1e-3, atol=1e-5, equal_nan=True):
            return f"its buffer {name!r} is assigned, not changed in place"
    return ""
