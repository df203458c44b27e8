"""What the chain remembers of how accounts have kept to the rules."""

from __future__ import annotations

from collections.abc import Iterable

from decentralml.market.session import Session
from decentralml.types import Address, Reputation, Role


def reputation(session: Session, account: Address) -> tuple[Reputation, ...]:
    """An account's record in each role."""
    return tuple(session.chain.reputation(account, role) for role in Role)


def standings(session: Session, accounts: Iterable[Address], role: Role) -> dict[Address, int]:
    """The standing of each account in a role, parts per million."""
    return {
        account: session.chain.reputation(account, role).standing
        for account in dict.fromkeys(accounts)
    }
