"""Against a real Kubo: equal CIDs, CARs both ways, publishing and fetching."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from kubo_daemon import BINARY, Ipfs

from decentralml.errors import ObjectNotFound
from decentralml.storage import cid as cids
from decentralml.storage.dag import Limits
from decentralml.storage.fetch import fetch, missing
from decentralml.storage.kubo import Kubo
from decentralml.storage.local import BlockStore
from decentralml.storage.objects import Objects
from decentralml.storage.unixfs import CHUNK, cid_of
from decentralml.types import Cid

pytestmark = [
    pytest.mark.kubo,
    pytest.mark.skipif(
        BINARY is None, reason="DECENTRALML_KUBO names no ipfs binary: NOT tested against Kubo"
    ),
]


@pytest.fixture(scope="module")
def ipfs(tmp_path_factory: pytest.TempPathFactory) -> Ipfs:
    return Ipfs(tmp_path_factory.mktemp("ipfs"))


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ipfs]:
    with Ipfs(tmp_path_factory.mktemp("ipfs-daemon")).daemon() as daemon:
        yield daemon


@pytest.fixture
def objects(daemon: Ipfs, tmp_path: Path) -> Iterator[Objects]:
    with Objects(BlockStore(tmp_path / "store"), Kubo(daemon.address)) as objects:
        yield objects


def make_folder(folder: Path, seed: int = 1) -> Path:
    generator = random.Random(seed)
    (folder / "sub/empty").mkdir(parents=True)
    (folder / "big").write_bytes(generator.randbytes(7 * CHUNK + 3))
    (folder / "sub/漢字 ü").write_bytes(generator.randbytes(100))
    (folder / "sub/nothing").touch()
    return folder


NAMES = ["a", "Z", ".hidden", "ü", "漢字", "e\u0301", "\u00e9", "🎈", "a b", "-x", "#%&", "a" * 255]
SIZES = [0, 1, 255, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 17]


def random_tree(folder: Path, generator: random.Random, depth: int = 0) -> None:
    folder.mkdir()
    for name in generator.sample(NAMES, generator.randrange(0, 6)):
        if depth < 4 and generator.random() < 0.3:
            random_tree(folder / name, generator, depth + 1)
        else:
            size = generator.choice(SIZES) if generator.random() < 0.2 else generator.randrange(300)
            (folder / name).write_bytes(generator.randbytes(size))


def test_a_hundred_random_trees_have_the_cids_that_kubo_gives(ipfs: Ipfs, tmp_path: Path) -> None:
    trees = [tmp_path / f"tree-{seed}" for seed in range(100)]
    for seed, tree in enumerate(trees):
        random_tree(tree, random.Random(seed))
    added = ipfs.run("add", "-r", "-H", "--only-hash", "--cid-version=1", *trees)
    said = {}
    for line in added.splitlines():
        _, cid, path = line.split(" ", 2)
        said[path] = cid
    different = [tree.name for tree in trees if said[tree.name] != cid_of(tree)]
    assert not different


@pytest.mark.parametrize("size", [0, 50_000_003, CHUNK * 174 * 2 + 1])
def test_a_file_has_the_cid_that_kubo_gives(ipfs: Ipfs, tmp_path: Path, size: int) -> None:
    (tmp_path / "file").write_bytes(random.Random(size).randbytes(size))
    assert cid_of(tmp_path / "file") == ipfs.cid(tmp_path / "file")


@pytest.mark.parametrize("count", [1024, 1025, 3000])
def test_a_folder_around_and_above_the_sharding_threshold_agrees(
    ipfs: Ipfs, tmp_path: Path, count: int
) -> None:
    """36 bytes of CID and 220 of name: 1024 entries are 256 KiB."""
    for i in range(count):
        (tmp_path / f"{i:0220}").touch()
    assert cid_of(tmp_path) == ipfs.cid(tmp_path)


def test_our_car_is_byte_for_byte_kubos(objects: Objects, daemon: Ipfs, tmp_path: Path) -> None:
    cid = objects.add(make_folder(tmp_path / "folder"))
    objects.publish(cid)
    objects.export_car(cid, tmp_path / "ours.car")
    with Kubo(daemon.address) as kubo:
        assert b"".join(kubo.export(cids.parse(cid))) == (tmp_path / "ours.car").read_bytes()


def test_a_published_folder_is_pinned_and_fetched_elsewhere(
    objects: Objects, daemon: Ipfs, tmp_path: Path
) -> None:
    folder = make_folder(tmp_path / "folder", seed=2)
    cid = objects.add(folder)
    assert objects.kubo is not None
    assert not objects.kubo.is_pinned(cids.parse(cid))
    objects.publish(cid)
    assert objects.kubo.is_pinned(cids.parse(cid))
    objects.publish(cid)
    with Objects(BlockStore(tmp_path / "other"), Kubo(daemon.address)) as other:
        other.get(cid, tmp_path / "out")
        assert other.has(cid)
    assert cid_of(tmp_path / "out") == cid
    assert (tmp_path / "out/big").read_bytes() == (folder / "big").read_bytes()


def test_what_kubo_added_itself_is_fetched(objects: Objects, daemon: Ipfs, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "folder", seed=3)
    cid = Cid(daemon.run("add", "-r", "-Q", "--cid-version=1", folder).strip())
    objects.get(cid, tmp_path / "out")
    assert cid_of(tmp_path / "out") == cid


def test_older_dags_without_raw_leaves_are_read(
    objects: Objects, daemon: Ipfs, tmp_path: Path
) -> None:
    """`ipfs add` without options: version 0, file bytes inside dag-pb leaves."""
    folder = make_folder(tmp_path / "folder", seed=4)
    cid = Cid(
        daemon.run("add", "-r", "-Q", "--cid-version=0", "--raw-leaves=false", folder).strip()
    )
    assert cid.startswith("Qm")
    objects.get(cid, tmp_path / "out")
    assert (tmp_path / "out/big").read_bytes() == (folder / "big").read_bytes()


def test_a_fetch_that_was_cut_off_fetches_only_what_is_missing(
    objects: Objects, daemon: Ipfs, tmp_path: Path
) -> None:
    cid = objects.add(make_folder(tmp_path / "folder", seed=5))
    objects.publish(cid)

    def cut(done: int, total: int | None) -> None:
        if done > 2 * CHUNK:
            raise KeyboardInterrupt

    received: list[int] = []
    with Objects(BlockStore(tmp_path / "other"), Kubo(daemon.address)) as other:
        with pytest.raises(KeyboardInterrupt):
            other.get(cid, tmp_path / "out", progress=cut)
        lacking = missing(other.store, cids.parse(cid))
        fetch(
            other.store,
            Kubo(daemon.address),
            cids.parse(cid),
            Limits(),
            lambda done, total: received.append(done),
        )
        other.get(cid, tmp_path / "out")
    assert received[-1] == sum(link.size for link in lacking) < 7 * CHUNK
    assert cid_of(tmp_path / "out") == cid


def test_a_damaged_block_is_fetched_again(objects: Objects, daemon: Ipfs, tmp_path: Path) -> None:
    cid = objects.add(make_folder(tmp_path / "folder", seed=6))
    objects.publish(cid)
    for pack in objects.store.packs.iterdir():
        data = bytearray(pack.read_bytes())
        data[100] ^= 1
        pack.write_bytes(data)
    objects.get(cid, tmp_path / "out")
    assert cid_of(tmp_path / "out") == cid


def test_what_the_daemon_does_not_have_is_named(objects: Objects, tmp_path: Path) -> None:
    absent = cids.text(cids.make(cids.DAG_PB, os.urandom(32)))
    with pytest.raises(ObjectNotFound, match=absent):
        objects.get(absent, tmp_path / "out")
    leaf = cids.text(cids.make(cids.RAW, os.urandom(32)))
    with pytest.raises(ObjectNotFound, match=leaf):
        objects.get(leaf, tmp_path / "out")


def test_a_pin_is_set_and_lifted(objects: Objects) -> None:
    cid = objects.put_bytes(os.urandom(100))
    objects.publish(cid)
    assert objects.kubo is not None
    root = cids.parse(cid)
    objects.kubo.unpin(root)
    objects.kubo.unpin(root)
    assert not objects.kubo.is_pinned(root)
    objects.kubo.pin(root)
    assert objects.kubo.is_pinned(root)


def test_the_daemon_says_its_version(daemon: Ipfs) -> None:
    with Kubo(daemon.address) as kubo:
        assert kubo.version() in daemon.run("version")


def test_a_daemon_takes_a_dag_with_a_large_folder(
    objects: Objects, daemon: Ipfs, tmp_path: Path
) -> None:
    (tmp_path / "many").mkdir()
    for i in range(1200):
        (tmp_path / "many" / f"{i:0220}").write_bytes(i.to_bytes(2, "big"))
    cid = objects.add(tmp_path / "many")
    objects.publish(cid)
    with Objects(BlockStore(tmp_path / "other"), Kubo(daemon.address)) as other:
        other.get(cid, tmp_path / "out")
    assert cid_of(tmp_path / "out") == cid
