"""Secure sums with a server that lies, and clients that cheat: each is caught, nothing is given."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from secure_support import Rounds, agreement, clients, exact_sum, updates

from decentralml.errors import (
    OutOfTurn,
    PeerRefused,
    SecureMessageInvalid,
    ServerLies,
    ShareDamaged,
    SumImplausible,
    TooFewClients,
)
from decentralml.learning.privacy.secure.client import Client
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
from decentralml.learning.privacy.secure.server import Server


def gives_nothing_more(client: Client) -> None:
    for step in (client.share, client.mask, client.attest, client.reveal):
        with pytest.raises(OutOfTurn):
            step(b"")


class TestServer:
    @pytest.mark.parametrize("shown", [*combinations(range(4), 3), (0, 1, 2, 3)])
    def test_two_sets_of_survivors_never_get_both_secrets_of_a_client(
        self, shown: tuple[int, ...]
    ) -> None:
        """It tells two clients that client 2 survived, and two that it is lost."""
        rounds = Rounds(4, 3)
        session = rounds.terms.digest()
        for place, delivery in rounds.deliveries().items():
            list(rounds.clients[place].mask(delivery))
        survived, lost = Survivors(session, (0, 1, 2, 3)), Survivors(session, (0, 1, 3))
        signed = {
            place: Attestation.decode(rounds.clients[place].attest(told.encode()), session)
            for place, told in {0: survived, 1: lost, 2: survived, 3: lost}.items()
        }
        proof = Proof(session, tuple((place, signed[place].signature) for place in shown))
        for client in rounds.clients:
            with pytest.raises(ServerLies, match="did not sign the survivors"):
                client.reveal(proof.encode())
            gives_nothing_more(client)

    def test_too_few_signatures_reveal_nothing(self) -> None:
        rounds = Rounds(4, 3)
        session = rounds.terms.digest()
        whole = Proof.decode(rounds.proof(), session)
        with pytest.raises(TooFewClients):
            rounds.clients[0].reveal(replace(whole, signatures=whole.signatures[:2]).encode())
        gives_nothing_more(rounds.clients[0])

    def test_signatures_of_the_lost_or_of_another_sum_do_not_count(self) -> None:
        rounds = Rounds(4, 3)
        session = rounds.terms.digest()
        whole = Proof.decode(rounds.proof(lost=(3,)), session)
        again = Rounds(4, 3)  # the same members agree on the same once more, with fresh keys
        told = again.survivors(lost=(3,))
        for client in again.clients[:3]:
            client.attest(told)
        with pytest.raises(ServerLies):
            again.clients[0].reveal(whole.encode())
        stranger = (*whole.signatures, (3, whole.signatures[0][1]))
        with pytest.raises(ServerLies, match="client 3"):
            rounds.clients[0].reveal(replace(whole, signatures=stranger).encode())

    def test_key_lists_that_differ_are_found_before_anything_is_revealed(self) -> None:
        """A client that the server hides from one other: their masks would not cancel."""
        rounds = Rounds(4, 3)
        session = rounds.terms.digest()
        whole = KeyList.decode(rounds.keys(), session)
        short = replace(whole, adverts=whole.adverts[:3])
        sealed = {
            client.place: dict(
                SealedShares.decode(
                    client.share((short if client.place == 0 else whole).encode()), session
                ).fields
            )
            for client in rounds.clients
        }
        told = Survivors(session, (0, 1, 2)).encode()
        signed = []
        for client in rounds.clients[:3]:
            senders = [p for p in range(3 if client.place == 0 else 4) if p != client.place]
            fields = tuple(
                (p, sealed[p][client.place]) for p in senders if client.place in sealed[p]
            )
            list(client.mask(Delivery(session, client.place, fields).encode()))
            signed.append(
                (client.place, Attestation.decode(client.attest(told), session).signature)
            )
        for client in rounds.clients[:3]:
            with pytest.raises(ServerLies):
                client.reveal(Proof(session, tuple(signed)).encode())

    @pytest.mark.parametrize(
        ("places", "error", "reason"),
        [
            ((0, 1), TooFewClients, "2 clients"),
            ((1, 2, 3), ServerLies, "left this client's vector out"),
            ((0, 1, 2, 9), ServerLies, "shared no secrets"),
        ],
    )
    def test_survivors_that_cannot_be(
        self, places: tuple[int, ...], error: type[Exception], reason: str
    ) -> None:
        rounds = Rounds(4, 3)
        rounds.survivors()
        with pytest.raises(error, match=reason):
            rounds.clients[0].attest(Survivors(rounds.terms.digest(), places).encode())
        gives_nothing_more(rounds.clients[0])

    def test_keys_that_it_made_itself_are_not_signed(self) -> None:
        rounds = Rounds(3, 2)
        whole = KeyList.decode(rounds.keys(), rounds.terms.digest())
        forged = replace(whole.adverts[2], mask_key=bytes(31) + b"\x09")
        cheat = replace(whole, adverts=(*whole.adverts[:2], forged))
        with pytest.raises(PeerRefused, match=r"client 2 .*: its keys are not signed"):
            rounds.clients[0].share(cheat.encode())
        with pytest.raises(ServerLies, match="as this client's"):
            rounds.clients[2].share(cheat.encode())
        with pytest.raises(TooFewClients):
            rounds.clients[1].share(replace(whole, adverts=whole.adverts[1:2]).encode())

    def test_clients_that_were_shown_different_agreements_refuse_each_other(self) -> None:
        """Another start model, for one, would make its update stand out of the sum."""
        made = updates(3)
        honest = agreement(made, 2)
        other = agreement(made, 2, context=bytes(32))
        adverts = [client.advertise() for client in clients(honest, made)[:2]]
        misled = clients(other, made)[2]
        foreign = Advert.decode(misled.advertise(), other.digest())
        server = Server(honest)
        for place, advert in enumerate(adverts):
            server.receive(place, advert)
        with pytest.raises(SecureMessageInvalid, match="another secure sum"):
            server.receive(2, foreign.encode())
        with pytest.raises(PeerRefused, match=r"client 2 .*: its keys are not signed"):
            server.receive(2, replace(foreign, session=honest.digest()).encode())

    def test_shares_delivered_to_the_wrong_client(self) -> None:
        rounds = Rounds(3, 2)
        deliveries = rounds.deliveries()
        with pytest.raises(ServerLies, match="belongs to another"):
            rounds.clients[0].mask(deliveries[1])
        session = rounds.terms.digest()
        turned = replace(Delivery.decode(deliveries[2], session), place=1)
        with pytest.raises((ServerLies, PeerRefused)):
            rounds.clients[1].mask(turned.encode())
        own = Delivery(session, 2, ((2, bytes(80)),))
        with pytest.raises(ServerLies, match="not among the others"):
            rounds.clients[2].mask(own.encode())


class TestClients:
    def test_a_tampered_share_names_its_sender(self) -> None:
        rounds = Rounds(3, 2)
        session = rounds.terms.digest()
        message = Delivery.decode(rounds.deliveries()[0], session)
        sender, sealed = message.fields[1]
        broken = (message.fields[0], (sender, sealed[:-1] + bytes([sealed[-1] ^ 1])))
        with pytest.raises(PeerRefused, match=f"client {sender} .* do not open"):
            rounds.clients[0].mask(replace(message, fields=broken).encode())
        gives_nothing_more(rounds.clients[0])

    def test_one_wrong_share_in_a_reveal_does_no_harm_and_too_many_name_the_owner(self) -> None:
        for wrong, sound in ((1, True), (2, False)):
            rounds = Rounds(5, 3)
            session = rounds.terms.digest()
            proof = rounds.proof(lost=(4,))
            for client in rounds.clients[:4]:
                reveal = Reveal.decode(client.reveal(proof), session)
                if client.place < wrong:
                    kept = ((0, bytes(32)), *reveal.kept[1:])
                    reveal = replace(reveal, lost=((4, bytes(32)),), kept=kept)
                rounds.server.receive(client.place, reveal.encode())
            if sound:
                total = rounds.server.unmask()
                scale = 2.0**rounds.terms.coding.fraction
                exact = exact_sum(rounds.terms, rounds.made, range(4), "weight")
                assert (total.sum("weight") * scale == exact).all()
            else:
                with pytest.raises(ShareDamaged, match="client 0's self mask") as caught:
                    rounds.server.unmask()
                assert caught.value.owner == 0

    def test_keys_of_low_order_or_there_twice_are_refused(self) -> None:
        rounds = Rounds(3, 2)
        first, second, third = rounds.clients
        rounds.server.receive(0, first.advertise())
        session = rounds.terms.digest()
        mine = Advert.decode(second.advertise(), session)
        for cipher_key, reason in ((bytes(32), "low order"), (mine.mask_key, "twice")):
            cheat = replace(mine, cipher_key=cipher_key)
            signature = second._identity.sign(cheat.signed())
            with pytest.raises(PeerRefused, match=reason):
                rounds.server.receive(1, replace(cheat, signature=signature).encode())
        rounds.server.receive(1, mine.encode())
        theirs = Advert.decode(third.advertise(), session)
        cheat = replace(theirs, mask_key=mine.mask_key)
        with pytest.raises(PeerRefused, match="twice"):
            signature = third._identity.sign(cheat.signed())
            rounds.server.receive(2, replace(cheat, signature=signature).encode())

    def test_messages_as_another_twice_late_or_out_of_order(self) -> None:
        rounds = Rounds(3, 2)
        advert = rounds.clients[0].advertise()
        with pytest.raises(SecureMessageInvalid, match="client 1 sent it as client 0"):
            rounds.server.receive(1, advert)
        rounds.server.receive(0, advert)
        with pytest.raises(SecureMessageInvalid, match="sent one already"):
            rounds.server.receive(0, advert)
        rounds.server.receive(1, rounds.clients[1].advertise())
        late = rounds.clients[2].advertise()
        rounds.server.publish_keys()
        with pytest.raises(SecureMessageInvalid, match="another kind"):
            rounds.server.receive(2, late)
        session = rounds.terms.digest()
        with pytest.raises(SecureMessageInvalid, match="dropped out"):
            rounds.server.receive(2, SealedShares(session, 2, ()).encode())
        with pytest.raises(SecureMessageInvalid, match="each of the others"):
            rounds.server.receive(1, SealedShares(session, 1, ()).encode())
        with pytest.raises(OutOfTurn):
            rounds.server.unmask()

    def test_pieces_too_short_too_many_or_not_the_next(self) -> None:
        rounds = Rounds(3, 2)
        session = rounds.terms.digest()
        (piece,) = rounds.clients[0].mask(rounds.deliveries()[0])
        sound = MaskedPiece.decode(piece, session)
        for cheat, reason in (
            (replace(sound, index=1), "not the next"),
            (replace(sound, words=sound.words[:-4]), "instead of"),
            (replace(sound, words=sound.words + bytes(4)), "instead of"),
        ):
            with pytest.raises(SecureMessageInvalid, match=reason):
                rounds.server.receive(0, cheat.encode())
        rounds.server.receive(0, piece)
        with pytest.raises(SecureMessageInvalid, match="not the next"):
            rounds.server.receive(0, piece)

    def test_an_attestation_or_a_reveal_of_something_else(self) -> None:
        rounds = Rounds(4, 3)
        session = rounds.terms.digest()
        told = rounds.survivors(lost=(3,))
        with pytest.raises(SecureMessageInvalid, match="signs something else"):
            rounds.server.receive(0, Attestation(session, 0, bytes(64)).encode())
        for client in rounds.clients[:3]:
            rounds.server.receive(client.place, client.attest(told))
        proof = rounds.server.prove_survivors()[0]
        reveal = Reveal.decode(rounds.clients[0].reveal(proof), session)
        for cheat in (replace(reveal, lost=()), replace(reveal, kept=reveal.kept[1:])):
            with pytest.raises(SecureMessageInvalid, match="other clients than was asked"):
                rounds.server.receive(0, cheat.encode())

    def test_a_client_that_does_not_keep_to_the_coding_spoils_no_sum_unseen(self) -> None:
        for word, what in ((0, "weights"), (1, "'weight'")):
            rounds = Rounds(3, 2)
            session = rounds.terms.digest()
            for place, delivery in rounds.deliveries().items():
                (raw,) = rounds.clients[place].mask(delivery)
                piece = MaskedPiece.decode(raw, session)
                words = np.frombuffer(piece.words, "<u4").copy()
                words[word : word + 1] += np.uint32(0x7000_0000 * (place == 1))
                rounds.server.receive(place, replace(piece, words=words.tobytes()).encode())
            told = rounds.server.announce_survivors()
            for client in rounds.clients:
                rounds.server.receive(client.place, client.attest(told[client.place]))
            proof = rounds.server.prove_survivors()
            for client in rounds.clients:
                rounds.server.receive(client.place, client.reveal(proof[client.place]))
            with pytest.raises(SumImplausible, match=what):
                rounds.server.unmask()
