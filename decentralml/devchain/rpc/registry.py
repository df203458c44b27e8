"""The table of methods: name, parameters, what answers it, and whether it may take long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from decentralml.devchain.rpc.params import Param

if TYPE_CHECKING:
    from decentralml.devchain.chain import DevChain
    from decentralml.devchain.rpc.pool import Pool

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Context:
    """What methods work on."""

    chain: DevChain
    """For what executes the runtime or adds blocks."""
    reader: DevChain
    """For what only reads: the same file, so that it need not wait for a block being built."""
    pool: Pool


@dataclass(frozen=True, slots=True)
class Method:
    answer: Callable[..., Any]
    params: tuple[Param, ...]
    executes: bool
    """Whether it runs WebAssembly, writes or reads long: a server keeps that off its event loop."""


METHODS: dict[str, Method] = {}


def method(*names: str, params: tuple[Param, ...] = (), executes: bool = False) -> Callable[[F], F]:
    """Register a function of a :class:`Context` and the converted `params`, under all `names`."""

    def register(function: F) -> F:
        for name in names:
            METHODS[name] = Method(function, params, executes)
        return function

    return register
