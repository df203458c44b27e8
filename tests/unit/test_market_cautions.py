"""What a creator is told about its terms before its money is in escrow."""

from __future__ import annotations

import pytest

from decentralml.market.creating.cautions import of_collusion, of_copies
from decentralml.market.creating.offer import HOUR, Offer
from decentralml.types import UNIT, Address, TaskType


def test_without_a_challenge_time_a_fee_of_a_twentieth_tempts_a_third_of_the_office() -> None:
    (caution,) = of_collusion(Offer(reward=40 * UNIT, fee=2 * UNIT), 13)
    assert "--challenge-time" in caution


def test_with_a_challenge_time_the_same_fee_tempts_nobody() -> None:
    assert of_collusion(Offer(reward=40 * UNIT, fee=2 * UNIT, challenge_time=HOUR), 13) == []


def test_a_fee_too_small_even_with_a_challenge_time_is_named_with_what_would_do() -> None:
    (caution,) = of_collusion(Offer(reward=400 * UNIT, fee=UNIT, challenge_time=HOUR), 13)
    assert "at least 0.7 % of the reward" in caution


@pytest.mark.parametrize("office", [0, 1, 3])
def test_where_everybody_in_office_judges_there_is_nothing_to_draw(office: int) -> None:
    assert of_collusion(Offer(reward=40 * UNIT, fee=0), office) == []


def test_a_reward_in_another_asset_has_no_price_to_compare_the_fee_with() -> None:
    assert of_collusion(Offer(reward=40 * UNIT, fee=1, asset=7), 13) == []


@pytest.mark.parametrize(
    ("offer", "task_type", "replayed", "warned"),
    [
        (Offer(1, 1, results=3), TaskType.MODEL_CONTRIBUTOR, False, True),
        (Offer(1, 1, results=1), TaskType.MODEL_CONTRIBUTOR, False, False),
        (Offer(1, 1, results=3), TaskType.MODEL_CONTRIBUTOR, True, False),
        (Offer(1, 1, results=3), TaskType.DATA_ANNOTATORS, False, False),
        (Offer(1, 1, results=3, invited_only=True), TaskType.MODEL_ENGINEER, False, False),
        (Offer(1, 1, results=3, invited=(Address("5F"),)), TaskType.MODEL_ENGINEER, False, False),
    ],
)
def test_one_training_can_be_sold_twice_only_where_anybody_may_send_without_replay(
    offer: Offer, task_type: TaskType, replayed: bool, warned: bool
) -> None:
    assert bool(of_copies(offer, task_type, replayed)) is warned
