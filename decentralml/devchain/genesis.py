"""The state a chain starts from: a runtime's preset, or a raw chain specification."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from decentralml.devchain.codec import Reader, option, prefixed
from decentralml.devchain.executor import Executor
from decentralml.devchain.keys import CODE, DEFAULT_CHILD
from decentralml.devchain.overlay import Overlay
from decentralml.devchain.state import MAIN, MemoryState
from decentralml.devchain.transaction import REFUSED
from decentralml.errors import BadChainSpec

Tries = dict[bytes, dict[bytes, bytes]]
"""A whole state: by trie, by key."""


def from_preset(executor: Executor, code: bytes, preset: str) -> Tries:
    """What the runtime `code` makes of one of its presets (``sp_genesis_builder``)."""
    base = MemoryState({MAIN: {CODE: code}})
    overlay = Overlay(base)
    config = _preset(executor, overlay, None)
    patch = _preset(executor, overlay, preset)
    text = json.dumps(merge(config, patch)).encode()
    answer = executor.call("GenesisBuilder_build_state", prefixed(text), overlay)
    if answer[:1] == REFUSED:
        why = Reader(answer[1:]).prefixed().decode("utf-8", "replace")
        raise BadChainSpec(f"the runtime refuses its preset {preset!r}: {why}; mend the runtime")
    top = {CODE: code}
    top.update({key: value for key, value in overlay.changed().items() if value is not None})
    return {MAIN: top}


def merge(config: Any, patch: Any) -> Any:
    """`patch` over `config`, objects member by member (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(config) if isinstance(config, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def from_spec(spec: Mapping[str, Any]) -> Tries:
    """The state in a raw chain specification."""
    try:
        raw = spec["genesis"]["raw"]
        tries = {MAIN: _bytes(raw["top"])}
        for name, items in raw.get("childrenDefault", {}).items():
            tries[bytes.fromhex(name.removeprefix("0x"))] = _bytes(items)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadChainSpec(
            f"this is no raw chain specification ({error!r}); make one with export-spec"
        ) from None
    if CODE not in tries[MAIN]:
        raise BadChainSpec("the chain specification has no :code; make one with export-spec")
    top = tries[MAIN]
    for key in [key for key in top if key.startswith(DEFAULT_CHILD)]:
        del top[key]  # roots follow from the children
    return tries


def to_spec(name: str, properties: Mapping[str, Any], tries: Tries) -> dict[str, Any]:
    """A raw chain specification, as Polkadot SDK nodes and chopsticks read it."""
    children = {
        _hex(trie): {_hex(key): _hex(value) for key, value in sorted(items.items())}
        for trie, items in tries.items()
        if trie != MAIN
    }
    top = {_hex(key): _hex(value) for key, value in sorted(tries[MAIN].items())}
    return {
        "name": name,
        "id": "".join(c if c.isalnum() else "_" for c in name.lower()),
        "chainType": "Development",
        "bootNodes": [],
        "telemetryEndpoints": None,
        "protocolId": None,
        "properties": dict(properties),
        "codeSubstitutes": {},
        # A polkadot-omni-node starts on no specification without these, and uses neither for a
        # chain that is no parachain.
        "relay_chain": "rococo-local",
        "para_id": 1000,
        "genesis": {"raw": {"top": top, "childrenDefault": children}},
    }


def _preset(executor: Executor, overlay: Overlay, name: str | None) -> Any:
    wanted = option(None if name is None else name.encode())
    found = Reader(executor.call("GenesisBuilder_get_preset", wanted, overlay)).option()
    if found is None:
        raise BadChainSpec(f"the runtime has no genesis preset {name!r}; name one that it has")
    return json.loads(found)


def _bytes(items: Mapping[str, str]) -> dict[bytes, bytes]:
    return {
        bytes.fromhex(key.removeprefix("0x")): bytes.fromhex(value.removeprefix("0x"))
        for key, value in items.items()
    }


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
