"""Addresses: known pairs, damage, other networks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decentralml.chain import ss58
from decentralml.errors import AddressInvalid

ALICE = bytes.fromhex("d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d")
ADDRESSES = {
    0: "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5",
    2: "HNZata7iMYWmk5RvZRTiAsSDhV8366zq2YGb3tLH5Upf74F",
    42: "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
}


@pytest.mark.parametrize(("prefix", "address"), ADDRESSES.items())
def test_known_addresses_are_written_and_read(prefix: int, address: str) -> None:
    assert ss58.encode(ALICE, prefix) == address
    assert ss58.decode(address) == ALICE
    assert ss58.decode(address, prefix) == ALICE


@given(account=st.binary(min_size=32, max_size=32), prefix=st.integers(0, (1 << 14) - 1))
def test_every_account_comes_back_from_its_address(account: bytes, prefix: int) -> None:
    from scalecodec.utils.ss58 import ss58_encode

    address = ss58.encode(account, prefix)
    assert ss58.decode(address, prefix) == account
    if prefix not in (46, 47):  # which scalecodec keeps reserved
        assert address == ss58_encode(account.hex(), prefix)


@given(position=st.integers(0, 47), other=st.sampled_from("123456789ABCDEFGHJKLMNPQRSTUVWXYZabc"))
def test_one_wrong_character_is_noticed(position: int, other: str) -> None:
    address = ADDRESSES[42]
    damaged = address[:position] + other + address[position + 1 :]
    if damaged != address:
        with pytest.raises(AddressInvalid):
            ss58.decode(damaged)


@pytest.mark.parametrize("text", ["", "5", "0OIl", ADDRESSES[42][:-1], "1" * 40, "z" * 10_000, "ä"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(AddressInvalid):
        ss58.decode(text)


def test_an_address_of_another_network_is_refused_when_one_is_named() -> None:
    with pytest.raises(AddressInvalid, match="another network"):
        ss58.decode(ADDRESSES[0], 42)
