"""Identities from a SPIFFE Workload API, over its real protocol."""

from __future__ import annotations

import queue
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("spiffe", reason="the extra 'spiffe' is not installed")

from spiffe_support import WorkloadApi
from swarm_files_support import Register, write_file

from decentralml.errors import SpiffeNotInstalled, SpiffeUnavailable
from decentralml.swarm.identity.own import Identity, identities
from decentralml.swarm.identity.spiffe import SOCKET_VARIABLE, SpiffeIdentity, socket_named


@pytest.fixture
def api(tmp_path: Path) -> Iterator[WorkloadApi]:
    with WorkloadApi(tmp_path / "agent.sock") as serving:
        yield serving


def ignore(identity: Identity) -> None:
    """A node that does not mind new certificates."""


def test_a_svid_becomes_an_identity_with_files(tmp_path: Path, api: WorkloadApi) -> None:
    der = api.rotate()
    with SpiffeIdentity(tmp_path / "identity", str(tmp_path / "agent.sock"), ignore) as source:
        assert source.identity.certificate == der
        assert source.identity.key.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("prefix", ["unix:", "unix://"])
def test_the_socket_may_be_written_as_an_address(
    tmp_path: Path, api: WorkloadApi, prefix: str
) -> None:
    der = api.rotate()
    with SpiffeIdentity(tmp_path / "i", f"{prefix}{tmp_path}/agent.sock", ignore) as source:
        assert source.identity.certificate == der


def test_a_rotated_svid_is_told_and_stands_beside_the_old_one(
    tmp_path: Path, api: WorkloadApi
) -> None:
    told: queue.SimpleQueue[Identity] = queue.SimpleQueue()
    old = api.rotate()
    folder = tmp_path / "identity"
    with SpiffeIdentity(folder, str(tmp_path / "agent.sock"), told.put) as source:
        new = api.rotate()
        assert told.get(timeout=30).certificate == new
        assert source.identity.certificate == new
    assert {identity.certificate for identity in identities(folder)} == {old, new}


def test_a_svid_that_cannot_be_used_leaves_the_one_before(tmp_path: Path, api: WorkloadApi) -> None:
    told: queue.SimpleQueue[Identity] = queue.SimpleQueue()
    old = api.rotate()
    with SpiffeIdentity(tmp_path / "i", str(tmp_path / "agent.sock"), told.put) as source:
        api.confuse()
        until = time.monotonic() + 30
        while source.fault is None:
            assert time.monotonic() < until
            time.sleep(0.01)
        assert "does not belong to" in source.fault
        assert source.identity.certificate == old
        new = api.rotate()
        assert told.get(timeout=30).certificate == new
        assert source.fault is None


def test_nodes_with_svids_serve_each_other(tmp_path: Path, api: WorkloadApi) -> None:
    api.rotate()
    register = Register(tmp_path)
    alice, bob = register.join("alice"), register.join("bob")
    with SpiffeIdentity(tmp_path / "identity", str(tmp_path / "agent.sock"), ignore) as source:
        alice.identity = source.identity
        alice.server.use(source.identity)
        register.renew()
        cid = alice.shelf.put(write_file(tmp_path / "file", 300_000))
        assert bob.fetch(cid, alice).stat().st_size == 300_000
    register.close()


def test_no_socket_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(SpiffeUnavailable, match="there is no such socket; start the SPIRE agent"):
        SpiffeIdentity(tmp_path, str(tmp_path / "agent.sock"), ignore)


def test_an_agent_that_knows_no_such_workload_is_not_waited_for_forever(tmp_path: Path) -> None:
    socket = tmp_path / "agent.sock"
    with (
        WorkloadApi(socket, refuses=True),
        pytest.raises(SpiffeUnavailable, match=r"none within 0\.5 s; .*register this workload"),
    ):
        SpiffeIdentity(tmp_path / "identity", str(socket), ignore, seconds=0.5)


def test_without_the_extra_the_command_to_install_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "spiffe", None)
    with pytest.raises(SpiffeNotInstalled, match=r"pip install 'decentralml\[spiffe\]'"):
        SpiffeIdentity(tmp_path, "/run/agent.sock", ignore)


def test_the_environment_names_the_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SOCKET_VARIABLE, raising=False)
    assert socket_named() is None
    monkeypatch.setenv(SOCKET_VARIABLE, "/run/spire/agent.sock")
    assert socket_named() == "/run/spire/agent.sock"
