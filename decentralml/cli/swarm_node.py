"""``swarm run``: a node, until somebody stops it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from decentralml.cli.options import EXISTING_FILE, Settings, common, examples, pass_settings
from decentralml.cli.swarming import SWARM, node_home
from decentralml.cli.units import DURATION

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from decentralml.chain.api import Chain
    from decentralml.config import Config
    from decentralml.market.session import Session
    from decentralml.service.log import Log
    from decentralml.service.stopping import Stop
    from decentralml.swarm.identity.own import Identity
    from decentralml.swarm.node.home import NodeHome
    from decentralml.types import Cid


@click.command(
    epilog=examples(
        "decentralml swarm run 3 --as bob",
        "decentralml swarm run 3 --linger 1m --as bob -- python train.py",
        "decentralml swarm run 3 --listen 0.0.0.0:7443 --as bob -- python train.py",
    )
)
@click.argument("swarm_id", metavar="SWARM", type=SWARM)
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    help="Where the file server listens  [default: the address that was registered]",
)
@click.option(
    "--linger",
    type=DURATION,
    help="End so long after COMMAND has ended  [default: stay until stopped]",
)
@click.option(
    "--config", type=EXISTING_FILE, help="The swarm's configuration, as its owner made it."
)
@click.option(
    "--certificate", type=EXISTING_FILE, help="Your own certificate (PEM), with --key-file."
)
@click.option("--key-file", type=EXISTING_FILE, help="Its private key (PEM).")
@click.option(
    "--spiffe", metavar="SOCKET", help="A SPIFFE Workload API that gives the certificate."
)
@click.option("--log-json", is_flag=True, help="Print a JSON document a line, on standard output.")
@common
@pass_settings
def run(
    settings: Settings,
    swarm_id: int,
    command: tuple[str, ...],
    listen: str | None,
    linger: int | None,
    config: Path | None,
    certificate: Path | None,
    key_file: Path | None,
    spiffe: str | None,
    log_json: bool,
) -> None:
    """Run your node in SWARM: its file server, its part in every round.

    COMMAND, after --, is your training (a script with a SwarmCallback); it finds the node by
    DECENTRALML_SWARM_SOCKET. Without one the node waits for it: export that variable yourself.

    Stop the node with Ctrl-C or SIGTERM, or kill it: started again it goes on where it was, and a
    training that still runs finds it again.
    """
    from contextlib import ExitStack, suppress

    from decentralml.chain.connect import connect
    from decentralml.chain.swarm.words import SwarmId
    from decentralml.cli.daemons import JsonLog, TerminalLog
    from decentralml.errors import ConfigError, StorageError
    from decentralml.service.alone import alone
    from decentralml.service.stopping import Stop, Stopped
    from decentralml.swarm.files.endpoint import parse_endpoint
    from decentralml.swarm.node.node import NodeSettings, SwarmNode

    if (certificate is None) is not (key_file is None):
        raise click.UsageError("--certificate and --key-file go together")
    log: Log = JsonLog() if log_json or settings.json else TerminalLog()
    stop = Stop()
    given = None if config is None else config.read_bytes()
    # Stopped comes from here only before the node runs, or after a second Ctrl-C.
    with (
        suppress(Stopped),
        settings.session() as session,
        ExitStack() as stack,
        stop.signals(),
    ):
        key, called = session.key, session.called
        _wait_for_chain(session, log, stop)
        home, genesis = node_home(session, swarm_id), session.genesis
        home.make()
        settings_of_chain = session.config

        def stored(cid: Cid) -> bytes | None:
            from decentralml.swarm.config import LONGEST

            if given is not None:
                return given
            try:
                return session.objects.get_bytes(cid, LONGEST)
            except (StorageError, ConfigError):
                return None

        identity, renewed = _identity(stack, home, certificate, key_file, spiffe)
        called_me = called(session.address)
        stack.enter_context(
            alone(
                settings_of_chain.home,
                genesis,
                f"node of swarm {swarm_id}",
                session.address,
                called_me,
            )
        )
        node = SwarmNode(
            NodeSettings(
                connect=lambda: _connected(settings_of_chain, connect, genesis),
                swarm=SwarmId(swarm_id),
                key=key,
                home=home,
                genesis=genesis,
                called=called,
                stored=stored,
                listen=None if listen is None else parse_endpoint(listen),
                command=command,
                linger=None if linger is None else linger / 1000,
                identity=identity,
                renewed=renewed,
            ),
            log,
            stop,
        )
        log.event("started", f"swarm {swarm_id}, node of {called_me}", key=session.address)
        node.run()


def _wait_for_chain(session: Session, log: Log, stop: Stop) -> None:
    """The chain's genesis, once it answers."""
    from decentralml.errors import ChainError
    from decentralml.service.patience import HOPELESS
    from decentralml.service.stopping import Stopped

    pause = 0.5
    while True:
        try:
            _ = session.genesis
            return
        except (ChainError, OSError) as error:
            if isinstance(error, HOPELESS):
                raise
            log.event("away", f"{error}; trying again in {pause:g} s", pause=pause)
        try:
            stop.sleep(pause)
        except Stopped:
            log.event("stopped", "stopped")
            raise
        pause = min(5.0, 2 * pause)


def _connected(config: Config, connect: Callable[[Config], Chain], genesis: bytes) -> Chain:
    """The chain, if it is still the same one."""
    from dataclasses import replace

    return connect(replace(config, genesis="0x" + genesis.hex()))


def _identity(
    stack: ExitStack,
    home: NodeHome,
    certificate: Path | None,
    key_file: Path | None,
    spiffe: str | None,
) -> tuple[Identity | None, Callable[[], Identity] | None]:
    """The certificate that was named, and where the next one comes from."""
    from decentralml.swarm.identity import spiffe as workload
    from decentralml.swarm.identity.own import open_identity

    if certificate is not None and key_file is not None:
        return open_identity(certificate, key_file), None
    named = spiffe or workload.socket_named()
    if named is None:
        return None, None
    source = stack.enter_context(
        workload.SpiffeIdentity(home.identities, named, lambda identity: None)
    )
    return None, lambda: source.identity
