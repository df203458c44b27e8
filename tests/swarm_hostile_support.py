"""What members of a swarm of processes do that their nodes would not: by their keys and shelves."""

from __future__ import annotations

import shutil
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from swarm_processes_support import Station, Theatre, each
from swarm_support import until

from decentralml.chain.swarm.calls import Arrive
from decentralml.chain.swarm.words import Stage
from decentralml.storage.unixfs import cid_of
from decentralml.swarm.files.endpoint import parse_endpoint
from decentralml.swarm.identity.own import Identity
from decentralml.types import Cid


def number_of(stage: Theatre) -> int:
    """The round that is open, or comes next."""
    return stage.chain.swarm(stage.swarm).round


def everybody_waits(stage: Theatre) -> None:
    """All nodes serve and are ready for their training."""
    until(lambda: all(station.told("waiting") for station in stage.stations))


def shelve(station: Station, file: Path) -> Cid:
    """Put a file on a node's shelf behind its back."""
    cid = cid_of(file)
    part = station.home / "part"
    shutil.copyfile(file, part)
    part.rename(station.node.shelf / cid)
    return cid


def arrive(stage: Theatre, station: Station, cid: Cid) -> None:
    """Reach the sync point with a file, whatever that is."""
    call = Arrive(stage.swarm, number_of(stage), stage.newest(), cid)
    stage.chain.submit(call, station.key)


def caught_leading(stage: Theatre) -> tuple[Station, list[Station]]:
    """A leader that cannot get on, as the others' files do not come; and those others, frozen.

    The first two stations are willing to lead, the others are not.
    """
    willing, servers = stage.stations[:2], stage.stations[2:]
    each(stage.stations, lambda station: station.gate.unlink(missing_ok=True))
    until(lambda: not stage.stands(Stage.MERGING) and not stage.stands(Stage.DRAWING))
    number = number_of(stage)
    each(servers, lambda station: station.gate.touch())
    until(lambda: all(stage.arrived(station, number) for station in servers))
    each(servers, lambda station: station.freeze())
    each(willing, lambda station: station.gate.touch())
    until(lambda: stage.stands(Stage.MERGING, number))
    leader = stage.leader()
    assert leader is not None and leader in willing
    until(lambda: any(said["round"] == number for said in leader.told("leads")))
    return leader, servers


def client(identity: Identity | None) -> ssl.SSLContext:
    """A client that trusts anybody, and shows a certificate or none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if identity is not None:
        context.load_cert_chain(identity.chain, identity.key)
    return context


@contextmanager
def visiting(
    stage: Theatre, station: Station, identity: Identity | None
) -> Iterator[ssl.SSLSocket]:
    """A connection to a node's file server. Raises OSError where it is refused."""
    node = stage.chain.node(stage.swarm, station.key.address)
    assert node is not None
    with (
        socket.create_connection(parse_endpoint(node.address), 10) as plain,
        client(identity).wrap_socket(plain) as tls,
    ):
        yield tls


def answer(tls: ssl.SSLSocket, cid: Cid) -> bytes:
    """What is answered to a request for a file, its first piece; nothing: it hung up."""
    tls.sendall(f"HEAD /{cid} HTTP/1.1\r\nHost: node\r\n\r\n".encode())
    said = b""
    while b"\r\n\r\n" not in said:
        piece = tls.recv(4096)
        if not piece:
            break
        said += piece
    return said
