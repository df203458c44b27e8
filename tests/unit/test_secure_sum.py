"""Secure sums: what comes out, whoever drops out and whenever."""

from __future__ import annotations

import random
from itertools import combinations, combinations_with_replacement
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from secure_support import (
    HEAVIEST,
    LIMIT,
    Rounds,
    agreement,
    clients,
    exact_sum,
    identities,
    updates,
    weight_of,
)

from decentralml.chain.keys import development_key, verify
from decentralml.errors import (
    NotInvited,
    OutOfTurn,
    StructureMismatch,
    TooFewClients,
    ValueOutOfRange,
)
from decentralml.learning.privacy.secure.agreement import Agreement, usual_threshold
from decentralml.learning.privacy.secure.client import Client
from decentralml.learning.privacy.secure.driver import Round, run
from decentralml.learning.privacy.secure.fixed_point import FixedPoint
from decentralml.learning.privacy.secure.keys import Ed25519Identity
from decentralml.learning.privacy.secure.masks import PIECE
from decentralml.learning.privacy.secure.server import Server
from decentralml.learning.sources import ArraySource
from decentralml.learning.tensors import TensorFile

STAYS = len(Round)


def check(count: int, threshold: int, last: tuple[int, ...], size: int = 2) -> None:
    """The sum is exactly that of those who masked, or there is none and the step is named."""
    made = updates(count, size)
    terms = agreement(made, threshold)
    silent = {place: Round(step) for place, step in enumerate(last) if step < STAYS}
    left = [sum(step > now for step in last) for now in Round]
    server = Server(terms)
    if min(left) < threshold:
        step = next(now for now in Round if left[now] < threshold)
        with pytest.raises(TooFewClients) as caught:
            run(server, clients(terms, made), silent)
        assert (caught.value.present, caught.value.threshold) == (left[step], threshold)
        with pytest.raises(OutOfTurn):
            server.unmask()
        return
    total = run(server, clients(terms, made), silent)
    places = [place for place, step in enumerate(last) if step > Round.MASK]
    assert list(total.survivors) == places
    assert total.weight == sum(map(weight_of, places))
    for name in terms.tensors:
        exact = exact_sum(terms, made, places, name)
        assert (total.sum(name) * 2.0**terms.coding.fraction == exact).all(), name
        mean = sum(made[p][name] * float(weight_of(p)) for p in places) / total.weight
        assert np.allclose(total.mean(name), mean, atol=2.0**-terms.coding.fraction)
        assert total.mean(name).shape == made[0][name].shape


def test_four_clients_leave_at_any_rounds() -> None:
    order = random.Random(3)
    for steps in combinations_with_replacement(range(STAYS + 1), 4):
        check(4, 3, tuple(order.sample(steps, 4)))


def test_any_two_of_five_clients_leave_at_any_rounds() -> None:
    order = random.Random(5)
    for pair in combinations(range(5), 2):
        for steps in combinations_with_replacement(Round, 2):
            last = [STAYS] * 5
            for place, step in zip(pair, order.sample(steps, 2), strict=True):
                last[place] = step
            check(5, 3, tuple(last))


def test_a_client_lost_in_the_middle_of_its_vector_is_not_in_the_sum() -> None:
    check(4, 3, (STAYS, Round.MASK, STAYS, STAYS), size=PIECE)


@settings(max_examples=25, deadline=None)
@given(
    st.data(),
    st.sampled_from([32, 64]),
    st.integers(2, 5),
    st.floats(1e-3, 1e6),
    st.integers(1, 10_000),
)
def test_the_sum_is_the_plain_sum_up_to_rounding(
    data: st.DataObject, bits: int, count: int, limit: float, heaviest: int
) -> None:
    coding = FixedPoint.finest(bits, limit, heaviest, count)
    values = st.lists(st.floats(-limit, limit), min_size=3, max_size=3)
    made = [{"x": np.array(data.draw(values))} for _ in range(count)]
    weights = [data.draw(st.integers(1, heaviest)) for _ in range(count)]
    keys = identities(count)
    specs = dict(ArraySource(made[0]).specs)
    members = tuple(key.public_key for key in keys)
    terms = Agreement(bytes(32), members, usual_threshold(count), coding, specs)
    assert Agreement.decode(terms.encode()) == terms
    parts = zip(keys, made, weights, strict=True)
    total = run(Server(terms), [Client(terms, k, ArraySource(u), w) for k, u, w in parts])
    plain = sum(u["x"] * w for u, w in zip(made, weights, strict=True))
    slack = count * 2.0**-coding.fraction + count * limit * heaviest * 2.0**-49
    assert np.abs(total.sum("x") - plain).max() <= slack
    assert total.weight == sum(weights)


def test_a_vector_of_many_pieces_comes_through() -> None:
    check(3, 2, (STAYS, STAYS, STAYS), size=PIECE + 3)


@pytest.mark.parametrize("elements", [PIECE - 1, PIECE, 1])
def test_vectors_that_end_with_a_piece_and_tensors_without_elements(elements: int) -> None:
    made = [{"x": np.ones(elements, np.float32), "none": np.empty((0, 3))} for _ in range(2)]
    terms = agreement(made, 2)
    total = run(Server(terms), clients(terms, made))
    assert (total.mean("x") == 1).all()
    assert total.mean("none").shape == (0, 3)


def test_brain_floats_are_read_from_a_file(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file({"x": torch.tensor([1.5, -2.0], dtype=torch.bfloat16)}, tmp_path / "u.safetensors")
    file = TensorFile.open(tmp_path / "u.safetensors")
    keys = identities(2)
    members = tuple(key.public_key for key in keys)
    coding = FixedPoint.finest(32, LIMIT, 1, 2)
    terms = Agreement(bytes(32), members, 2, coding, dict(file.specs))
    total = run(Server(terms), [Client(terms, key, file, 1) for key in keys])
    assert total.mean("x").tolist() == [1.5, -2.0]


def test_accounts_of_the_chain_can_sign() -> None:
    keys = [development_key(f"//{name}") for name in ("Alice", "Bob")]
    made = updates(2)
    coding = FixedPoint.finest(64, LIMIT, 1, 2)
    specs = dict(ArraySource(made[0]).specs)
    terms = Agreement(bytes(32), tuple(key.public_key for key in keys), 2, coding, specs)
    taking_part = [
        Client(terms, key, ArraySource(update), 1, verify)
        for key, update in zip(keys, made, strict=True)
    ]
    total = run(Server(terms, verify), taking_part)
    assert np.allclose(total.sum("weight"), made[0]["weight"] + made[1]["weight"])


def test_a_client_takes_each_step_once_and_in_order() -> None:
    rounds = Rounds(3, 2)
    proof = rounds.proof()
    client = rounds.clients[0]
    client.reveal(proof)
    for step in (client.share, client.mask, client.attest, client.reveal):
        with pytest.raises(OutOfTurn):
            step(proof)
    with pytest.raises(OutOfTurn):
        client.advertise()


def test_a_client_that_could_not_mask_all_signs_nothing() -> None:
    rounds = Rounds(3, 2, size=PIECE)
    delivery = rounds.deliveries()[0]
    pieces = rounds.clients[0].mask(delivery)
    next(pieces)
    with pytest.raises(OutOfTurn):
        rounds.clients[0].attest(b"")
    rounds.made[0]["weight"][-1] = np.nan  # the file changed meanwhile
    with pytest.raises(ValueOutOfRange):
        list(pieces)
    with pytest.raises(OutOfTurn):
        rounds.clients[0].attest(b"")


def test_who_is_not_invited_is_told_its_key() -> None:
    made = updates(2)
    stranger = Ed25519Identity()
    with pytest.raises(NotInvited, match=stranger.public_key.hex()):
        Client(agreement(made, 2), stranger, ArraySource(made[0]), 1)


def test_another_structure_names_the_tensor() -> None:
    made = updates(2)
    other = {**made[0], "bias": np.zeros(2)}
    with pytest.raises(StructureMismatch, match="'bias' should be F64 \\[\\] and is F64 \\[2\\]"):
        Client(agreement(made, 2), identities(2)[0], ArraySource(other), 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -LIMIT * 1.001, 2 * LIMIT])
def test_a_number_beyond_the_range_is_named_before_anything_is_sent(bad: float) -> None:
    made = updates(2)
    made[0]["weight"][3, 1] = bad
    with pytest.raises(ValueOutOfRange, match="'weight'") as caught:
        Client(agreement(made, 2), identities(2)[0], ArraySource(made[0]), HEAVIEST)
    assert caught.value.limit == LIMIT
