"""What the chain says of a training that can be replayed: the order of its data, and what is drawn.

Both come from the hashes of blocks that did not exist when the contributor had to commit: the order
of the data from the block after the assignment's, the segments from the one after the result's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from decentralml.errors import OrderUnknown
from decentralml.market.session import Session
from decentralml.types import Submission, Terms

if TYPE_CHECKING:
    from decentralml.validation.replay import Drawn


def order_seed_of(session: Session, submission: Submission) -> bytes:
    """The seed that orders the examples of a submission's training (32 bytes).

    Raises
    ------
    OrderUnknown : the chain does not have the block that it is made of any more.
    """
    from decentralml.learning.replay.order import order_seed

    block = submission.accepted_in + 1
    session.chain.wait_block(block)
    found = session.chain.block_hash(block)
    if found is None:
        raise OrderUnknown(submission.task, submission.index, block)
    return order_seed(found, submission.task, submission.index)


def drawn_of(session: Session, terms: Terms, submission: Submission) -> Drawn | None:
    """What of a submission's run is to be replayed; None where nothing is, or was drawn yet."""
    from decentralml.validation.replay import Drawn
    from decentralml.validation.segments import drawn_segments

    if terms.replay is None or submission.trace is None or submission.seed is None:
        return None
    return Drawn(
        order_seed_of(session, submission),
        submission.trace,
        drawn_segments(submission.seed, submission.trace.checkpoints, terms.replay.segments),
    )
