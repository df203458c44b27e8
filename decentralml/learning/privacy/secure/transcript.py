"""What all clients must have been told alike before any of them gives a share away.

The paper's clients sign the list of survivors only. Here they sign with it all that the server said
before: the keys and who shared secrets. It costs nothing, and a server that shows two clients
different things anywhere is found out, not only one that differs in the last list.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from decentralml.learning.privacy.secure.codec import table
from decentralml.learning.privacy.secure.messages import KeyList, Survivors


def attested(keys: KeyList, sharing: Sequence[int], survivors: Survivors) -> bytes:
    """The bytes that are signed: a hash of the key list, of who shared, and of who survived."""
    told = hashlib.sha256()
    for part in (
        keys.encode(),
        table([(place, b"") for place in sharing]),
        survivors.encode(),
    ):
        told.update(hashlib.sha256(part).digest())
    return b"decentralml/secure/survivors@1" + told.digest()


def commitment(seed: bytes, session: bytes, place: int) -> bytes:
    """SHA-256 of a self mask's seed: it hides 256 random bits and binds the client to them."""
    label = b"decentralml/secure/seed@1"
    return hashlib.sha256(label + session + place.to_bytes(2, "big") + seed).digest()
