"""One machine with one home, a node, and everything that can go wrong between and under them."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from faults.clock import HOUR, VirtualClock
from faults.disk import Disk
from faults.node import SimulatedNode
from faults.plan import LEAPS, Fault, Moment, Plan
from faults.theatre import ACTORS
from faults.wire import WiredNode

from decentralml.chain.api import Receipt
from decentralml.chain.calls import Call
from decentralml.chain.events import Event
from decentralml.chain.keys import Signer, development_key
from decentralml.chain.substrate.client import SubstrateChain
from decentralml.chain.substrate.embedded import EmbeddedTransport
from decentralml.chain.substrate.extrinsic import Extrinsic
from decentralml.chain.substrate.remote import RemoteTransport
from decentralml.chain.substrate.runtime import Runtime
from decentralml.chain.substrate.transport import Included
from decentralml.config import Config
from decentralml.errors import DecentralMLError
from decentralml.market.accounts import WELL_KNOWN
from decentralml.market.session import Session


class Killed(BaseException):
    """The process is gone, however much of its code still runs."""


class World:
    """Where one run takes place.

    Parameters
    ----------
    home : of all actors; its chain file is the node's.
    plan : what goes wrong.

    Attributes
    ----------
    calm : nothing more goes wrong.
    trace : what went wrong, and when.
    said : what commands ended with, but for success.
    names : of all accounts that money moves between.
    """

    def __init__(self, home: Path, plan: Plan, runtime: Runtime, genesis: str) -> None:
        self.home = home
        self.plan = plan
        self.runtime = runtime
        self.genesis = genesis
        self.clock = VirtualClock()
        self.node = SimulatedNode(home / "chain.sqlite", self.clock, plan.embedded)
        self.clock.ticked = self._ticked
        self.disk = Disk(self._changes_file)
        self.calm = False
        self.call = ""
        self.trace: list[tuple[Moment, Fault]] = []
        self.said: list[str] = []
        self.names = {development_key(name).address: name for name in ACTORS} | {
            address: name for name, address in WELL_KNOWN.items()
        }
        self._commands = 0
        self._actor = ""
        self._seams: Counter[str] = Counter()
        self._dead = False
        self._full = False

    def close(self) -> None:
        self.node.close()

    # Commands.

    def command(self, actor: str, work: Callable[[Session], object]) -> bool:
        """Run a command of one actor as a process of its own; whether it came to its end."""
        self._begin(actor)
        session: Session | None = None
        try:
            self.seam("command")
            with self.disk.between():
                session = self.session(actor)
                work(session)
            return True
        except Killed:
            self._said("killed")
        except DecentralMLError as error:
            self._said(f"{type(error).__name__}: {error}")
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            self._said("the disk is full")
        finally:
            self._end(session)
        return False

    def session(self, actor: str) -> Session:
        """A session whose chain is this world's."""
        session = Session(Config(self.home, key=actor, genesis=self.genesis))
        transport: Any = (
            OwnChain(self) if self.plan.embedded else RemoteTransport("", WiredNode(self))
        )
        chain = WatchedChain(transport, self.genesis, session.config.journal, self.clock)
        chain.world = self
        chain._runtime = self.runtime  # Reading the metadata anew takes longer than all the rest.
        session.chain = chain
        return session

    def observer(self) -> SubstrateChain:
        """A client that nothing ever happens to."""
        chain = SubstrateChain(EmbeddedTransport(self.node.chain, "observer"))
        chain._runtime = self.runtime
        return chain

    def happened(self) -> list[Event]:
        """Every event since the beginning, of the chain as it is now."""
        chain = self.observer()
        blocks = range(self.node.begun + 1, self.node.chain.height + 1)
        return [event for number in blocks for event in chain.events(number)]

    def _begin(self, actor: str) -> None:
        self._commands += 1
        self._actor = actor
        self._seams.clear()
        self.call = ""

    def _end(self, session: Session | None) -> None:
        """What a process does as it ends; of one that was killed, what the system does."""
        died, self._dead, self._full = self._dead, False, False
        chain = None if session is None else session.__dict__.get("chain")
        if session is None or chain is None:
            return
        session.close()
        if not died:
            chain.close()
            return
        for file in [] if chain._journal is None else list(chain._journal._files()):
            os.close(file._handle)
        if self.plan.embedded:
            self.node.reopen()

    def _said(self, text: str) -> None:
        self.said.append(f"command {self._commands}, {self._actor}: {text}")

    # Faults.

    def seam(self, name: str) -> Fault | None:
        """Something is about to happen: what goes wrong with it, unless it is seen to here."""
        if self._dead:
            raise Killed
        if self.calm or not self._actor:
            return None
        moment = Moment(self._commands, self._actor, self.call, name, self._seams[name])
        self._seams[name] += 1
        fault = self.plan.strike(moment)
        if fault is None:
            return None
        self.trace.append((moment, fault))
        return self._befall(fault)

    def kill(self) -> None:
        self._dead = True
        raise Killed

    def _befall(self, fault: Fault) -> Fault | None:
        with self.disk.outside():
            match fault:
                case Fault.AWAY:
                    self.node.go_away(60_000)
                case Fault.RESTARTED:
                    self.node.go_away(3_000, forgetting=True)
                case Fault.ELSEWHERE:
                    self.node.go_elsewhere(60_000)
                case Fault.FORKED | Fault.FORKED_FORGETTING:
                    depth = 1 + self._commands % 5
                    self.node.fork(depth, forgetting=fault is Fault.FORKED_FORGETTING)
                case Fault.LEAP_HALF_HOUR | Fault.LEAP_HOURS | Fault.LEAP_TASK:
                    self.clock.leap(int(LEAPS[fault] * HOUR))
                case Fault.WALL_BACK:
                    self.clock.skew -= 24 * HOUR
                case Fault.WALL_AHEAD:
                    self.clock.skew += 2 * HOUR
                case Fault.DISK_FULL:
                    self._full = True
                case Fault.KILLED:
                    self.kill()
                case _:
                    return fault
        return None

    def _changes_file(self) -> bool:
        self.seam("file")
        return self._full

    def _ticked(self) -> None:
        with self.disk.outside():
            self.node.tick()

    def require_note(self, data: bytes) -> None:
        """Nothing may come here that was not noted before."""
        notes = (self.home / "journal").glob("*/*.jsonl")
        text = data.hex()
        assert any(text in note.read_text() for note in notes), "sent without a note"


class WatchedChain(SubstrateChain):
    """The client, telling which call it is about to send."""

    world: World

    def submit(self, call: Call, signer: Signer, tip: int = 0) -> Receipt:
        self.world.call = type(call).__name__
        return super().submit(call, signer, tip)


class OwnChain(EmbeddedTransport):
    """The embedded chain of a process."""

    def __init__(self, world: World) -> None:
        super().__init__(world.node.chain, str(world.node.file))
        self.world = world

    def submit(self, extrinsic: Extrinsic) -> Included:
        self.world.require_note(extrinsic.data)
        fault = self.world.seam("embedded")
        if fault is Fault.CHAIN_FULL:
            with full_file(self.chain._store._sql):
                return super().submit(extrinsic)
        included = super().submit(extrinsic)
        self.world.node.keep()
        if fault is Fault.KILLED_AFTER:
            self.world.kill()
        return included

    def close(self) -> None:
        """The node's file outlives the process."""


@contextmanager
def full_file(sql: sqlite3.Connection) -> Iterator[None]:
    """The database cannot grow."""
    (pages,) = sql.execute("PRAGMA page_count").fetchone()
    sql.execute(f"PRAGMA max_page_count={pages}")
    try:
        yield
    finally:
        sql.execute("PRAGMA max_page_count=1000000000")
