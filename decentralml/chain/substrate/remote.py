"""A node at the end of a WebSocket as a transport."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar

from decentralml.chain import ss58
from decentralml.chain.substrate.extrinsic import Extrinsic
from decentralml.chain.substrate.fees import QUERY_INFO, query_info_arguments, read_fee
from decentralml.chain.substrate.node import Node
from decentralml.chain.substrate.submission import SUBMIT_SECONDS, Submission
from decentralml.chain.substrate.transport import Head, Included
from decentralml.devchain.block import Header
from decentralml.devchain.version import RuntimeVersion
from decentralml.errors import EmbeddedOnly, NodeFault, NodeTimeout, StatePruned, WrongGenesis

T = TypeVar("T")
FINALITY_LAG = 5
"""Blocks behind the newest one from which a transaction is born, if finality is further behind."""
POOL_LAG = 2
"""Blocks that a node's pool may be behind."""
METHOD_NOT_FOUND = -32601
_DISCARDED = "State already discarded"
"""How nodes say that they keep only the newest states."""
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
        """The newest final block, or one a few blocks old where finality lags behind.

        Never the very newest: a node's pool may not have it yet, and would then take the
        transaction for one of an era long over (``AncientBirthBlock``).
        """
        newest = self._number(self._bytes("chain_getBlockHash"))
        final = self._number(self._bytes("chain_getFinalizedHead"))
        number = max(min(max(final, newest - FINALITY_LAG), newest - POOL_LAG), 0)
        return Head(self._bytes("chain_getBlockHash", number), number)

    def block_hash(self, number: int) -> bytes | None:
        return self._read(_from_hex_or_none, "chain_getBlockHash", number)

    def block_hashes(self, numbers: Sequence[int]) -> list[bytes | None]:
        return self._read(_hashes, "chain_getBlockHash", list(numbers)) if numbers else []

    def header(self, block: bytes) -> Header | None:
        return self._read(_header, "chain_getHeader", _to_hex(block))

    def body(self, block: bytes) -> tuple[bytes, ...] | None:
        return self._read(_body, "chain_getBlock", _to_hex(block))

    def version(self, at: bytes | None = None) -> RuntimeVersion:
        return self._read(_version, "state_getRuntimeVersion", *_at(at))

    def metadata(self, at: bytes | None = None) -> bytes:
        return self._bytes("state_getMetadata", *_at(at))

    def storage(self, key: bytes, at: bytes | None = None) -> bytes | None:
        return self._read(_from_hex_or_none, "state_getStorage", _to_hex(key), *_at(at))

    def proofs(self, wanted: Mapping[bytes, Sequence[bytes]]) -> list[bytes]:
        found: dict[bytes, None] = {}
        for at, keys in wanted.items():
            names = [_to_hex(key) for key in keys]
            nodes = self._read(_proof, "state_getReadProof", names, _to_hex(at))
            found.update(dict.fromkeys(nodes))
        return list(found)

    def query(self, keys: list[bytes], at: bytes | None = None) -> list[bytes | None]:
        values: dict[str, bytes | None] = {}
        for start in range(0, len(keys), _MAX_KEYS):
            part = [_to_hex(key) for key in keys[start : start + _MAX_KEYS]]
            values.update(self._read(_changes, "state_queryStorageAt", part, *_at(at)))
        return [values.get(_to_hex(key)) for key in keys]

    def keys(self, prefix: bytes, limit: int, at: bytes | None = None) -> list[bytes]:
        found: list[bytes] = []
        while len(found) < limit:
            count = min(_MAX_KEYS, limit - len(found))
            last = _to_hex(found[-1]) if found else None
            page = self._read(_keys, "state_getKeysPaged", _to_hex(prefix), count, last, *_at(at))
            if not page:
                break
            found += page
        return found

    def next_nonce(self, account: bytes, stored: int) -> int:
        return max(stored, self._read(int, "system_accountNextIndex", ss58.encode(account)))

    def clock(self, stored: int) -> int:
        """The newest block's time; the wall's, where blocks are made only when they are needed."""
        return max(stored, self.node.clock.wall()) if self._seals_on_demand() else stored

    def fee_of(self, extrinsic: Extrinsic) -> int:
        arguments = _to_hex(query_info_arguments(extrinsic))
        return self._read(
            lambda answer: read_fee(_from_hex(answer)), "state_call", QUERY_INFO, arguments
        )

    def submit(self, extrinsic: Extrinsic) -> Included:
        return Submission(self.node, extrinsic, self.submit_seconds).run()

    def recover(self, extrinsic: Extrinsic) -> Included | None:
        return Submission(self.node, extrinsic, self.submit_seconds).recover()

    def wait_block(self, number: int, deadline: float) -> int:
        end = self.node.clock.steady() + deadline
        while (newest := self.head().number) < number:
            if self.node.clock.steady() > end:
                raise NodeTimeout(self.address, deadline, f"reach block {number}")
            if self._seals_on_demand():
                self.node.request("engine_createBlock", True, True)
            else:
                self.node.clock.sleep(_POLL_SECONDS)
        return newest

    def advance(self, blocks: int, milliseconds: int) -> int:
        raise EmbeddedOnly("move its clock", self.address)

    def close(self) -> None:
        self.node.close()

    def _seals_on_demand(self) -> bool:
        """Whether blocks are made only for transactions, or when asked (``chain serve``)."""
        if self._methods is None:
            self._methods = self._read(lambda answer: frozenset(answer["methods"]), "rpc_methods")
        return "engine_createBlock" in self._methods

    def _same_chain(self) -> None:
        found = self._bytes("chain_getBlockHash", 0)
        if found != self._genesis:
            raise WrongGenesis(_to_hex(self._genesis), _to_hex(found), self.address)

    def _number(self, block: bytes) -> int:
        return self._read(
            lambda header: int(header["number"], 16), "chain_getHeader", _to_hex(block)
        )

    def _bytes(self, method: str, *params: Any) -> bytes:
        return self._read(_from_hex, method, *params)

    def _read(self, meaning: Callable[[Any], T], method: str, *params: Any) -> T:
        """What the node's answer means; an answer without sense is the node's fault."""
        try:
            answer = self.node.request(method, *params)
        except NodeFault as refused:
            if _DISCARDED in refused.message:
                raise StatePruned(self.address) from None
            raise
        try:
            return meaning(answer)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            fault = f"its answer makes no sense ({error!r})"
            raise NodeFault(self.address, method, fault) from None


def _at(block: bytes | None) -> tuple[str, ...]:
    return () if block is None else (_to_hex(block),)


def _to_hex(data: bytes) -> str:
    return "0x" + data.hex()


def _from_hex(text: Any) -> bytes:
    if not isinstance(text, str) or not text.startswith("0x"):
        raise ValueError(f"{text!r} is not hexadecimal")
    return bytes.fromhex(text[2:])


def _from_hex_or_none(text: Any) -> bytes | None:
    return None if text is None else _from_hex(text)


def _hashes(answer: Any) -> list[bytes | None]:
    return [_from_hex_or_none(found) for found in answer]


def _changes(answer: Any) -> dict[str, bytes | None]:
    return {
        key: _from_hex_or_none(value)
        for change_set in answer
        for key, value in change_set["changes"]
    }


def _header(found: Any) -> Header | None:
    if found is None:
        return None
    return Header(
        parent=_from_hex(found["parentHash"]),
        number=int(found["number"], 16),
        state_root=_from_hex(found["stateRoot"]),
        extrinsics_root=_from_hex(found["extrinsicsRoot"]),
        digest=tuple(_from_hex(item) for item in found["digest"]["logs"]),
    )


def _body(found: Any) -> tuple[bytes, ...] | None:
    return None if found is None else tuple(map(_from_hex, found["block"]["extrinsics"]))


def _proof(found: Any) -> list[bytes]:
    return [_from_hex(node) for node in found["proof"]]


def _keys(answer: Any) -> list[bytes]:
    return [_from_hex(key) for key in answer]


def _version(found: Any) -> RuntimeVersion:
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
