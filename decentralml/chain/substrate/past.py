"""What happened to a task or a result: old states and events, read and put into words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from decentralml.chain import events, ss58
from decentralml.chain.errors import UnknownSubmission, UnknownTask
from decentralml.chain.history import History, Step
from decentralml.chain.substrate import records
from decentralml.chain.substrate.changes import changes, first_that
from decentralml.chain.substrate.codec import Variant
from decentralml.chain.substrate.events import named
from decentralml.chain.substrate.runtime import Runtime
from decentralml.chain.substrate.states import States, transaction_hash
from decentralml.devchain.codec import Reader
from decentralml.types import Address, Submission, Task, TaskId

T = TypeVar("T")
_SIGNED_BY_ID = b"\x84\x00"
_ITEM_ENDS = ("ItemCompleted", "ItemFailed")
_TOLD = ("Market", "Aggregators", "Reputation", "Assets", "AssetsHolder")
"""Pallets whose events are of interest, and of Balances the movements of what is held."""
_MOVEMENTS = ("Held", "Released", "TransferOnHold", "Deposit")


class Past:
    """A chain's past, up to a block.

    Parameters
    ----------
    present : the runtime of now.
    older : the runtime that made a block, where it was of another version.
    """

    def __init__(
        self, states: States, present: Runtime, older: Callable[[int], Runtime], until: int
    ) -> None:
        self._states = states
        self._present = present
        self._older = older
        self._until = until
        self._runtimes: dict[int, Runtime] = {present.version.spec_version: present}

    def of_result(self, task: TaskId, index: int, known: Iterable[int] = ()) -> History:
        """A result, from its assignment on.

        Parameters
        ----------
        known : the blocks in which its storage changed, where that is known.

        Raises
        ------
        UnknownTask, UnknownSubmission
        """
        known = tuple(known)
        keys = (self._key("Submissions", task, index), self._key("Appeals", task, index))
        accepted = known[0] if known else self._accepted_in(task, index)
        held = self._reader(keys)
        # Before and after its time, there is nothing: its beginning has to be known.
        changed = changes(held, max(accepted - 1, 0), self._until, known or (accepted,))
        stored = [block for block in changed if held(block)[0] is not None]
        if not stored or held(max(accepted - 1, 0)) != (None, None):
            raise UnknownSubmission("Market", "UnknownSubmission", task=task, index=index)
        last = stored[-1]

        def concerns(event: events.Event) -> bool:
            return (_fact(event, "task"), _fact(event, "index")) == (task, index)

        return History(
            task,
            index,
            self._task(task, last),
            self._submission(task, index, last),
            held(self._until)[0] is not None,
            self._until,
            "0x" + self._states.hash(self._until).hex(),
            self._runtime(self._until).version.spec_version,
            tuple(changed),
            tuple(self._steps(changed, concerns)),
        )

    def of_task(self, task: TaskId) -> History:
        """A task as a whole: the calls that changed its record, which are all that moved escrow.

        Raises
        ------
        UnknownTask
        """
        created, gone = self._life(task)
        held = self._reader((self._key("Tasks", task),))
        changed = changes(held, max(created - 1, 0), min(gone, self._until), (created,))
        return History(
            task,
            None,
            self._task(task, gone - 1),
            None,
            gone > self._until,
            self._until,
            "0x" + self._states.hash(self._until).hex(),
            self._runtime(self._until).version.spec_version,
            tuple(changed),
            tuple(self._steps(changed, lambda event: _fact(event, "task") == task)),
        )

    def lapses(self, member: Address, since: int) -> tuple[Step, ...]:
        """The calls after a block in which a member was found to have broken a duty."""
        entry = self._present.entry("Aggregators", "Profiles")
        keys = (self._present.key(entry, ss58.decode(member)),)

        def bond(block: int) -> tuple[int, int] | None:
            (data,) = self._states.values(keys, block)
            runtime = self._runtime(block)
            value = runtime.value(runtime.entry("Aggregators", "Profiles"), data)
            return None if value is None else (value["bond"], value["missed"])

        def concerns(event: events.Event) -> bool:
            return isinstance(event, events.Misconducted) and event.who == member

        return tuple(self._steps(changes(bond, min(since, self._until), self._until), concerns))

    # Where to look.

    def _accepted_in(self, task: TaskId, index: int) -> int:
        """The block in which a slot was taken, also where no trace of it is left in storage."""
        submission = self._submission(task, index, self._until)
        if submission is not None:
            return submission.accepted_in
        created, gone = self._life(task)

        def handed_out(block: int) -> bool:
            found = self._value("Tasks", block, task)
            return found is not None and found["submissions"] > index

        if not handed_out(gone - 1):
            raise UnknownSubmission("Market", "UnknownSubmission", task=task, index=index)
        return first_that(handed_out, created, gone - 1)

    def _life(self, task: TaskId) -> tuple[int, int]:
        """The block that made a task, and the one that cleared it (the next one, if none has)."""

        def made(block: int) -> bool:
            return bool(self._value("NextTaskId", block) > task)

        if not made(self._until):
            raise UnknownTask("Market", "UnknownTask", task=task)
        created = first_that(made, 0, self._until)
        key = (self._key("Tasks", task),)

        def gone(block: int) -> bool:
            return self._states.values(key, block) == (None,)

        return created, first_that(gone, created, self._until + 1)

    # What is there.

    def _reader(self, keys: tuple[bytes, ...]) -> Callable[[int], tuple[bytes | None, ...]]:
        return lambda block: self._states.values(keys, block)

    def _key(self, item: str, *keys: int) -> bytes:
        """A storage key of the market; they are the same in all runtimes."""
        return self._present.key(self._present.entry("Market", item), *keys)

    def _value(self, item: str, block: int, *keys: int) -> Any:
        (data,) = self._states.values((self._key(item, *keys),), block)
        runtime = self._runtime(block)
        return runtime.value(runtime.entry("Market", item), data)

    def _task(self, task: TaskId, block: int) -> Task:
        value = self._value("Tasks", block, task)
        if value is None:
            raise UnknownTask("Market", "UnknownTask", task=task)
        return self._record(block, records.task, task, value)

    def _submission(self, task: TaskId, index: int, block: int) -> Submission | None:
        value = self._value("Submissions", block, task, index)
        if value is None:
            return None
        appealed = self._value("Appeals", block, task, index)
        return self._record(block, records.submission, task, index, value, appealed)

    def _record(self, block: int, make: Callable[..., T], *values: Any) -> T:
        try:
            return make(*values)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise self._runtime(block).mismatch(
                f"what it stored in block {block} has another layout ({error!r})"
            ) from None

    def _runtime(self, block: int) -> Runtime:
        """The runtime that made a block."""
        key = self._present.key(self._present.entry("System", "LastRuntimeUpgrade"))
        (data,) = self._states.values((key,), block)
        version = Reader(data or b"\0").compact()
        if version not in self._runtimes:
            self._runtimes[version] = self._older(block)
        return self._runtimes[version]

    # What happened.

    def _steps(
        self, blocks: Iterable[int], concerns: Callable[[events.Event], bool]
    ) -> Iterator[Step]:
        for block in blocks:
            runtime = self._runtime(block)
            keys = (
                runtime.key(runtime.entry("System", "Events")),
                runtime.key(runtime.entry("Timestamp", "Now")),
            )
            stored, now = self._states.values(keys, block)
            found = runtime.value(runtime.entry("System", "Events"), stored)
            for position, happened in _calls(found):
                told = tuple(named(runtime, event) for event in happened if _is_told(event))
                if any(map(concerns, told)):
                    yield self._step(block, int.from_bytes(now or b"", "little"), position, told)

    def _step(
        self, block: int, time: int, position: int | None, told: tuple[events.Event, ...]
    ) -> Step:
        block_hash = "0x" + self._states.hash(block).hex()
        if position is None:
            return Step(block, block_hash, time, None, None, None, told)
        data = self._states.transaction(block, position)
        name = "0x" + transaction_hash(data).hex()
        return Step(block, block_hash, time, position, name, _signer(data), told)


def _calls(stored: list[dict[str, Any]]) -> Iterator[tuple[int | None, list[Variant]]]:
    """The events of each call of a block, with the position of its transaction (None: of none)."""
    position: int | None = None
    happened: list[Variant] = []
    for record in stored:
        phase, event = record["phase"], record["event"]
        of = phase.value if phase.name == "ApplyExtrinsic" else None
        if of != position:
            yield position, happened
            position, happened = of, []
        happened.append(event)
        if event.name == "Utility" and event.value.name in _ITEM_ENDS:
            yield position, happened
            happened = []
    yield position, happened


def _is_told(event: Variant) -> bool:
    if event.name == "Balances":
        return event.value.name in _MOVEMENTS
    return event.name in _TOLD


def _fact(event: events.Event, name: str) -> Any:
    if isinstance(event, events.OtherEvent):
        return event.fields.get(name) if event.pallet == "Market" else None
    return getattr(event, name, None)


def _signer(transaction: bytes) -> Address | None:
    reader = Reader(transaction)
    reader.compact()
    if reader.take(2) != _SIGNED_BY_ID:
        return None
    return ss58.encode(reader.take(32))
