"""The embedded chain given blocks from elsewhere, and new code."""

from __future__ import annotations

from pathlib import Path

import pytest
from devchain_support import (
    UNIT,
    account,
    nonce,
    remark,
    set_code,
    set_storage,
    shared_cache,
    signed,
)
from sealed_support import DONE, EVENTS, header, pay, whole_root

from decentralml.devchain.block import Header, check_extrinsic
from decentralml.devchain.chain import DevChain
from decentralml.devchain.codec import prefixed
from decentralml.devchain.hashes import blake2_256
from decentralml.devchain.keys import CODE, PENDING_CODE
from decentralml.errors import (
    BlockRefused,
)

ALICE = account("Alice")


# -- blocks from elsewhere


def test_a_chain_of_blocks_is_replayed_to_the_same_head(chain: DevChain, tmp_path: Path) -> None:
    for n in range(5):
        chain.seal([pay(chain, UNIT * (n + 1)), remark_of(chain, n)])
    with DevChain.create_from_spec(
        tmp_path / "copy.sqlite", chain.export_spec(), cache=shared_cache()
    ) as copy:
        for number in range(1, 6):
            block = chain.block(chain.block_hash(number))
            assert block is not None
            assert copy.execute_block(block.header, block.extrinsics) == block.hash
        assert copy.head == chain.head and whole_root(copy) == whole_root(chain)
        assert copy.storage(EVENTS) == chain.storage(EVENTS)


def remark_of(chain: DevChain, n: int) -> bytes:
    return signed(chain, ALICE, nonce(chain, ALICE.public) + 1, remark(bytes(n)))


def test_a_block_with_a_seal_keeps_it(chain: DevChain, tmp_path: Path) -> None:
    chain.submit(pay(chain))
    block = chain.block()
    assert block is not None
    made = Header.decode(block.header)
    seal = b"\5aura" + prefixed(bytes(64))
    sealed = Header(
        made.parent, made.number, made.state_root, made.extrinsics_root, (*made.digest, seal)
    )
    with DevChain.create_from_spec(
        tmp_path / "copy.sqlite", chain.export_spec(), cache=shared_cache()
    ) as copy:
        assert copy.execute_block(sealed.encode(), block.extrinsics) == sealed.hash != block.hash
        assert copy.header() == sealed.encode()


@pytest.mark.parametrize("wrong", ["parent", "state_root", "extrinsics_root", "body"])
def test_a_block_that_does_not_hold_what_it_says_is_refused(
    chain: DevChain, tmp_path: Path, wrong: str
) -> None:
    chain.submit(pay(chain))
    block = chain.block()
    assert block is not None
    fields = Header.decode(block.header)
    parts = {name: getattr(fields, name) for name in ("parent", "state_root", "extrinsics_root")}
    body = list(block.extrinsics)
    if wrong == "body":
        body.pop()
    else:
        parts[wrong] = bytes(32)
    forged = Header(number=1, digest=fields.digest, **parts)
    with DevChain.create_from_spec(
        tmp_path / "copy.sqlite", chain.export_spec(), cache=shared_cache()
    ) as copy:
        with pytest.raises(BlockRefused):
            copy.execute_block(forged.encode(), body)
        assert copy.height == 0
        assert copy.execute_block(block.header, block.extrinsics) == block.hash


# -- a new runtime


def test_new_code_is_in_force_from_the_next_block_on(chain: DevChain, tmp_path: Path) -> None:
    old = chain.storage(CODE) or b""
    version = chain.runtime_version
    assert old.count(b"decentralml") > 2
    new = _with_custom_section(old)
    at = chain.head
    sealed = chain.submit(signed(chain, ALICE, 0, set_code(new)))
    assert sealed.result == DONE and chain.storage(CODE) == new
    assert chain._record(0).code == blake2_256(old)
    assert chain._record(1).code == blake2_256(new)
    assert chain.submit(pay(chain)).result == DONE
    assert chain.runtime_version == version == chain.runtime_version_at(at)
    assert chain.storage(CODE, at) == old and chain.metadata(at)[:4] == b"meta"
    assert header(chain).state_root == whole_root(chain)
    with DevChain.open(tmp_path / "chain.sqlite", cache=shared_cache()) as again:
        assert again.submit(pay(again)).result == DONE


def test_blocks_are_made_by_pending_code_while_reads_use_the_present_one(
    chain: DevChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = _with_custom_section(chain.storage(CODE) or b"")
    chain.submit(signed(chain, ALICE, 0, set_storage({PENDING_CODE: new})))
    assert chain._record(1).pending == blake2_256(new)
    asked: list[bytes] = []
    assert chain._runtimes is not None
    get = chain._runtimes.get
    monkeypatch.setattr(
        chain._runtimes, "get", lambda digest, code: (asked.append(digest), get(digest, code))[1]
    )
    chain.validate(pay(chain))
    assert asked == [chain._record(0).code]
    assert chain.submit(pay(chain)).result == DONE
    assert set(asked[1:]) == {blake2_256(new)}


def test_code_that_is_no_runtime_makes_no_block(chain: DevChain) -> None:
    with pytest.raises(Exception, match="runtime"):
        chain.submit(signed(chain, ALICE, 0, set_code(b"not wasm")))
    assert chain.height == 0 and chain.submit(pay(chain)).result == DONE


def _with_custom_section(wasm: bytes) -> bytes:
    """The same runtime, other bytes."""
    content = b"\4test" + b"anything"
    return wasm + b"\0" + bytes((len(content),)) + content


def test_extrinsics_made_here_are_well_formed(chain: DevChain) -> None:
    check_extrinsic(pay(chain))
