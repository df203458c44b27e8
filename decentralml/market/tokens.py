"""Sending tokens."""

from __future__ import annotations

from decentralml.chain.api import Receipt
from decentralml.chain.calls import Transfer
from decentralml.market.session import Session
from decentralml.types import Address


def transfer(session: Session, to: Address, amount: int) -> Receipt:
    """Send ``amount`` planck from the chosen key to an account."""
    return session.chain.submit(Transfer(to, amount), session.key)
