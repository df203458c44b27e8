"""A chain that a test makes up: blocks with events, and what it stored after each.

It can take blocks back, as a node does, and forget its states.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace

from decentralml.chain.events import (
    Event,
    FeePaid,
    ModelPublished,
    ResultAccepted,
    SubmissionCleared,
    TaskAccepted,
    TaskCleared,
    TaskCreated,
)
from decentralml.chain.feed import Block, Place
from decentralml.chain.swarm.words import Node, Seat, Swarm, SwarmId
from decentralml.types import (
    UNIT,
    Address,
    Cid,
    ModelType,
    StorageType,
    Submission,
    SubmissionStatus,
    Task,
    TaskId,
    TaskStatus,
    TaskType,
    Terms,
    ValidationStrategy,
)

START = 1_750_000_000_000
CREATOR, WORKER, MEMBER = Address("5Creator"), Address("5Worker"), Address("5Member")


@dataclass
class State:
    tasks: dict[TaskId, Task] = field(default_factory=dict)
    results: dict[tuple[TaskId, int], Submission] = field(default_factory=dict)
    swarms: dict[SwarmId, Swarm] = field(default_factory=dict)
    seats: dict[tuple[SwarmId, Address], Seat] = field(default_factory=dict)
    nodes: dict[tuple[SwarmId, Address], Node] = field(default_factory=dict)


@dataclass
class FakeFeed:
    """A :class:`~decentralml.chain.feed.Feed`; ``blocks[0]`` is the genesis block."""

    seed: str = "main"
    blocks: list[Block] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    read: list[int] = field(default_factory=list)
    """Numbers of the blocks that were asked for."""

    def __post_init__(self) -> None:
        self.blocks.append(Block(0, _hash(b"", "genesis"), 0, (), 0))
        self.states.append(State())

    @property
    def genesis(self) -> str:
        return "0x" + self.blocks[0].hash.hex()

    # What a feed is asked.

    def head(self) -> Place:
        return Place(self.blocks[-1].number, self.blocks[-1].hash)

    def places(self, first: int, last: int) -> list[Place]:
        return [Place(block.number, block.hash) for block in self.blocks[first : last + 1]]

    def block(self, place: Place) -> Block:
        self.read.append(place.number)
        found = self.blocks[place.number]
        assert found.hash == place.hash
        return found

    def tasks(self, numbers: Sequence[TaskId], at: Place) -> list[Task | None]:
        return [self.states[at.number].tasks.get(number) for number in numbers]

    def results(self, keys: Sequence[tuple[TaskId, int]], at: Place) -> list[Submission | None]:
        return [self.states[at.number].results.get(key) for key in keys]

    submissions = results

    def swarms(self, numbers: Sequence[SwarmId], at: Place) -> list[Swarm | None]:
        return [self.states[at.number].swarms.get(number) for number in numbers]

    def seats(self, keys: Sequence[tuple[SwarmId, Address]], at: Place) -> list[Seat | None]:
        return [self.states[at.number].seats.get(key) for key in keys]

    def nodes(self, keys: Sequence[tuple[SwarmId, Address]], at: Place) -> list[Node | None]:
        return [self.states[at.number].nodes.get(key) for key in keys]

    # What a test has happen.

    def seal(self, *events: Event, state: State | None = None) -> None:
        """A block with these events, after which the chain stores that."""
        number = len(self.blocks)
        named = _hash(self.blocks[-1].hash, f"{self.seed}{events}")
        placed = tuple((3 * n + 1, event) for n, event in enumerate(events))
        block = Block(number, named, START + 6000 * number, placed, 3 * len(events) + 1)
        self.blocks.append(block)
        self.states.append(state or deepcopy(self.states[-1]))

    def take_back(self, to: int, seed: str = "fork") -> None:
        """Lose all blocks after one; those that come now are others."""
        del self.blocks[to + 1 :], self.states[to + 1 :]
        self.seed = seed

    def create(self, **changes: object) -> TaskId:
        state = deepcopy(self.states[-1])
        number = TaskId(
            max([*state.tasks, *(t for s in self.states for t in s.tasks)], default=-1) + 1
        )
        state.tasks[number] = task(number, START + 6000 * len(self.blocks), **changes)
        self.seal(TaskCreated(number, CREATOR, 100 * UNIT), state=state)
        return number

    def accept(self, number: TaskId, index: int = 0) -> None:
        state = deepcopy(self.states[-1])
        found = state.tasks[number]
        state.tasks[number] = replace(
            found, open_slots=found.open_slots - 1, active=1, status=TaskStatus.IN_PROGRESS
        )
        state.results[number, index] = result(number, index, SubmissionStatus.ASSIGNED)
        self.seal(TaskAccepted(number, index, WORKER, UNIT, START), state=state)

    def pay(self, number: TaskId, index: int = 0) -> None:
        state = deepcopy(self.states[-1])
        found = state.tasks[number]
        state.tasks[number] = replace(found, active=0, accepted=found.accepted + 1)
        state.results[number, index] = result(number, index, SubmissionStatus.ACCEPTED)
        reward, asset = found.terms.reward, found.terms.asset
        self.seal(
            ResultAccepted(number, index, WORKER, reward, asset, True),
            FeePaid(number, index, MEMBER, UNIT, "Escrow"),
            state=state,
        )

    def publish(self, number: TaskId, model: Cid) -> None:
        state = deepcopy(self.states[-1])
        state.tasks[number] = replace(state.tasks[number], published=model)
        self.seal(ModelPublished(number, model), state=state)

    def clear(self, number: TaskId) -> None:
        state = deepcopy(self.states[-1])
        gone = [key for key in state.results if key[0] == number]
        for key in gone:
            del state.results[key]
        del state.tasks[number]
        self.seal(*(SubmissionCleared(*key) for key in gone), TaskCleared(number), state=state)


def task(number: int, created_at: int = START, **changes: object) -> Task:
    wanted: dict[str, object] = {
        "task_type": TaskType.MODEL_CONTRIBUTOR,
        "strategy": ValidationStrategy.AUTO_ACCEPT,
        "model_type": ModelType.VISION,
        "storage": StorageType.IPFS,
        "bundle": Cid(f"bafybundle{number}"),
        "reward": 5 * UNIT,
        "fee": UNIT,
        "committee_size": 3,
        "slots": 2,
        "bond": 3 * UNIT,
        "expires_at": START + 10**9,
        "working_time": 1000,
        "review_time": 1000,
        "reader": bytes(32),
    }
    creator = changes.pop("creator", CREATOR)
    status = changes.pop("status", TaskStatus.CREATED)
    terms = Terms(**{**wanted, **changes})  # type: ignore[arg-type]
    assert isinstance(creator, str) and isinstance(status, TaskStatus)
    return Task(
        id=TaskId(number),
        creator=Address(creator),
        terms=terms,
        deposit=UNIT,
        open_slots=terms.slots,
        active=0,
        accepted=0,
        submissions=0,
        stored=0,
        created_at=created_at,
        status=status,
    )


def result(number: TaskId, index: int, status: SubmissionStatus) -> Submission:
    return Submission(number, index, WORKER, UNIT, UNIT, START, 1, status)


def _hash(parent: bytes, text: str) -> bytes:
    return hashlib.sha256(parent + text.encode()).digest()
