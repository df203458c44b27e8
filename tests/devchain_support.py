"""Signing and encoding by hand, so that the embedded chain's tests need no client.

Extrinsics of the shipped runtime: signed, immortal, with its transaction extensions in order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import sr25519

from decentralml.devchain.chain import DevChain
from decentralml.devchain.codec import compact, prefixed, u32, vector
from decentralml.devchain.hashes import blake2_128, storage_prefix

UNIT = 10**12
PROPERTIES: dict[str, Any] = {"ss58Format": 42, "tokenDecimals": 12, "tokenSymbol": "DML"}
_DEV_SECRET = bytes.fromhex("fac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e")
_SYSTEM, _BALANCES, _SUDO, _UTILITY = 0, 4, 6, 7


@dataclass(frozen=True)
class Account:
    public: bytes
    secret: bytes

    def sign(self, message: bytes) -> bytes:
        return bytes(sr25519.sign((self.public, self.secret), message))


@cache
def account(name: str) -> Account:
    """The development account ``//name``."""
    chain_code = prefixed(name.encode()).ljust(32, b"\0")
    root = sr25519.pair_from_seed(_DEV_SECRET)
    _, public, secret = sr25519.hard_derive_keypair((chain_code, *root), b"")
    return Account(bytes(public), bytes(secret))


def signed(chain: DevChain, who: Account, nonce: int, call: bytes, tip: int = 0) -> bytes:
    """An extrinsic, length prefix included."""
    version, genesis = chain.runtime_version, chain.genesis
    extra = b"\0" + compact(nonce) + compact(tip)
    implicit = u32(version.spec_version) + u32(version.transaction_version) + genesis * 2
    payload = call + extra + implicit
    if len(payload) > 256:
        payload = blake2b(payload, digest_size=32).digest()
    return prefixed(b"\x84\0" + who.public + b"\1" + who.sign(payload) + extra + call)


def transfer(to: bytes, amount: int) -> bytes:
    """``Balances.transfer_keep_alive``."""
    return bytes((_BALANCES, 3)) + b"\0" + to + compact(amount)


def remark(data: bytes) -> bytes:
    """``System.remark_with_event``."""
    return bytes((_SYSTEM, 7)) + prefixed(data)


def set_storage(items: dict[bytes, bytes]) -> bytes:
    """``Sudo.sudo(System.set_storage)``."""
    pairs = vector(prefixed(key) + prefixed(value) for key, value in items.items())
    return bytes((_SUDO, 0, _SYSTEM, 4)) + pairs


def set_code(code: bytes) -> bytes:
    """``Sudo.sudo(System.set_code_without_checks)``."""
    return bytes((_SUDO, 0, _SYSTEM, 3)) + prefixed(code)


def batch(calls: list[bytes]) -> bytes:
    """``Utility.batch_all``."""
    return bytes((_UTILITY, 2)) + vector(calls)


def account_key(public: bytes) -> bytes:
    """Where ``System.Account`` keeps it."""
    return storage_prefix("System", "Account") + blake2_128(public) + public


def free(chain: DevChain, public: bytes, at: bytes | None = None) -> int:
    """Free balance in planck."""
    data = chain.storage(account_key(public), at)
    return 0 if data is None else int.from_bytes(data[16:32], "little")


def nonce(chain: DevChain, public: bytes) -> int:
    data = chain.storage(account_key(public))
    return 0 if data is None else int.from_bytes(data[:4], "little")


def shared_cache() -> Path:
    """One folder for compiled runtimes over all tests: compiling takes a second."""
    import tempfile

    folder = Path(tempfile.gettempdir()) / "decentralml-test-cache"
    folder.mkdir(exist_ok=True)
    return folder


def new_chain(path: Path, clock: Callable[[], int] | None = None) -> DevChain:
    """A chain of the shipped runtime in the development preset."""
    from decentralml.runtime import blob

    options: dict[str, Any] = {} if clock is None else {"clock": clock}
    return DevChain.create(path, blob(), properties=PROPERTIES, cache=shared_cache(), **options)
