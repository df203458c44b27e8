"""The parts of a secure sum: coding, masks, shares, messages."""

from __future__ import annotations

import itertools
import os
import tracemalloc
from collections import Counter
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from secure_support import CONTEXT, Rounds, agreement, clients, identities, updates

from decentralml.bundles.manifest import TensorSpec
from decentralml.errors import (
    BadPrivacy,
    DecentralMLError,
    SecureMessageInvalid,
    SumImplausible,
    UnmergeableType,
)
from decentralml.learning.privacy.secure import codec, shares
from decentralml.learning.privacy.secure.agreement import Agreement, usual_threshold
from decentralml.learning.privacy.secure.client import Client
from decentralml.learning.privacy.secure.driver import run
from decentralml.learning.privacy.secure.fixed_point import FixedPoint
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
from decentralml.learning.privacy.secure.server import Server

SESSION = bytes(range(32))


class TestFixedPoint:
    @given(
        st.sampled_from([32, 64]),
        st.floats(1e-6, 1e9),
        st.integers(1, 2**20),
        st.integers(1, 128),
    )
    def test_the_finest_coding_has_room_and_one_place_more_has_not(
        self, bits: int, limit: float, heaviest: int, clients: int
    ) -> None:
        try:
            coding = FixedPoint.finest(bits, limit, heaviest, clients)
        except BadPrivacy:
            with pytest.raises(BadPrivacy):
                FixedPoint(bits, -63, limit, heaviest, clients)
            return
        worst = coding.encode(np.array([limit, -limit]), heaviest, "x")
        summed = np.zeros_like(worst)
        for _ in range(clients):
            summed += worst
        coding.check_sum(summed, clients, "x")
        assert np.allclose(
            coding.decode(summed),
            np.array([limit, -limit]) * heaviest * clients,
            atol=clients * 2.0**-coding.fraction,
        )
        if coding.fraction < 63:
            with pytest.raises(BadPrivacy, match="fewer binary places"):
                FixedPoint(bits, coding.fraction + 1, limit, heaviest, clients)

    @pytest.mark.parametrize(
        ("changed", "named"),
        [
            ({"bits": 16}, "width"),
            ({"fraction": 64}, "fraction"),
            ({"fraction": 30}, "33 bits of 32|34 bits of 32|35 bits of 32|36 bits of 32"),
            ({"limit": float("nan")}, "range"),
            ({"limit": 0.0}, "range"),
            ({"limit": float("inf")}, "range"),
            ({"heaviest": 0}, "largest weight"),
            ({"heaviest": 2**31}, "largest weight"),
            ({"clients": 0}, "number of clients"),
        ],
    )
    def test_settings_out_of_range_are_named(self, changed: dict[str, Any], named: str) -> None:
        sound: dict[str, Any] = {
            "bits": 32, "fraction": 10, "limit": 2.0, "heaviest": 1, "clients": 4,
        }  # fmt: skip
        FixedPoint(**sound)
        with pytest.raises(BadPrivacy, match=named):
            FixedPoint(**{**sound, **changed})

    @pytest.mark.parametrize("weight", [0, -1, 11, 2.5, True])
    def test_weights_are_whole_and_within_the_agreement(self, weight: Any) -> None:
        with pytest.raises(BadPrivacy, match="weight"):
            FixedPoint(32, 0, 1.0, 10, 2).checked_weight(weight)

    def test_sums_that_cannot_be_are_named(self) -> None:
        coding = FixedPoint(32, 8, 2.0, 10, 4)
        beyond = np.array([0, 3 * coding.largest + 1], np.uint32)
        coding.check_sum(beyond, 4, "x")
        with pytest.raises(SumImplausible, match="'x'"):
            coding.check_sum(beyond, 3, "x")
        with pytest.raises(SumImplausible, match="'x'"):
            coding.check_sum(np.array([1 << 31], np.uint32), 4, "x")
        with pytest.raises(SumImplausible, match="weights"):
            coding.decode_weight(31, 3)


class TestMasks:
    @pytest.mark.parametrize("bits", [32, 64])
    def test_what_is_added_is_taken_off_again(self, bits: int) -> None:
        key, other = os.urandom(32), os.urandom(32)
        words = np.arange(2 * PIECE, dtype=f"<u{bits // 8}")
        plain = words.copy()
        on, off = Masks(bits), Masks(bits)
        for masks, name in ((on, "add"), (off, "subtract")):
            getattr(masks, name)(key)
            getattr(masks, name)(other)
        for masks in (on, off):
            for half in (words[:PIECE], words[PIECE:]):
                masks.apply(half)
            if masks is on:
                assert (words != plain).mean() > 0.99
        assert (words == plain).all()

    def test_a_mask_is_the_published_key_stream(self) -> None:
        """RFC 8439, A.1, test vector 1: key and nonce zero, counter zero."""
        masks = Masks(32)
        masks.add(bytes(32))
        words = np.zeros(4, "<u4")
        masks.apply(words)
        assert words.tobytes().hex() == "76b8e0ada0f13d90405d6ae55386bd28"

    def test_one_masked_vector_tells_nothing(self) -> None:
        """Each byte value of a masked vector of zeros, and each bit, is as frequent as chance."""
        made = [{"x": np.zeros(1 << 18, np.float32)} for _ in range(3)]
        terms = agreement(made, 2)
        taking_part = clients(terms, made)
        seen: dict[int, bytes] = {client.place: b"" for client in taking_part}
        receive = Server.receive

        class Curious(Server):
            def receive(self, place: int, data: bytes) -> None:
                receive(self, place, data)
                try:
                    seen[place] += MaskedPiece.decode(data, terms.digest()).words
                except SecureMessageInvalid:
                    return

        total = run(Curious(terms), taking_part)
        assert not total.sum("x").any()
        for words in seen.values():
            counts = Counter(words)
            wanted = len(words) / 256
            chi = sum((counts[value] - wanted) ** 2 / wanted for value in range(256))
            assert 120 < chi < 420  # 255 degrees of freedom; beyond six deviations
            bits = np.unpackbits(np.frombuffer(words, np.uint8)).reshape(-1, 32).mean(axis=0)
            assert (np.abs(bits - 0.5) < 6 * 0.5 / (1 << 18) ** 0.5).all()
        first, second = (np.frombuffer(seen[place], "<u4") / 2.0**32 for place in (0, 1))
        assert abs(np.corrcoef(first, second)[0, 1]) < 6 / (1 << 18) ** 0.5


class TestShares:
    @settings(max_examples=10, deadline=None)
    @given(st.binary(min_size=32, max_size=32), st.integers(2, 5), st.data())
    def test_any_enough_shares_give_the_secret_and_fewer_do_not(
        self, secret: bytes, threshold: int, data: st.DataObject
    ) -> None:
        parts = shares.split(secret, threshold, 5)
        chosen = data.draw(st.permutations(range(5)))[:threshold]
        held = {place: parts[place] for place in chosen}
        assert shares.combine(held, threshold, secret.__eq__) == secret
        del held[chosen[0]]
        assert shares.combine(held, threshold, lambda _: True) is None
        if threshold > 2:
            assert shares.combine(held, threshold - 1, secret.__eq__) is None

    def test_a_wrong_share_does_no_harm_where_there_are_more(self) -> None:
        secret = os.urandom(32)
        for wrong in range(5):
            held = dict(enumerate(shares.split(secret, 3, 5)))
            held[wrong] = bytes(32)
            assert shares.combine(held, 3, secret.__eq__) == secret

    @pytest.mark.parametrize("secret", [bytes(32), bytes(31) + b"\1", b"\xff" * 32])
    def test_secrets_with_zeros_come_back_whole(self, secret: bytes) -> None:
        held = dict(enumerate(shares.split(secret, 2, 3)))
        assert shares.combine(held, 2, secret.__eq__) == secret


ADVERT = Advert(SESSION, 1, b"a" * 32, b"b" * 32, b"c" * 32, b"d" * 64)
MESSAGES = [
    ADVERT,
    KeyList(SESSION, (ADVERT, Advert(SESSION, 3, b"e" * 32, b"f" * 32, b"g" * 32, b"h" * 64))),
    SealedShares(SESSION, 0, ((1, b"x" * 80), (2, b"y" * 80))),
    Delivery(SESSION, 0, ((1, b"x" * 80),)),
    MaskedPiece(SESSION, 2, 7, b"words"),
    Survivors(SESSION, (0, 2, 3)),
    Attestation(SESSION, 1, b"s" * 64),
    Proof(SESSION, ((0, b"s" * 64), (2, b"t" * 64))),
    Reveal(SESSION, 1, ((0, b"l" * 32),), ((1, b"k" * 32), (2, b"m" * 32))),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.NAME)
class TestMessages:
    def test_it_comes_back_as_it_was(self, message: Any) -> None:
        assert type(message).decode(message.encode(), SESSION) == message

    def test_cut_off_longer_other_or_of_another_sum_is_named(self, message: Any) -> None:
        raw = message.encode()
        kind = len(codec.MAGIC)
        wrong = [raw[:cut] for cut in range(40)]
        wrong += [b"X" + raw[1:], raw[:kind] + b"\x63" + raw[kind + 1 :]]
        wrong.append(raw[: kind + 1] + bytes(32) + raw[kind + 33 :])
        if not isinstance(message, MaskedPiece):
            wrong += [raw + b"\0", raw[:-1]]
        for data in wrong:
            with pytest.raises(SecureMessageInvalid, match=message.NAME):
                type(message).decode(data, SESSION)

    def test_any_flipped_bit_is_read_strictly_or_refused(self, message: Any) -> None:
        """What is read at all, has one encoding: the bytes that were read."""
        raw = message.encode()
        for at in range(len(raw)):
            data = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
            try:
                assert type(message).decode(data, SESSION).encode() == data
            except SecureMessageInvalid:
                continue


def test_a_list_out_of_order_with_doubles_or_too_long_is_refused() -> None:
    for places in ([1, 0], [1, 1], [codec.MAX_CLIENTS], list(range(codec.MAX_CLIENTS + 1))):
        raw = codec.header(Survivors.KIND, SESSION) + codec.table([(p, b"") for p in places])
        with pytest.raises(SecureMessageInvalid, match="survivors"):
            Survivors.decode(raw, SESSION)


def test_a_piece_larger_than_any_is_refused() -> None:
    raw = MaskedPiece(SESSION, 0, 0, bytes(8 * PIECE + 1)).encode()
    with pytest.raises(SecureMessageInvalid, match="more than"):
        MaskedPiece.decode(raw, SESSION)


class TestAgreement:
    def test_any_cut_or_changed_agreement_is_named_or_has_another_digest(self) -> None:
        terms = agreement(updates(3), 2)
        raw = terms.encode()
        for at in range(len(raw)):
            for data in (raw[:at], raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]):
                try:
                    assert Agreement.decode(data).digest() != terms.digest()
                except DecentralMLError:
                    continue
        with pytest.raises(SecureMessageInvalid, match="too many"):
            Agreement.decode(raw + b"\0")

    @pytest.mark.parametrize(
        ("threshold", "sound"), [(0, False), (2, False), (3, True), (4, True), (5, False)]
    )
    def test_half_of_the_clients_must_never_be_enough(self, threshold: int, sound: bool) -> None:
        if sound:
            agreement(updates(4), threshold)
        else:
            with pytest.raises(BadPrivacy, match="threshold"):
                agreement(updates(4), threshold)

    def test_the_usual_threshold_withstands_a_third_of_the_clients(self) -> None:
        for count in range(2, codec.MAX_CLIENTS + 1):
            threshold = usual_threshold(count)
            assert threshold <= count
            assert 2 * threshold - count - 1 >= count // 3

    @pytest.mark.parametrize(
        ("changed", "error"),
        [
            ({"context": b"short"}, BadPrivacy),
            ({"members": (bytes(32),)}, BadPrivacy),
            ({"members": (bytes(32), bytes(31))}, BadPrivacy),
            ({"members": (bytes(32), bytes(32))}, BadPrivacy),
            ({"members": tuple(bytes([p]) * 32 for p in range(3))}, BadPrivacy),
            ({"tensors": {}}, BadPrivacy),
            ({"tensors": {"": TensorSpec("F32", ())}}, BadPrivacy),
            ({"tensors": {"x": TensorSpec("F32", (1 << 33,))}}, BadPrivacy),
            ({"tensors": {"x": TensorSpec("F32", (1,) * 17)}}, BadPrivacy),
            ({"tensors": {"x": TensorSpec("F8_E5M2", ())}}, UnmergeableType),
        ],
    )
    def test_terms_that_make_no_sense_are_named(
        self, changed: dict[str, Any], error: type[Exception]
    ) -> None:
        sound: dict[str, Any] = {
            "context": CONTEXT,
            "members": (bytes(32), b"\1" * 32),
            "threshold": 2,
            "coding": FixedPoint(32, 0, 1.0, 1, 2),
            "tensors": {"x": TensorSpec("F32", (2,))},
        }
        Agreement(**sound)
        with pytest.raises(error):
            Agreement(**{**sound, **changed})


def test_memory_does_not_grow_with_the_vector() -> None:
    class Zeros:
        specs: ClassVar = {"x": TensorSpec("F32", (64 * PIECE,))}  # 16 MiB

        def fill(self, name: str, start: int, buffer: memoryview) -> None:
            buffer[:] = bytes(len(buffer))

    keys = identities(2)
    members = tuple(key.public_key for key in keys)
    terms = Agreement(bytes(32), members, 2, FixedPoint.finest(32, 1.0, 1, 2), Zeros.specs)
    both = [Client(terms, key, Zeros(), 1) for key in keys]
    server = Server(terms)
    for client in both:
        server.receive(client.place, client.advertise())
    key_lists = server.publish_keys()
    for client in both:
        server.receive(client.place, client.share(key_lists[client.place]))
    deliveries = server.deliver_shares()
    tracemalloc.start()
    for client in both:
        for piece in client.mask(deliveries[client.place]):
            server.receive(client.place, piece)
    told = server.announce_survivors()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(told) == 2
    assert peak < 8 << 20


def test_no_two_masks_or_seals_of_a_sum_use_one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    from decentralml.learning.privacy.secure import keys

    asked: list[tuple[Any, ...]] = []
    derived = keys.derived

    def noting(secret: bytes, purpose: bytes, session: bytes, *places: int) -> bytes:
        asked.append((purpose, places))
        return derived(secret, purpose, session, *places)

    monkeypatch.setattr(keys, "derived", noting)
    rounds = Rounds(4, 3)
    rounds.survivors()
    counts = Counter(asked)
    pairs = list(itertools.combinations(range(4), 2))
    assert all(counts[b"pair", pair] == 2 for pair in pairs)  # both ends of it
    assert all(counts[b"shares", (a, b)] == counts[b"shares", (b, a)] == 2 for a, b in pairs)
    assert all(counts[b"self", (place,)] == 1 for place in range(4))
