"""Rounds of a swarm: nodes as threads, a real chain, real TLS, tiny models."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from chain_support import ALICE
from swarm_support import (
    Crowd,
    Member,
    crowd,
    sync,
    together,
    until,
    update,
    values,
    write_model,
)

from decentralml.chain.swarm.calls import ObjectMerged, SetSwarmTerms
from decentralml.chain.swarm.words import MergeMethod, Node, Presence
from decentralml.errors import (
    CertificateExpired,
    TrainingFailed,
    WeightageAboveTerms,
    WeightageFixed,
)
from decentralml.swarm.identity.certificate import Certificate
from decentralml.swarm.identity.own import Identity, identities, make_identity
from decentralml.swarm.link import Synced
from decentralml.swarm.node.joining import join
from decentralml.types import Cid


@pytest.mark.parametrize(
    ("method", "merged"),
    [(MergeMethod.MEAN, 3.5), (MergeMethod.COORDMEDIAN, 3.5), (MergeMethod.GEOMEDIAN, 3.5)],
)
def test_six_nodes_merge_and_all_go_on_from_one_model(
    tmp_path: Path, method: MergeMethod, merged: float
) -> None:
    with crowd(tmp_path, 6, min_peers=6, merge=method) as swarm:
        found = together(
            [lambda m=m, n=n: sync(m, float(n)) for n, m in enumerate(swarm.members, 1)]
        )
        assert len({each.path.read_bytes() for each in found}) == 1
        assert {value for each in found for value in values(each.path)} == {merged}
        assert all(each.round == 1 and each.merged == 6 and each.counted for each in found)


def test_a_model_that_comes_out_as_it_was_keeps_nobody_waiting(tmp_path: Path) -> None:
    """Nobody fetches it from its leader: all have it."""
    with crowd(tmp_path, 3, min_peers=3, leader_timeout=600_000) as swarm:
        for _ in range(4):
            found = together([lambda m=m: sync(m, 2.0) for m in swarm.members])
            assert {value for each in found for value in values(each.path)} == {2.0}
        assert found[0].round == 4


def test_weights_count(tmp_path: Path) -> None:
    with crowd(tmp_path, 2, start=False) as swarm:
        one, other = swarm.members
        join(swarm.chain, one.key, swarm.swarm, one.home, swarm.genesis, weightage=3)
        for member in swarm.members:
            member.start()
        found = together([lambda: sync(one, 2.0), lambda: sync(other, 6.0)])
        assert values(found[0].path) == {3.0}


def test_weights_count_as_far_as_the_terms_allow_and_stay_while_their_round_is_under_way(
    tmp_path: Path,
) -> None:
    with crowd(tmp_path, 2, start=False) as swarm:
        one, other = swarm.members

        def say(weightage: int | None = None) -> int:
            joined = join(
                swarm.chain, one.key, swarm.swarm, one.home, swarm.genesis, weightage=weightage
            )
            return joined.node.weightage

        assert say(60) == 60
        lowered = replace(swarm.terms, max_weightage=3)
        swarm.chain.submit(SetSwarmTerms(swarm.swarm, lowered), ALICE)
        with pytest.raises(WeightageAboveTerms, match="may weigh from 1 to 3"):
            say(4)
        for member in swarm.members:
            member.start()

        def second() -> Synced:
            until(lambda: swarm.chain.round(swarm.swarm) is not None)
            for weightage in (2, None):
                with pytest.raises(WeightageFixed, match="a weightage of 60, which stays"):
                    say(weightage)
            return sync(other, 6.0)

        found = together([lambda: sync(one, 2.0), second])
        assert values(found[0].path) == {3.0}
        assert [found[0].terms["node_weightage"], say()] == [3, 3]


def test_a_swarm_that_named_no_tensors_takes_the_first_ones(tmp_path: Path) -> None:
    with crowd(tmp_path, 3, specs=None, min_peers=3) as swarm:
        found = together(
            [lambda m=m, n=n: sync(m, float(n)) for n, m in enumerate(swarm.members, 1)]
        )
        assert {value for each in found for value in values(each.path)} == {2.0}


def test_a_running_node_shows_a_certificate_that_was_rotated(tmp_path: Path) -> None:
    with crowd(tmp_path, 2) as swarm:
        one, other = swarm.members
        make_identity(
            one.home.identities,
            genesis=swarm.genesis.hex(),
            swarm=swarm.swarm,
            account=one.key.address,
        )
        joined = join(swarm.chain, one.key, swarm.swarm, one.home, swarm.genesis)
        assert joined.registered
        until(lambda: "identity" in one.log.names())
        found = together([lambda: sync(one, 1.0), lambda: sync(other, 3.0)])
        assert values(found[0].path) == {2.0}
        (kept,) = identities(one.home.identities)
        assert kept.digest == joined.identity.digest


def test_what_a_workload_api_renews_is_registered(tmp_path: Path) -> None:
    with crowd(tmp_path, 1, start=False, min_peers=1) as swarm:
        (one,) = swarm.members

        def made() -> Identity:
            return make_identity(
                one.home.identities,
                genesis=swarm.genesis.hex(),
                swarm=swarm.swarm,
                account=one.key.address,
            )

        def registered() -> bytes:
            node = swarm.chain.node(swarm.swarm, one.key.address)
            assert node is not None
            return node.identity

        newest = [made()]
        one.renewed = lambda: newest[-1]
        one.start()
        until(lambda: registered() == newest[-1].digest)
        newest.append(made())
        until(lambda: registered() == newest[-1].digest)
        one.end()
        # While the node is away the certificate that the chain knows ends, and another one comes.
        shutil.rmtree(newest[-1].chain.parent)
        newest.append(made())
        one.start()
        assert registered() == newest[-1].digest
        assert values(sync(one, 2.0).path) == {2.0}


def test_what_was_made_after_a_certificate_expired_is_registered_by_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with crowd(tmp_path, 2, start=False) as swarm:
        one, other = swarm.members
        old = identities(one.home.identities)[0].digest
        real = Certificate.is_over
        monkeypatch.setattr(
            Certificate, "is_over", lambda self, now=None: self.digest == old or real(self, now)
        )
        with pytest.raises(CertificateExpired, match=r"swarm identity \d+ --rotate"):
            one.start()
        made = make_identity(
            one.home.identities,
            genesis=swarm.genesis.hex(),
            swarm=swarm.swarm,
            account=one.key.address,
        )
        one.start()
        other.start()
        node = swarm.chain.node(swarm.swarm, one.key.address)
        assert node is not None and node.identity == made.digest
        assert "registered" in one.log.names()
        found = together([lambda: sync(one, 1.0), lambda: sync(other, 3.0)])
        assert values(found[0].path) == {2.0}


def test_a_snapshot_that_its_leaders_disk_damaged_is_fetched_again(tmp_path: Path) -> None:
    with crowd(tmp_path, 3, min_peers=2) as swarm:
        gone, one, other = swarm.members
        with gone.link() as link:
            link.begin()
            together([lambda: link.sync(update(gone, 5.0)), *two_of(one, other)])
            link.finish(Presence.SNAPSHOT)
        left = presence_of(swarm, gone, Presence.SNAPSHOT)
        copies = [member.home.shelf / left for member in (one, other)]
        until(lambda: all(copy.is_file() for copy in copies))
        for copy in copies:
            copy.unlink()  # it may be another name of the file of its own node
            write_model(copy, 1000.0)
        found = together(two_of(one, other))
        assert {value for each in found for value in values(each.path)} == {3.0}
        assert all(each.counted and each.left_out == () for each in found)
        newest = swarm.chain.swarm(swarm.swarm).newest
        assert newest is not None
        leader = one if newest.leader == one.key.address else other
        with leader.link() as link:
            assert link.status()["damaged"] == [left]


def test_who_has_ended_training_goes_back_when_the_model_it_has_is_overturned(
    tmp_path: Path,
) -> None:
    with crowd(tmp_path, 3, min_peers=3) as swarm:
        follower, *others = swarm.members
        for value in (1.0, 4.0):
            together([lambda m=m, v=value: sync(m, v) for m in swarm.members])
        with follower.link() as link:
            assert values(Path(link.status()["model"])) == {4.0}
            link.finish(Presence.SNAPSHOT)
            presence_of(swarm, follower, Presence.SNAPSHOT)
            for member in others:
                swarm.chain.submit(ObjectMerged(swarm.swarm, 2), member.key)
            until(lambda: link.status()["model_round"] == 1)
            assert values(Path(link.status()["model"])) == {1.0}


def two_of(one: Member, other: Member) -> list[Callable[[], Synced]]:
    return [lambda: sync(one, 1.0), lambda: sync(other, 3.0)]


def presence_of(swarm: Crowd, member: Member, presence: Presence) -> Cid:
    """Waits until the chain says that; what the node arrived with last."""

    def found() -> Node:
        node = swarm.chain.node(swarm.swarm, member.key.address)
        assert node is not None
        return node

    until(lambda: found().presence is presence)
    cid = found().cid
    assert cid is not None
    return cid


TRAIN = """
import sys
from pathlib import Path
from decentralml.swarm.link import Link
with Link.connect() as link:
    begun = link.begin()
    file = begun.folder / "u.safetensors"
    file.write_bytes(Path(sys.argv[1]).read_bytes())
    print(link.sync(file, deadline=50))
sys.exit(int(sys.argv[2]))
"""


def test_a_command_that_never_trains_is_told_of(tmp_path: Path) -> None:
    with crowd(tmp_path, 1, start=False, min_peers=1) as swarm:
        (one,) = swarm.members
        one.command, one.linger = (sys.executable, "-c", "pass"), 0.1
        one.start()
        until(lambda: "stopped" in one.log.names())
        (warning,) = [each for each in one.log.warnings if "SwarmCallback" in each]
        assert "never asked its node" in warning


@pytest.mark.parametrize("code", [0, 3])
def test_a_node_runs_its_training_and_ends_with_it(tmp_path: Path, code: int) -> None:
    with crowd(tmp_path, 2, start=False) as swarm:
        one, other = swarm.members
        model = write_model(tmp_path / "mine.safetensors", 5.0)
        one.command = (sys.executable, "-c", TRAIN, str(model), str(code))
        one.linger = 0.5
        one.start()
        other.start()
        assert values(sync(other, 1.0).path) == {3.0}
        assert one.thread is not None
        one.thread.join(60)
        assert not one.thread.is_alive()
        assert "command" in one.log.names(), "it says what it has started, and waits for"
        name, text, facts = one.log.events[-1]
        assert name == "stopped" and values(Path(facts["model"])) == {3.0}
        assert facts["model"] in text
        node = swarm.chain.node(swarm.swarm, one.key.address)
        assert node is not None
        if code:
            assert isinstance(one.failure, TrainingFailed) and one.failure.code == code
            assert node.presence is Presence.READY, "it may be started again"
        else:
            assert one.failure is None
            assert node.presence is Presence.SNAPSHOT, "a training that ends leaves its model"
