"""Rewards in tokens of one's own: making an asset, minting and sending it."""

from __future__ import annotations

from decentralml.chain.api import AssetInfo, Receipt
from decentralml.chain.calls import (
    Batch,
    CreateAsset,
    DescribeAsset,
    MintAsset,
    TransferAsset,
)
from decentralml.chain.errors import UnknownAsset
from decentralml.errors import CallInvalid, TransferUncertain
from decentralml.market.session import Session
from decentralml.types import Address


def find_asset(session: Session, asset: int) -> AssetInfo:
    """One asset. Raises UnknownAsset."""
    found = session.chain.asset(asset)
    if found is None:
        raise UnknownAsset.foreseen(asset=asset)
    return found


def create_asset(
    session: Session, asset: int, name: str, symbol: str, decimals: int, minimum: int
) -> AssetInfo:
    """Make an asset that the signer owns, with its name; both, or nothing.

    Parameters
    ----------
    asset : a number that no asset has.
    decimals : of its smallest unit.
    minimum : the least that an account can have of it, in its smallest units.
    """
    make = CreateAsset(asset, session.address, minimum)
    session.chain.submit(Batch((make, DescribeAsset(asset, name, symbol, decimals))), session.key)
    return find_asset(session, asset)


def mint_asset(session: Session, asset: int, to: Address, amount: int) -> Receipt:
    """Make units of an asset that the signer owns. Raises UnknownAsset."""
    find_asset(session, asset)
    return _send(session, MintAsset(asset, to, amount))


def transfer_asset(session: Session, asset: int, to: Address, amount: int) -> Receipt:
    """Send units of an asset. Raises UnknownAsset."""
    find_asset(session, asset)
    return _send(session, TransferAsset(asset, to, amount))


def _send(session: Session, call: MintAsset | TransferAsset) -> Receipt:
    if call.amount <= 0:
        raise CallInvalid("a transfer of nothing")
    key = session.key
    try:
        return session.chain.submit(call, key)
    except KeyboardInterrupt:
        raise TransferUncertain(call.to, call.amount) from None
