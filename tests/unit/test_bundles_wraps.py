"""Wraps: one reader opens one, whoever knows the key checks all of them."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.public import PrivateKey, PublicKey, SealedBox

from decentralml.bundles.sealing import encryption_public_key
from decentralml.bundles.wraps import (
    NO_WRAP,
    WRAP_BYTES,
    key_digest,
    open_wrap,
    release_digest,
    wrap,
)
from decentralml.errors import WrongWrap

KEY = bytes(range(32))
SECRET = bytes([7]) * 32
READER = encryption_public_key(SECRET)
LOW_ORDER = (bytes(32), bytes([1]) + bytes(31))
keys = st.binary(min_size=32, max_size=32)


@settings(max_examples=50, deadline=None)
@given(keys, keys)
def test_the_reader_opens_its_wrap_and_so_does_any_sealed_box(key: bytes, secret: bytes) -> None:
    made = wrap(key, encryption_public_key(secret))
    assert len(made) == WRAP_BYTES
    assert open_wrap(made, secret) == key
    assert SealedBox(PrivateKey(secret)).decrypt(made) == key


def test_everyone_who_knows_the_key_makes_the_same_wrap() -> None:
    """A vector, so that no later version makes others: wraps are compared on the chain."""
    made = wrap(KEY, READER)
    assert made == wrap(bytes(KEY), bytes(READER))
    assert hashlib.blake2b(made, digest_size=32).digest() == release_digest(KEY, READER)
    assert release_digest(KEY, READER).hex() == (
        "8d74eb51a4f9826b39e19ebf59278d1a2886f69bf00f37fcc130ad511088b27d"
    )
    assert wrap(KEY[::-1], READER) != made
    assert wrap(KEY, encryption_public_key(bytes([8]) * 32)) != made


def test_no_two_wraps_of_a_key_share_an_ephemeral_key() -> None:
    """Else one could tell that two wraps are of one key, or of one reader."""
    readers = [encryption_public_key(bytes([n]) * 32) for n in range(1, 9)]
    assert len({wrap(KEY, reader)[:32] for reader in readers}) == len(readers)
    assert wrap(KEY, READER)[:32] != wrap(KEY[::-1], READER)[:32]


def test_the_wrap_of_another_reader_is_refused() -> None:
    with pytest.raises(WrongWrap, match="does not open with this account's key"):
        open_wrap(wrap(KEY, READER), bytes([9]) * 32)


@pytest.mark.parametrize("wrapped", [b"", NO_WRAP, bytes(79), bytes([255]) * 80])
def test_what_is_no_wrap_is_refused(wrapped: bytes) -> None:
    with pytest.raises(WrongWrap):
        open_wrap(wrapped, SECRET)


@pytest.mark.parametrize("place", [0, 31, 32, 47, 79])
def test_a_wrap_with_one_byte_changed_is_refused(place: int) -> None:
    made = bytearray(wrap(KEY, READER))
    made[place] ^= 1
    with pytest.raises(WrongWrap):
        open_wrap(bytes(made), SECRET)


def test_a_box_that_was_made_by_chance_is_refused() -> None:
    """Others could not hold it against the key, so it counts as none."""
    by_chance = SealedBox(PublicKey(READER)).encrypt(KEY)
    with pytest.raises(WrongWrap, match="not made from the key"):
        open_wrap(by_chance, SECRET)


def test_a_box_with_something_else_in_it_is_refused() -> None:
    with pytest.raises(WrongWrap, match="31 bytes"):
        open_wrap(SealedBox(PublicKey(READER)).encrypt(KEY[:31]), SECRET)


@pytest.mark.parametrize("reader", LOW_ORDER)
def test_a_worthless_public_key_gets_a_wrap_that_holds_nothing(reader: bytes) -> None:
    assert wrap(KEY, reader) == NO_WRAP


def test_a_key_digest_is_the_chains_hash_of_the_key() -> None:
    assert key_digest(KEY) == hashlib.blake2b(KEY, digest_size=32).digest()
