"""The server of a secure sum: it passes messages on, adds up, and takes the masks off the sum.

``receive`` takes the messages of the current round, in any order; one method ends each round and
gives what to send next. Whom it does not hear from until then is left out.
"""

from __future__ import annotations

import tempfile
from collections.abc import Container, Mapping
from enum import StrEnum
from typing import BinaryIO

import numpy as np

from decentralml.bundles.sealing import encryption_public_key
from decentralml.errors import OutOfTurn, SecureMessageInvalid, ShareDamaged, TooFewClients
from decentralml.learning.privacy.secure import keys, shares
from decentralml.learning.privacy.secure.agreement import Agreement
from decentralml.learning.privacy.secure.client import checked_keys
from decentralml.learning.privacy.secure.fixed_point import UNSIGNED, Words
from decentralml.learning.privacy.secure.masks import PIECE, Masks
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
from decentralml.learning.privacy.secure.total import Total
from decentralml.learning.privacy.secure.transcript import attested, commitment


class _Stage(StrEnum):
    ADVERTS = "adverts"
    SHARES = "sealed shares"
    VECTORS = "masked pieces"
    ATTESTATIONS = "attestations"
    REVEALS = "reveals"
    OVER = "the end"


class Server:
    """Holds one sum of the model's size, and what is on its way in a temporary file a client."""

    def __init__(self, agreement: Agreement, verify: keys.Verify = keys.verify_ed25519) -> None:
        self._agreement, self._verify = agreement, verify
        self._session = agreement.digest()
        self._stage = _Stage.ADVERTS
        self._adverts: dict[int, Advert] = {}
        self._seen: set[bytes] = set()
        self._sealed: dict[int, dict[int, bytes]] = {}
        self._uploads: dict[int, _Upload] = {}
        self._survivors: list[int] = []
        self._attestations: dict[int, bytes] = {}
        self._reveals: dict[int, Reveal] = {}
        self._sum = np.zeros(agreement.elements, UNSIGNED[agreement.coding.bits])

    def receive(self, place: int, data: bytes) -> None:
        """A message of the client at ``place`` (the transport knows who it is).

        Raises
        ------
        SecureMessageInvalid, PeerRefused : the message is refused; the client may be left out.
        OutOfTurn : the sum is over.
        """
        match self._stage:
            case _Stage.ADVERTS:
                self._take_advert(place, Advert.decode(data, self._session))
            case _Stage.SHARES:
                self._take_shares(place, SealedShares.decode(data, self._session))
            case _Stage.VECTORS:
                self._take_piece(place, MaskedPiece.decode(data, self._session))
            case _Stage.ATTESTATIONS:
                self._take_attestation(place, Attestation.decode(data, self._session))
            case _Stage.REVEALS:
                self._take_reveal(place, Reveal.decode(data, self._session))
            case _Stage.OVER:
                raise OutOfTurn("to receive", self._stage)

    def publish_keys(self) -> Mapping[int, bytes]:
        """End round 0: everybody's keys, to each. Raises TooFewClients, OutOfTurn."""
        self._end(_Stage.ADVERTS, _Stage.SHARES, "the exchange of keys", len(self._adverts))
        adverts = tuple(self._adverts[place] for place in sorted(self._adverts))
        self._key_list = KeyList(self._session, adverts)
        return dict.fromkeys(self._adverts, self._key_list.encode())

    def deliver_shares(self) -> Mapping[int, bytes]:
        """End round 1: to each what the others sealed for it. Raises TooFewClients, OutOfTurn."""
        self._end(_Stage.SHARES, _Stage.VECTORS, "the sharing of secrets", len(self._sealed))
        self._uploads = {place: _Upload() for place in sorted(self._sealed)}
        deliveries = {}
        for reader in self._uploads:
            sealed = tuple(
                (sender, self._sealed[sender][reader])
                for sender in self._uploads
                if sender != reader
            )
            deliveries[reader] = Delivery(self._session, reader, sealed).encode()
        return deliveries

    def announce_survivors(self) -> Mapping[int, bytes]:
        """End round 2: whose vectors are in the sum. Raises TooFewClients, OutOfTurn."""
        complete = [p for p, upload in self._uploads.items() if upload.words == self._sum.size]
        self._end(_Stage.VECTORS, _Stage.ATTESTATIONS, "the masking", len(complete))
        self._survivors = complete
        for place, upload in self._uploads.items():
            if place in complete:
                upload.add_to(self._sum)
            upload.close()
        self._announcement = Survivors(self._session, tuple(complete))
        return dict.fromkeys(complete, self._announcement.encode())

    def prove_survivors(self) -> Mapping[int, bytes]:
        """End round 3: all attestations, to each. Raises TooFewClients, OutOfTurn."""
        count = len(self._attestations)
        self._end(_Stage.ATTESTATIONS, _Stage.REVEALS, "the attestation", count)
        proof = Proof(self._session, tuple(sorted(self._attestations.items())))
        return dict.fromkeys(self._attestations, proof.encode())

    def unmask(self) -> Total:
        """End round 4: the sum.

        Raises
        ------
        TooFewClients, ShareDamaged, OutOfTurn
        SumImplausible : a client did not keep to the coding.
        """
        self._end(_Stage.REVEALS, _Stage.OVER, "the reveal", len(self._reveals))
        masks = self._masks_of_the_sum()
        for start in range(0, self._sum.size, PIECE):
            masks.apply(self._sum[start : start + PIECE])
        return Total(self._agreement, tuple(self._survivors), self._sum)

    def _end(self, now: _Stage, then: _Stage, step: str, present: int) -> None:
        if self._stage is not now:
            raise OutOfTurn(f"to end {step}", self._stage)
        if present < self._agreement.threshold:
            self._stage = _Stage.OVER
            for upload in self._uploads.values():
                upload.close()
            raise TooFewClients(step, present, self._agreement.threshold)
        self._stage = then

    def _take_advert(self, place: int, advert: Advert) -> None:
        self._check(advert.NAME, place, advert.place, self._adverts)
        self._seen |= checked_keys(self._agreement, advert, self._seen, self._verify)
        self._adverts[place] = advert

    def _take_shares(self, place: int, message: SealedShares) -> None:
        self._check(message.NAME, place, message.place, self._sealed, self._adverts)
        sealed = dict(message.fields)
        if sealed.keys() != self._adverts.keys() - {place}:
            raise SecureMessageInvalid(message.NAME, "it is not for each of the others")
        self._sealed[place] = sealed

    def _take_piece(self, place: int, piece: MaskedPiece) -> None:
        self._check(piece.NAME, place, piece.place, (), self._uploads)
        upload = self._uploads[place]
        wanted = min(PIECE, self._sum.size - upload.words) * self._sum.itemsize
        if piece.index * PIECE != upload.words or not wanted:
            raise SecureMessageInvalid(piece.NAME, f"piece {piece.index} is not the next")
        if len(piece.words) != wanted:
            reason = f"it holds {len(piece.words)} bytes instead of {wanted}"
            raise SecureMessageInvalid(piece.NAME, reason)
        upload.append(piece.words, wanted // self._sum.itemsize)

    def _take_attestation(self, place: int, message: Attestation) -> None:
        self._check(message.NAME, place, message.place, self._attestations, self._survivors)
        transcript = attested(self._key_list, list(self._uploads), self._announcement)
        if not self._verify(self._agreement.members[place], transcript, message.signature):
            raise SecureMessageInvalid(message.NAME, "it signs something else")
        self._attestations[place] = message.signature

    def _take_reveal(self, place: int, message: Reveal) -> None:
        self._check(message.NAME, place, message.place, self._reveals, self._attestations)
        lost = [owner for owner, _ in message.lost]
        kept = [owner for owner, _ in message.kept]
        if lost != self._lost() or kept != self._survivors:
            raise SecureMessageInvalid(message.NAME, "it is of other clients than was asked")
        self._reveals[place] = message

    def _check(
        self,
        name: str,
        sender: int,
        claimed: int,
        before: Container[int],
        awaited: Container[int] | None = None,
    ) -> None:
        if claimed != sender:
            raise SecureMessageInvalid(name, f"client {sender} sent it as client {claimed}")
        if awaited is not None and sender not in awaited:
            raise SecureMessageInvalid(name, f"client {sender} had dropped out")
        if sender in before:
            raise SecureMessageInvalid(name, f"client {sender} sent one already")

    def _lost(self) -> list[int]:
        return [place for place in self._uploads if place not in self._survivors]

    def _masks_of_the_sum(self) -> Masks:
        """What the survivors' masks leave on the sum, the other way round."""
        masks = Masks(self._agreement.coding.bits)
        for owner in self._survivors:
            seed = self._recovered_seed(owner)
            masks.subtract(keys.derived(seed, b"self", self._session, owner))
        for owner in self._lost():
            secret = self._recovered_secret(owner)
            for survivor in self._survivors:
                pair = (min(owner, survivor), max(owner, survivor))
                common = keys.agreed_secret(secret, self._adverts[survivor].mask_key)
                key = keys.derived(common, b"pair", self._session, *pair)
                (masks.subtract if survivor < owner else masks.add)(key)
        return masks

    def _recovered_seed(self, owner: int) -> bytes:
        wanted = self._adverts[owner].commitment
        found = shares.combine(
            {place: dict(reveal.kept)[owner] for place, reveal in self._reveals.items()},
            self._agreement.threshold,
            lambda seed: commitment(seed, self._session, owner) == wanted,
        )
        if found is None:
            raise ShareDamaged(owner, "self mask")
        return found

    def _recovered_secret(self, owner: int) -> bytes:
        wanted = self._adverts[owner].mask_key
        found = shares.combine(
            {place: dict(reveal.lost)[owner] for place, reveal in self._reveals.items()},
            self._agreement.threshold,
            lambda secret: encryption_public_key(secret) == wanted,
        )
        if found is None:
            raise ShareDamaged(owner, "mask secret")
        return found


class _Upload:
    """A vector on its way: on disk, so that many at a time need no memory."""

    def __init__(self) -> None:
        self.words = 0
        self._file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115  # closed by close()

    def append(self, raw: bytes, words: int) -> None:
        self._file.write(raw)
        self.words += words

    def add_to(self, total: Words) -> None:
        self._file.seek(0)
        for start in range(0, total.size, PIECE):
            part = total[start : start + PIECE]
            part += np.frombuffer(self._file.read(part.nbytes), total.dtype)

    def close(self) -> None:
        self._file.close()
