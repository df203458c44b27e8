"""Making a block, step by step as a node's author does, and executing one that another made.

    Core_initialize_block            header without roots, with the slot of Aura in its digest;
                                     all before the block's time is known
    BlockBuilder_inherent_extrinsics the time, as an unsigned extrinsic that the author puts first
    BlockBuilder_apply_extrinsic     for each; one that fails to apply leaves no trace
    BlockBuilder_finalize_block      the header with both roots

Source: ``sc-block-builder``; digests as ``sp-consensus-aura`` and ``pallet-timestamp`` want them.
"""

from __future__ import annotations

from typing import Final

from decentralml.devchain.block import AURA, Block, Header, check_extrinsic, pre_runtime
from decentralml.devchain.codec import DecodeError, Reader, prefixed, u64, vector
from decentralml.devchain.executor import Executor
from decentralml.devchain.overlay import Overlay
from decentralml.devchain.transaction import REFUSED, explain
from decentralml.errors import BlockRefused, ExtrinsicRefused, RuntimeTrapped, UnreadableExtrinsic

TIMESTAMP_INHERENT: Final = b"timstap0"
DEFAULT_SLOT: Final = 6000
_NO_ROOT: Final = bytes(32)


class BlockBuilder:
    """One block in the making on top of `parent`; its changes are in `overlay`.

    It is initialized when this was made; :meth:`begin` comes next.
    """

    def __init__(self, executor: Executor, overlay: Overlay, parent: Header, slot: int) -> None:
        """`slot` is Aura's: milliseconds since 1970 by the slot duration."""
        self.overlay = overlay
        self.parent = parent
        self.slot = slot
        self._executor = executor
        self._extrinsics: list[bytes] = []
        digest = (pre_runtime(AURA, u64(slot)),)
        header = Header(parent.hash, parent.number + 1, _NO_ROOT, _NO_ROOT, digest)
        self._call("Core_initialize_block", header.encode())

    def begin(self, moment: int) -> None:
        """Add the inherents. `moment`, Unix milliseconds, is the block's time, in its slot."""
        inherents = vector((TIMESTAMP_INHERENT + prefixed(u64(moment)),))
        answer = Reader(self._call("BlockBuilder_inherent_extrinsics", inherents))
        for _ in range(answer.compact()):
            start = answer.offset
            answer.take(answer.compact())
            self.apply(answer.data[start : answer.offset])

    def apply(self, extrinsic: bytes) -> tuple[int, bytes]:
        """Add an extrinsic: its index and SCALE ``ApplyExtrinsicResult``.

        Raises :class:`ExtrinsicRefused`, :class:`UnreadableExtrinsic` or
        :class:`RuntimeTrapped`; then the block is as before.
        """
        self.overlay.begin()
        try:
            result = apply(self._executor, self.overlay, extrinsic)
            if result[:1] == REFUSED:
                raise ExtrinsicRefused(result, explain(result))
        except BaseException:
            self.overlay.rollback()
            raise
        self.overlay.commit()
        self._extrinsics.append(extrinsic)
        return len(self._extrinsics) - 1, result

    def finish(self) -> Block:
        encoded = self._call("BlockBuilder_finalize_block", b"")
        header = Header.decode(encoded)
        return Block(header.number, header.hash, encoded, tuple(self._extrinsics))

    def _call(self, api: str, data: bytes) -> bytes:
        return self._executor.call(api, data, self.overlay)


def apply(executor: Executor, overlay: Overlay, extrinsic: bytes) -> bytes:
    """SCALE ``ApplyExtrinsicResult`` of `extrinsic` in the block that `overlay` is in."""
    check_readable(extrinsic)
    try:
        return executor.call("BlockBuilder_apply_extrinsic", extrinsic, overlay)
    except RuntimeTrapped as trap:
        raise unreadable(trap) from None


def check_readable(extrinsic: bytes) -> None:
    try:
        check_extrinsic(extrinsic)
    except DecodeError as error:
        raise UnreadableExtrinsic(str(error)) from None


def unreadable(trap: RuntimeTrapped) -> RuntimeTrapped | UnreadableExtrinsic:
    """A trap as what it means: a runtime panics when it cannot decode what it is given."""
    if "Bad input data provided to" in trap.why:
        return UnreadableExtrinsic("the runtime cannot decode it")
    return trap


def execute(
    executor: Executor, overlay: Overlay, header: Header, encoded: bytes, extrinsics: list[bytes]
) -> Block:
    """Run a block made elsewhere; `encoded` is its header with seals.

    Raises :class:`BlockRefused` when it does not lead to what its header says.
    """
    block = header.without_seals().encode() + vector(extrinsics)
    try:
        executor.call("Core_execute_block", block, overlay)
    except RuntimeTrapped as trap:
        raise BlockRefused(header.number, trap.why) from None
    return Block(header.number, header.hash, encoded, tuple(extrinsics))


def slot_duration(executor: Executor, overlay: Overlay) -> int:
    """Aura's, in milliseconds."""
    if not executor.has("AuraApi_slot_duration"):
        return DEFAULT_SLOT
    overlay.begin()
    try:
        return Reader(executor.call("AuraApi_slot_duration", b"", overlay)).u64()
    finally:
        overlay.rollback()
