"""``ext_trie_*``, ``ext_misc_*``, ``ext_logging_*`` and other single functions."""

from __future__ import annotations

import logging
from typing import Final

from decentralml.devchain.codec import Reader, option
from decentralml.devchain.host.context import Host
from decentralml.devchain.host.memory import GuestFault
from decentralml.devchain.host.storage import check_layout
from decentralml.devchain.trie import ordered_root, root_of

_LOG: Final = logging.getLogger("decentralml.runtime")
_LEVELS: Final = (logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG, logging.DEBUG)
"""By ``RuntimeInterfaceLogLevel``; ``LogLevelFilter`` is one more, 0 for nothing."""
_WARN_FILTER: Final = 2
_MOST_ERRORS: Final = 20


# -- tries that the runtime builds itself


def ext_trie_blake2_256_root_version_1(host: Host, pairs: int) -> int:
    return ext_trie_blake2_256_root_version_2(host, pairs, 0)


def ext_trie_blake2_256_root_version_2(host: Host, pairs: int, layout: int) -> int:
    reader = Reader(host.memory.read_fat(pairs))
    items = {reader.prefixed(): reader.prefixed() for _ in range(reader.compact())}
    return host.memory.give(root_of(items, check_layout(layout)))


def ext_trie_blake2_256_ordered_root_version_1(host: Host, values: int) -> int:
    return ext_trie_blake2_256_ordered_root_version_2(host, values, 0)


def ext_trie_blake2_256_ordered_root_version_2(host: Host, values: int, layout: int) -> int:
    items = Reader(host.memory.read_fat(values)).vector()
    return host.memory.give(ordered_root(items, check_layout(layout)))


# -- what the runtime tells its operator


def ext_misc_print_num_version_1(host: Host, number: int) -> None:
    _LOG.debug("%d", number)


def ext_misc_print_utf8_version_1(host: Host, text: int) -> None:
    _LOG.debug("%s", _text(host, text))


def ext_misc_print_hex_version_1(host: Host, data: int) -> None:
    _LOG.debug("%s", host.memory.read_fat(data).hex())


def ext_logging_log_version_1(host: Host, level: int, target: int, message: int) -> None:
    text = f"{_text(host, target)}: {_text(host, message)}"
    if level >= len(_LEVELS):
        raise GuestFault(f"there is no log level {level}")
    known = _LEVELS[level]
    if known == logging.ERROR and len(host.errors) < _MOST_ERRORS:
        host.errors.append(text)
        # Errors come back with the call that fails; here they are for who looks for them.
        known = logging.DEBUG
    _LOG.log(known, "%s", text)


def ext_logging_max_level_version_1(host: Host) -> int:
    """Warnings, unless somebody listens to more: formatting what nobody reads costs time."""
    wanted = [level + 1 for level, known in enumerate(_LEVELS) if _LOG.isEnabledFor(known)]
    return max([_WARN_FILTER, *wanted])


def ext_panic_handler_abort_on_panic_version_1(host: Host, message: int) -> None:
    raise GuestFault(_text(host, message))


def ext_wasm_tracing_enabled_version_1(host: Host, metadata: int) -> int:
    return 0


# -- the rest


def ext_misc_runtime_version_version_1(host: Host, code: int) -> int:
    """An optional vector of bytes, as which the version itself is encoded."""
    return host.memory.give_fat(option(host.read_version(host.memory.read_fat(code))))


def ext_offchain_index_set_version_1(host: Host, key: int, value: int) -> None:
    """There is no off-chain database, as on a node that runs without indexing."""


def ext_offchain_index_clear_version_1(host: Host, key: int) -> None:
    """See :func:`ext_offchain_index_set_version_1`."""


def ext_transaction_index_index_version_1(
    host: Host, extrinsic: int, size: int, context: int
) -> None:
    """Indexed transactions are for a storage chain; the chain file keeps all of them anyway."""


def ext_transaction_index_renew_version_1(host: Host, extrinsic: int, context: int) -> None:
    """See :func:`ext_transaction_index_index_version_1`."""


def _text(host: Host, fat: int) -> str:
    return host.memory.read_fat(fat).decode("utf-8", "replace")
