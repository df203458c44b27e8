"""What ``list-tasks`` was told to look for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from decentralml.cli.units import parse_amount
from decentralml.db.filters import NATIVE, TaskFilter
from decentralml.types import ModelType, TaskStatus, TaskType

if TYPE_CHECKING:
    from decentralml.market.session import Session

NATIVE_NAME = "native"


def wanted_tasks(
    session: Session,
    open_only: bool,
    *,
    types: tuple[str, ...],
    model_types: tuple[str, ...],
    statuses: tuple[str, ...],
    creator: str | None,
    asset: str | None,
    min_reward: str | None,
    max_reward: str | None,
    search: str | None,
) -> TaskFilter:
    """The filter of the options; amounts are read in the asset's own units.

    Raises
    ------
    click.BadParameter, UnknownAsset
    """
    chosen = _asset(asset)
    return TaskFilter(
        task_types=tuple(map(TaskType, types)),
        model_types=tuple(map(ModelType, model_types)),
        statuses=tuple(map(TaskStatus, statuses)),
        creator=None if creator is None else session.resolve(creator),
        # An amount says nothing without a unit: without an asset it is of the chain's token.
        asset=NATIVE if chosen is None and (min_reward or max_reward) else chosen,
        reward_from=_amount(session, "--min-reward", min_reward, chosen),
        reward_to=_amount(session, "--max-reward", max_reward, chosen),
        words=_words(search),
        open_at=session.chain.now() if open_only else None,
    )


def _asset(text: str | None) -> int | None:
    if text is None:
        return None
    if text.lower() == NATIVE_NAME:
        return NATIVE
    if not text.isdecimal() or int(text) >= 1 << 32:
        raise click.BadParameter(f"{text!r} is no asset's number, nor {NATIVE_NAME!r}")
    return int(text)


def _amount(session: Session, option: str, text: str | None, asset: int | None) -> int | None:
    if text is None:
        return None
    try:
        if asset is None or asset == NATIVE:
            return parse_amount(text)
        from decentralml.market.assets import find_asset

        return parse_amount(text, find_asset(session, asset).decimals)
    except ValueError as error:
        raise click.BadParameter(f"{error}", param_hint=option) from None


def _words(text: str | None) -> str | None:
    if text is not None and not any(character.isalnum() for character in text):
        raise click.BadParameter("there is no word in it to look for", param_hint="--search")
    return text
