"""SCALE primitives, headers and blocks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decentralml.devchain.block import (
    AURA,
    Header,
    check_extrinsic,
    is_inherent,
    pre_runtime,
)
from decentralml.devchain.codec import DecodeError, Reader, compact, option, prefixed, vector

HASHES = st.binary(min_size=32, max_size=32)
ITEMS = st.one_of(
    st.just(b"\x08"),
    st.binary(max_size=40).map(lambda data: b"\0" + prefixed(data)),
    st.tuples(st.sampled_from([4, 5, 6]), st.binary(max_size=40)).map(
        lambda item: bytes((item[0],)) + b"BABE" + prefixed(item[1])
    ),
)
HEADERS = st.builds(
    Header, HASHES, st.integers(0, 2**32 - 1), HASHES, HASHES, st.lists(ITEMS).map(tuple)
)


@pytest.mark.parametrize(
    ("number", "encoded"),
    [
        (0, "00"),
        (63, "fc"),
        (64, "0101"),
        (16383, "fdff"),
        (16384, "02000100"),
        (2**30 - 1, "feffffff"),
        (2**30, "0300000040"),
        (2**64 - 1, "13ffffffffffffffff"),
    ],
)
def test_compact_integers_are_those_of_the_specification(number: int, encoded: str) -> None:
    assert compact(number).hex() == encoded
    assert Reader(bytes.fromhex(encoded)).compact() == number


@given(st.integers(0, 2**536 - 1))
def test_a_compact_integer_comes_back(number: int) -> None:
    reader = Reader(compact(number))
    assert reader.compact() == number
    reader.finish()


@pytest.mark.parametrize("number", [-1, 2**536])
def test_what_has_no_compact_form_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="compact"):
        compact(number)


@pytest.mark.parametrize("encoded", ["0100", "02000000", "0300000000", "070000004000"])
def test_a_compact_integer_longer_than_need_be_is_refused(encoded: str) -> None:
    with pytest.raises(DecodeError):
        Reader(bytes.fromhex(encoded)).compact()


@given(st.binary(max_size=60))
def test_reading_never_goes_past_the_end(data: bytes) -> None:
    for read in (Reader.compact, Reader.prefixed, Reader.vector, Reader.option, Reader.u64):
        reader = Reader(data)
        try:
            read(reader)
        except DecodeError:
            continue
        assert reader.offset <= len(data)


@given(st.lists(st.binary(max_size=300)))
def test_vectors_and_options_come_back(items: list[bytes]) -> None:
    assert Reader(vector(map(prefixed, items))).vector() == tuple(items)
    for item in items:
        assert Reader(option(item)).option() == item
    assert Reader(option(None)).option() is None


@given(HEADERS)
def test_a_header_comes_back(header: Header) -> None:
    assert Header.decode(header.encode()) == header


@given(HEADERS, st.binary(min_size=1, max_size=5))
def test_a_header_with_more_behind_it_is_refused(header: Header, more: bytes) -> None:
    with pytest.raises(DecodeError):
        Header.decode(header.encode() + more)


@given(HEADERS)
def test_seals_are_not_part_of_what_is_executed(header: Header) -> None:
    bare = header.without_seals()
    assert all(item[0] != 5 for item in bare.digest)
    assert [item for item in header.digest if item[0] != 5] == list(bare.digest)


def test_an_unknown_digest_item_is_refused() -> None:
    header = Header(bytes(32), 1, bytes(32), bytes(32), (b"\x07" + prefixed(b"x"),))
    with pytest.raises(DecodeError, match="kind 7"):
        Header.decode(header.encode())


def test_the_pre_runtime_item_of_aura() -> None:
    assert pre_runtime(AURA, b"\1" * 8).hex() == "0661757261" + "20" + "01" * 8


@pytest.mark.parametrize("extrinsic", ["", "00", "0804", "080405ff", "fd", "0400ff"])
def test_an_extrinsic_whose_length_is_wrong_is_refused(extrinsic: str) -> None:
    with pytest.raises(DecodeError):
        check_extrinsic(bytes.fromhex(extrinsic))


def test_inherents_are_told_from_signed_extrinsics() -> None:
    assert is_inherent(prefixed(b"\x04\1\0")) and is_inherent(prefixed(b"\x05\1\0"))
    assert not is_inherent(prefixed(b"\x84\0")) and not is_inherent(prefixed(b"\x45\0"))
