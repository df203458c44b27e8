"""What happened to a task or a result, call by call, and the evidence for it.

Nothing on a chain lists the events of a result, and none has to: a result's storage changes in
every block in which something happens to it and never becomes again what it was, so the blocks are
found by bisection over old states, and what happened there is read from their events.
"""

from __future__ import annotations

from dataclasses import dataclass

from decentralml.chain.events import Event
from decentralml.types import Address, Submission, Task, TaskId


@dataclass(frozen=True, slots=True)
class Step:
    """One call that concerned a task or a result, and everything that happened in it, in order.

    A batch of calls is several steps with the same transaction.
    """

    block: int
    block_hash: str
    time: int
    """The block's, Unix milliseconds."""
    position: int | None
    """Of the transaction in the block; None where the chain did it by itself."""
    transaction: str | None
    """Its hash."""
    signer: Address | None
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class History:
    """A result, or a whole task, from its beginning up to a block.

    Attributes
    ----------
    index : of the result; None for a task as a whole.
    task, submission : as they were last stored.
    stored : whether what this is a history of still was in storage at ``until``.
    until, until_hash : the last block that was looked at.
    spec_version : of the runtime that made it.
    changes : the blocks in which its storage changed.
    steps : of a task as a whole, those that changed the task itself.
    """

    number: TaskId
    index: int | None
    task: Task
    submission: Submission | None
    stored: bool
    until: int
    until_hash: str
    spec_version: int
    changes: tuple[int, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What shows a history to whoever knows the hashes of its blocks.

    Attributes
    ----------
    changes : the blocks in which the storage of the result changed.
    headers : SCALE-encoded, of those, of the ones before them, and of the last one looked at.
    nodes : of the tries whose roots the headers name (:mod:`decentralml.devchain.proof`).
    """

    changes: tuple[int, ...]
    headers: tuple[bytes, ...]
    nodes: tuple[bytes, ...]
