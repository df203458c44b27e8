#!/usr/bin/env python3
"""A thousand nodes in one swarm: chain calls and bytes for each node and round.

    scripts/bench/swarm_crowd.py [--nodes 1000] [--rounds 3] [--parameters 10000]

The real runtime in the embedded chain, a real account, seat, node, signature and fee for each; what
arrives in a block is sealed together. Updates are files on one shelf, named by their CIDs, that the
leader merges (the weighted mean); the network between nodes is not played: its bytes are those of
the files. Prints the calls and bytes that a node has on the chain each round beside those of a
swarm of ten nodes (the peer: constant cost per call means a ratio of one), and the leader's time.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from sim.chain import Sent, SimChain  # noqa: E402
from sim.ledger import Account  # noqa: E402

from decentralml.chain.substrate import swarm_records  # noqa: E402
from decentralml.chain.swarm.calls import (  # noqa: E402
    Advance,
    Arrive,
    CreateSwarm,
    Publish,
    Ready,
    RegisterNode,
    TakeSeat,
)
from decentralml.chain.swarm.words import (  # noqa: E402
    Admission,
    MergeMethod,
    Round,
    Stage,
    SwarmId,
    SwarmTerms,
)
from decentralml.learning.examples import write_tensors  # noqa: E402
from decentralml.swarm.files.shelf import Shelf  # noqa: E402
from decentralml.swarm.merging.merge import merge  # noqa: E402
from decentralml.types import UNIT  # noqa: E402

SWARM = SwarmId(0)
FEW = 10
CERTIFICATE = 480
"""Bytes of a certificate, as `decentralml swarm identity` makes them."""
PURSE = 10 * UNIT
SECOND = 1000


class CountedChain(SimChain):
    """Also counts the bytes of each kind of transaction."""

    sent: Counter[str]

    def _sign(self, sent: Sent) -> bytes:
        data = super()._sign(sent)
        self.sent[sent.call.function] += len(data)
        return data

    def round(self) -> Round:
        found = self._value("Swarm", "Rounds", SWARM)
        assert found is not None, "no round is under way"
        return swarm_records.round_of(found)


@dataclass(frozen=True)
class Cost:
    """Of one round, for each node; ``chain`` is seconds of sealing, ``merge`` the leader's."""

    calls: float
    bytes: float
    files: float
    chain: float
    merge: float


def played(nodes: int, rounds: int, parameters: int, folder: Path) -> list[Cost]:
    """A swarm of so many nodes, from its creation through so many rounds."""
    folder.mkdir()
    accounts = [Account.of(f"node {number}") for number in range(nodes)]
    endowed = {account.public: PURSE for account in accounts}
    chain = CountedChain(folder, endowed, folder.parent / "cache")
    chain.sent = Counter()
    shelf = Shelf(folder / "shelf")
    try:
        begun = time.perf_counter()
        enrol(chain, accounts, shelf.put(write_model(folder / "config", 1, 0)))
        seconds = time.perf_counter() - begun
        print(
            f"{nodes} nodes: {sum(chain.transactions.values())} calls to enrol them in "
            f"{seconds:.0f} s, {sum(chain.sent.values()) / nodes:,.0f} bytes each",
            flush=True,
        )
        return [one_round(chain, accounts, shelf, n, parameters) for n in range(1, rounds + 1)]
    finally:
        chain.close()


def enrol(chain: CountedChain, accounts: list[Account], config: str) -> None:
    """An open swarm; a seat and a node that is ready for each."""
    terms = SwarmTerms(
        config=config,  # type: ignore[arg-type]
        merge=MergeMethod.MEAN,
        min_peers=len(accounts) // 2,
        max_peers=len(accounts),
        admission=Admission.OPEN,
    )
    chain.send(accounts[0], CreateSwarm(terms))
    chain.seal()
    source = np.random.default_rng(0)
    for number, account in enumerate(accounts):
        chain.send(account, TakeSeat(SWARM, 0))
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}:7443"
        chain.send(account, RegisterNode(SWARM, source.bytes(CERTIFICATE), address, 1, True))
        chain.send(account, Ready(SWARM))
    chain.seal()


def one_round(
    chain: CountedChain, accounts: list[Account], shelf: Shelf, number: int, parameters: int
) -> Cost:
    calls, data, sealing = sum(chain.transactions.values()), sum(chain.sent.values()), chain.sealing
    files = {}
    for place, account in enumerate(accounts):
        path = write_model(shelf.folder.parent / "update", parameters, number * 10_007 + place)
        files[account.address] = shelf.put(path)
        path.unlink()
        chain.send(account, Arrive(SWARM, number, number - 1, files[account.address]))
    chain.now += SECOND
    chain.seal()
    assert chain.round().stage is Stage.DRAWING, "all have arrived"
    chain.send(accounts[0], Advance(SWARM))
    chain.seal()
    stands = chain.round()
    leader = next(account for account in accounts if account.address == stands.leader)
    paths = [shelf.path(cid) for _, cid in sorted(files.items())]
    begun = time.perf_counter()
    out = shelf.folder.parent / "merged"
    merge(MergeMethod.MEAN, [path for path in paths if path], [1] * len(paths), out)
    merging = time.perf_counter() - begun
    merged = shelf.put(out)
    chain.send(leader, Publish(SWARM, number, merged, len(paths)))
    chain.seal()
    # Each node's file goes to the leader, and the merged one to each node.
    carried = sum(path.stat().st_size for path in paths if path) + len(paths) * out.stat().st_size
    shelf.keep([merged])
    return Cost(
        (sum(chain.transactions.values()) - calls) / len(accounts),
        (sum(chain.sent.values()) - data) / len(accounts),
        carried / len(accounts),
        chain.sealing - sealing,
        merging,
    )


def write_model(path: Path, parameters: int, seed: int) -> Path:
    values = np.random.default_rng(seed).normal(size=parameters).astype(np.float32)
    write_tensors(path, {"layer": values})
    return path


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--nodes", type=int, default=1000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--parameters", type=int, default=10_000)
    chosen = options.parse_args()
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="decentralml-crowd-") as name:
        few = played(FEW, chosen.rounds, chosen.parameters, Path(name) / "few")
        many = played(chosen.nodes, chosen.rounds, chosen.parameters, Path(name) / "many")
    print("\na node, in a round       calls   bytes to the chain   bytes of files")
    for nodes, costs in ((FEW, few), (chosen.nodes, many)):
        last = costs[-1]
        print(
            f"  of {nodes:>6} nodes    {last.calls:>10.2f} {last.bytes:>20.0f} {last.files:>16,.0f}"
        )
    print(f"  ratio            {many[-1].calls / few[-1].calls:>10.2f} ", end="")
    print(f"{many[-1].bytes / few[-1].bytes:>20.2f} {many[-1].files / few[-1].files:>16.2f}")
    for number, cost in enumerate(many, 1):
        print(f"round {number}: {cost.chain:.1f} s of sealing, merged in {cost.merge:.1f} s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"all in {time.perf_counter() - begun:.0f} s, peak memory {peak:.0f} MiB")


if __name__ == "__main__":
    main()
