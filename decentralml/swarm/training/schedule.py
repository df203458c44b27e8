"""After how many batches a node syncs: as often as it was told, or as the model's progress says.

**The adaptive rule.** After each merge the merged model's mean loss over the node's validation
examples is measured. If it fell, by more than one part in a thousand of what it was after the merge
before, the next interval is half as long again (rounded up): they get on together, and syncs cost
time. If it did not, or is no number, the interval is halved (rounded down): the nodes drift apart,
or the model does not improve. It stays between a quarter of ``sync_frequency`` (rounded up) and
four times that. The first interval is ``sync_frequency``; the first loss changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from decentralml.errors import BadSyncFrequency

FALL = 1e-3
"""Of the loss before: less than that is no fall."""
RANGE = 4
"""How far an interval goes from the one that was asked for, as a factor."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When the next sync is due.

    Attributes
    ----------
    sync_frequency : batches between syncs that were asked for, at least one.
    interval : batches to the next sync.
    loss : after the last merge; None if it was not measured yet.

    Raises
    ------
    BadSyncFrequency
    """

    sync_frequency: int
    interval: int = 0
    loss: float | None = None

    def __post_init__(self) -> None:
        asked = self.sync_frequency
        if isinstance(asked, bool) or not isinstance(asked, int) or asked < 1:
            raise BadSyncFrequency(asked)
        if not self.interval:
            object.__setattr__(self, "interval", asked)

    def after(self, loss: float) -> Schedule:
        """The schedule after a merge whose model has this mean validation loss."""
        if self.loss is None:
            return replace(self, loss=loss)
        interval = next_interval(self.interval, self.sync_frequency, self.loss, loss)
        return replace(self, interval=interval, loss=loss)

    def resumed(self, interval: int, loss: float | None) -> Schedule:
        """As it was left, within the bounds that hold now."""
        return replace(self, interval=_bounded(interval, self.sync_frequency), loss=loss)


def next_interval(interval: int, sync_frequency: int, before: float, now: float) -> int:
    """Batches to the next sync, by the rule above.

    Parameters
    ----------
    interval : batches of the interval that has ended.
    sync_frequency : what was asked for; the bounds are a quarter and four times of it.
    before, now : mean validation loss after the merge before, and after this one.
    """
    fell = math.isfinite(now) and (not math.isfinite(before) or now < before - FALL * abs(before))
    wanted = -(-interval * 3 // 2) if fell else interval // 2
    return _bounded(wanted, sync_frequency)


def _bounded(interval: int, sync_frequency: int) -> int:
    return max(-(-sync_frequency // RANGE), min(interval, sync_frequency * RANGE))
