"""What a refusal looks like, and what it cost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from decentralml.errors import DecentralMLError
from decentralml.market.session import Session


def refused(work: Callable[[], object], kind: type[DecentralMLError], *words: str) -> None:
    """One error, of this kind, on one line, with these words."""
    with pytest.raises(kind) as caught:
        work()
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message


def spent(session: Session, work: Callable[[], object]) -> int:
    """Planck that a session's account has less after some work."""
    before = session.chain.balance(session.address).total
    work()
    return before - session.chain.balance(session.address).total
