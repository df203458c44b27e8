"""Methods whose answers come later, over the connection that asked: what they need of it.

A *talk method* is a coroutine of a :class:`Talk` and its converted parameters. It is registered
like any other method, and without a connection answers that it needs one.
Source: paritytech/json-rpc-interface-spec; where that leaves room, a real node's behaviour.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from decentralml.devchain.rpc.errors import from_chain, needs_connection
from decentralml.devchain.rpc.params import Param, convert_all
from decentralml.devchain.rpc.registry import METHODS, Context, method
from decentralml.errors import ChainError

if TYPE_CHECKING:
    import asyncio

    from decentralml.devchain.rpc.service import Service

Talker = Callable[..., Awaitable[Any]]
Work = Callable[[], Coroutine[Any, Any, None]]
F = TypeVar("F", bound=Talker)

TALK_METHODS: dict[str, Talker] = {}


def talk_method(*names: str, params: tuple[Param, ...] = ()) -> Callable[[F], F]:
    """Register a coroutine of a :class:`Talk` and the converted `params`, under all `names`."""

    def register(function: F) -> F:
        for name in names:
            TALK_METHODS[name] = function
        method(*names, params=params)(_unconnected)
        return function

    return register


def _unconnected(context: Context, *_: Any) -> Any:
    raise needs_connection()


class Line(Protocol):
    """The connection, as a talk sees it."""

    def open(self, kind: str) -> tuple[str, Callable[[str], None]]:
        """A new subscription: its number, and what tells the client a result (JSON text)."""

    def forget(self, identity: str) -> bool:
        """End a subscription; whether there was one."""

    def afterwards(self, action: Callable[[], None]) -> None:
        """Do it once the response has been sent."""

    async def flushed(self) -> None:
        """Wait until the client has taken what it was told."""


@dataclass(eq=False)
class Talk:
    """One connection's running conversations."""

    service: Service
    line: Line
    follows: dict[str, Any] = field(default_factory=dict)
    """Of ``chainHead_v1_follow``, by number."""
    broadcasts: set[str] = field(default_factory=set)
    """Of ``transaction_v1_broadcast``, by number."""
    _tasks: dict[str | None, set[asyncio.Task[None]]] = field(default_factory=dict)
    _reading: asyncio.Lock | None = None

    async def call(self, name: str, params: Any) -> Any:
        """The answer to a talk method."""
        try:
            return await TALK_METHODS[name](self, *convert_all(METHODS[name].params, params))
        except ChainError as error:
            raise from_chain(error) from error

    def start(self, work: Work, identity: str | None = None) -> None:
        """Run it after the response; it ends with the subscription `identity`, if it has one, and
        then also with the connection."""

        def begin() -> None:
            import asyncio  # not needed where there is no server

            task = asyncio.get_running_loop().create_task(work())
            self._tasks.setdefault(identity, set()).add(task)
            task.add_done_callback(lambda done: self._ended(done, identity))

        self.line.afterwards(begin)

    def _ended(self, task: asyncio.Task[None], identity: str | None) -> None:
        tasks = self._tasks.get(identity, set())
        tasks.discard(task)
        if not tasks:
            self._tasks.pop(identity, None)

    async def turn(self, read: Callable[..., Any], *args: Any) -> Any:
        """Read a page, when others have had their turn: one of a connection at a time."""
        import asyncio

        if self._reading is None:
            self._reading = asyncio.Lock()
        async with self._reading:
            await asyncio.sleep(0)
            found = read(*args)
            return await found if isinstance(found, Awaitable) else found

    def close(self, identity: str) -> bool:
        """End a subscription and its work; whether there was one."""
        for task in self._tasks.pop(identity, set()):
            task.cancel()
        return self.line.forget(identity)

    def leave(self) -> None:
        """The connection ends."""
        for follow in list(self.follows.values()):
            follow.end()
        for identity in list(self._tasks):
            if identity is not None:
                self.close(identity)
        self.broadcasts.clear()
