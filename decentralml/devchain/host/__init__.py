"""The functions that a runtime imports, by name; others are in :mod:`inside`.

Each takes the :class:`~decentralml.devchain.host.context.Host` and the guest's arguments as
unsigned integers, and returns an unsigned integer or nothing. A *pointer-size* is 64 bits: pointer
low, length high. Semantics are those of ``sp-io``; layouts those of ``sp-runtime-interface``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from decentralml.devchain.host import child_storage, crypto, hashing, misc, storage

HostFunction = Callable[..., Any]

FUNCTIONS: Final[dict[str, HostFunction]] = {
    name: function
    for module in (storage, child_storage, hashing, crypto, misc)
    for name, function in vars(module).items()
    if name.startswith("ext_")
}
