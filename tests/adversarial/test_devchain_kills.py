"""A writer that is killed at any moment loses nothing that it acknowledged."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

from devchain_support import UNIT, account, free, new_chain, nonce, shared_cache

from decentralml.devchain.block import Header
from decentralml.devchain.chain import DevChain
from decentralml.devchain.state import MAIN
from decentralml.devchain.trie import ordered_root, state_root, stored

KILLS = 200


def check_whole(path: Path, acknowledged: dict[int, str], paid_before: int) -> int:
    """The file opens; all acknowledged blocks are there; nothing is half there."""
    with DevChain.open(path, cache=shared_cache()) as chain:
        height = chain.height
        for number, block_hash in acknowledged.items():
            assert (chain.block_hash(number) or b"").hex() == block_hash
        assert height - max(acknowledged, default=height) <= 1, "one at most was not yet said"
        parent = bytes(32)
        for number in range(max(0, height - 3), height + 1):
            at = chain.block_hash(number)
            block = chain.block(at)
            assert at is not None and block is not None
            header = Header.decode(block.header)
            assert header.number == number and header.hash == at
            assert ordered_root(block.extrinsics, 0) == header.extrinsics_root
            assert number == max(0, height - 3) or header.parent == parent
            parent = at
        values = {key: chain._store.value(MAIN, key) for key in chain.keys(b"", 100_000)}
        assert state_root({k: stored(*v) for k, v in values.items() if v}) == header.state_root
        # Each block holds one transfer: state and blocks tell the same.
        assert nonce(chain, account("Alice").public) == height
        assert free(chain, account("Bob").public) == paid_before + height * UNIT
        return height


def test_two_hundred_kills_lose_nothing(tmp_path: Path) -> None:
    path, seeded = tmp_path / "chain.sqlite", random.Random(3)
    with new_chain(path) as chain:
        before = free(chain, account("Bob").public)
    here = Path(__file__).parent
    with subprocess.Popen(
        [sys.executable, str(here / "devchain_writer.py"), str(path), str(shared_cache())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(here.parent), str(here.parents[1])))},
    ) as server:
        assert server.stdin is not None and server.stdout is not None
        acknowledged: dict[int, str] = {}
        for _ in range(KILLS):
            server.stdin.write(f"{seeded.choice((0, 1, 1, 2))} {seeded.uniform(0, 1.3)}\n")
            server.stdin.flush()
            status, *said = server.stdout.readline().split()
            assert os.WTERMSIG(int(status)) == signal.SIGKILL, "it wrote until it was killed"
            new = {int(n): h for n, h in (line.split(":") for line in said)}
            assert not new.keys() & acknowledged.keys()
            height = check_whole(path, new, before)
            assert height >= max(acknowledged, default=0)
            acknowledged |= new
        server.stdin.close()
        assert server.wait() == 0
    with DevChain.open(path, cache=shared_cache()) as chain:
        assert all((chain.block_hash(n) or b"").hex() == h for n, h in acknowledged.items())
        assert chain.height >= len(acknowledged) > KILLS // 2, "writers got to write"
