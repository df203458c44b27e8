"""What agents spend and gain off the chain, and the accounts that they have on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b

from decentralml.chain import ss58
from decentralml.types import Address


@dataclass(slots=True)
class Account:
    """An Ed25519 account with its next nonce.

    Ed25519 signs the same message the same way each time, sr25519 does not: with the latter no
    block would have the same hash twice, and no committee would be drawn twice.
    """

    public: bytes
    secret: bytes = field(repr=False)
    address: Address
    nonce: int = 0

    @classmethod
    def of(cls, name: str) -> Account:
        import ed25519_zebra

        secret, public = ed25519_zebra.ed_from_seed(digest(name))
        return cls(bytes(public), bytes(secret), ss58.encode(bytes(public)))

    @property
    def development(self) -> bool:
        return True

    @property
    def public_key(self) -> bytes:
        return self.public

    def sign(self, message: bytes) -> bytes:
        import ed25519_zebra

        return bytes(ed25519_zebra.ed_sign(self.secret, message))


@dataclass(slots=True, eq=False)
class Agent:
    """Somebody with a role, a strategy, accounts, and a purse off the chain."""

    name: str
    role: str
    strategy: str
    accounts: list[Account]
    off_chain: int = 0
    """Planck gained (or, negative, spent) off the chain."""
    jobs: int = 0
    """Results begun, results paid for or refused after a pass, or seats on panels."""
    before: int = 0
    """Planck on the chain at the start."""
    after: int = 0

    @property
    def account(self) -> Account:
        return self.accounts[0]

    @property
    def earned(self) -> int:
        return self.after - self.before + self.off_chain


def digest(*parts: object) -> bytes:
    """32 bytes that belong to these parts."""
    return blake2b("/".join(map(str, parts)).encode(), digest_size=32).digest()
