"""Makes tests/fixtures/chain_v1.sqlite.zst: a chain of runtime version 1 in the middle of its life.

    git show 1956130:decentralml/runtime/decentralml.wasm.zst | zstd -d > v1.wasm
    python scripts/lib/make_fixture_v1.py v1.wasm tests/fixtures/chain_v1.sqlite.zst STATE.json

STATE.json gets the state without the code, for the runtime's own tests
(contracts/substrate/runtime/src/tests/state_v1.json).

Calls are encoded by that runtime's own metadata, so this runs with any later client. The chain has
four aggregators in office (Dave, Eve, Ferdie, One) and one with a profile only (Two), an asset, and
tasks of Alice in every state:

====  =============================================================================================
task  state
====  =============================================================================================
0     expired: nobody came in time
1     its contributor's assignment expired, the slot is open again
2     drawing in the second round: one of three has attested, two were absent
3     attesting in the second round: one attestation, one seat taken over, one lost
4     completed and published; the parent of task 5
5     created
6     assigned
7     drawing
8     attesting, with one attestation of three
9     ManualAccept, validated: two have passed it, the third is silent
10    accepted, with the third member's fee due from the escrow
11    rejected, with the third member's fee due from the bond
12    withdrawn, with a contributor still at work
13    assigned, with its deadline past
====  =============================================================================================
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from decentralml.chain.keys import Key, development_key
from decentralml.chain.substrate.extrinsic import Mortality, Terms, sign
from decentralml.chain.substrate.runtime import Runtime
from decentralml.devchain.chain import DevChain
from decentralml.devchain.keys import CODE

START = 1_795_219_200_000
"""2026-11-21 00:00 UTC."""
SECOND, HOUR, DAY = 1_000, 3_600_000, 86_400_000
UNIT = 10**12
PROPERTIES = {"tokenSymbol": "DML", "tokenDecimals": 12, "ss58Format": 42}
BUNDLE = b"bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
REPORT = b"bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
ALICE, BOB, CHARLIE = (development_key(f"//{name}") for name in ("Alice", "Bob", "Charlie"))
OFFICE = tuple(development_key(f"//{name}") for name in ("Dave", "Eve", "Ferdie", "One"))
TWO = development_key("//Two")
VOTER = development_key("//Alice//stash")
KEYS = {key.public_key: key for key in OFFICE}


class Play:
    """A chain whose clock only this script moves: 6 seconds with each block."""

    def __init__(self, file: Path, wasm: bytes, cache: Path) -> None:
        self.now = START
        self.chain = DevChain.create(
            file, wasm, properties=PROPERTIES, cache=cache, clock=lambda: self.now
        )
        self.runtime = Runtime.load(self.chain.runtime_version, self.chain.metadata())
        self.tasks = 0

    def submit(self, who: Key, pallet: str, name: str, **arguments: Any) -> None:
        """Seal a block with one call, which has to succeed."""
        found = self.runtime.pallet(pallet)
        assert found.calls is not None
        call = bytes((found.number,)) + self.runtime.codec.encode(found.calls, (name, arguments))
        account = self.read("System", "Account", who.public_key)
        mortality = Mortality(self.chain.height, self.chain.head)
        terms = Terms(self.chain.genesis, account["nonce"], mortality)
        self.now += 6 * SECOND
        sealed = self.chain.submit(sign(self.runtime, call, who, terms).data)
        assert sealed.result == b"\0\0", (pallet, name, arguments, sealed.result.hex())

    def blocks(self, count: int) -> None:
        for _ in range(count):
            self.now += 6 * SECOND
            self.chain.seal()

    def read(self, pallet: str, item: str, *keys: Any) -> Any:
        entry = self.runtime.entry(pallet, item)
        return self.runtime.value(entry, self.chain.storage(self.runtime.key(entry, *keys)))

    def task(self, **changes: Any) -> int:
        """A task of Alice."""
        wanted = {
            "task_type": "ModelContributor",
            "strategy": "AutoAccept",
            "model_type": "Vision",
            "storage": "IPFS",
            "bundle": BUNDLE,
            "reward": 5 * UNIT,
            "fee": UNIT // 2,
            "committee_size": 3,
            "slots": 2,
            "expires_at": self.now + 30 * DAY,
            "working_time": 10 * DAY,
            "review_time": 20 * DAY,
            "parent": None,
            **changes,
        }
        self.submit(ALICE, "Market", "create_task", terms=wanted)
        self.tasks += 1
        return self.tasks - 1

    def accepted(self, **changes: Any) -> int:
        task = self.task(**changes)
        self.submit(BOB, "Market", "accept_task", task=task)
        return task

    def sent(self, **changes: Any) -> int:
        task = self.accepted(**changes)
        self.submit(BOB, "Market", "submit_result", task=task, cid=REPORT, digest=bytes(32))
        return task

    def drawn(self, **changes: Any) -> int:
        task = self.sent(**changes)
        self.draw(task)
        return task

    def draw(self, task: int) -> None:
        self.blocks(1)
        self.submit(CHARLIE, "Market", "draw_committee", task=task, index=0)

    def attest(self, task: int, *verdicts: str) -> None:
        """One verdict each from the first members of the committee that have not attested."""
        committee = self.read("Market", "Submissions", task, 0)["committee"]
        silent = [seat["member"] for seat in committee if seat["attestation"] is None]
        for member, verdict in zip(silent, verdicts, strict=False):
            self.submit(
                KEYS[bytes(member)],
                "Market",
                "attest",
                task=task,
                index=0,
                verdict=verdict,
                score=900_000,
                report=REPORT,
            )

    def settle(self, task: int, index: int | None) -> None:
        self.submit(CHARLIE, "Market", "settle", task=task, index=index)


def elect(play: Play) -> None:
    for count, key in enumerate((*OFFICE, TWO)):
        secret = key.encryption_secret()
        play.submit(
            key, "Aggregators", "register", endpoint=b"https://a.example", encryption_key=secret
        )
        if key is not TWO:
            play.submit(key, "Elections", "submit_candidacy", candidate_count=count)
    votes = [key.public_key for key in OFFICE]
    play.submit(VOTER, "Elections", "vote", votes=votes, value=1_000 * UNIT)
    play.blocks(50 - play.chain.height)


def bring_an_asset(play: Play) -> None:
    alice, bob = (("Id", key.public_key) for key in (ALICE, BOB))
    play.submit(ALICE, "Assets", "create", id=7, admin=alice, min_balance=10)
    play.submit(ALICE, "Assets", "mint", id=7, beneficiary=alice, amount=1_000_000)
    play.submit(ALICE, "Assets", "transfer", id=7, target=bob, amount=1_000)


def in_the_past(play: Play) -> None:
    """Tasks 0 to 4: hours go by with them."""
    short = {"expires_at": play.now + HOUR, "working_time": HOUR}
    nobody_came = play.task(**short)
    quitter = play.accepted(working_time=HOUR)
    second = play.drawn()
    play.attest(second, "Pass")
    third = play.drawn()
    play.attest(third, "Pass")
    done = play.drawn(slots=1)
    play.attest(done, "Pass", "Pass", "Pass")
    play.submit(ALICE, "Market", "publish_model", task=done, model=BUNDLE)
    play.now += 2 * HOUR
    play.settle(nobody_came, None)
    play.settle(quitter, 0)
    play.settle(third, 0)
    play.draw(third)
    play.settle(second, 0)


def in_the_present(play: Play) -> None:
    """Tasks 5 to 13."""
    play.task(parent=4)
    play.accepted()
    play.sent()
    play.attest(play.drawn(), "Pass")
    play.attest(play.drawn(strategy="ManualAccept"), "Pass", "Pass")
    play.attest(play.drawn(), "Pass", "Pass")
    play.attest(play.drawn(), "Fail", "Fail")
    withdrawn = play.accepted()
    play.submit(ALICE, "Market", "withdraw_task", task=withdrawn)
    play.accepted(working_time=SECOND)
    play.blocks(1)


def state_of(chain: DevChain) -> str:
    """What the newest state holds, as JSON."""
    keys = [key for key in chain.keys(b"", 100_000) if key != CODE]
    pairs = ((f"0x{key.hex()}", f"0x{(chain.storage(key) or b'').hex()}") for key in keys)
    return json.dumps(dict(pairs), indent=1) + "\n"


def main(wasm: Path, out: Path, state: Path) -> None:
    import zstandard

    with TemporaryDirectory() as folder:
        file = Path(folder, "chain.sqlite")
        play = Play(file, wasm.read_bytes(), Path(folder, "cache"))
        elect(play)
        bring_an_asset(play)
        in_the_past(play)
        in_the_present(play)
        height = play.chain.height
        state.write_text(state_of(play.chain))
        play.chain.close()
        parameters = zstandard.ZstdCompressionParameters.from_level(
            19, window_log=24, enable_ldm=True
        )
        compressor = zstandard.ZstdCompressor(compression_params=parameters)
        out.write_bytes(compressor.compress(file.read_bytes()))
    print(f"{out}: {height} blocks, {play.tasks} tasks, {out.stat().st_size} bytes")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
