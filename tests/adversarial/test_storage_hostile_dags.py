"""DAGs that are authentic, block by block, and mean harm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from storage_forge import Forge, named

from decentralml.errors import (
    DagInvalid,
    NotPlain,
    ObjectTooLarge,
    StorageError,
    UnsafePath,
)
from decentralml.storage import dag, hamt
from decentralml.storage.dag import Limits
from decentralml.storage.dagpb import Link, NodeType, encode_node, encode_unixfs, varint


def refuse(
    forge: Forge, root: Link, tmp_path: Path, kind: type[StorageError], limits: Limits | None = None
) -> StorageError:
    """Both ways of reading refuse the DAG alike, and nothing is left behind."""
    limits = limits or Limits()
    with pytest.raises(kind):
        dag.check(forge.get, root.cid, limits)
    with pytest.raises(kind) as caught:
        dag.unpack(forge.get, root.cid, tmp_path / "out", limits)
    assert list(tmp_path.iterdir()) == []
    return caught.value


@pytest.mark.parametrize(
    "name",
    ["..", ".", "", "a/b", "/etc/passwd", "../../x", "a\0b", "a\nb", "\x1b]0;x\x07", "x" * 256],
)
def test_names_that_play_tricks_are_refused(tmp_path: Path, name: str) -> None:
    forge = Forge()
    root = forge.folder([forge.raw(b"x", name)])
    refuse(forge, root, tmp_path, UnsafePath)


def test_a_trick_deep_inside_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    forge = Forge()
    inner = forge.folder([forge.raw(b"x", "good"), forge.raw(b"y", "..")], "sub")
    error = refuse(forge, forge.folder([forge.raw(b"z", "first"), inner]), tmp_path, UnsafePath)
    assert isinstance(error, UnsafePath)
    assert error.path == "sub/.."


def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    forge = Forge()
    root = forge.folder([forge.raw(b"x", "a"), forge.raw(b"y", "a")])
    refuse(forge, root, tmp_path, UnsafePath)


def test_a_folder_and_a_file_of_one_name_are_refused(tmp_path: Path) -> None:
    forge = Forge()
    root = forge.folder([forge.folder([], "a"), forge.raw(b"y", "a")])
    refuse(forge, root, tmp_path, UnsafePath)


def test_symbolic_links_are_refused(tmp_path: Path) -> None:
    forge = Forge()
    root = forge.folder([forge.typed(NodeType.SYMLINK, b"/etc/passwd", "link")])
    refuse(forge, root, tmp_path, NotPlain)
    refuse(forge, forge.typed(NodeType.SYMLINK, b"/etc/passwd"), tmp_path, NotPlain)


def test_metadata_nodes_are_refused(tmp_path: Path) -> None:
    forge = Forge()
    refuse(forge, forge.folder([forge.typed(NodeType.METADATA, b"x", "m")]), tmp_path, DagInvalid)


def test_a_folder_inside_a_file_is_refused(tmp_path: Path) -> None:
    forge = Forge()
    refuse(forge, forge.file([forge.folder([])], [1]), tmp_path, DagInvalid)


def lie_about_the_files_size(forge: Forge) -> Link:
    return forge.file([forge.raw(b"abc")], [3], file_size=4)


def lie_about_a_parts_size(forge: Forge) -> Link:
    return forge.file([forge.raw(b"abc")], [4])


def lie_about_an_inner_parts_size(forge: Forge) -> Link:
    return forge.file([forge.file([forge.raw(b"abc")], [3])], [5])


def name_more_sizes_than_parts(forge: Forge) -> Link:
    return forge.file([forge.raw(b"abc")], [3, 0])


def put_data_beside_parts(forge: Forge) -> Link:
    return forge.file([forge.raw(b"abc")], [3], data=b"more")


def lie_about_what_lies_below(forge: Forge) -> Link:
    return forge.folder([forge.raw(b"abc", "a")._replace(size=4)])


def lie_about_what_lies_below_a_part(forge: Forge) -> Link:
    return forge.file([forge.raw(b"abc")._replace(size=0)], [3])


def have_empty_parts(forge: Forge) -> Link:
    empty = forge.raw(b"")
    return forge.file([empty, forge.raw(b"a"), empty], [0, 1, 0])


def give_a_folder_content(forge: Forge) -> Link:
    return forge.typed(NodeType.DIRECTORY, b"content")


@pytest.mark.parametrize(
    "make",
    [
        lie_about_the_files_size,
        lie_about_a_parts_size,
        lie_about_an_inner_parts_size,
        name_more_sizes_than_parts,
        put_data_beside_parts,
        lie_about_what_lies_below,
        lie_about_what_lies_below_a_part,
        have_empty_parts,
        give_a_folder_content,
    ],
)
def test_nodes_whose_sizes_do_not_add_up_are_refused(
    tmp_path: Path, make: Callable[[Forge], Link]
) -> None:
    forge = Forge()
    refuse(forge, make(forge), tmp_path, DagInvalid)


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"\x0a",
        b"\x0a\x05ab",  # a field over the end
        b"\x0a\x02\x08\x01\x0a\x02\x08\x01",  # data twice
        b"\x0a\x02\x08\x01\x12\x00",  # a link behind the data
        b"\x0a\x82\x00\x08\x01",  # a length not in its shortest form
        b"\x0a\x02\x08\x09",  # a type that does not exist
        b"\x0a\x02\x10\x01",  # no type
        b"\x0a\x04\x08\x01\x08\x01",  # a type twice
        b"\x0a\x03\x08\x81\x00",
        b"\x0a\x04\x08\x01\x48\x01",  # an unknown field
        b"\x0d\x00\x00\x00\x00",  # an unknown wire type
        b"\x12\x02\x12\x00\x0a\x02\x08\x01",  # a link without a CID
        b"\x12\x03\x0a\x01\x00\x0a\x02\x08\x01",  # a link to no CID
        b"\x0a\x0c\x08\x02\x18" + b"\xff" * 9 + b"\x7f",  # over 64 bits
        b"\xff" * 20,
        b"\x80\x02\x63abc.",  # a pickle
    ],
)
def test_blocks_that_are_no_canonical_nodes_are_refused(tmp_path: Path, block: bytes) -> None:
    forge = Forge()
    refuse(forge, forge.node(block), tmp_path, DagInvalid)


def test_a_link_to_a_hash_that_is_not_taken_is_refused(tmp_path: Path) -> None:
    identity = b"\x01\x55\x00\x03abc"
    link = b"\x0a" + varint(len(identity)) + identity + b"\x12\x01a\x18\x03"
    block = b"\x12" + varint(len(link)) + link + b"\x0a\x02\x08\x01"
    forge = Forge()
    refuse(forge, forge.node(block), tmp_path, DagInvalid)


def test_a_small_dag_that_describes_a_huge_file_is_refused_at_once(tmp_path: Path) -> None:
    """174 links to the same child, ten levels: 174^10 bytes from eleven blocks."""
    forge = Forge()
    link, size = forge.raw(b"\0"), 1
    for _ in range(8):
        link = forge.file([link] * 174, [size] * 174)
        size *= 174
    assert len(forge.blocks) == 9
    refuse(forge, link, tmp_path, ObjectTooLarge)


def test_a_small_dag_of_many_visits_is_refused(tmp_path: Path) -> None:
    """Within the limit on bytes, a byte a block."""
    forge = Forge()
    link, size = forge.raw(b"\0"), 1
    for _ in range(4):
        link = forge.file([link] * 174, [size] * 174)
        size *= 174
    error = refuse(forge, link, tmp_path, ObjectTooLarge, Limits(blocks=10_000))
    assert "blocks" in str(error)


def test_a_small_dag_that_describes_endless_folders_is_refused(tmp_path: Path) -> None:
    forge = Forge()
    link = forge.folder([])
    for _ in range(12):
        link = forge.folder([named(link, f"{i}") for i in range(10)])
    refuse(forge, link, tmp_path, ObjectTooLarge, Limits(entries=1000))


def test_a_folder_of_too_many_files_is_refused(tmp_path: Path) -> None:
    forge = Forge()
    one = forge.raw(b"")
    root = forge.folder([named(one, f"{i:04}") for i in range(101)])
    refuse(forge, root, tmp_path, ObjectTooLarge, Limits(entries=100))
    dag.check(forge.get, root.cid, Limits(entries=101))


def test_many_files_that_together_are_too_large_are_refused(tmp_path: Path) -> None:
    forge = Forge()
    one = forge.raw(bytes(100))
    root = forge.folder([named(one, f"{i}") for i in range(5)])
    refuse(forge, root, tmp_path, ObjectTooLarge, Limits(total_bytes=499))
    dag.check(forge.get, root.cid, Limits(total_bytes=500))


@pytest.mark.parametrize("wrap", [Forge.folder, None])
def test_endless_nesting_is_refused(tmp_path: Path, wrap: object) -> None:
    forge = Forge()
    link = forge.raw(b"x")
    for _ in range(5000):
        link = forge.folder([named(link, "a")]) if wrap else forge.file([link], [1])
    refuse(forge, link, tmp_path, ObjectTooLarge)


def shard(entries: list[Link], **changes: int | bytes) -> bytes:
    field = 0
    for entry in entries:
        field |= 1 << int(entry.name[:2], 16)
    message = {
        "data": field.to_bytes(32, "big").lstrip(b"\0"),
        "hash_type": hamt.HASH_MURMUR3,
        "fanout": hamt.FANOUT,
    } | changes
    return encode_node(entries, encode_unixfs(NodeType.SHARD, **message))  # type: ignore[arg-type]


def placed(link: Link, name: str) -> Link:
    return named(link, f"{hamt.prefix(name, 0):02X}{name}")


def test_a_sound_shard_is_read(tmp_path: Path) -> None:
    forge = Forge()
    entries = [placed(forge.raw(b"x"), "hello")]
    dag.unpack(forge.get, forge.node(shard(entries)).cid, tmp_path / "out", Limits())
    assert (tmp_path / "out/hello").read_bytes() == b"x"


@pytest.mark.parametrize(
    ("kind", "entries", "changes"),
    [
        (DagInvalid, ["00hello"], {}),  # not where its hash puts it
        (DagInvalid, ["hello"], {}),
        (DagInvalid, ["CB"], {}),  # promises a shard, is a file
        (DagInvalid, ["CBhello"], {"data": b"\x01"}),
        (DagInvalid, ["CBhello"], {"fanout": 1 << 40}),
        (DagInvalid, ["CBhello"], {"hash_type": 1}),
        (DagInvalid, ["CBhello", "CBhello"], {}),
        (DagInvalid, ["CB.."], {}),
    ],
)
def test_shards_that_are_not_as_they_must_be_are_refused(
    tmp_path: Path, kind: type[StorageError], entries: list[str], changes: dict[str, int | bytes]
) -> None:
    forge = Forge()
    links = [forge.raw(b"x", name) for name in entries]
    block = shard([link for link in links if hamt.slot_of(link.name) is not None], **changes)
    if len(links) != block.count(links[0].cid):
        block = encode_node(links, encode_unixfs(NodeType.SHARD, hash_type=0x22, fanout=256))
    refuse(forge, forge.node(block, "", links), tmp_path, kind)


def test_a_trick_name_in_its_right_slot_is_refused(tmp_path: Path) -> None:
    forge = Forge()
    entries = [placed(forge.raw(b"x"), "..")]
    refuse(forge, forge.node(shard(entries), "", entries), tmp_path, UnsafePath)
