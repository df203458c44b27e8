"""Who is trusted now."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from swarm_files_support import SCOPE, SWARM, new_identity

from decentralml.chain.swarm.words import SwarmId
from decentralml.errors import ChainError
from decentralml.swarm.identity import own
from decentralml.swarm.identity.members import ChainMembers, Member, Members
from decentralml.swarm.identity.own import Identity
from decentralml.types import Address

ALICE, BOB = Address("5alice"), Address("5bob")


def member(identity: Identity, account: Address = ALICE) -> Member:
    return Member(account, identity.certificate)


def holder(members: Members, identity: Identity) -> Member | None:
    return members.holder(identity.certificate, identity.digest)


def test_members_are_known_by_account_and_by_certificate(tmp_path: Path) -> None:
    alice = new_identity(tmp_path, ALICE)
    members = Members(lambda: [member(alice)], SCOPE)
    assert holder(members, alice) is None  # nobody was asked yet
    members.refresh()
    found = members.member(ALICE)
    assert found is not None and found == holder(members, alice)
    assert members.distrust(ALICE) is None
    assert members.member(BOB) is None
    assert members.distrust(BOB) == "it is no member of this swarm"
    assert members.holder(alice.certificate + b"\0", alice.digest) is None


def test_who_leaves_is_trusted_no_more(tmp_path: Path) -> None:
    alice = new_identity(tmp_path, ALICE)
    present = [member(alice)]
    members = Members(lambda: present, SCOPE)
    members.refresh()
    present.clear()
    members.refresh()
    assert holder(members, alice) is None
    assert members.member(ALICE) is None


@pytest.mark.parametrize(
    ("account", "swarm", "days", "reason"),
    [
        (ALICE, SwarmId(8), 9, "is for account 5alice in swarm 8"),
        (BOB, SWARM, 9, "is for account 5bob in swarm 7"),
    ],
)
def test_a_certificate_for_another_is_not_trusted_and_the_reason_is_kept(
    tmp_path: Path, account: Address, swarm: SwarmId, days: int, reason: str
) -> None:
    wrong = new_identity(tmp_path, account, swarm, days)
    members = Members(lambda: [member(wrong, ALICE)], SCOPE)
    members.refresh()
    assert members.member(ALICE) is None
    assert reason in members.refused[ALICE]
    assert members.distrust(ALICE) == members.refused[ALICE]


def test_one_members_rubbish_does_not_keep_out_the_others(tmp_path: Path) -> None:
    alice = new_identity(tmp_path, ALICE)
    members = Members(lambda: [Member(BOB, b"rubbish"), member(alice)], SCOPE)
    members.refresh()
    assert holder(members, alice) is not None
    assert "no sound X.509 certificate" in members.refused[BOB]
    members.server_context(alice)


def test_an_expired_certificate_is_trusted_no_more(tmp_path: Path) -> None:
    alice = new_identity(tmp_path, ALICE, days=0)
    members = Members(lambda: [member(alice)], SCOPE)
    members.refresh()
    assert alice.facts.valid_until <= datetime.now(UTC)
    assert holder(members, alice) is None
    assert "its certificate expired at" in str(members.distrust(ALICE))


def test_a_certificate_of_the_future_is_not_trusted_and_both_times_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own, "CLOCK_SKEW", -timedelta(hours=1))  # made where a clock is ahead
    alice = new_identity(tmp_path, ALICE)
    members = Members(lambda: [member(alice)], SCOPE)
    members.refresh()
    assert holder(members, alice) is None
    said = str(members.distrust(ALICE))
    assert alice.facts.valid_from.strftime("%Y-%m-%d %H:%M:%SZ") in said
    assert "this machine's clock says" in said and "set the clock right" in said


def test_a_chain_that_is_away_leaves_the_members_as_they_were(tmp_path: Path) -> None:
    alice = new_identity(tmp_path, ALICE)
    is_away = False

    def read() -> list[Member]:
        if is_away:
            raise ChainError("the node is away")
        return [member(alice)]

    members = Members(read, SCOPE)
    members.refresh()
    is_away = True
    with pytest.raises(ChainError):
        members.refresh()
    assert members.fault == "the node is away"
    assert holder(members, alice) is not None
    is_away = False
    members.refresh()
    assert members.fault is None


def test_contexts_are_made_anew_only_when_the_members_change(tmp_path: Path) -> None:
    alice, bob = new_identity(tmp_path / "a", ALICE), new_identity(tmp_path / "b", BOB)
    present = [member(alice)]
    members = Members(lambda: present, SCOPE)
    members.refresh()
    first = members.server_context(alice)
    members.refresh()
    assert members.server_context(alice) is first
    assert members.client_context(alice) is not first
    present.append(member(bob, BOB))
    members.refresh()
    assert members.server_context(alice) is not first


def test_a_stranger_makes_the_chain_be_asked_soon_but_not_each_time(tmp_path: Path) -> None:
    asked = threading.Semaphore(0)

    def read() -> list[Member]:
        asked.release()
        return []

    members = Members(read, SCOPE, every=1000, at_most_every=0.2)
    members.start()
    try:
        assert asked.acquire(timeout=5)  # at the start
        for _ in range(100):
            members.stranger()
        assert asked.acquire(timeout=5)
        assert not asked.acquire(timeout=0.1)  # all hundred were one question
    finally:
        members.close()


def test_the_chain_is_asked_every_so_often_even_after_it_was_away(tmp_path: Path) -> None:
    asked = threading.Semaphore(0)

    def read() -> list[Member]:
        asked.release()
        raise ChainError("away")

    members = Members(read, SCOPE, every=0.02, at_most_every=0.01)
    members.start()
    try:
        for _ in range(3):
            assert asked.acquire(timeout=5)
    finally:
        members.close()


class Chain:
    """Counts what it is asked."""

    def __init__(self, identities: dict[Address, Identity]) -> None:
        self.identities = identities
        self.asked: list[Address] = []

    def nodes(self, swarm: SwarmId, limit: int = 1000) -> list[SimpleNamespace]:
        return [
            SimpleNamespace(account=who, identity=own.digest, address="h:1")
            for who, own in self.identities.items()
        ]

    def certificate(self, swarm: SwarmId, who: Address) -> bytes | None:
        self.asked.append(who)
        return self.identities[who].certificate


def test_each_certificate_is_read_from_the_chain_once(tmp_path: Path) -> None:
    alice, bob = new_identity(tmp_path / "a", ALICE), new_identity(tmp_path / "b", BOB)
    chain = Chain({ALICE: alice, BOB: bob})
    read = ChainMembers(chain, SWARM)
    assert [each.account for each in read()] == [ALICE, BOB]
    assert chain.asked == [ALICE, BOB]
    read()
    assert chain.asked == [ALICE, BOB]
    chain.identities[BOB] = new_identity(tmp_path / "b", BOB)  # rotated
    assert read()[1].certificate == chain.identities[BOB].certificate
    assert chain.asked == [ALICE, BOB, BOB]
