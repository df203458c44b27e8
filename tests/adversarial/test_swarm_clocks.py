"""Nodes whose clocks are wrong, or whose certificates' time runs out while they train.

A clock cannot be set for one process, so it is the certificates whose times are wrong: a machine
that is an hour ahead makes one which is valid in an hour. Rounds go by the chain's clock.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from swarm_hostile_support import arrive, shelve
from swarm_processes_support import Station, Theatre, each, theatre
from swarm_support import until, write_model

from decentralml.chain.swarm.calls import Ready, RegisterNode
from decentralml.chain.swarm.words import Fault
from decentralml.swarm.identity import own
from decentralml.swarm.identity.certificate import Scope
from decentralml.swarm.node.joining import join

ROUNDS = 4
LIFE = timedelta(seconds=12)


def test_a_node_an_hour_ahead_is_told_both_times_and_the_others_go_on(tmp_path: Path) -> None:
    with theatre(tmp_path, 3, unwilling=(2,)) as stage:
        ahead, others = stage.stations[2], stage.stations[:2]
        now = datetime.now(UTC).replace(microsecond=0)
        identity = identity_for(stage, ahead, now + timedelta(hours=1), now + timedelta(days=1))
        node = stage.chain.node(stage.swarm, ahead.key.address)
        assert node is not None
        call = RegisterNode(stage.swarm, identity.certificate, node.address, 1, False)
        stage.chain.submit(call, ahead.key)
        ahead.start_node()
        assert ahead.process is not None
        assert ahead.process.wait(60) == 1
        said = ahead.log.read_text().splitlines()[-1]
        assert said.startswith("error: the certificate ") and " is valid from " in said
        assert "this machine's clock says" in said and "Traceback" not in ahead.log.read_text()
        # Its own clock would let it go on: to the others it is not there.
        stage.chain.submit(Ready(stage.swarm), ahead.key)
        ahead.node.shelf.mkdir()
        each(others, lambda station: station.start(ROUNDS))
        arrive(stage, ahead, shelve(ahead, write_model(tmp_path / "update", 1.0)))
        assert stage.ended_alike(others) == {ROUNDS}
        assert dict(stage.merged()[1].left_out) == {ahead.key.address: Fault.UNREACHABLE}
        warned = [line["text"] for station in others for line in station.told("warning")]
        assert any("valid from" in text and "clock" in text for text in warned), warned


def test_a_certificate_that_ends_while_its_node_trains_can_be_replaced_meanwhile(
    tmp_path: Path,
) -> None:
    with theatre(tmp_path, 3) as stage:
        victim = stage.stations[2]
        others = stage.others(victim)
        ends = datetime.now(UTC).replace(microsecond=0) + LIFE
        identity_for(stage, victim, ends - timedelta(days=1), ends)
        rejoin(stage, victim)
        each(stage.stations, lambda station: station.start(ROUNDS))
        until(lambda: stage.newest() >= 1)
        each(stage.stations, lambda station: station.gate.unlink())
        until(lambda: datetime.now(UTC) > ends + timedelta(seconds=1))
        number = stage.newest() + 2
        each(stage.stations, lambda station: station.gate.touch())
        assert stage.ended_alike(others) == {ROUNDS}
        left_out = [dict(stage.merged()[each].left_out) for each in range(number, ROUNDS + 1)]
        assert all(found in ({}, {victim.key.address: Fault.UNREACHABLE}) for found in left_out)
        time.sleep(1)
        assert victim.process is not None and victim.process.poll() is None
        assert not victim.result.exists()
        own.make_identity(
            victim.node.identities,
            genesis=stage.genesis.hex(),
            swarm=stage.swarm,
            account=victim.key.address,
        )
        assert stage.ended_alike() == {ROUNDS}
        assert victim.told("registered") and victim.told("identity")
        assert "Traceback" not in victim.log.read_text()


def rejoin(stage: Theatre, station: Station) -> None:
    """Have the chain know the newest certificate in a station's folder."""
    join(stage.chain, station.key, stage.swarm, station.node, stage.genesis)


def identity_for(stage: Theatre, station: Station, since: datetime, end: datetime) -> own.Identity:
    """A certificate of a station's own, for another time than now."""
    key = ec.generate_private_key(ec.SECP256R1())
    scope = Scope(stage.genesis.hex(), stage.swarm)
    made = own._certificate(key, scope, station.key.address, since, end)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    chain = made.public_bytes(serialization.Encoding.PEM)
    return own.store_identity(station.node.identities, chain, private)
