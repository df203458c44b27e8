"""Whoever is no member of a swarm, or not any more, at the doors of nodes that train meanwhile."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

from swarm_hostile_support import answer, number_of, visiting
from swarm_processes_support import Station, Theatre, begin, theatre
from swarm_support import KEYS, until

from decentralml.chain.swarm.calls import RegisterNode, RevokeSeat
from decentralml.chain.swarm.words import SwarmId
from decentralml.storage.unixfs import cid_of
from decentralml.swarm.files.endpoint import parse_endpoint
from decentralml.swarm.identity.own import Identity, load_identity, make_identity

ROUNDS = 6


def test_a_member_whose_seat_is_revoked_ends_and_is_a_stranger_to_all(tmp_path: Path) -> None:
    with theatre(tmp_path, 4) as stage:
        begin(stage, ROUNDS)
        victim, host = stage.stations[3], stage.stations[1]
        identity = load_identity(victim.node.identities)
        named = cid_of(stage.config)
        with visiting(stage, host, identity) as tls:
            assert answer(tls, named).startswith(b"HTTP/1.1 200 ")
            stage.chain.submit(RevokeSeat(stage.swarm, victim.key.address), KEYS[0])
            number = number_of(stage)
            # A connection that was open before is told so, at its next request.
            until(lambda: not answer(tls, named).startswith(b"HTTP/1.1 200 "))
        assert victim.process is not None
        assert victim.process.wait(60) == 1
        for each in stage.others(victim):
            until(lambda each=each: is_refused(stage, each, identity))
        last = victim.log.read_text().splitlines()[-1]
        assert last.startswith("error: ") and "swarm join" in last
        assert "Traceback" not in victim.log.read_text()
        assert stage.ended_alike(stage.others(victim)) == {ROUNDS + 1}
        assert stage.merged()[number + 1].merged == 3


def test_strangers_get_nothing_from_a_node_that_goes_on(tmp_path: Path) -> None:
    with theatre(tmp_path, 3) as stage:
        absent, host = stage.stations[2], stage.stations[0]
        expired = identity_of(stage, absent, tmp_path / "expired", days=0)
        node = stage.chain.node(stage.swarm, absent.key.address)
        assert node is not None
        call = RegisterNode(stage.swarm, expired.certificate, node.address, 1, True)
        stage.chain.submit(call, absent.key)
        for station in stage.others(absent):
            station.start(ROUNDS)
        until(lambda: stage.newest() >= 1)
        strangers = {
            "nobody": None,
            "expired": expired,
            "not registered any more": load_identity(absent.node.identities),
            "another swarm": identity_of(stage, host, tmp_path / "other", swarm=SwarmId(77)),
            "same names": identity_of(stage, host, tmp_path / "same"),
        }
        for told, identity in strangers.items():
            assert is_refused(stage, host, identity), told
        record = stage.chain.node(stage.swarm, host.key.address)
        assert record is not None
        for noise in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + bytes(5000), b""):
            with socket.create_connection(parse_endpoint(record.address), 10) as plain:
                plain.sendall(noise)
                plain.shutdown(socket.SHUT_WR)
                while heard := plain.recv(4096):
                    assert b"200" not in heard
        member = load_identity(stage.stations[1].node.identities)
        with visiting(stage, host, member) as tls:
            assert answer(tls, cid_of(stage.config)).startswith(b"HTTP/1.1 200 ")
        assert stage.ended_alike(stage.others(absent)) == {ROUNDS}
        assert "Traceback" not in host.log.read_text()


def identity_of(
    stage: Theatre, station: Station, folder: Path, swarm: SwarmId | None = None, days: int = 1
) -> Identity:
    """A certificate that claims to be a station's."""
    return make_identity(
        folder,
        genesis=stage.genesis.hex(),
        swarm=stage.swarm if swarm is None else swarm,
        account=station.key.address,
        days=days,
    )


def is_refused(stage: Theatre, host: Station, identity: Identity | None) -> bool:
    """Whether a node refuses a certificate, before it has answered anything."""
    try:
        with visiting(stage, host, identity) as tls:
            said = answer(tls, cid_of(stage.config))
    except (ssl.SSLError, ConnectionError):
        return True
    assert not said or said.startswith(b"HTTP/1.1 200 "), said
    return not said
