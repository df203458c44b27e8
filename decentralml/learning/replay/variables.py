"""What a replayable script is told by its environment, whoever starts it.

| variable | | |
|---|---|---|
| ``DML_ORDER_SEED`` | always | 32 bytes in hexadecimal, see :mod:`.order` |
| ``DML_REPLAY`` | to replay | segments, such as ``3,17``; else the whole run is trained |
| ``DML_CHECKPOINTS`` | to replay | folder with the checkpoint at which each starts, but for 0 |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from decentralml.errors import NotReplayable, OrderSeedMissing
from decentralml.learning.replay.order import SEED_BYTES

ORDER_SEED = "DML_ORDER_SEED"
SEGMENTS = "DML_REPLAY"
CHECKPOINTS_MOUNT = "checkpoints"
"""Its folder's variable is ``DML_CHECKPOINTS``."""
CHECKPOINTS = f"DML_{CHECKPOINTS_MOUNT.upper()}"


def variables(order_seed: bytes, segments: Sequence[int] | None = None) -> dict[str, str]:
    """The variables for training a run, or for replaying some of its segments."""
    found = {ORDER_SEED: order_seed.hex()}
    if segments is not None:
        found[SEGMENTS] = ",".join(map(str, segments))
    return found


def read_order_seed(environment: Mapping[str, str]) -> bytes:
    """Raises :class:`OrderSeedMissing`."""
    try:
        seed = bytes.fromhex(environment[ORDER_SEED].removeprefix("0x"))
    except (KeyError, ValueError):
        raise OrderSeedMissing(ORDER_SEED) from None
    if len(seed) != SEED_BYTES:
        raise OrderSeedMissing(ORDER_SEED)
    return seed


def read_segments(environment: Mapping[str, str]) -> tuple[int, ...] | None:
    """None where the whole run is to be trained. Raises :class:`NotReplayable`."""
    text = environment.get(SEGMENTS)
    if text is None:
        return None
    parts = text.split(",") if text else []
    if not all(part.isdecimal() for part in parts):
        raise NotReplayable(f"{SEGMENTS} names segments as 3,17, not as {text!r}")
    return tuple(map(int, parts))
