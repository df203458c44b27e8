"""Sending tokens."""

from __future__ import annotations

from decentralml.chain.api import Receipt
from decentralml.chain.calls import Transfer
from decentralml.errors import CallInvalid, TransferUncertain
from decentralml.market.session import Session
from decentralml.types import Address


def transfer(session: Session, to: Address, amount: int) -> Receipt:
    """Send ``amount`` planck from the chosen key to an account.

    Raises
    ------
    CallInvalid : nothing to send; it would only cost a fee.
    TransferUncertain : interrupted; repeated within an hour, it finds what was sent and sends
        nothing twice.
    """
    if amount <= 0:
        raise CallInvalid("a transfer of nothing")
    key = session.key
    try:
        return session.chain.submit(Transfer(to, amount), key)
    except KeyboardInterrupt:
        raise TransferUncertain(to, amount) from None
