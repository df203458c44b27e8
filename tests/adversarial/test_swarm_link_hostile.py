"""A training process that asks its node for what it should not have, or in no language."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from swarm_support import Crowd, Member, crowd, update

from decentralml.errors import NodeAway
from decentralml.storage.unixfs import cid_of
from decentralml.swarm.link import LONGEST_LINE, Link, lines, short

SECONDS = 20.0


@pytest.fixture(scope="module")
def swarm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    with crowd(tmp_path_factory.mktemp("swarm"), 2) as found:
        yield found


@pytest.fixture
def member(swarm: Crowd) -> Iterator[Member]:
    """Its node lives on, whatever it was told."""
    (found, _) = swarm.members
    yield found
    with found.link(1.0) as link:
        assert link.status()["process"] == os.getpid()
    assert found.failure is None


def answer(member: Member, text: bytes) -> dict[str, Any] | None:
    """The last word on a line; None if the node hung up."""
    with socket.socket(socket.AF_UNIX) as connection, short(member.home.socket) as address:
        connection.settimeout(SECONDS)
        connection.connect(address)
        try:
            connection.sendall(text)
            with connection.makefile("rb") as stream:
                return next((said for said in lines(stream) if "waits" not in said), None)
        except (BrokenPipeError, ConnectionResetError):
            return None


def asked(member: Member, **fields: Any) -> dict[str, Any] | None:
    return answer(member, json.dumps(fields).encode() + b"\n")


@pytest.mark.parametrize(
    "text",
    [
        b"x" * (LONGEST_LINE + 1),
        b"[" * (LONGEST_LINE + 1),
        b"[" * 200_000 + b"\n",
        b"null\n",
        b'{"do": "sync"\n',
        b"\xff\xfe\n",
    ],
    ids=["endless", "endless-json", "deep", "no-object", "half", "no-text"],
)
def test_who_does_not_speak_the_language_is_hung_up_on(member: Member, text: bytes) -> None:
    assert answer(member, text) is None


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"do": "sync", "base": float("inf")}, "OverflowError"),
        ({"do": "sync", "base": "one"}, "ValueError"),
        ({"do": "sync", "base": None}, "TypeError"),
        ({"do": "sync", "base": 0, "seconds": "soon"}, "ValueError"),
        ({"do": "sync"}, "KeyError"),
        ({"do": "finish", "presence": ["Snapshot"]}, "ValueError"),
        ({"do": {"sync": 1}}, "ConfigError"),
    ],
)
def test_requests_that_make_no_sense_are_refused(
    member: Member, fields: dict[str, Any], kind: str
) -> None:
    said = asked(member, update=str(update(member, 1.0)), **fields)
    assert said is not None and said["error"] == kind


def test_a_file_elsewhere_is_no_update_whatever_it_is_called(
    member: Member, tmp_path: Path
) -> None:
    folder, secret = member.home.updates, tmp_path / "secret"
    secret.write_bytes(b"not for the others")
    secret.chmod(0o600)
    (folder / "link").symlink_to(secret)
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "fifo")
    names = [
        str(secret),
        os.path.relpath(secret, folder),
        "link",
        "loop",
        "fifo",
        "",
        ".",
        "../identity",
        "/dev/zero",
        "\udc80",
        "a\0b",
        "x" * 5000,
    ]
    for name in names:
        said = asked(member, do="sync", update=name, base=0)
        assert said is not None and "error" in said, name
    assert (secret.stat().st_mode & 0o777, secret.stat().st_nlink) == (0o600, 1)
    assert not (member.home.shelf / cid_of(secret)).exists()


def test_a_socket_of_another_user_is_told_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever listens there could say where this user's training is to write."""
    path = tmp_path / "node.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)
        with pytest.raises(NodeAway, match="another user listens there"):
            Link.connect(path)
        connection, _ = listening.accept()
        with connection:
            connection.settimeout(SECONDS)
            assert connection.recv(1) == b""
