"""A client of a secure sum: five steps, each once and in order.

Whatever looks wrong ends it: a client that raised gives nothing more away.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from enum import StrEnum
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from decentralml.bundles.sealing import encryption_public_key, is_usable
from decentralml.errors import (
    OutOfTurn,
    PeerRefused,
    ServerLies,
    TooFewClients,
)
from decentralml.learning.privacy.secure import keys, shares
from decentralml.learning.privacy.secure.agreement import Agreement
from decentralml.learning.privacy.secure.masks import Masks
from decentralml.learning.privacy.secure.messages import (
    Advert,
    Attestation,
    Delivery,
    KeyList,
    MaskedPiece,
    Proof,
    Reveal,
    SealedShares,
    Survivors,
)
from decentralml.learning.privacy.secure.shares import SHARE_BYTES
from decentralml.learning.privacy.secure.transcript import attested, commitment
from decentralml.learning.privacy.secure.vector import check_structure, pieces
from decentralml.learning.sources import TensorSource

_NONCE: Final = bytes(12)
"""Each key seals one message."""


class _Stage(StrEnum):
    NEW = "advertise"
    ADVERTISED = "share"
    SHARED = "mask"
    MASKED = "attest"
    ATTESTED = "reveal"
    OVER = "the end"


class Client:
    """One update on its way into a secure sum."""

    def __init__(
        self,
        agreement: Agreement,
        identity: keys.Identity,
        update: TensorSource,
        weight: int,
        verify: keys.Verify = keys.verify_ed25519,
    ) -> None:
        """Looks through the update once, so that what cannot be coded is known at once.

        Parameters
        ----------
        agreement : whose context and members the caller has held against what it knows itself.
        identity : the key that the agreement names.
        update : the tensors; read again when they are masked.
        weight : a whole number, such as the examples that the update was made from.

        Raises
        ------
        NotInvited, StructureMismatch, ValueOutOfRange, BadPrivacy, DamagedTensors
        """
        self.place = agreement.place_of(identity.public_key)
        check_structure(agreement, update, f"client {self.place}")
        self._agreement, self._identity, self._verify = agreement, identity, verify
        self._update, self._weight = update, agreement.coding.checked_weight(weight)
        for _ in pieces(agreement, update, weight):
            pass
        self._session = agreement.digest()
        self._stage = _Stage.NEW
        self._cipher_secret, self._mask_secret = keys.fresh_secret(), keys.fresh_secret()
        self._seed = os.urandom(keys.SECRET_BYTES)
        self._shares: dict[int, bytes] = {}
        """By owner: the share of its mask secret, then that of its seed."""

    def advertise(self) -> bytes:
        """Round 0: this client's public keys, signed."""
        with self._step(_Stage.NEW, _Stage.ADVERTISED):
            unsigned = Advert(
                self._session,
                self.place,
                encryption_public_key(self._cipher_secret),
                encryption_public_key(self._mask_secret),
                commitment(self._seed, self._session, self.place),
                b"",
            )
            signature = self._identity.sign(unsigned.signed())
            self._advert = Advert.of(self._session, self.place, unsigned.keys() + signature)
            return self._advert.encode()

    def share(self, key_list: bytes) -> bytes:
        """Round 1: shares of this client's secrets, sealed for each of the others.

        Raises
        ------
        SecureMessageInvalid, TooFewClients, PeerRefused, ServerLies, OutOfTurn
        """
        with self._step(_Stage.ADVERTISED, _Stage.SHARED):
            self._keys = KeyList.decode(key_list, self._session)
            self._check_keys()
            count, threshold = len(self._agreement.members), self._agreement.threshold
            parts = [
                mask + seed
                for mask, seed in zip(
                    shares.split(self._mask_secret, threshold, count),
                    shares.split(self._seed, threshold, count),
                    strict=True,
                )
            ]
            self._shares[self.place] = parts[self.place]
            sealed = tuple(
                (place, self._sealer(self.place, place).encrypt(_NONCE, parts[place], None))
                for place in self._adverts
                if place != self.place
            )
            return SealedShares(self._session, self.place, sealed).encode()

    def mask(self, delivery: bytes) -> Iterator[bytes]:
        """Round 2: the masked vector, a message a piece; nothing is read before it is asked for.

        Raises
        ------
        SecureMessageInvalid, TooFewClients, PeerRefused, ServerLies, OutOfTurn
        ValueOutOfRange, DamagedTensors : the update changed since; raised on the way.
        """
        with self._step(_Stage.SHARED, _Stage.OVER):  # until all is masked
            message = Delivery.decode(delivery, self._session)
            if message.place != self.place:
                raise ServerLies("it delivered what belongs to another client")
            for sender, sealed in message.fields:
                self._shares[sender] = self._opened(sender, sealed)
            self._sharing = sorted(self._shares)
            self._enough("the sharing of secrets", len(self._sharing))
            return self._masked(self._masks())

    def attest(self, survivors: bytes) -> bytes:
        """Round 3: a signature of all that the server said.

        Raises
        ------
        SecureMessageInvalid, TooFewClients, ServerLies, OutOfTurn
        """
        with self._step(_Stage.MASKED, _Stage.ATTESTED):
            self._survivors = Survivors.decode(survivors, self._session)
            places = self._survivors.places
            self._enough("the masking", len(places))
            if not set(places) <= set(self._sharing):
                raise ServerLies("it names survivors who shared no secrets")
            if self.place not in places:
                raise ServerLies("it left this client's vector out and still asks it to sign")
            self._transcript = attested(self._keys, self._sharing, self._survivors)
            signature = self._identity.sign(self._transcript)
            return Attestation(self._session, self.place, signature).encode()

    def reveal(self, proof: bytes) -> bytes:
        """Round 4: of each other client one share, of what is needed of it and never of both.

        Raises
        ------
        ServerLies : the others were not told the same.
        SecureMessageInvalid, TooFewClients, OutOfTurn
        """
        with self._step(_Stage.ATTESTED, _Stage.OVER):
            signatures = Proof.decode(proof, self._session).signatures
            self._enough("the attestation", len(signatures))
            kept = set(self._survivors.places)
            for place, signature in signatures:
                member = self._agreement.members[place] if place in kept else None
                if member is None or not self._verify(member, self._transcript, signature):
                    raise ServerLies(
                        f"client {place} did not sign the survivors and keys that this one was told"
                    )
            return Reveal(
                self._session,
                self.place,
                tuple((p, s[:SHARE_BYTES]) for p, s in self._shared() if p not in kept),
                tuple((p, s[SHARE_BYTES:]) for p, s in self._shared() if p in kept),
            ).encode()

    @contextmanager
    def _step(self, now: _Stage, then: _Stage) -> Iterator[None]:
        if self._stage is not now:
            raise OutOfTurn(f"to {now}", f"{self._stage}")
        self._stage = _Stage.OVER
        yield
        self._stage = then

    def _enough(self, step: str, present: int) -> None:
        if present < self._agreement.threshold:
            raise TooFewClients(step, present, self._agreement.threshold)

    def _check_keys(self) -> None:
        self._adverts = {advert.place: advert for advert in self._keys.adverts}
        self._enough("the exchange of keys", len(self._adverts))
        if self._adverts.get(self.place) != self._advert:
            raise ServerLies("it passed other keys on as this client's")
        seen: set[bytes] = set()
        for advert in self._keys.adverts:
            seen |= checked_keys(self._agreement, advert, seen, self._verify)

    def _sealer(self, sender: int, reader: int) -> ChaCha20Poly1305:
        """With a key for this pair and direction, used once."""
        other = reader if sender == self.place else sender
        common = keys.agreed_secret(self._cipher_secret, self._adverts[other].cipher_key)
        return ChaCha20Poly1305(keys.derived(common, b"shares", self._session, sender, reader))

    def _opened(self, sender: int, sealed: bytes) -> bytes:
        if sender == self.place or sender not in self._adverts:
            raise ServerLies(f"it delivered shares of client {sender}, who is not among the others")
        try:
            return self._sealer(sender, self.place).decrypt(_NONCE, sealed, None)
        except InvalidTag:
            raise PeerRefused(sender, "the shares it sealed do not open") from None

    def _masks(self) -> Masks:
        masks = Masks(self._agreement.coding.bits)
        masks.add(keys.derived(self._seed, b"self", self._session, self.place))
        for other in self._sharing:
            if other == self.place:
                continue
            common = keys.agreed_secret(self._mask_secret, self._adverts[other].mask_key)
            pair = (min(self.place, other), max(self.place, other))
            key = keys.derived(common, b"pair", self._session, *pair)
            (masks.add if self.place < other else masks.subtract)(key)
        return masks

    def _masked(self, masks: Masks) -> Iterator[bytes]:
        for index, words in enumerate(pieces(self._agreement, self._update, self._weight)):
            masks.apply(words)
            yield MaskedPiece(self._session, self.place, index, words.tobytes()).encode()
        self._stage = _Stage.MASKED

    def _shared(self) -> Sequence[tuple[int, bytes]]:
        return sorted(self._shares.items())


def checked_keys(
    agreement: Agreement, advert: Advert, seen: Set[bytes], verify: keys.Verify
) -> set[bytes]:
    """The two public keys of a client.

    Raises
    ------
    PeerRefused : its member did not sign them, they are of no use, or ``seen`` before.
    """
    place = advert.place
    if place >= len(agreement.members):
        raise PeerRefused(place, "the agreement has no such place")
    if not verify(agreement.members[place], advert.signed(), advert.signature):
        raise PeerRefused(place, "its keys are not signed by the key that was agreed on")
    found = {advert.cipher_key, advert.mask_key}
    if not all(is_usable(key) for key in found):
        raise PeerRefused(place, "its public key is of low order: it keeps no secret")
    if len(found) < 2 or not found.isdisjoint(seen):
        raise PeerRefused(place, "its public key is there twice")
    return found
