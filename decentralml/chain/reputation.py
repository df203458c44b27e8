"""How reputations fade: the arithmetic of the pallet ``reputation``.

Time is cut into half-lives, counted from the Unix epoch. What is stored are the counts of the
*beginning* of the half-life in which they were last written; within one they fade along a straight
line to their half. Integers, rounded down, as on the chain.
"""

from __future__ import annotations

from decentralml.types import PPM, Reputation, Role

DEED = 1_000
"""What one deed counts."""


def reputation(
    role: Role,
    counts: tuple[int, int, int, int],
    earned: int,
    updated_at: int,
    now: int,
    half_life: int,
) -> Reputation:
    """A record as of ``now``.

    Parameters
    ----------
    counts : accepted, rejected, expired and overturned as they are stored.
    """
    halvings = max(now // half_life - updated_at // half_life, 0)
    accepted, rejected, expired, overturned = (
        faded(count >> halvings, now, half_life) for count in counts
    )
    return Reputation(
        role=role,
        accepted=accepted,
        rejected=rejected,
        expired=expired,
        overturned=overturned,
        earned=earned,
        standing=standing(accepted, rejected, expired, overturned),
    )


def faded(count: int, now: int, half_life: int) -> int:
    """What a count of the beginning of a half-life is at ``now`` within it."""
    return count * (2 * half_life - now % half_life) // (2 * half_life)


def standing(accepted: int, rejected: int, expired: int, overturned: int) -> int:
    """How much of it is good, in parts per million; the bad deeds weigh by how bad they are.

    Everybody's record has one deed more, half good: with nothing done 50 %, and back there step by
    step as deeds fade.
    """
    everything = accepted + rejected + 2 * expired + 4 * overturned + DEED
    return (accepted + DEED // 2) * PPM // everything
