"""Writers that are killed; see test_devchain_kills.

    devchain_writer.py CHAIN CACHE

For each line ``BLOCKS FRACTION`` on standard input it forks a writer, which begins with everything
loaded but nothing open, waits until that has acknowledged so many blocks and then for that
fraction of the time a block takes, and kills it. It answers with what the writer acknowledged:
number and hash of each block.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from devchain_support import UNIT, account, nonce, signed, transfer

from decentralml.devchain.chain import DevChain

ALICE, BOB = account("Alice"), account("Bob")


def write(path: Path, cache: Path, loaded: object, out: int) -> None:
    with DevChain.open(path, cache=cache) as chain:
        chain._runtimes = loaded  # type: ignore[assignment]
        while True:
            call = transfer(BOB.public, UNIT)
            sealed = chain.submit(signed(chain, ALICE, nonce(chain, ALICE.public), call))
            os.write(out, f"{sealed.number} {sealed.block_hash.hex()}\n".encode())


def main() -> None:
    path, cache = Path(sys.argv[1]), Path(sys.argv[2])
    with DevChain.open(path, cache=cache) as chain:
        chain.dry_run(signed(chain, ALICE, nonce(chain, ALICE.public), b"\0\0\0"))
        loaded = chain._runtimes
    took = 0.02
    for line in sys.stdin:
        blocks, fraction = line.split()
        reader, out = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            try:
                write(path, cache, loaded, out)
            finally:
                os._exit(1)
        os.close(out)
        said, start = b"", time.monotonic()
        while said.count(b"\n") < int(blocks) and (part := os.read(reader, 65_536)):
            said += part
        if int(blocks):
            took += ((time.monotonic() - start) / int(blocks) - took) / 8
        time.sleep(took * float(fraction))
        os.kill(child, signal.SIGKILL)
        while part := os.read(reader, 65_536):
            said += part
        os.close(reader)
        _, status = os.waitpid(child, 0)
        lines = said.decode().splitlines()
        # A line cut off by the kill was not said.
        whole = lines if said.endswith(b"\n") else lines[:-1]
        print(status, *(line.replace(" ", ":") for line in whole), flush=True)


if __name__ == "__main__":
    main()
