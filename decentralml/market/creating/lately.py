"""What this home has posted in the last minutes, so that nobody pays twice for one wish.

A command that is typed twice, or into two terminals, looks like one that is meant twice. Which it
is, only its user knows.
"""

from __future__ import annotations

from decentralml.chain.errors import UnknownTask
from decentralml.errors import AlreadyPosted
from decentralml.market.session import Session
from decentralml.market.tasks import LIVE
from decentralml.types import Task

RECORDS = "posted-tasks"
LATELY_MILLISECONDS = 600_000
"""For so long the same offer is taken for the same wish, by the chain's clock."""


def note_posted(session: Session, offer: str, task: Task) -> None:
    """Remember which task came of an offer (named by a digest); what is older is forgotten."""
    records, name = session.records(RECORDS), session.address
    with records.lock(name):
        known = records.read(name) or {}
        kept = {
            other: entry
            for other, entry in known.items()
            if task.created_at - entry["created_at"] < LATELY_MILLISECONDS
        }
        entry = {"task": task.id, "created_at": task.created_at}
        records.write(name, kept | {offer: entry})


def require_new(session: Session, offer: str) -> None:
    """Raise AlreadyPosted where the same offer was posted minutes ago and still stands."""
    entry = (session.records(RECORDS).read(session.address) or {}).get(offer)
    if entry is None:
        return
    age = session.chain.now() - entry["created_at"]
    if abs(age) >= LATELY_MILLISECONDS:
        return
    try:
        task = session.chain.task(entry["task"])
    except UnknownTask:
        return
    same = (task.creator, task.created_at) == (session.address, entry["created_at"])
    if same and task.status in LIVE:
        raise AlreadyPosted(task.id, max(age, 0) // 1000)
