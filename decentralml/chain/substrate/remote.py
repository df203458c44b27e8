"""A node at the end of a WebSocket as a transport."""

from __future__ import annotations

import time
from typing import Any, Literal

from decentralml.chain import ss58
from decentralml.chain.substrate.extrinsic import Extrinsic
from decentralml.chain.substrate.fees import QUERY_INFO, query_info_arguments, read_fee
from decentralml.chain.substrate.node import Node
from decentralml.chain.substrate.submission import SUBMIT_SECONDS, Submission
from decentralml.chain.substrate.transport import Head, Included
from decentralml.devchain.codec import DecodeError
from decentralml.devchain.version import RuntimeVersion
from decentralml.errors import EmbeddedOnly, NodeFault, NodeTimeout, WrongGenesis

FINALITY_LAG = 5
"""Blocks behind the newest one from which a transaction is born, if finality is further behind."""
METHOD_NOT_FOUND = -32601
_POLL_SECONDS = 0.2
_MAX_KEYS = 500
"""Keys in one request; nodes refuse more than a thousand."""


class RemoteTransport:
    """A node, and which chain it served when it was first asked.

    Raises, when it is made: ``NodeUnreachable``, ``NodeTimeout``.
    """

    kind: Literal["remote"] = "remote"

    def __init__(
        self, url: str, node: Node | None = None, submit_seconds: float = SUBMIT_SECONDS
    ) -> None:
        self.node = node or Node(url)
        self.submit_seconds = submit_seconds
        self._genesis = self._bytes("chain_getBlockHash", 0)
        self._methods: frozenset[str] | None = None
        self._development: bool | None = None
        self.node.greet = self._same_chain

    @property
    def address(self) -> str:
        return self.node.url

    def genesis(self) -> bytes:
        return self._genesis

    def name(self) -> str:
        return str(self.node.request("system_chain"))

    def properties(self) -> dict[str, object]:
        found = self.node.request("system_properties")
        properties = found if isinstance(found, dict) else {}
        # Chains with several tokens list them; the first is the one that pays fees.
        return {k: v[0] if isinstance(v, list) and v else v for k, v in properties.items()}

    def development(self) -> bool:
        if self._development is None:
            try:
                self._development = self.node.request("system_chainType") == "Development"
            except NodeFault as fault:
                if fault.code != METHOD_NOT_FOUND:
                    raise
                self._development = False
        return self._development

    def head(self) -> Head:
        block = self._bytes("chain_getBlockHash")
        return Head(block, self._number(block))

    def birth(self) -> Head:
        """The newest final block, or one a few blocks old where finality lags behind."""
        newest = self._number(self._bytes("chain_getBlockHash"))
        final = self._number(self._bytes("chain_getFinalizedHead"))
        number = max(final, newest - FINALITY_LAG, 0)
        return Head(self._bytes("chain_getBlockHash", number), number)

    def block_hash(self, number: int) -> bytes | None:
        found = self.node.request("chain_getBlockHash", number)
        return None if found is None else _from_hex(found)

    def version(self) -> RuntimeVersion:
        found = self.node.request("state_getRuntimeVersion")
        try:
            return RuntimeVersion(
                spec_name=found["specName"],
                impl_name=found["implName"],
                authoring_version=found["authoringVersion"],
                spec_version=found["specVersion"],
                impl_version=found["implVersion"],
                apis=tuple((_from_hex(api), version) for api, version in found["apis"]),
                transaction_version=found["transactionVersion"],
                state_version=found.get("stateVersion", 0),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise self._no_answer("state_getRuntimeVersion", error) from None

    def metadata(self) -> bytes:
        return self._bytes("state_getMetadata")

    def storage(self, key: bytes, at: bytes | None = None) -> bytes | None:
        found = self.node.request("state_getStorage", _to_hex(key), *_at(at))
        return None if found is None else _from_hex(found)

    def query(self, keys: list[bytes], at: bytes | None = None) -> list[bytes | None]:
        values: dict[str, str | None] = {}
        for start in range(0, len(keys), _MAX_KEYS):
            part = [_to_hex(key) for key in keys[start : start + _MAX_KEYS]]
            for change_set in self.node.request("state_queryStorageAt", part, *_at(at)):
                values.update((key, value) for key, value in change_set["changes"])
        found = (values.get(_to_hex(key)) for key in keys)
        return [None if value is None else _from_hex(value) for value in found]

    def keys(self, prefix: bytes, limit: int, at: bytes | None = None) -> list[bytes]:
        found: list[str] = []
        while len(found) < limit:
            page = self.node.request(
                "state_getKeysPaged",
                _to_hex(prefix),
                min(_MAX_KEYS, limit - len(found)),
                found[-1] if found else None,
                *_at(at),
            )
            if not page:
                break
            found += page
        return [_from_hex(key) for key in found]

    def next_nonce(self, account: bytes, stored: int) -> int:
        return max(stored, int(self.node.request("system_accountNextIndex", ss58.encode(account))))

    def clock(self, stored: int) -> int:
        """The newest block's time; the wall's, where blocks are made only when they are needed."""
        return max(stored, time.time_ns() // 1_000_000) if self._seals_on_demand() else stored

    def fee_of(self, extrinsic: Extrinsic) -> int:
        arguments = _to_hex(query_info_arguments(extrinsic))
        answer = self._bytes("state_call", QUERY_INFO, arguments)
        try:
            return read_fee(answer)
        except DecodeError as error:
            raise self._no_answer("state_call", error) from None

    def submit(self, extrinsic: Extrinsic) -> Included:
        return Submission(self.node, extrinsic, self.submit_seconds).run()

    def wait_block(self, number: int, deadline: float) -> int:
        end = time.monotonic() + deadline
        while (newest := self.head().number) < number:
            if time.monotonic() > end:
                raise NodeTimeout(self.address, deadline, f"reach block {number}")
            if self._seals_on_demand():
                self.node.request("engine_createBlock", True, True)
            else:
                time.sleep(_POLL_SECONDS)
        return newest

    def advance(self, blocks: int, milliseconds: int) -> int:
        raise EmbeddedOnly("move its clock", self.address)

    def close(self) -> None:
        self.node.close()

    def _seals_on_demand(self) -> bool:
        """Whether blocks are made only for transactions, or when asked (``chain serve``)."""
        if self._methods is None:
            self._methods = frozenset(self.node.request("rpc_methods")["methods"])
        return "engine_createBlock" in self._methods

    def _same_chain(self) -> None:
        found = self._bytes("chain_getBlockHash", 0)
        if found != self._genesis:
            raise WrongGenesis(_to_hex(self._genesis), _to_hex(found), self.address)

    def _number(self, block: bytes) -> int:
        header = self.node.request("chain_getHeader", _to_hex(block))
        try:
            return int(header["number"], 16)
        except (KeyError, TypeError, ValueError) as error:
            raise self._no_answer("chain_getHeader", error) from None

    def _bytes(self, method: str, *params: Any) -> bytes:
        found = self.node.request(method, *params)
        try:
            return _from_hex(found)
        except (TypeError, ValueError) as error:
            raise self._no_answer(method, error) from None

    def _no_answer(self, method: str, error: Exception) -> NodeFault:
        return NodeFault(self.address, method, f"its answer makes no sense ({error!r})")


def _at(block: bytes | None) -> tuple[str, ...]:
    return () if block is None else (_to_hex(block),)


def _to_hex(data: bytes) -> str:
    return "0x" + data.hex()


def _from_hex(text: Any) -> bytes:
    if not isinstance(text, str) or not text.startswith("0x"):
        raise ValueError(f"{text!r} is not hexadecimal")
    return bytes.fromhex(text[2:])
