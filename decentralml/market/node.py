"""The chain as its keeper sees it: how it stands, and what only an embedded one can do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decentralml.chain.connect import open_embedded
from decentralml.config import EMBEDDED, Config
from decentralml.devchain import files
from decentralml.errors import EmbeddedOnly
from decentralml.market.session import Session
from decentralml.service.files import write_atomically

if TYPE_CHECKING:
    from decentralml.chain.substrate.upgrade import Upgraded


@dataclass(frozen=True, slots=True)
class ChainStatus:
    """How a chain stands.

    Attributes
    ----------
    now : the chain's clock, Unix milliseconds.
    tasks : how many were ever posted.
    total_issuance : planck that exist.
    bytes : size of the embedded chain's file; None for a node.
    """

    name: str
    kind: str
    address: str
    genesis: str
    runtime: str
    block: int
    now: int
    tasks: int
    total_issuance: int
    next_election: int
    development: bool
    bytes: int | None


def chain_status(session: Session) -> ChainStatus:
    info = session.chain.info()
    newest = session.chain.tasks(1)
    return ChainStatus(
        name=info.name,
        kind=info.kind,
        address=info.address,
        genesis=info.genesis,
        runtime=f"{info.spec_name}-{info.spec_version}",
        block=info.block,
        now=info.now,
        tasks=newest[0].id + 1 if newest else 0,
        total_issuance=session.chain.total_issuance(),
        next_election=session.chain.election().round_ends,
        development=info.development,
        bytes=file_size(session.config.chain_file) if info.kind == "embedded" else None,
    )


def advance(
    session: Session, blocks: int = 0, milliseconds: int = 0, to_election: bool = False
) -> int:
    """Move the embedded chain on; its newest block's number.

    ``to_election`` seals blocks until the running term has ended and the next has begun.
    """
    number = session.chain.info().block
    if blocks or milliseconds:
        number = session.chain.advance(blocks=blocks, milliseconds=milliseconds)
    if to_election:
        missing = session.chain.election().round_ends - number
        number = session.chain.advance(blocks=max(missing, 1))
    return number


def reset(config: Config) -> list[Path]:
    """Remove the embedded chain; the next command begins a new one. What was removed.

    A server or command that still has it open gets ``ChainFileGone``.

    Raises
    ------
    EmbeddedOnly : the settings name a node.
    """
    require_embedded(config, "be reset")
    return files.remove(config.chain_file)


def upgrade(session: Session) -> Upgraded:
    """Bring the chain to the runtime that this program ships.

    Signs with the chosen key or, where none is chosen and a development chain lets it, with
    //Alice.

    Raises
    ------
    NothingToUpgrade, NotTheSudoKey, CallRefused, and what the key store says.
    """
    from decentralml.chain.keys import development_key
    from decentralml.chain.substrate.client import SPEC_VERSION, SubstrateChain
    from decentralml.chain.substrate.upgrade import sudo_key
    from decentralml.chain.substrate.upgrade import upgrade as bring
    from decentralml.runtime import blob

    chain, alice = session.chain, development_key("//Alice")
    assert isinstance(chain, SubstrateChain), "there is no other kind"
    by_alice = not session.config.key and session.info.development
    signer = alice if by_alice and sudo_key(chain) == alice.address else session.key
    return bring(chain, blob(), SPEC_VERSION, signer)


def export_spec(config: Config, out: Path) -> None:
    """Write the embedded chain's raw specification, with which a real node starts as its twin."""
    require_embedded(config, "export its specification")
    with open_embedded(config.chain_file, config.cache) as chain:
        spec: dict[str, Any] = chain.export_spec()
    write_atomically(out, (json.dumps(spec, indent=1) + "\n").encode("utf-8"))


def serve(
    config: Config, port: int, ready: Callable[[str], None], block_time: float | None
) -> None:
    """Serve the embedded chain on 127.0.0.1 until SIGINT or SIGTERM.

    Parameters
    ----------
    port : 0 picks a free one.
    ready : called with the WebSocket address once connections are accepted.
    block_time : seconds between blocks when there are no transactions; None seals only for them.

    Raises
    ------
    EmbeddedOnly, CannotListen, and what opening a chain file can raise.
    """
    from decentralml.devchain.rpc.server import serve_forever

    require_embedded(config, "be served from here")
    open_embedded(config.chain_file, config.cache).close()
    serve_forever(
        config.chain_file, port=port, cache=config.cache, ready=ready, block_time=block_time
    )


def require_embedded(config: Config, what: str) -> None:
    if config.chain != EMBEDDED:
        raise EmbeddedOnly(what, config.chain)


def file_size(file: Path) -> int:
    """Bytes of the chain's file and its write-ahead log."""
    return sum(part.stat().st_size for part in file.parent.glob(f"{file.name}*"))
