# ruff: noqa: E501 (programs of one line each)
"""Running guests: honest ones, broken ones and hostile ones, written in WebAssembly text."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
import sr25519
import wasmtime

from decentralml.devchain.codec import Reader, prefixed
from decentralml.devchain.executor import HEAP, Executor
from decentralml.devchain.hashes import blake2_128, blake2_256, twox
from decentralml.devchain.host import inside
from decentralml.devchain.host.control import CONTROL
from decentralml.devchain.host.memory import PAGE, GuestFault, GuestMemory
from decentralml.devchain.module_cache import ModuleCache, make_engine
from decentralml.devchain.overlay import Overlay
from decentralml.devchain.state import MAIN, MemoryState
from decentralml.errors import RuntimeTrapped, RuntimeUnusable, UnknownRuntimeCall

ENGINE = make_engine()
INSIDE = wasmtime.Module(ENGINE, inside.SOURCE)
HEAP_BASE = 0x20000
SIGNATURES = {
    "ext_allocator_malloc_version_1": "(param i32) (result i32)",
    "ext_allocator_free_version_1": "(param i32)",
    "ext_storage_get_version_1": "(param i64) (result i64)",
    "ext_storage_set_version_1": "(param i64 i64)",
    "ext_storage_read_version_1": "(param i64 i64 i32) (result i64)",
    "ext_storage_root_version_2": "(param i32) (result i64)",
    "ext_storage_clear_prefix_version_2": "(param i64 i64) (result i64)",
    "ext_storage_start_transaction_version_1": "",
    "ext_storage_commit_transaction_version_1": "",
    "ext_storage_rollback_transaction_version_1": "",
    "ext_default_child_storage_set_version_1": "(param i64 i64 i64)",
    "ext_hashing_blake2_256_version_1": "(param i64) (result i32)",
    "ext_hashing_blake2_128_version_1": "(param i64) (result i32)",
    "ext_hashing_twox_64_version_1": "(param i64) (result i32)",
    "ext_hashing_twox_128_version_1": "(param i64) (result i32)",
    "ext_hashing_twox_256_version_1": "(param i64) (result i32)",
    "ext_crypto_sr25519_verify_version_2": "(param i32 i64 i32) (result i32)",
    "ext_crypto_sr25519_generate_version_1": "(param i32 i64) (result i32)",
    "ext_crypto_sr25519_public_keys_version_1": "(param i32) (result i64)",
    "ext_crypto_sr25519_sign_version_1": "(param i32 i32 i64) (result i64)",
    "ext_crypto_finish_batch_verify_version_1": "(result i32)",
    "ext_trie_blake2_256_ordered_root_version_2": "(param i64 i32) (result i32)",
    "ext_logging_log_version_1": "(param i32 i64 i64)",
    "ext_panic_handler_abort_on_panic_version_1": "(param i64)",
    "ext_from_the_future_version_9": "(param i32) (result i64)",
}


def guest(body: str, *, data: str = "", extra: str = "") -> Executor:
    """A runtime whose one call, ``t``, has this body."""
    imports = "".join(
        f'(import "env" "{name}" (func ${name} {signature}))'
        for name, signature in SIGNATURES.items()
        if name in body + extra
    )
    source = f"""(module
      (import "env" "memory" (memory 3))
      {imports}
      (global (export "__heap_base") i32 (i32.const {HEAP_BASE}))
      (global $sp (mut i32) (i32.const 65536))
      {data} {extra}
      (func (export "t") (param $p i32) (param $n i32) (result i64) {body}))"""
    return executor(wasmtime.Module(ENGINE, source))


def executor(module: wasmtime.Module) -> Executor:
    return Executor(module, INSIDE, ENGINE, lambda code: None)


def fat(pointer: int, length: int) -> str:
    return f"(i64.const {pointer | length << 32})"


ECHO = "(i64.or (i64.extend_i32_u (local.get $p)) (i64.shl (i64.extend_i32_u (local.get $n)) (i64.const 32)))"
NOTHING = "(i64.const 0)"


def overlay(items: dict[bytes, bytes] | None = None) -> Overlay:
    return Overlay(MemoryState({MAIN: items or {}}))


@pytest.mark.parametrize("data", [b"", b"x", b"hello" * 1000, bytes(3 << 20)])
def test_arguments_arrive_and_results_come_back(data: bytes) -> None:
    assert guest(ECHO).call("t", data, overlay()) == data


HOSTILE = {
    "a key outside": f"(call $ext_storage_get_version_1 {fat(0xFFFFFFF0, 32)})",
    "a length past the end": f"(call $ext_storage_get_version_1 {fat(0, 0xFFFFFFFF)})",
    "pointer and length that wrap": f"(call $ext_storage_get_version_1 {fat(0xFFFFFFFF, 0xFFFFFFFF)})",
    "a value outside": f"(call $ext_storage_set_version_1 {fat(0, 1)} {fat(0xF0000000, 5)}) {NOTHING}",
    "a buffer outside": f"(i32.store8 (i32.const 0) (i32.const 107)) (call $ext_storage_read_version_1 {fat(0, 1)} {fat(0xFFFFFF00, 4)} (i32.const 0))",
    "a signature outside": f"(drop (call $ext_crypto_sr25519_verify_version_2 (i32.const -1) {fat(0, 1)} (i32.const 0))) {NOTHING}",
    "a hash of everything": f"(drop (call $ext_hashing_blake2_256_version_1 {fat(1, 0xFFFFFFFF)})) {NOTHING}",
    "a result outside": "(i64.const -1)",
    "a garbled limit": f"(call $ext_storage_clear_prefix_version_2 {fat(0, 1)} {fat(0, 0)})",
    "a limit of no option": f"(i32.store8 (i32.const 0) (i32.const 7)) (call $ext_storage_clear_prefix_version_2 {fat(8, 1)} {fat(0, 5)})",
    "an unknown layout": "(call $ext_storage_root_version_2 (i32.const 2))",
    "a garbled vector": f"(i32.store (i32.const 0) (i32.const -1)) (drop (call $ext_trie_blake2_256_ordered_root_version_2 {fat(0, 4)} (i32.const 0))) {NOTHING}",
    "an unnamed child": f"(call $ext_default_child_storage_set_version_1 {fat(0, 0)} {fat(0, 1)} {fat(0, 1)}) {NOTHING}",
    "a commit too many": f"(call $ext_storage_commit_transaction_version_1) {NOTHING}",
    "a rollback too many": f"(call $ext_storage_rollback_transaction_version_1) {NOTHING}",
    "a transaction left open": f"(call $ext_storage_start_transaction_version_1) {NOTHING}",
    "a batch never started": f"(drop (call $ext_crypto_finish_batch_verify_version_1)) {NOTHING}",
    "a seed that is none": f"(i32.store (i32.const 0) (i32.const 0x610401)) (drop (call $ext_crypto_sr25519_generate_version_1 (i32.const 64) {fat(0, 3)})) {NOTHING}",
    "a log level that is none": f"(call $ext_logging_log_version_1 (i32.const 99) {fat(0, 1)} {fat(0, 1)}) {NOTHING}",
    "a function of the future": "(call $ext_from_the_future_version_9 (i32.const 0))",
    "too much at once": f"(drop (call $ext_allocator_malloc_version_1 (i32.const {33 << 20}))) {NOTHING}",
    "more than the heap": f"(loop $l (drop (call $ext_allocator_malloc_version_1 (i32.const {16 << 20}))) (br $l)) {NOTHING}",
    "a free of nonsense": f"(call $ext_allocator_free_version_1 (i32.const 0)) {NOTHING}",
    "division by zero": f"(drop (i32.div_u (i32.const 1) (i32.const 0))) {NOTHING}",
    "a store outside": f"(i32.store (i32.const -4) (i32.const 1)) {NOTHING}",
    "unreachable": "unreachable",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_guest_that_does_what_it_must_not_is_stopped(body: str) -> None:
    state = overlay({b"k": b"v"})
    runtime = guest(body)
    for _ in range(2):  # the second time in a new instance
        with pytest.raises(RuntimeTrapped) as caught:
            runtime.call("t", b"", state)
        assert caught.value.api == "t" and caught.value.why
    assert state.depth == 0 and not state.changed()


def test_endless_recursion_ends_in_a_trap() -> None:
    runtime = guest("(call $f)", extra="(func $f (result i64) (call $f))")
    with pytest.raises(RuntimeTrapped, match="stack"):
        runtime.call("t", b"", overlay())
    assert guest(ECHO).call("t", b"alive", overlay()) == b"alive"


def test_changes_of_a_call_that_fails_are_taken_back() -> None:
    state = overlay()
    state.set(b"k", b"before")
    body = f"(call $ext_storage_start_transaction_version_1) (call $ext_storage_set_version_1 {fat(256, 1)} {fat(0, 4)}) unreachable"
    with pytest.raises(RuntimeTrapped):
        guest(body, data='(data (i32.const 256) "k")').call("t", b"", state)
    assert state.get(b"k") == b"before" and state.depth == 0


def test_a_panic_tells_what_it_was() -> None:
    data = '(data (i32.const 256) "runtimeit broke")'
    logged = (
        f"(call $ext_logging_log_version_1 (i32.const 0) {fat(256, 7)} {fat(263, 8)}) unreachable"
    )
    with pytest.raises(RuntimeTrapped, match="runtime: it broke"):
        guest(logged, data=data).call("t", b"", overlay())
    aborted = f"(call $ext_panic_handler_abort_on_panic_version_1 {fat(263, 8)}) {NOTHING}"
    with pytest.raises(RuntimeTrapped, match="it broke"):
        guest(aborted, data=data).call("t", b"", overlay())


def test_warnings_go_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    data = '(data (i32.const 256) "runtimecareful")'
    body = f"(call $ext_logging_log_version_1 (i32.const 1) {fat(256, 7)} {fat(263, 7)}) {NOTHING}"
    with caplog.at_level(logging.WARNING):
        guest(body, data=data).call("t", b"", overlay())
    assert "runtime: careful" in caplog.text


@pytest.mark.parametrize("address", [16, 65000, 65536 + 8, HEAP_BASE - 4])
def test_no_call_sees_what_another_wrote_below_the_heap(address: int) -> None:
    body = f"""(local $old i64)
      (local.set $old (i64.load32_u (i32.const {address})))
      (i32.store (i32.const {address}) (i32.const 77))
      (i64.store (i32.const 512) (local.get $old))
      {fat(512, 8)}"""
    runtime = guest(body, data='(data (i32.const 65544) "\\07\\00\\00\\00")')
    first = runtime.call("t", b"", overlay())
    assert [runtime.call("t", b"", overlay()) for _ in range(3)] == [first] * 3
    assert int.from_bytes(first, "little") == (7 if address == 65544 else 0)


@pytest.mark.parametrize("size", [1, 100, 5000, 300_000, 5 << 20])
def test_no_call_sees_what_another_wrote_on_the_heap(size: int) -> None:
    # Allocate, fold all bytes together, then dirty them all; free, so that lists are used too.
    body = f"""(local $a i32) (local $i i32) (local $seen i32)
      (local.set $a (call $ext_allocator_malloc_version_1 (i32.const {size})))
      (loop $l
        (local.set $seen (i32.or (local.get $seen)
          (i32.load8_u (i32.add (local.get $a) (local.get $i)))))
        (i32.store8 (i32.add (local.get $a) (local.get $i)) (i32.const 255))
        (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
          (i32.const {size}))))
      (call $ext_allocator_free_version_1 (local.get $a))
      (i32.store (i32.const 512) (local.get $a))
      (i32.store (i32.const 516) (local.get $seen))
      {fat(512, 8)}"""
    runtime = guest(body)
    answers = {runtime.call("t", b"", overlay()) for _ in range(4)}
    (only,) = answers
    assert only[4:] == bytes(4)


def test_no_call_sees_what_the_host_gave_another() -> None:
    # The hash of nothing is given at a place where the call before was given a secret.
    secret = b"s" * 40
    body = f"""(drop (call $ext_hashing_twox_256_version_1 {fat(0, 0)}))
      {fat(HEAP_BASE + CONTROL + HEAP, 4096)}"""
    runtime = guest(body)
    clean = runtime.call("t", b"", overlay())
    runtime.call("t", secret * 50, overlay())
    assert runtime.call("t", b"", overlay()) == clean and secret not in clean


def test_freed_blocks_are_used_again() -> None:
    body = f"""(local $a i32)
      (local.set $a (call $ext_allocator_malloc_version_1 (i32.const 100)))
      (call $ext_allocator_free_version_1 (local.get $a))
      (if (i32.ne (local.get $a) (call $ext_allocator_malloc_version_1 (i32.const 128)))
        (then unreachable))
      (if (i32.eq (local.get $a) (call $ext_allocator_malloc_version_1 (i32.const 100)))
        (then unreachable))
      {NOTHING}"""
    guest(body).call("t", b"", overlay())


def test_what_the_host_gave_may_be_freed() -> None:
    body = f"""(local $a i32)
      (local.set $a (call $ext_hashing_twox_256_version_1 {fat(0, 0)}))
      (call $ext_allocator_free_version_1 (local.get $a))
      (if (i32.eq (local.get $a) (call $ext_allocator_malloc_version_1 (i32.const 32)))
        (then unreachable))
      {NOTHING}"""
    guest(body).call("t", b"", overlay())


def test_memory_that_the_guest_grew_itself_can_be_used() -> None:
    body = f"""(local $a i32)
      (local.set $a (i32.shl (memory.grow (i32.const 100)) (i32.const 16)))
      (i32.store8 (local.get $a) (i32.const 107))
      (call $ext_storage_get_version_1
        (i64.or (i64.extend_i32_u (local.get $a)) {fat(0, 1)}))"""
    assert guest(body).call("t", b"", overlay({b"k": b"v"})) == b"\1\4v"


def test_the_host_finds_room_for_large_results() -> None:
    body = f"""(local $i i32)
      (loop $l
        (drop (call $ext_storage_get_version_1 {fat(256, 1)}))
        (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
          (i32.const 60))))
      (call $ext_storage_get_version_1 {fat(256, 1)})"""
    value = bytes(range(256)) * 4 * 1024 * 4
    runtime = guest(body, data='(data (i32.const 256) "k")')
    for _ in range(2):
        answer = Reader(runtime.call("t", b"", overlay({b"k": value})))
        assert answer.option() == value


HASHES: dict[str, Callable[[bytes], bytes]] = {
    "blake2_128": blake2_128,
    "blake2_256": blake2_256,
    "twox_64": lambda data: twox(data, 1),
    "twox_128": lambda data: twox(data, 2),
    "twox_256": lambda data: twox(data, 4),
}


@pytest.mark.parametrize("name", HASHES)
def test_hashes_inside_are_those_outside(name: str) -> None:
    size = len(HASHES[name](b""))
    body = f"""(i64.or (i64.const {size << 32}) (i64.extend_i32_u
      (call $ext_hashing_{name}_version_1 {ECHO})))"""
    runtime, random = guest(body), Random(7)
    lengths = [*range(300), 1000, 1024, 4096, 65_537]
    for length in lengths:
        data = random.randbytes(length)
        assert runtime.call("t", data, overlay()) == HASHES[name](data), length


@pytest.mark.parametrize("name", HASHES)
@pytest.mark.parametrize("where", [fat(0xFFFFFFF0, 64), fat(0xF0000000, 1), fat(1, 0xFFFFFFFF)])
def test_hashing_outside_the_memory_is_stopped(name: str, where: str) -> None:
    with pytest.raises(RuntimeTrapped):
        guest(f"(drop (call $ext_hashing_{name}_version_1 {where})) {NOTHING}").call(
            "t", b"", overlay()
        )


def test_keys_that_a_runtime_makes_are_real() -> None:
    data = '(data (i32.const 256) "aura\\00")'
    make = f"""(drop (call $ext_crypto_sr25519_generate_version_1 (i32.const 256) {fat(260, 1)}))
      (call $ext_crypto_sr25519_public_keys_version_1 (i32.const 256))"""
    sign = f"""(call $ext_crypto_sr25519_sign_version_1 (i32.const 256)
      (i32.add (local.get $p) (i32.const 1)) {fat(256, 4)})"""
    extra = f'(func (export "s") (param $p i32) (param $n i32) (result i64) {sign})'
    runtime = guest(make, data=data, extra=extra)
    keys = runtime.call("t", b"", overlay())
    assert keys[0] == 4 and len(keys) == 33
    signature = runtime.call("s", keys, overlay())
    assert signature[0] == 1 and sr25519.verify(signature[1:], b"aura", keys[1:])
    assert runtime.call("s", b"\4" + bytes(32), overlay()) == b"\0"


def test_a_call_that_does_not_exist_is_named() -> None:
    with pytest.raises(UnknownRuntimeCall, match="Nope_nope"):
        guest(ECHO).call("Nope_nope", b"", overlay())


@pytest.mark.parametrize(
    "source",
    [
        "(module)",
        '(module (import "env" "memory" (memory 1)))',
        '(module (import "env" "memory" (memory 1)) (global (export "__heap_base") i64 (i64.const 1)))',
        '(module (import "env" "memory" (memory 1)) (import "env" "nowhere" (global i32)))',
        '(module (import "env" "ext_storage_get_version_1" (func (param i32))) (import "env" "memory" (memory 1)) (global (export "__heap_base") i32 (i32.const 8)))',
    ],
)
def test_a_module_that_is_no_runtime_is_refused(source: str) -> None:
    with pytest.raises((RuntimeUnusable, UnknownRuntimeCall)):
        executor(wasmtime.Module(ENGINE, source)).call("t", b"", overlay())


def test_an_interrupt_inside_a_host_function_is_an_interrupt() -> None:
    class Interrupting(MemoryState):
        def get(self, trie: bytes, key: bytes) -> bytes | None:
            raise KeyboardInterrupt

    runtime = guest(f"(call $ext_storage_get_version_1 {fat(0, 1)})")
    with pytest.raises(KeyboardInterrupt):
        runtime.call("t", b"", Overlay(Interrupting({})))


# -- compiled modules


def wasm() -> bytes:
    return bytes(wasmtime.wat2wasm('(module (func (export "f")))'))


@pytest.mark.parametrize(
    "damage",
    [lambda c: b"", lambda c: c[:-1], lambda c: c[:50] + b"!" + c[51:], lambda c: b"x" * len(c)],
    ids=["empty", "truncated", "changed", "other"],
)
def test_a_damaged_cache_is_made_anew(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    ModuleCache(tmp_path, ENGINE).load(wasm())
    (file,) = tmp_path.iterdir()
    good = file.read_bytes()
    file.write_bytes(damage(good))
    assert [e.name for e in ModuleCache(tmp_path, ENGINE).load(wasm()).exports] == ["f"]
    assert [f.name for f in tmp_path.iterdir()] == [file.name]
    ModuleCache(tmp_path, ENGINE).load(wasm())
    assert len(file.read_bytes()) == len(good)


def test_the_cache_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ModuleCache(tmp_path, ENGINE).load(wasm())
    monkeypatch.setattr(wasmtime, "Module", _OnlyDeserialize)
    ModuleCache(tmp_path, ENGINE).load(wasm())


class _OnlyDeserialize:
    deserialize = wasmtime.Module.deserialize

    def __init__(self, *_: object) -> None:
        raise AssertionError("compiled again")


def test_without_a_folder_to_write_to_it_works_all_the_same(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("not a folder")
    assert ModuleCache(file / "cache", ENGINE).load(wasm()) is not None


@pytest.mark.parametrize(
    "code", [b"", b"junk", b"(module)", bytes.fromhex("52bc537646db8e05") + b"junk"]
)
def test_code_that_is_no_wasm_is_refused(tmp_path: Path, code: bytes) -> None:
    with pytest.raises(RuntimeUnusable):
        ModuleCache(tmp_path, ENGINE).load(code)


def test_a_compression_bomb_is_refused(tmp_path: Path) -> None:
    import zstandard

    bomb = zstandard.ZstdCompressor().compress(bytes(60 << 20))
    with pytest.raises(RuntimeUnusable, match="larger"):
        ModuleCache(tmp_path, ENGINE).load(bytes.fromhex("52bc537646db8e05") + bomb)


# -- the memory alone


def test_nothing_outside_the_memory_is_ever_touched() -> None:
    import ctypes

    size = 4 * PAGE
    block = (ctypes.c_char * (size + 64)).from_buffer(bytearray(b"\xee" * (size + 64)))
    memory = GuestMemory(ctypes.addressof(block), 3 * PAGE, lambda pages: size)
    for pointer, length in [(size, 1), (size - 1, 2), (0, size + 1), (2**32 - 1, 2**32 - 1)]:
        with pytest.raises(GuestFault):
            memory.read(pointer, length)
        with pytest.raises(GuestFault):
            memory.read_fat(pointer | length << 32)
    with pytest.raises(GuestFault):
        memory.write(size - 3, b"1234")
    memory.give(bytes(PAGE - 64))
    with pytest.raises(GuestFault, match="exhausted"):
        memory.give(bytes(64))
    assert block.raw[size:] == b"\xee" * 64
    assert memory.read(size - 4, 4) and memory.read(size, 0) == b"" and prefixed(b"") == b"\0"
