"""Making the two folders that travel: a task's bundle and a result; and opening them again.

A folder that was opened without complaint holds exactly what its manifest says: nothing missing,
nothing besides, no links, every file of its size and digest, and (a result) signed by its
contributor.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from decentralml.bundles import signing
from decentralml.bundles.attempts import ALONE, Attempts
from decentralml.bundles.fields import Fields, check_path, parse_json, parse_metrics
from decentralml.bundles.manifest import (
    CODE_FILE,
    LABELS_FILE,
    MANIFEST_FILE,
    MAX_MANIFEST_BYTES,
    MODEL_FILE,
    SIGNATURE_FILE,
    STRUCTURE_FILE,
    UPDATE_FILE,
    FileEntry,
    LabelsResult,
    ModelResult,
    ResultManifest,
    TaskManifest,
    ValidationSet,
    check_task,
    parse_result,
    parse_task,
)
from decentralml.bundles.replay import EXAMPLE_FILES, check_trace, checkpoint_files, trace_of
from decentralml.bundles.settings import SETTINGS_FILE, TaskSettings
from decentralml.bundles.tensors import read_header
from decentralml.chain.keys import Signer
from decentralml.errors import (
    BundleMismatch,
    ManifestError,
    NotPlain,
    ObjectTooLarge,
    PathNotFound,
    ResultFolderInvalid,
)
from decentralml.storage.dag import Limits
from decentralml.storage.staging import staged_folder
from decentralml.storage.unixfs import cid_of
from decentralml.types import Cid, TaskId, TaskType

OUTCOME_FILE = "result.json"
"""What a contributor's script says of its run: ``{"examples": n, "metrics": {…}}``."""
LEFT_OUT = frozenset({"__pycache__", ".git", SETTINGS_FILE})
"""Names at any depth (the settings: at the root) that are not packed."""
MIN_RESULT_LIMIT = 16 << 20
RESULT_LIMIT_FACTOR = 4
_READ = 1 << 20


def pack_task(
    folder: Path,
    out: Path,
    settings: TaskSettings,
    *,
    validation_set: ValidationSet | None = None,
    attempts: Attempts = ALONE,
) -> TaskManifest:
    """Copy an author's folder to ``out`` and write its ``manifest.json``.

    Parameters
    ----------
    folder : the author's scripts, and the base model if there is one.
    out : the bundle; must not exist. It appears complete or not at all.
    settings : see :func:`decentralml.bundles.settings.read_settings`.
    validation_set : where it lies, sealed, and which key opens it.
    attempts : which tasks before it, of a federated run, are the same round's.

    Raises
    ------
    ManifestError : a script or the base model is missing, or the settings contradict each other.
    UnsafePath, NotPlain, PathNotFound, ObjectTooLarge, DestinationExists
    """
    if not folder.is_dir():
        raise PathNotFound(str(folder))
    if (folder / MANIFEST_FILE).exists():
        raise ManifestError(MANIFEST_FILE, f"packing writes this file; remove it from {folder}")
    manifest = _task_manifest(folder, settings, validation_set, attempts)
    paths = list(_plain_files(folder, LEFT_OUT))
    _refuse_too_large(folder, paths)
    with staged_folder(out) as stage:
        for path in paths:
            target = stage / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / path, target)
        (stage / MANIFEST_FILE).write_bytes(manifest.to_json())
        open_task(stage)
    return manifest


FEW = 5
"""Names that a message lists."""


def open_task(folder: Path) -> TaskManifest:
    """The manifest of a task's bundle; every file that it names is there.

    Raises
    ------
    ManifestError, UnsafePath, NotPlain
    """
    manifest = parse_task(_read_small(folder, MANIFEST_FILE))
    for path in _named_files(manifest):
        _size(folder, path, MANIFEST_FILE)
    return manifest


def base_model_cid(bundle: Path, manifest: TaskManifest) -> Cid | None:
    """The CID of the bundle's base model folder, which results name as where they began."""
    return None if manifest.base_model is None else cid_of(bundle / manifest.base_model)


def find_result(output: Path) -> Path:
    """The one folder that a contributor's run left in its output folder.

    Raises
    ------
    ResultFolderInvalid : none, or more than one.
    PathNotFound
    """
    if not output.is_dir():
        raise PathNotFound(str(output))
    folders = sorted(p for p in output.iterdir() if p.is_dir() and not p.is_symlink())
    if len(folders) != 1:
        names = [p.name for p in folders[:FEW]] + ["…"] * (len(folders) > FEW)
        found = "is empty" if not folders else "has " + ", ".join(names)
        raise ResultFolderInvalid(
            str(output), f"it {found}, where one folder NAME_CONTRIBUTOR is wanted"
        )
    return folders[0]


def result_files(manifest: TaskManifest) -> tuple[str, ...]:
    """The files that a result of this task is made of."""
    if isinstance(manifest.result, LabelsResult):
        return (LABELS_FILE,)
    if manifest.task_type is TaskType.MODEL_ENGINEER:
        return (CODE_FILE, MODEL_FILE, STRUCTURE_FILE)
    checkpoints = checkpoint_files(manifest.replay.checkpoints) if manifest.replay else ()
    return (MODEL_FILE, STRUCTURE_FILE, *checkpoints)


def packed_files(manifest: TaskManifest) -> tuple[str, ...]:
    """The files of a result as it travels: coded, it holds what changed instead of the model."""
    files = result_files(manifest)
    if isinstance(manifest.result, ModelResult) and manifest.result.coding is not None:
        return tuple(UPDATE_FILE if name == MODEL_FILE else name for name in files)
    return files


def pack_result(
    folder: Path,
    out: Path,
    *,
    task: TaskManifest,
    task_id: TaskId,
    genesis: str,
    base_model: Cid | None,
    signer: Signer,
) -> tuple[ResultManifest, bytes]:
    """Copy what a run left behind to ``out``, write its manifest, and sign it.

    Parameters
    ----------
    folder : what :func:`find_result` found. Files that the task does not ask for stay behind.
    out : the result; must not exist. It appears complete or not at all.
    genesis : ``0x…`` hash of the chain's first block.
    base_model : see :func:`base_model_cid`.

    Returns
    -------
    The manifest and its digest (32 bytes), which goes to the chain.

    Raises
    ------
    ResultFolderInvalid : a file is missing, or they weigh too much together.
    ManifestError : ``result.json`` is malformed.
    NotPlain, DestinationExists
    """
    examples, metrics = _outcome(folder)
    wanted = packed_files(task)
    missing = [name for name in wanted if not (folder / name).exists()]
    if missing:
        raise ResultFolderInvalid(str(folder), f"{', '.join(missing[:3])} is missing")
    total = sum(_size(folder, name, str(folder)) for name in wanted)
    if total > task.result.max_bytes:
        raise ResultFolderInvalid(
            str(folder), f"{total} bytes, where the task takes {task.result.max_bytes}"
        )
    with staged_folder(out) as stage:
        for name in wanted:
            (stage / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(folder / name, stage / name)
        files = {name: _entry(stage / name) for name in wanted}
        manifest = ResultManifest(
            genesis=genesis,
            task=task_id,
            contributor=signer.address,
            model_type=task.model_type,
            base_model=base_model,
            examples=examples,
            metrics=metrics,
            files=files,
            trace=trace_of({name: entry.sha256 for name, entry in files.items()}),
        )
        data = manifest.to_json()
        (stage / MANIFEST_FILE).write_bytes(data)
        (stage / SIGNATURE_FILE).write_bytes(signing.sign(data, signer))
        open_result(stage)
    return manifest, signing.digest(data)


def open_result(folder: Path, digest: bytes | None = None) -> ResultManifest:
    """The manifest of a result whose signature, files, sizes and digests all hold.

    Parameters
    ----------
    digest : what the chain says SHA-256 of ``manifest.json`` is.

    Raises
    ------
    BundleMismatch : the manifest or a file is not what was promised.
    TraceMismatch : its checkpoints are not those that its trace commits to.
    SignatureInvalid : not signed by the contributor it names.
    ManifestError, UnsafePath, NotPlain
    """
    data = _read_small(folder, MANIFEST_FILE)
    found = signing.digest(data)
    if digest is not None and found != digest:
        raise BundleMismatch(MANIFEST_FILE, "0x" + digest.hex(), "0x" + found.hex())
    manifest = parse_result(data)
    signing.check(data, _read_small(folder, SIGNATURE_FILE), manifest.contributor)
    expected = {MANIFEST_FILE, SIGNATURE_FILE, *manifest.files}
    strangers = sorted(set(_plain_files(folder)) - expected)
    if strangers:
        raise ManifestError(MANIFEST_FILE, f"{strangers[0]} is in the result but not listed")
    for name, entry in manifest.files.items():
        size = _size(folder, name, MANIFEST_FILE)
        if size != entry.bytes:
            raise BundleMismatch(name, f"{entry.bytes} bytes", f"{size} bytes")
        measured = _entry(folder / name)
        if measured.sha256 != entry.sha256:
            raise BundleMismatch(name, entry.sha256, measured.sha256)
    check_trace(
        trace_of({name: entry.sha256 for name, entry in manifest.files.items()}), manifest.trace
    )
    return manifest


def _task_manifest(
    folder: Path, settings: TaskSettings, sealed: ValidationSet | None, attempts: Attempts
) -> TaskManifest:
    model = settings.base_model and folder / settings.base_model / MODEL_FILE
    if model and not model.is_file():
        raise ManifestError(SETTINGS_FILE, f"base_model: {model} is missing")
    limit = settings.max_bytes or _limit(settings, model.stat().st_size if model else 0)
    result: ModelResult | LabelsResult
    if settings.task_type is TaskType.DATA_ANNOTATORS:
        labels = settings.labels
        result = LabelsResult(labels.annotation, labels.classes, labels.items, limit)
    else:
        fixed = model and settings.task_type is TaskType.MODEL_CONTRIBUTOR
        tensors = read_header(model) if model and fixed else None
        result = ModelResult(tensors, limit, settings.coding)
    manifest = TaskManifest(
        name=settings.name,
        task_type=settings.task_type,
        strategy=settings.strategy,
        model_type=settings.model_type,
        run=settings.run,
        setup=settings.setup,
        base_model=settings.base_model,
        result=result,
        evaluation=settings.evaluation,
        validator=settings.validator,
        validation_set=sealed,
        replay=settings.replay,
        merge=settings.merge,
        copies=settings.copies,
        meta=settings.meta,
        attempts=attempts,
    )
    check_task(manifest, SETTINGS_FILE)
    return manifest


def _limit(settings: TaskSettings, model: int) -> int:
    """What a result may weigh unless its author says otherwise."""
    checkpoints = settings.replay.checkpoint_bytes(model) if settings.replay else 0
    return max(MIN_RESULT_LIMIT, RESULT_LIMIT_FACTOR * model) + checkpoints


def _named_files(manifest: TaskManifest) -> Iterator[str]:
    """Paths of the files that a task cannot do without."""
    yield manifest.run
    if manifest.setup is not None:
        yield manifest.setup
    if manifest.evaluation is not None and manifest.evaluation.predict is not None:
        yield manifest.evaluation.predict
    if manifest.validator is not None:
        yield manifest.validator.run
    if manifest.base_model is not None:
        yield f"{manifest.base_model}/{MODEL_FILE}"
        yield f"{manifest.base_model}/{STRUCTURE_FILE}"
    if manifest.replay is not None:
        yield from (f"{manifest.replay.data}/{name}" for name in EXAMPLE_FILES)


def _outcome(folder: Path) -> tuple[int, dict[str, float]]:
    if not (folder / OUTCOME_FILE).exists():
        raise ResultFolderInvalid(str(folder), f"{OUTCOME_FILE} is missing")
    data = _read_small(folder, OUTCOME_FILE)
    top = Fields(OUTCOME_FILE, "", parse_json(data, OUTCOME_FILE, MAX_MANIFEST_BYTES))
    examples = top.integer("examples", 0, 2**53)
    metrics = parse_metrics(top.section("metrics"))
    top.end()
    return examples, metrics


def _entry(path: Path) -> FileEntry:
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as stream:
        while chunk := stream.read(_READ):
            digest.update(chunk)
            size += len(chunk)
    return FileEntry(digest.hexdigest(), size)


def _plain_files(folder: Path, left_out: frozenset[str] = frozenset()) -> Iterator[str]:
    """Relative paths of all files, in order, but for names left out; links and devices are refused.

    Of the names left out, the settings' is one only at the root.
    """
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        with os.scandir(folder / prefix) as entries:
            for entry in sorted(entries, key=lambda e: e.name):
                path = f"{prefix}/{entry.name}" if prefix else entry.name
                if entry.name in left_out and (entry.name != SETTINGS_FILE or not prefix):
                    continue
                check_path(path)
                if entry.is_symlink():
                    raise NotPlain(path, "symbolic link")
                if entry.is_dir():
                    waiting.append(path)
                elif entry.is_file():
                    yield path
                else:
                    raise NotPlain(path, "special file")


def _refuse_too_large(folder: Path, paths: list[str]) -> None:
    """A bundle over the limits that everybody reads with would find no contributor."""
    limits = Limits()
    if len(paths) > limits.entries:
        raise ObjectTooLarge("the number of files", limits.entries)
    if sum((folder / path).stat().st_size for path in paths) > limits.total_bytes:
        raise ObjectTooLarge("the bundle in bytes", limits.total_bytes)


def _size(folder: Path, path: str, file: str) -> int:
    """Bytes of a plain file inside the folder, none of whose parents is a link."""
    at = folder
    for name in path.split("/"):
        at = at / name
        try:
            mode = at.lstat()
        except (FileNotFoundError, NotADirectoryError):
            raise ManifestError(file, f"the file {path} is missing") from None
        if stat.S_ISLNK(mode.st_mode):
            raise NotPlain(path, "symbolic link")
    if not stat.S_ISREG(mode.st_mode):
        raise NotPlain(path, "folder" if stat.S_ISDIR(mode.st_mode) else "special file")
    return mode.st_size


def _read_small(folder: Path, name: str) -> bytes:
    if _size(folder, name, name) > MAX_MANIFEST_BYTES:
        raise ManifestError(name, f"it is larger than {MAX_MANIFEST_BYTES} bytes")
    return (folder / name).read_bytes()
