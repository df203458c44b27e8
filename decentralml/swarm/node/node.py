"""A node of a swarm, from its identity to its last round: what ``decentralml swarm run`` is.

In the order of the life of a node: its identity, its seat, its registration, its file server and
that it is ready, then it waits for the user's training process. Each step looks first whether the
chain has it already, so that a node that was killed anywhere is started the same way again. The
training process may come, go and come back; so may the chain.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from queue import Empty
from typing import TypeVar

from decentralml.chain.api import Chain
from decentralml.chain.keys import Signer
from decentralml.chain.swarm.calls import Ready, RegisterNode
from decentralml.chain.swarm.words import Node, Presence, Swarm, SwarmId
from decentralml.errors import (
    CallRefused,
    DecentralMLError,
    FetchFailed,
    NodeEnded,
    NotRegistered,
    StorageError,
    SwarmConfigInvalid,
    SwarmConfigMissing,
    TrainingFailed,
)
from decentralml.service.log import Log
from decentralml.service.patience import HOPELESS, told
from decentralml.service.stopping import Stop, Stopped
from decentralml.swarm.board import AWAY, MOST_NODES, Board, is_away
from decentralml.swarm.config import LONGEST, SwarmConfig
from decentralml.swarm.files.endpoint import parse_endpoint
from decentralml.swarm.identity.certificate import Scope
from decentralml.swarm.identity.members import ChainMembers, Members
from decentralml.swarm.identity.own import Identity
from decentralml.swarm.link import SOCKET_VARIABLE
from decentralml.swarm.node.command import Training
from decentralml.swarm.node.credentials import Credentials
from decentralml.swarm.node.desk import Desk
from decentralml.swarm.node.home import NodeHome
from decentralml.swarm.node.joining import weight_to_say
from decentralml.swarm.node.listening import Listener
from decentralml.swarm.rounds.background import Background
from decentralml.swarm.rounds.leading import Leader
from decentralml.swarm.rounds.newest import Newest
from decentralml.swarm.rounds.peers import PeerFiles, providers
from decentralml.swarm.rounds.status import Called
from decentralml.swarm.rounds.sync import TRAINING, Rounds
from decentralml.types import Address, Cid

T = TypeVar("T")

IDLE = 0.25
"""Least seconds between two looks at the chain while no round is under way."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0
"""Seconds before trying again what is away; each trial in vain doubles them."""
LONGEST_REFUSED = 60.0
"""Seconds before making a call again that the chain refused: each one costs a fee."""
CONFIG_SECONDS = 30.0
"""Of one trial to get the swarm's configuration from its nodes."""
WARN_EVERY = 6 * 3600.0
"""Seconds between two looks at what may keep the others from this node's files."""


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """What a node is started with.

    Attributes
    ----------
    connect : opens the chain; called again after it was away.
    stored : reads the swarm's configuration from the user's storage, or gives None.
    listen : ``(host, port)`` of the file server; None: those that the chain has of this node.
    command : of the training process; none: it comes by itself.
    linger : seconds that the node stays after its command has ended; None: until it is stopped.
    identity : the certificate and key to use; None: those in the node's folder.
    renewed : gives the newest certificate, which is registered when it is another one.
    """

    connect: Callable[[], Chain]
    swarm: SwarmId
    key: Signer
    home: NodeHome
    genesis: bytes
    called: Called
    stored: Callable[[Cid], bytes | None] = lambda cid: None
    listen: tuple[str, int] | None = None
    command: Sequence[str] = ()
    linger: float | None = None
    identity: Identity | None = None
    renewed: Callable[[], Identity] | None = None


@dataclass
class SwarmNode:
    """One node, in one process."""

    settings: NodeSettings
    log: Log
    stop: Stop
    rounds: Rounds | None = None
    desk: Desk = field(init=False)
    _credentials: Credentials = field(init=False)
    _training: Training | None = None
    _over: float | None = None
    _code: int = 0
    _pause: float = FIRST_PAUSE
    _is_away: bool = False
    _again: float = 0.0
    _warned: float = 0.0
    _known: Mapping[Address, tuple[bytes, str]] = field(default_factory=dict)
    _doubting: Background[list[str]] = field(
        default_factory=lambda: Background("swarm-doubts"), init=False
    )
    _configuring: Background[SwarmConfig] = field(
        default_factory=lambda: Background("swarm-configuration"), init=False
    )

    def __post_init__(self) -> None:
        settings = self.settings
        self.desk = Desk(settings.swarm, settings.home.updates, self.log)
        scope = Scope(settings.genesis.hex(), settings.swarm)
        self._credentials = Credentials(
            settings.home.identities, scope, settings.identity, settings.renewed
        )

    def run(self) -> None:
        """Until it is stopped, or its command has ended and its time is over.

        Raises
        ------
        NotRegistered : it has no node, or not any more.
        IdentityMissing, IdentityUnregistered, CertificateError, CannotServe
        SwarmConfigMissing, SwarmConfigInvalid
        TrainingUnstartable, TrainingFailed, and what no waiting mends
        """
        board = Board(self.settings.connect, self.settings.swarm, self.settings.key)
        try:
            with ExitStack() as stack:
                stack.callback(board.close)
                self._live(board, stack)
        except Stopped:
            # Whoever trains is told nothing: it waits for the node that comes in this one's place.
            pass
        self._farewell()
        if self._code and self._training is not None:
            raise TrainingFailed(self._training.command[0], self._code)

    def _live(self, board: Board, stack: ExitStack) -> None:
        settings = self.settings
        swarm, me = self._patiently(lambda: self._registered(board))
        settings.home.make()
        identity = self._patiently(lambda: self._identity(board, me))
        register = ChainMembers(_Register(board), settings.swarm)
        members = Members(register, self._credentials.scope)
        self._patiently(members.refresh)
        files = PeerFiles(identity, members, settings.home.shelf)
        stack.callback(files.close)
        served = files.serve(*(settings.listen or parse_endpoint(me.address)))
        self.desk.served = files.told
        members.start()
        stack.callback(members.close)
        self.log.event("serving", f"files are served at {served}", address=served)
        config = self._patiently(lambda: self._configuration(board, swarm, files))
        self.rounds = self._rounds(board, files, config, swarm.terms.config)
        self._patiently(lambda: self._ready(board))
        listener = Listener(settings.home.socket, self.desk.requests)
        listener.start()
        stack.callback(listener.close)
        self.log.event("waiting", f"waits for training at {settings.home.socket}")
        if settings.command:
            self._start(settings, stack)
        try:
            self._repeat(self.rounds, members, files)
        except DecentralMLError as error:
            self.desk.dismiss(NodeEnded(str(error)))
            raise

    def _start(self, settings: NodeSettings, stack: ExitStack) -> None:
        """Start the training process, and say so: until it is heard of it may take a while."""
        environment = {SOCKET_VARIABLE: str(settings.home.socket)}
        training = Training.start(settings.command, settings.home.training, environment)
        stack.callback(training.stop)
        self._training = training
        how = "runs already" if training.adopted else "was started"
        self.log.event(
            "command",
            f"{training.command[0]} {how} (process {training.pid}); waits until it begins training "
            "with its SwarmCallback (importing PyTorch takes a while)",
            process=training.pid,
            adopted=training.adopted,
        )

    def _farewell(self) -> None:
        """The end, and where the model is that came of it all."""
        model = None if self.rounds is None else self.rounds.newest.model
        if model is None:
            self.log.event("stopped", "stopped")
            return
        number = model.merged.round
        text = f"stopped; the model of round {number} is {model.path}"
        self.log.event("stopped", text, round=number, model=str(model.path))

    # -- the steps before

    def _patiently(self, step: Callable[[], T]) -> T:
        """Take a step, again and again while the chain is away or nobody has what it needs."""
        while True:
            self.stop.between()
            try:
                found = step()
                self._is_away, self._pause, self._again = False, FIRST_PAUSE, 0.0
                return found
            except SwarmConfigMissing as error:
                self._put_off("away", error, LONGEST_PAUSE)
            except AWAY as error:
                if not is_away(error):
                    raise
                self._put_off("away", error, LONGEST_PAUSE)
            self.stop.sleep(self._again - time.monotonic())

    def _registered(self, board: Board) -> tuple[Swarm, Node]:
        view = board.look()
        if view.me is None:
            raise NotRegistered(view.swarm.id, self.settings.called(board.me))
        return view.swarm, view.me

    def _identity(self, board: Board, me: Node) -> Identity:
        """The certificate that the chain knows, and its key; one that took its place while the
        node was away is registered."""
        identity = self._credentials.first(me)
        if identity.digest != me.identity:
            self._register(board, me, identity)
        return identity

    def _register(self, board: Board, me: Node, identity: Identity) -> None:
        """Have the chain know another certificate of this node, which stays as it was; later, where
        that can only be after the round under way."""
        view = board.look()
        weight = weight_to_say(view.swarm.terms, view.round, me)
        if weight is None:
            return
        call = RegisterNode(board.swarm, identity.certificate, me.address, weight, me.willing)
        board.send(call)
        until = f"{identity.facts.valid_until:%Y-%m-%d}"
        self.log.event("registered", f"registered its new certificate (valid until {until})")

    def _configuration(self, board: Board, swarm: Swarm, files: PeerFiles) -> SwarmConfig:
        """The swarm's configuration: from the shelf, from storage, or from any node."""
        cid = swarm.terms.config
        path = files.path(cid)
        data = None if path is not None else self.settings.stored(cid)
        if data is not None:
            scratch = self.settings.home.scratch / "config.json"
            scratch.parent.mkdir(exist_ok=True)
            scratch.unlink(missing_ok=True)  # a node that was killed left a name of a shelf's file
            scratch.write_bytes(data)
            found = files.put(scratch)
            scratch.unlink()
            if found != cid:
                reason = f"its CID is {found}, and swarm {swarm.id} names {cid}"
                raise SwarmConfigInvalid("the file that was named", reason)
            path = files.path(cid)
        if path is None:
            asked = providers(board.nodes(board.look()), swarm.owner, board.me)
            try:
                path = files.fetch(cid, asked, LONGEST, time.monotonic() + CONFIG_SECONDS)
            except FetchFailed:
                raise SwarmConfigMissing(swarm.id, cid) from None
        return SwarmConfig.read(path)

    def _rounds(self, board: Board, files: PeerFiles, config: SwarmConfig, cid: Cid) -> Rounds:
        settings = self.settings
        newest = Newest(board, files, config, self.log, settings.called)
        leader = Leader(newest, settings.home.scratch)
        return Rounds(board, newest, leader, self.log, settings.called, frozenset({cid}))

    def _ready(self, board: Board) -> None:
        """Announce it, unless rounds wait for this node already, or its training has ended."""
        view = board.look()
        if view.me is not None and view.me.presence is Presence.REGISTERED:
            if not view.swarm.closed:
                board.send(Ready(view.swarm.id))
            self.log.event("ready", f"ready for round {view.number}", round=view.number)

    # -- the loop

    def _repeat(self, rounds: Rounds, members: Members, files: PeerFiles) -> None:
        while not self.stop.asked:
            busy = False
            if time.monotonic() >= self._again:
                busy = self._visit(rounds, members, files)
            rounds.expire()
            if not self._is_away:
                self.desk.tell(rounds.waits)
            if self._has_ended(rounds):
                return
            if not busy:
                self._wait(rounds)

    def _visit(self, rounds: Rounds, members: Members, files: PeerFiles) -> bool:
        """One visit; what is away is tried again later."""
        try:
            busy = rounds.visit()
            self._keep_up(rounds, members, files)
        except (NotRegistered, *HOPELESS):
            raise
        except CallRefused as error:
            if error.name == "UnknownSwarm":
                raise
            self._put_off("refused", error, LONGEST_REFUSED)
            return False
        except Exception as error:
            if not (is_away(error) or isinstance(error, StorageError)):
                self.log.warn(f"{type(error).__name__}: {error}")
            self._put_off("away", error, LONGEST_PAUSE)
            return False
        if self._is_away:
            self.log.event("back", "goes on")
        self._is_away, self._pause, self._again = False, FIRST_PAUSE, 0.0
        return busy

    def _put_off(self, name: str, error: Exception, longest: float) -> None:
        text = f"{told(error)}; trying again in {self._pause:g} s"
        if not self._is_away:
            self.log.event(name, text, error=type(error).__name__, pause=self._pause)
        self._is_away = True
        self._again = time.monotonic() + self._pause
        self._pause = min(longest, 2 * self._pause)
        self.desk.tell(f"the node waits: {text}")

    def _keep_up(self, rounds: Rounds, members: Members, files: PeerFiles) -> None:
        """Trust exactly the nodes that there are now; show the certificate that the chain knows."""
        known = rounds.board.identities
        if known != self._known:
            members.refresh()
            self._known = known
        view = rounds.view
        if view is None or view.me is None:
            return
        me, shown = view.me, files.identity
        wanted = self._credentials.newest(me, shown)
        if wanted.digest not in (shown.digest, me.identity):
            self._register(rounds.board, me, wanted)
        elif me.identity != shown.digest:
            files.use(self._credentials.registered(me, wanted))
            members.refresh()
            self.log.event("identity", "shows another certificate, which the chain knows now")
        self._follow_configuration(rounds, view.swarm, files)
        self._doubt(rounds, me, files)

    def _follow_configuration(self, rounds: Rounds, swarm: Swarm, files: PeerFiles) -> None:
        """Agree on what the owner has the nodes agree on now."""
        cid = swarm.terms.config
        if cid in rounds.keep:
            return
        for config in self._configuring.outcome(
            cid, lambda: self._configuration(rounds.board, swarm, files)
        ):
            rounds.agree(config, cid)
            self.log.event("configuration", "the owner has changed the configuration", cid=cid)

    def _doubt(self, rounds: Rounds, me: Node, files: PeerFiles) -> None:
        """Say now and then what may keep the others from this node's files."""
        if time.monotonic() < self._warned:
            return
        others = [node for node in rounds.nodes.values() if node.account != me.account]
        for found in self._doubting.outcome(None, lambda: files.doubts(me, others)):
            self._warned = time.monotonic() + WARN_EVERY
            for doubt in found:
                self.log.warn(doubt)

    def _wait(self, rounds: Rounds) -> None:
        """Until something is asked, or it is time to look again."""
        board = rounds.board
        seconds = board.pause if rounds.busy else max(IDLE, board.pause)
        if self._is_away:
            seconds = max(0.05, self._again - time.monotonic())
        try:
            with self.stop.breakable():
                request = self.desk.requests.get(timeout=min(seconds, LONGEST_PAUSE))
        except Empty:
            return
        self.desk.take(rounds, request)

    def _has_ended(self, rounds: Rounds) -> bool:
        """Whether the command has ended, and what it left was told to the chain long enough ago."""
        if self._training is None:
            return False
        now = time.monotonic()
        if self._over is None:
            code = self._training.ended()
            if code is None:
                return False
            self._over, self._code = now, code
            how = "has ended" if code == 0 else f"ended with code {code}"
            self.log.event("command-ended", f"{self._training.command[0]} {how}", code=code)
            if code == 0 and not (self.desk.began or self._training.adopted):
                self.log.warn(
                    f"{self._training.command[0]} never asked its node for anything: nothing was "
                    "trained with the swarm; have its script use a SwarmCallback"
                )
            # What was seen of the chain last may be from before training ended.
            if code == 0 and not rounds.ended and _trains(rounds):
                rounds.finish(Presence.SNAPSHOT)
        linger = self.settings.linger
        if linger is None or rounds.ending is not None:
            return False
        return now - self._over >= linger


class _Register:
    """The board, as whoever reads the members asks it."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def nodes(self, swarm: SwarmId, limit: int = MOST_NODES) -> list[Node]:
        return self._board.ask(lambda chain: chain.nodes(swarm, limit))

    def certificate(self, swarm: SwarmId, who: Address) -> bytes | None:
        return self._board.ask(lambda chain: chain.certificate(swarm, who))


def _trains(rounds: Rounds) -> bool:
    """Whether rounds go on waiting for this node."""
    view = rounds.view
    return view is not None and view.me is not None and view.me.presence in TRAINING
