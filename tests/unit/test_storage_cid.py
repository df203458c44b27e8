"""CIDs: one canonical text, everything else refused."""

from __future__ import annotations

import hashlib

import pytest

from decentralml.errors import CidInvalid
from decentralml.storage import cid as cids

EMPTY_FILE = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
EMPTY_FOLDER = "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"
EMPTY_FOLDER_V0 = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"


def test_the_text_of_a_cid_is_read_and_written_alike() -> None:
    for text in (EMPTY_FILE, EMPTY_FOLDER):
        assert cids.text(cids.parse(text)) == text


def test_the_empty_file_has_the_digest_of_nothing() -> None:
    cid = cids.parse(EMPTY_FILE)
    assert cids.codec(cid) == cids.RAW
    assert cids.digest(cid) == hashlib.sha256(b"").digest()
    assert cids.matches(cid, b"")
    assert not cids.matches(cid, b"x")


def test_version_0_is_read_as_the_same_node_of_version_1() -> None:
    assert cids.normalise(EMPTY_FOLDER_V0) == EMPTY_FOLDER


@pytest.mark.parametrize(
    "text",
    [
        "",
        "b",
        "not a cid",
        EMPTY_FILE.upper(),
        EMPTY_FILE[:-1],
        EMPTY_FILE + "a",
        EMPTY_FILE[:-1] + "v",  # bits behind the last byte that are not zero
        "z" + EMPTY_FILE[1:],  # another base
        EMPTY_FILE[:-1] + "1",  # not a letter of base32
        EMPTY_FILE[:-1] + "ü",
        "Qm" + "0" * 44,  # not a letter of base58
        "Qm" + "z" * 44,  # over 34 bytes
        "bafyreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",  # dag-cbor
        "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku\n",
        "/ipfs/" + EMPTY_FILE,
    ],
)
def test_what_is_no_canonical_cid_is_refused(text: str) -> None:
    with pytest.raises(CidInvalid):
        cids.parse(text)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01\x55\x12\x20" + bytes(31),
        b"\x01\x55\x12\x20" + bytes(33),
        b"\x01\x55\x00\x20" + bytes(32),  # identity: the content in the CID itself
        b"\x01\x55\x13\x40" + bytes(64),  # sha2-512
        b"\x02\x55\x12\x20" + bytes(32),
        b"\x12\x20" + bytes(31),
    ],
)
def test_bytes_of_other_versions_codecs_and_hashes_are_refused(data: bytes) -> None:
    with pytest.raises(CidInvalid):
        cids.from_bytes(data)
