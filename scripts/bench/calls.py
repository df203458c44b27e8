#!/usr/bin/env python3
"""What each call of the market costs beside few tasks and beside many, side by side.

    scripts/bench/calls.py [--tasks 1000000] [--rounds 5] [--cache DIR]

Two embedded chains with the shipped runtime get the same calls, in turns: one whose genesis holds
10 tasks, each with a result that was paid, and one that holds a million of both. Of each call:

    executing  milliseconds of the processor for the call alone
    block      the same for its whole block, roots and file included; in both nothing of the state
               is in memory before, and the fastest of all rounds counts
    proof      bytes of the trie's nodes and values that show all that the call read
    weight     what the runtime declares, and charges for: milliseconds, and bytes of proof

It fails if a fee differs by more than 1 %, or a proof is larger than declared. What may grow is the
path to a key: below each branch of the trie is a sixteenth of its keys, so paths in the map of a
million are log16(1,000,000 / 10) = 4.2 branches longer than in that of ten, each with up to 16
hashes. A million take 3.2 GiB of memory, 10 GiB of disk (5 in the end) and three minutes of the
processor to make; `--cache` keeps them for the next time.
"""

from __future__ import annotations

import argparse
import math
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from attack_support import MEMBERS, give_key, members, settle  # noqa: E402
from chain_support import (  # noqa: E402
    ALICE,
    BOB,
    CHARLIE,
    HOUR,
    REPORT,
    by_address,
    elect,
    post,
)
from devchain_support import PROPERTIES, shared_cache  # noqa: E402
from panel_support import Sent, deliver, judge, release  # noqa: E402

from decentralml.chain import calls  # noqa: E402
from decentralml.chain.api import Chain, Receipt  # noqa: E402
from decentralml.chain.commitment import gold_commitment  # noqa: E402
from decentralml.chain.keys import Signer  # noqa: E402
from decentralml.chain.substrate.client import SubstrateChain  # noqa: E402
from decentralml.chain.substrate.embedded import EmbeddedTransport  # noqa: E402
from decentralml.chain.substrate.extrinsic import Extrinsic  # noqa: E402
from decentralml.chain.substrate.fees import QUERY_INFO, query_info_arguments  # noqa: E402
from decentralml.chain.substrate.transport import Included  # noqa: E402
from decentralml.chain.substrate.wire import to_pallet  # noqa: E402
from decentralml.devchain import creation, genesis  # noqa: E402
from decentralml.devchain.chain import DevChain  # noqa: E402
from decentralml.devchain.codec import Reader, u32, u64  # noqa: E402
from decentralml.devchain.hashes import (  # noqa: E402
    blake2_128,
    blake2_256,
    storage_prefix,
    twox,
)
from decentralml.devchain.keys import CODE  # noqa: E402
from decentralml.devchain.runtimes import Runtimes  # noqa: E402
from decentralml.devchain.state import MAIN, State  # noqa: E402
from decentralml.runtime import blob  # noqa: E402
from decentralml.types import Access, Gold, TaskId, ValidationStrategy, Verdict  # noqa: E402

FEW = 10
TASKS, SUBMISSIONS, NEXT_TASK = (
    storage_prefix("Market", item) for item in ("Tasks", "Submissions", "NextTaskId")
)
MANUAL = ValidationStrategy.MANUAL_ACCEPT
_PICOSECONDS = 10**9
"""In a millisecond."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one transaction: milliseconds, bytes, planck."""

    call: str
    executing: float
    block: float
    proof: int
    weight: float
    weight_proof: int
    fee: int = 0


class Recording:
    """A state that notes what is asked of it."""

    def __init__(self, base: State) -> None:
        self._base = base
        self.read: dict[bytes, None] = {}

    def get(self, trie: bytes, key: bytes) -> bytes | None:
        if trie == MAIN and key != CODE:
            self.read[key] = None
        return self._base.get(trie, key)

    def __getattr__(self, name: str) -> object:
        return getattr(self._base, name)


class Meter(EmbeddedTransport):
    """An open chain file that measures what it seals: :meth:`DevChain.submit`, step by step."""

    last: Cost

    def submit(self, extrinsic: Extrinsic) -> Included:
        chain = self.chain
        declared = Reader(chain.call(QUERY_INFO, query_info_arguments(extrinsic)))
        weight, weight_proof = declared.compact() / _PICOSECONDS, declared.compact()
        with chain._writing() as head:
            chain._state._values.clear()
            chain._state._branches.clear()
            start = time.process_time()
            builder = chain._begun(head)
            base = builder.overlay.base
            recording = Recording(base)
            builder.overlay.base = recording  # type: ignore[assignment]
            before = time.process_time()
            index, _ = builder.apply(extrinsic.data)
            executing = time.process_time() - before
            builder.overlay.base = base
            before = time.process_time()
            proof = sum(map(len, chain.read_proofs({head.hash: recording.read})))
            chain._state._branches.clear()
            aside = time.process_time() - before
            block = builder.finish()
            finish = chain._add(block, builder.overlay)
        finish()
        whole = time.process_time() - start - aside
        self.last = Cost("", executing * 1000, whole * 1000, proof, weight, weight_proof)
        return Included(block.hash, block.number, index)


class Measured(SubstrateChain):
    """A chain that writes down what the market's calls cost."""

    def __init__(self, chain: DevChain) -> None:
        self.meter = Meter(chain, "")
        super().__init__(self.meter)
        self.costs: list[Cost] = []

    def submit(self, call: calls.Call, signer: Signer, tip: int = 0) -> Receipt:
        receipt = super().submit(call, signer, tip)
        if isinstance(call, calls.MarketCall):
            name = to_pallet(call).function
            self.costs.append(replace(self.meter.last, call=name, fee=receipt.fee))
        return receipt


def every_call(chain: Chain) -> None:
    """Each call of the market, at least once."""
    later = chain.now() + 48 * HOUR
    task = post(chain, access=Access.INVITED, strategy=MANUAL, slots=2, expires_at=later)
    chain.submit(calls.Invite(task, (BOB.address, CHARLIE.address)), ALICE)
    chain.submit(calls.Uninvite(task, (CHARLIE.address,)), ALICE)
    sharers = tuple(key.address for key in MEMBERS[:3])
    chain.submit(calls.ShareKey(task, tuple((who, bytes(80)) for who in sharers)), ALICE)
    chain.submit(calls.DiscardShare(task), MEMBERS[0])
    sent = deliver(chain, task, BOB)
    judge(chain, sent, Verdict.PASS)
    chain.submit(calls.RejectResult(task, sent.index, "no"), ALICE)
    chain.submit(calls.AppealResult(task, sent.index), BOB)
    give_key(chain, sent)
    judge(chain, sent, Verdict.PASS)
    release(chain, sent)
    chain.submit(calls.AppointMerger(task, MEMBERS[0].address), ALICE)
    chain.submit(calls.PublishModel(task, REPORT), ALICE)
    chain.submit(calls.WithdrawTask(task), ALICE)
    _planted(chain)
    _quitted(chain)
    _accepted(chain)
    _claimed(chain)
    chain.advance(milliseconds=chain.constants().retention_period + 1)
    chain.submit(calls.Clear(task, sent.index), CHARLIE)
    chain.submit(calls.ClearAccess(task, (BOB.address, *sharers[1:])), CHARLIE)
    chain.submit(calls.Clear(task), CHARLIE)


def _planted(chain: Chain) -> None:
    gold = Gold(CHARLIE.address, Verdict.FAIL, 0, 100_000, bytes(32))
    task = post(chain, slots=1, challenge_time=HOUR, golds=(gold_commitment(gold),))
    sent = deliver(chain, task, CHARLIE)
    judge(chain, sent, Verdict.PASS)
    chain.submit(calls.OpenGold(task, sent.index, gold), ALICE)
    give_key(chain, sent)
    judge(chain, sent, Verdict.FAIL)
    for member in members(chain, sent):
        chain.submit(calls.TopUp(), by_address(member))


def _quitted(chain: Chain) -> None:
    task = post(chain, slots=1)
    chain.submit(calls.AcceptTask(task), BOB)
    chain.submit(calls.Abandon(task), BOB)
    chain.submit(calls.AcceptTask(task), CHARLIE)
    settle(chain, Sent(task, 1, CHARLIE, b""))


def _accepted(chain: Chain) -> None:
    sent = deliver(chain, post(chain, slots=1, strategy=MANUAL), BOB)
    judge(chain, sent, Verdict.PASS)
    chain.submit(calls.AcceptResult(sent.task, sent.index), ALICE)
    release(chain, sent)


def _claimed(chain: Chain) -> None:
    asset = chain.info().block
    made = (calls.CreateAsset(asset, ALICE.address, 1), calls.MintAsset(asset, ALICE.address, 9999))
    chain.submit(calls.Batch(made), ALICE)
    sent = deliver(chain, post(chain, slots=1, asset=asset, reward=1000), BOB)
    judge(chain, sent, Verdict.PASS)
    chain.submit(calls.FreezeAsset(asset), ALICE)
    release(chain, sent)
    chain.submit(calls.ThawAsset(asset), ALICE)
    chain.submit(calls.Claim(sent.task, sent.index), BOB)


# -- chains that hold so many tasks


def a_paid_result(folder: Path) -> tuple[bytes, bytes]:
    """A task and its result as they are stored, once that was paid."""
    path = folder / "model.sqlite"
    with filled(path, 0, (b"", b"")) as chain:
        client = SubstrateChain(EmbeddedTransport(chain, ""))
        elect(client, MEMBERS)
        sent = deliver(client, post(client, slots=1), BOB)
        judge(client, sent, Verdict.PASS)
        release(client, sent)
        found = [chain.storage(key) for key in keys_of(sent.task)]
    assert found[0] is not None and found[1] is not None
    return found[0], found[1]


def keys_of(task: int | TaskId) -> tuple[bytes, bytes]:
    """Where a task and its first result are."""
    hashed = blake2_128(u64(task)) + u64(task)
    return TASKS + hashed, SUBMISSIONS + hashed + twox(u32(0), 1) + u32(0)


def filled(path: Path, tasks: int, values: tuple[bytes, bytes]) -> DevChain:
    """A new chain whose genesis holds so many tasks, each with one result."""
    wasm, runtimes = blob(), Runtimes(shared_cache())

    def state() -> genesis.Tries:
        tries = genesis.from_preset(runtimes.of(wasm), wasm, "development")
        top = tries[MAIN]
        for task in range(tasks):
            top.update(zip(keys_of(task), values, strict=True))
        if tasks:
            top[NEXT_TASK] = u64(tasks)
        return {MAIN: dict(sorted(top.items()))}  # in order, each page of the file is written once

    creation.create(path, "Costs of calls", PROPERTIES, runtimes, state)
    return DevChain.open(path, cache=shared_cache())


@contextmanager
def measured(folder: Path, tasks: int, cache: Path | None) -> Iterator[Measured]:
    """A chain with so many tasks and an office of seven, made or taken from the cache."""
    path = folder / f"{tasks}.sqlite"
    kept = None if cache is None else cache / f"calls-{tasks}-{blake2_256(blob()).hex()[:16]}"
    if kept is not None and kept.exists():
        shutil.copy(kept, path)
    else:
        start = time.perf_counter()
        filled(path, tasks, a_paid_result(Path(tempfile.mkdtemp(dir=folder)))).close()
        took = time.perf_counter() - start
        print(f"{tasks:,} tasks: {path.stat().st_size / 2**20:,.0f} MiB, made in {took:.0f} s")
        if kept is not None:
            cache.mkdir(parents=True, exist_ok=True)  # type: ignore[union-attr]
            shutil.copy(path, kept)
    with DevChain.open(path, cache=shared_cache()) as chain:
        client = Measured(chain)
        elect(client, MEMBERS)
        yield client


# -- the table


@dataclass(frozen=True, slots=True)
class Line:
    """The means of one call over all its transactions in a round, each at its fastest."""

    executing: float
    block: float
    proof: float
    weight: float
    weight_proof: int
    fee: float


def lines(rounds: list[list[Cost]]) -> dict[str, Line]:
    """One line a call, in the order of their names."""
    by_call: dict[str, list[Cost]] = {}
    for same in zip(*rounds, strict=True):
        assert len({cost.call for cost in same}) == 1, "all rounds make the same calls"
        executing, block = min(c.executing for c in same), min(c.block for c in same)
        cost = replace(same[0], executing=executing, block=block)
        by_call.setdefault(cost.call, []).append(cost)
    return {
        name: Line(
            executing=_mean(cost.executing for cost in by_call[name]),
            block=_mean(cost.block for cost in by_call[name]),
            proof=_mean(cost.proof for cost in by_call[name]),
            weight=_mean(cost.weight for cost in by_call[name]),
            weight_proof=max(cost.weight_proof for cost in by_call[name]),
            fee=_mean(cost.fee for cost in by_call[name]),
        )
        for name in sorted(by_call)
    }


def _mean(numbers: Iterable[float]) -> float:
    every = list(numbers)
    return sum(every) / len(every)


def print_table(tasks: int, few: dict[str, Line], many: dict[str, Line]) -> None:
    """As Markdown."""
    heads = ["call"]
    for part in ("executing", "its block", "proof"):
        heads += [f"{part}: {FEW}", f"{tasks:,}", "ratio"]
    heads += ["declared", "declared proof", "fee"]
    print("\n| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|")
    for name, a in few.items():
        b = many[name]
        cells = [f"`{name}`"]
        for part in ("executing", "block"):
            x, y = getattr(a, part), getattr(b, part)
            cells += [f"{x:.2f} ms", f"{y:.2f} ms", f"{y / x:.2f}"]
        cells += [f"{a.proof:,.0f} B", f"{b.proof:,.0f} B", f"{b.proof / a.proof:.2f}"]
        cells += [f"{a.weight:.2f} ms", f"{a.weight_proof:,} B", f"{a.fee / 10**12:.5f}"]
        print("| " + " | ".join(cells) + " |")
    print(f"\nBranches that a path is longer, in the mean: {math.log(tasks / FEW, 16):.1f}")
    for part in ("executing", "block", "proof"):
        sums = [sum(getattr(line, part) for line in side.values()) for side in (few, many)]
        print(f"{part}, all calls together: {sums[1] / sums[0]:.2f} times")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--tasks", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--cache", type=Path, help="keeps the chains that were made")
    options.add_argument("--folder", type=Path, help="where to work, instead of the usual one")
    chosen = options.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="decentralml-calls-", dir=chosen.folder) as name,
        measured(Path(name), FEW, chosen.cache) as few,
        measured(Path(name), chosen.tasks, chosen.cache) as many,
    ):
        rounds: tuple[list[list[Cost]], list[list[Cost]]] = ([], [])
        for _ in range(chosen.rounds):
            for chain, costs in zip((few, many), rounds, strict=True):
                chain.costs = []
                every_call(chain)
                costs.append(chain.costs)
    a, b = lines(rounds[0]), lines(rounds[1])
    print_table(chosen.tasks, a, b)
    wrong = [f"the fee of {n} differs" for n in a if abs(a[n].fee - b[n].fee) > 0.01 * a[n].fee]
    costs = [cost for chain in rounds for each in chain for cost in each]
    larger = {cost.call for cost in costs if cost.proof > cost.weight_proof}
    wrong += [f"{name} needs a larger proof than declared" for name in sorted(larger)]
    for each in wrong:
        print(each)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
