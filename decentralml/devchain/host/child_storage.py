"""``ext_default_child_storage_*``: child tries, called by their names."""

from __future__ import annotations

from decentralml.devchain.codec import option
from decentralml.devchain.host.context import Host
from decentralml.devchain.host.memory import GuestFault
from decentralml.devchain.host.storage import check_layout, kill_result, read_into, read_limit
from decentralml.devchain.overlay import Cleared


def ext_default_child_storage_get_version_1(host: Host, child: int, key: int) -> int:
    return host.memory.give_fat(option(_get(host, child, key)))


def ext_default_child_storage_read_version_1(
    host: Host, child: int, key: int, out: int, offset: int
) -> int:
    return read_into(host, _get(host, child, key), out, offset)


def ext_default_child_storage_set_version_1(host: Host, child: int, key: int, value: int) -> None:
    memory = host.memory
    host.state.set(memory.read_fat(key), memory.read_fat(value), _name(host, child))


def ext_default_child_storage_clear_version_1(host: Host, child: int, key: int) -> None:
    host.state.set(host.memory.read_fat(key), None, _name(host, child))


def ext_default_child_storage_exists_version_1(host: Host, child: int, key: int) -> int:
    return int(_get(host, child, key) is not None)


def ext_default_child_storage_next_key_version_1(host: Host, child: int, key: int) -> int:
    found = host.state.next_key(host.memory.read_fat(key), _name(host, child))
    return host.memory.give_fat(option(found))


def ext_default_child_storage_storage_kill_version_1(host: Host, child: int) -> None:
    host.state.clear_prefix(b"", None, _name(host, child))


def ext_default_child_storage_storage_kill_version_2(host: Host, child: int, limit: int) -> int:
    return int(_kill(host, child, limit).complete)


def ext_default_child_storage_storage_kill_version_3(host: Host, child: int, limit: int) -> int:
    return host.memory.give_fat(kill_result(_kill(host, child, limit)))


def ext_default_child_storage_clear_prefix_version_1(host: Host, child: int, prefix: int) -> None:
    host.state.clear_prefix(host.memory.read_fat(prefix), None, _name(host, child))


def ext_default_child_storage_clear_prefix_version_2(
    host: Host, child: int, prefix: int, limit: int
) -> int:
    cleared = host.state.clear_prefix(
        host.memory.read_fat(prefix), read_limit(host, limit), _name(host, child)
    )
    return host.memory.give_fat(kill_result(cleared))


def ext_default_child_storage_root_version_1(host: Host, child: int) -> int:
    return host.memory.give_fat(host.state.child_root(_name(host, child), 0))


def ext_default_child_storage_root_version_2(host: Host, child: int, layout: int) -> int:
    return host.memory.give_fat(host.state.child_root(_name(host, child), check_layout(layout)))


def _name(host: Host, child: int) -> bytes:
    name = host.memory.read_fat(child)
    if not name:
        raise GuestFault("a child trie must have a name")
    return name


def _get(host: Host, child: int, key: int) -> bytes | None:
    return host.state.get(host.memory.read_fat(key), _name(host, child))


def _kill(host: Host, child: int, limit: int) -> Cleared:
    return host.state.clear_prefix(b"", read_limit(host, limit), _name(host, child))
