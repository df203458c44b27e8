"""Results that travel as coded updates: in few bytes between contributor and committee.

Where a task asks for it (``[result] coding``), a result holds ``update.safetensors`` instead of the
model: what changed from the base. Whoever judges or merges it works on the model that it stands
for, which is made from it here. What an update leaves untold its contributor keeps, and tells in
the next task of the same line.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from decentralml.bundles.coding import Coding
from decentralml.bundles.manifest import MODEL_FILE, UPDATE_FILE, ModelResult, TaskManifest
from decentralml.bundles.pack import OUTCOME_FILE, result_files
from decentralml.errors import DamagedTensors, DamagedUpdate
from decentralml.market.session import Session
from decentralml.market.work import Attempt
from decentralml.storage.staging import lend
from decentralml.types import SubmissionStatus, Task

if TYPE_CHECKING:
    from decentralml.learning.tensors import TensorFile

UNTOLD = "untold.safetensors"
"""In an attempt's folder: what its update left out."""
CODED_FROM = "coded-from"
"""In an attempt's folder: SHA-256 of the model that its update was made of."""


def coding_of(manifest: TaskManifest) -> Coding | None:
    """How the task's results travel; None for whole."""
    return manifest.result.coding if isinstance(manifest.result, ModelResult) else None


def to_travel(
    session: Session, task: Task, manifest: TaskManifest, bundle: Path, folder: Path, out: Path
) -> Path:
    """What of a contributor's result is packed: the folder itself, or its update in ``out``.

    Raises
    ------
    StructureMismatch, NotFinite, DamagedTensors
    """
    coding = coding_of(manifest)
    if coding is None:
        return folder
    from decentralml.learning.compress.encode import encode
    from decentralml.learning.tensors import TensorFile

    assert manifest.base_model is not None, "check_task wants one"
    before = _untold_before(session, task)
    out.mkdir()
    encode(
        TensorFile.open(bundle / manifest.base_model / MODEL_FILE),
        TensorFile.open(folder / MODEL_FILE),
        out / UPDATE_FILE,
        coding,
        untold=before,
        untold_out=out / UNTOLD,
    )
    for name in (*result_files(manifest), OUTCOME_FILE):
        if name != MODEL_FILE and (folder / name).is_file():
            lend(folder / name, out / name)
    return out


def note_untold(attempt: Attempt, folder: Path, packed: Path) -> None:
    """Keep what the update packed in ``packed`` left out, and which model it was made of."""
    if (packed / UNTOLD).is_file():
        (packed / UNTOLD).replace(attempt.root / UNTOLD)
        (attempt.root / CODED_FROM).write_text(_digest(folder / MODEL_FILE))


def made_of(attempt: Attempt, folder: Path) -> bool:
    """Whether the attempt's coded result was made of the model in a folder."""
    kept = attempt.root / CODED_FROM
    model = folder / MODEL_FILE
    return kept.is_file() and model.is_file() and kept.read_text() == _digest(model)


def from_travel(manifest: TaskManifest, bundle: Path, folder: Path, out: Path) -> Path:
    """The model that a result stands for: the result's own folder, or decoded, the folder ``out``.

    Raises
    ------
    DamagedUpdate : it is not coded as the task asks for.
    """
    coding = coding_of(manifest)
    if coding is None:
        return folder
    from decentralml.learning.compress.decode import decode
    from decentralml.learning.tensors import TensorFile

    assert manifest.base_model is not None, "check_task wants one"
    out.mkdir()
    try:
        base = TensorFile.open(bundle / manifest.base_model / MODEL_FILE)
        decode(folder / UPDATE_FILE, base, coding, out / MODEL_FILE)
    except DamagedTensors as error:
        raise DamagedUpdate(folder / UPDATE_FILE, error.reason) from None
    for name in result_files(manifest):
        if name != MODEL_FILE and (folder / name).is_file():
            lend(folder / name, out / name)
    return out


def _untold_before(session: Session, task: Task) -> TensorFile | None:
    """What the account's accepted update in the parent task left out."""
    from decentralml.learning.tensors import TensorFile

    if task.terms.parent is None:
        return None
    attempt = session.work(task.terms.parent).newest_attempt()
    if attempt is None or not (attempt.root / UNTOLD).is_file():
        return None
    known = session.chain.submission(task.terms.parent, int(attempt.root.name))
    if known.status is not SubmissionStatus.ACCEPTED or not attempt.is_of(known.accepted_at):
        return None
    return TensorFile.open(attempt.root / UNTOLD)


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
