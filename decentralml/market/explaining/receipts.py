"""Receipts: files that state what became of a result, with the evidence that shows it.

A receipt is canonical JSON. Its evidence are the headers of the blocks in which something happened
to the result, and the nodes of the tries under their roots that hold the result's storage, before
and after, the blocks' events and the transactions. So whoever knows the hashes of the chain's
blocks, which every node does, can make all statements anew from it, and see that no block was left
out: after one named block the storage is what it is before the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from decentralml.bundles.fields import Fields, parse_json
from decentralml.bundles.manifest import canonical_json
from decentralml.chain.errors import UnknownSubmission, UnknownTask
from decentralml.chain.history import Evidence, History
from decentralml.devchain.hashes import blake2_256
from decentralml.errors import (
    EvidenceRefused,
    ManifestError,
    ReceiptContradicted,
    ReceiptInvalid,
    RuntimeMismatch,
    WrongGenesis,
)
from decentralml.market.explaining.explain import Explanation, explained
from decentralml.market.explaining.statements import as_document
from decentralml.market.session import Session
from decentralml.service.files import write_atomically
from decentralml.types import TaskId

RECEIPT_FORMAT = "decentralml/receipt@1"
MAX_RECEIPT_BYTES = 64 << 20
_MOST = 1 << 20
"""Blocks, and nodes, of one receipt."""
_DIGEST_LINE = re.compile(rb'^  "digest": "(0x[0-9a-f]{64})",\n', re.MULTILINE)
_U32, _U64 = 2**32 - 1, 2**64 - 1


@dataclass(frozen=True, slots=True)
class Verified:
    """A receipt that is true, and what was looked at to say so."""

    explanation: Explanation
    blocks: int
    """Headers that are this chain's."""
    changes: int
    """Blocks in which the result's storage changed; none is missing."""
    transactions: int
    events: int
    nodes: int
    """Of the tries under the headers' roots."""


def write_receipt(session: Session, history: History, file: Path) -> None:
    """Write the receipt of a result.

    Raises
    ------
    StatePruned : the node has forgotten the states of that time.
    OSError
    """
    session.report.step("gathering the evidence")
    evidence = session.chain.evidence(history)
    write_atomically(file, encode(statements(session.info.genesis, history), evidence))


def verify_receipt(session: Session, file: Path) -> Verified:
    """Check a receipt against this chain, of which nothing is asked but the hashes of blocks.

    Raises
    ------
    ReceiptInvalid : it is no receipt, or not as it was written.
    WrongGenesis : it is of another chain.
    ReceiptContradicted : with the first statement that is not so.
    """
    document, evidence = _read(file)
    if document["genesis"] != session.info.genesis:
        raise WrongGenesis(document["genesis"], session.info.genesis, session.info.address)
    task, index, until = document["task"], document["index"], document["until"]["block"]
    try:
        history = session.chain.proven(TaskId(task), index, until, evidence)
    except EvidenceRefused as error:
        raise ReceiptContradicted(file, error.problem) from None
    except (UnknownTask, UnknownSubmission, RuntimeMismatch):
        problem = f"its evidence does not show result {index} of task {task}"
        raise ReceiptContradicted(file, problem) from None
    true = statements(session.info.genesis, history)
    different = next(differences(document, true), None)
    if different is not None:
        raise ReceiptContradicted(file, different)
    return Verified(
        explained(None, history),
        blocks=len(evidence.headers),
        changes=len(evidence.changes),
        transactions=len({(step.block, step.position) for step in history.steps}),
        events=sum(len(step.events) for step in history.steps),
        nodes=len(evidence.nodes),
    )


def statements(genesis: str, history: History) -> dict[str, Any]:
    """What a receipt says of a result; nothing in it is from anywhere but the chain."""
    return {
        "format": RECEIPT_FORMAT,
        "genesis": genesis,
        **as_document(explained(None, history)),
    }


def encode(stated: dict[str, Any], evidence: Evidence) -> bytes:
    """The bytes of a receipt."""
    document = stated | {
        "evidence": {
            "changes": list(evidence.changes),
            "headers": ["0x" + header.hex() for header in evidence.headers],
            "nodes": ["0x" + node.hex() for node in evidence.nodes],
        }
    }
    return canonical_json(document | {"digest": _digest(canonical_json(document))})


def differences(stated: Any, true: Any, where: str = "") -> Iterator[str]:
    """Statements that are not so, in words: where, what is said, what is true."""
    if isinstance(stated, dict) and isinstance(true, dict):
        for name in sorted(stated.keys() | true.keys()):
            path = f"{where}.{name}" if where else name
            if name not in true:
                yield f"{path} is nothing that the chain says"
            elif name not in stated:
                yield f"{path} is missing"
            else:
                yield from differences(stated[name], true[name], path)
    elif isinstance(stated, list) and isinstance(true, list):
        for place, (left, right) in enumerate(zip(stated, true, strict=False)):
            yield from differences(left, right, f"{where}[{place}]")
        if len(stated) != len(true):
            yield f"{where} has {len(stated)} entries, and the chain says {len(true)}"
    elif type(stated) is not type(true) or stated != true:
        yield f"{where} is {_short(stated)}, and the chain says {_short(true)}"


def _read(file: Path) -> tuple[dict[str, Any], Evidence]:
    """The statements of a file that is as it was written, and its evidence."""
    try:
        with file.open("rb") as stream:  # A stranger's: it may be of any size.
            return _parse(stream.read(MAX_RECEIPT_BYTES + 1), str(file))
    except ManifestError as error:
        raise ReceiptInvalid(file, error.reason) from None


def _parse(data: bytes, name: str) -> tuple[dict[str, Any], Evidence]:
    if len(data) > MAX_RECEIPT_BYTES:
        raise ManifestError(name, f"it is larger than {MAX_RECEIPT_BYTES} bytes")
    line = _DIGEST_LINE.search(data)
    if line is None:
        raise ManifestError(name, "it has no digest")
    if line[1].decode() != _digest(data[: line.start()] + data[line.end() :]):
        raise ManifestError(name, "it was changed after it was written (the digest differs)")
    document = parse_json(data, name, MAX_RECEIPT_BYTES)
    top = Fields(name, "", document)
    top.constant("format", RECEIPT_FORMAT)
    if not _is_canonical(document, data):
        raise top.wrong("it was changed after it was written (its form is not canonical)")
    top.hexadecimal("genesis", 32)
    top.integer("task", 0, _U64)
    top.integer("index", 0, _U32)
    top.section("until").integer("block", 0, _U32)
    section = top.section("evidence")
    evidence = Evidence(
        section.integers("changes", _MOST, 0, _U32),
        _bytes(section, "headers"),
        _bytes(section, "nodes"),
    )
    section.end()
    beside = ("evidence", "digest")
    return {key: value for key, value in document.items() if key not in beside}, evidence


def _is_canonical(document: dict[str, Any], data: bytes) -> bool:
    try:
        return canonical_json(document) == data
    except ValueError:  # Halves of characters, numbers that are none.
        return False


def _bytes(section: Fields, name: str) -> tuple[bytes, ...]:
    found = []
    for each in section.texts(name, _MOST, MAX_RECEIPT_BYTES):
        try:
            data = bytes.fromhex(each.removeprefix("0x"))
        except ValueError:
            raise section.wrong(f"{name} are not hexadecimal") from None
        if "0x" + data.hex() != each:
            raise section.wrong(f"{name} are not hexadecimal")
        found.append(data)
    if found != sorted(found) and name == "nodes":
        raise section.wrong("nodes are not in order")
    return tuple(found)


def _digest(data: bytes) -> str:
    """Of a receipt without the line that holds it."""
    return "0x" + blake2_256(data).hex()


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:77] + "..."
