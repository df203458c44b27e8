"""Which segments of a run are replayed: drawn by the chain, after the run was committed to."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from decentralml.errors import SegmentOutside


def drawn_segments(seed: bytes, checkpoints: int, segments: int) -> tuple[int, ...]:
    """The segments that a seed draws, in the order of the draw.

    They are the first places of a Fisher-Yates shuffle of the run's segments, 0 to
    ``checkpoints - 2``: step ``i`` swaps place ``i`` with ``i + r mod (n - i)``, where ``r`` is the
    first 16 bytes, little endian, of ``blake2_256(seed ++ "segment" ++ i as u32)``. The pallet
    draws by the same rule.

    Parameters
    ----------
    seed : 32 bytes, made of the hash of a block after the submission's.
    checkpoints : of the run, the one at its start included.
    segments : how many to draw; all of them where the run has no more.
    """
    count = checkpoints - 1
    places = list(range(count))
    for i in range(min(segments, count)):
        data = seed + b"segment" + i.to_bytes(4, "little")
        r = int.from_bytes(hashlib.blake2b(data, digest_size=32).digest()[:16], "little")
        j = i + r % (count - i)
        places[i], places[j] = places[j], places[i]
    return tuple(places[: min(segments, count)])


def check_segments(segments: Sequence[int], checkpoints: int) -> None:
    """Refuse segments that a run of so many checkpoints does not have.

    Raises
    ------
    SegmentOutside
    """
    for segment in segments:
        if not 0 <= segment < checkpoints - 1:
            raise SegmentOutside(segment, checkpoints - 1)


def detection_probability(segments: int, dishonest: int, drawn: int) -> float:
    """Chance that at least one of ``dishonest`` segments among ``segments`` is ``drawn``.

    Never less than ``1 - (1 - dishonest / segments) ** drawn``, which would hold if the same
    segment could be drawn twice.
    """
    missed = 1.0
    for i in range(min(drawn, segments)):
        missed *= max(0, segments - dishonest - i) / (segments - i)
    return 1.0 - missed
