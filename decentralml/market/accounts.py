"""Accounts that every chain of this runtime has, by the names that people call them."""

from __future__ import annotations

from decentralml.chain import ss58
from decentralml.types import Address

TREASURY_ID = b"dml/trsy"
"""PalletId of the account that forfeited money goes to."""


def pallet_account(pallet_id: bytes) -> Address:
    """The keyless account of a pallet: ``"modl" ‖ PalletId``, padded with zeros to 32 bytes.

    Source: ``sp_runtime::traits::AccountIdConversion``.
    """
    return ss58.encode((b"modl" + pallet_id).ljust(ss58.ACCOUNT_BYTES, b"\0"))


WELL_KNOWN = {"treasury": pallet_account(TREASURY_ID)}
