"""``ext_storage_*``: the main trie."""

from __future__ import annotations

from decentralml.devchain.codec import DecodeError, Reader, option, u32
from decentralml.devchain.host.context import Host
from decentralml.devchain.host.memory import GuestFault
from decentralml.devchain.overlay import Cleared


def ext_storage_get_version_1(host: Host, key: int) -> int:
    memory = host.memory
    return memory.give_fat(option(host.state.get(memory.read_fat(key))))


def ext_storage_set_version_1(host: Host, key: int, value: int) -> None:
    host.state.set(host.memory.read_fat(key), host.memory.read_fat(value))


def ext_storage_clear_version_1(host: Host, key: int) -> None:
    host.state.set(host.memory.read_fat(key), None)


def ext_storage_exists_version_1(host: Host, key: int) -> int:
    return int(host.state.get(host.memory.read_fat(key)) is not None)


def ext_storage_read_version_1(host: Host, key: int, out: int, offset: int) -> int:
    return read_into(host, host.state.get(host.memory.read_fat(key)), out, offset)


def ext_storage_append_version_1(host: Host, key: int, item: int) -> None:
    host.state.append(host.memory.read_fat(key), host.memory.read_fat(item))


def ext_storage_next_key_version_1(host: Host, key: int) -> int:
    return host.memory.give_fat(option(host.state.next_key(host.memory.read_fat(key))))


def ext_storage_clear_prefix_version_1(host: Host, prefix: int) -> None:
    host.state.clear_prefix(host.memory.read_fat(prefix), None)


def ext_storage_clear_prefix_version_2(host: Host, prefix: int, limit: int) -> int:
    cleared = host.state.clear_prefix(host.memory.read_fat(prefix), read_limit(host, limit))
    return host.memory.give_fat(kill_result(cleared))


def ext_storage_root_version_1(host: Host) -> int:
    return host.memory.give_fat(host.state.root(0))


def ext_storage_root_version_2(host: Host, layout: int) -> int:
    return host.memory.give_fat(host.state.root(check_layout(layout)))


def ext_storage_changes_root_version_1(host: Host, parent: int) -> int:
    return host.memory.give_fat(option(None))


def ext_storage_start_transaction_version_1(host: Host) -> None:
    host.state.begin()


def ext_storage_commit_transaction_version_1(host: Host) -> None:
    _check_open(host)
    host.state.commit()


def ext_storage_rollback_transaction_version_1(host: Host) -> None:
    _check_open(host)
    host.state.rollback()


def ext_storage_proof_size_storage_proof_size_version_1(host: Host) -> int:
    """No proof is recorded: the largest number says so."""
    return (1 << 64) - 1


# -- also for child tries


def read_into(host: Host, value: bytes | None, out: int, offset: int) -> int:
    """Copy what fits of `value` from `offset` on to the pointer-size `out`; an optional u32 with
    the number of bytes that there are from `offset` on."""
    if value is None:
        return host.memory.give_fat(b"\0")
    rest = value[offset:]
    host.memory.write(out & 0xFFFF_FFFF, rest[: out >> 32])
    return host.memory.give_fat(b"\1" + u32(len(rest)))


def read_limit(host: Host, limit: int) -> int | None:
    """An optional u32 that the guest encoded."""
    reader = Reader(host.memory.read_fat(limit))
    present = reader.u8()
    if present > 1:
        raise DecodeError(f"an option starts with {present}, not 0 or 1")
    return reader.u32() if present else None


def kill_result(cleared: Cleared) -> bytes:
    """``KillStorageResult``."""
    return bytes((0 if cleared.complete else 1,)) + u32(cleared.loops)


def check_layout(layout: int) -> int:
    if layout > 1:
        raise GuestFault(f"there is no state version {layout}")
    return layout


def _check_open(host: Host) -> None:
    if host.state.depth <= host.floor:
        raise GuestFault("no transaction is open")
