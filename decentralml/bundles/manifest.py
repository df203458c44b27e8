"""What a task's bundle and a result say about themselves: ``manifest.json``.

Both manifests are canonical JSON (UTF-8, sorted keys, no spaces to argue about) and are parsed
strictly: every field present, of its type, within its bounds, and no field besides. Whoever reads
a manifest that passed may rely on it without further checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from decentralml.bundles.attempts import ALONE, Attempts, read_attempts
from decentralml.bundles.coding import Coding
from decentralml.bundles.fields import (
    Fields,
    check_path,
    check_sha256,
    parse_json,
    parse_metrics,
)
from decentralml.bundles.fields import canonical_json as canonical_json
from decentralml.bundles.judging import (
    Copies,
    parse_cid,
    parse_evaluation,
    parse_validation_set,
    parse_validator,
)
from decentralml.bundles.judging import Evaluation as Evaluation
from decentralml.bundles.judging import ValidationSet as ValidationSet
from decentralml.bundles.judging import Validator as Validator
from decentralml.bundles.merge import MergePlan, read_merge
from decentralml.bundles.meta import ADAPTED_ACCURACY, MetaPlan, read_meta
from decentralml.bundles.replay import (
    CHECKPOINTS_FOLDER,
    MAX_CHECKPOINTS,
    Recipe,
    parse_recipe,
    parse_trace,
    trace_document,
)
from decentralml.errors import CodingInvalid, ManifestError
from decentralml.types import (
    Address,
    AnnotationType,
    Cid,
    ModelType,
    TaskId,
    TaskType,
    Trace,
    ValidationStrategy,
)

TASK_FORMAT = "decentralml/task@1"
RESULT_FORMAT = "decentralml/result@1"
MANIFEST_FILE = "manifest.json"
SIGNATURE_FILE = "signature.json"
MODEL_FILE = "model.safetensors"
UPDATE_FILE = "update.safetensors"
"""Instead of the model, where results travel coded."""
STRUCTURE_FILE = "structure.json"
CODE_FILE = "model.py"
LABELS_FILE = "labels.json"

MAX_MANIFEST_BYTES = 4 << 20
MAX_RESULT_BYTES = 1 << 40
MAX_TENSORS = 20_000
MAX_TENSOR_NAME = 512
MAX_DIMENSIONS = 16
MAX_FILES = 16
"""Of a result, besides its checkpoints."""
MAX_CLASSES = 100_000

DTYPES: Mapping[str, int] = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "F8_E5M2": 1,
    "F8_E4M3": 1,
    "I16": 2,
    "U16": 2,
    "F16": 2,
    "BF16": 2,
    "I32": 4,
    "U32": 4,
    "F32": 4,
    "I64": 8,
    "U64": 8,
    "F64": 8,
}
"""Element types that a tensor may have, by their safetensors name, and their size in bytes."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """The type and shape that a tensor of the result must have."""

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ModelResult:
    """The result is a model.

    Attributes
    ----------
    tensors : every tensor of the result by name, or None where the contributor designs the
        model (ModelEngineer).
    max_bytes : what all files of the result may weigh together.
    coding : how what changed from the base model travels; None: the model travels whole.
    """

    tensors: Mapping[str, TensorSpec] | None
    max_bytes: int
    coding: Coding | None = None


@dataclass(frozen=True, slots=True)
class LabelsResult:
    """The result is ``labels.json``: an object of item name to label.

    Attributes
    ----------
    annotation : what the items are.
    classes : the labels to choose from, or None for free text.
    items : how many items must be labelled, or None where the contributor brings them.
    max_bytes : what the file may weigh.
    """

    annotation: AnnotationType
    classes: tuple[str, ...] | None
    items: int | None
    max_bytes: int


@dataclass(frozen=True, slots=True)
class TaskManifest:
    """``manifest.json`` of a task's bundle; paths are relative to the bundle's root.

    Attributes
    ----------
    run : script that does the contributor's work.
    setup : script that prepares an environment, run only on the contributor's explicit wish.
    base_model : folder with ``model.safetensors`` and ``structure.json``, or None.
    validation_set : where it lies and which key opens it, or None.
    replay : how the training is pinned, where the committee replays parts of it, or None.
    merge : how accepted models become the next one, where the creator pins it, or None.
    copies : whether a result may be the same update as another's earlier one.
    meta : how contributors meta-learn, where they do, or None.
    attempts : with which tasks' results its own are merged, and from how many on.
    """

    name: str
    task_type: TaskType
    strategy: ValidationStrategy
    model_type: ModelType
    run: str
    setup: str | None
    base_model: str | None
    result: ModelResult | LabelsResult
    evaluation: Evaluation | None
    validator: Validator | None
    validation_set: ValidationSet | None
    replay: Recipe | None = None
    merge: MergePlan | None = None
    copies: Copies = Copies.REFUSE
    meta: MetaPlan | None = None
    attempts: Attempts = ALONE

    def to_json(self) -> bytes:
        """The file's bytes."""
        sealed = None if self.validation_set is None else self.validation_set.to_document()
        document = asdict(self) | {
            "format": TASK_FORMAT,
            "result": _result_document(self.result),
            "validation_set": sealed,
        }
        # A manifest without it is the same, to the byte, as before there was such a section.
        del document["merge"]
        if self.merge is not None:
            document["merge"] = self.merge.to_document()
        del document["copies"]  # As with merge.
        if self.copies is not Copies.REFUSE:
            document["copies"] = self.copies.value
        del document["meta"]
        if self.meta is not None:
            document["meta"] = self.meta.to_document()
        del document["attempts"]
        if self.attempts != ALONE:
            document["attempts"] = self.attempts.to_document()
        return canonical_json(document)


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of a result."""

    sha256: str
    """Lower-case hexadecimal."""
    bytes: int


@dataclass(frozen=True, slots=True)
class ResultManifest:
    """``manifest.json`` of a result, whose SHA-256 the chain holds.

    Attributes
    ----------
    genesis : ``0x…`` hash of the chain's first block, so that a result serves one chain only.
    base_model : CID of the base model's folder that the work began from, or None.
    examples : how many examples the contributor trained on or labelled.
    metrics : what the contributor measured itself; never taken on its word.
    files : every file of the result besides the manifest and its signature, by relative path.
    trace : what commits to the run's checkpoints, where the task wants them, or None.
    """

    genesis: str
    task: TaskId
    contributor: Address
    model_type: ModelType
    base_model: Cid | None
    examples: int
    metrics: Mapping[str, float]
    files: Mapping[str, FileEntry]
    trace: Trace | None = None

    def to_json(self) -> bytes:
        """The file's bytes: what is digested and signed."""
        metrics = {name: float(value) for name, value in self.metrics.items()}
        document = asdict(self) | {"format": RESULT_FORMAT, "metrics": metrics}
        document["trace"] = trace_document(self.trace)
        return canonical_json(document)


def parse_task(data: bytes, file: str = MANIFEST_FILE) -> TaskManifest:
    """Read a task's manifest.

    Raises
    ------
    ManifestError, UnsafePath : with the field and what is wrong with it.
    """
    top = Fields(file, "", parse_json(data, file, MAX_MANIFEST_BYTES))
    top.constant("format", TASK_FORMAT)
    manifest = TaskManifest(
        name=top.text("name", 128),
        task_type=top.choice("task_type", TaskType),
        strategy=top.choice("strategy", ValidationStrategy),
        model_type=top.choice("model_type", ModelType),
        run=top.path("run"),
        setup=top.optional("setup", top.path),
        base_model=top.optional("base_model", top.path),
        result=_parse_result(top.section("result")),
        evaluation=parse_evaluation(top.optional("evaluation", top.section)),
        validator=parse_validator(top.optional("validator", top.section)),
        validation_set=parse_validation_set(top.optional("validation_set", top.section)),
        replay=parse_recipe(_newer(top, "replay")),
        merge=read_merge(_newer(top, "merge")),
        copies=top.choice("copies", Copies) if top.has("copies") else Copies.REFUSE,
        meta=read_meta(_newer(top, "meta")),
        attempts=read_attempts(_newer(top, "attempts")),
    )
    top.end()
    check_task(manifest, file)
    return manifest


def check_task(manifest: TaskManifest, file: str = MANIFEST_FILE) -> None:
    """The rules that tie a task's fields together.

    Raises
    ------
    ManifestError
    """
    annotators = manifest.task_type is TaskType.DATA_ANNOTATORS
    if annotators != isinstance(manifest.result, LabelsResult):
        wanted = "labels" if annotators else "model"
        raise ManifestError(file, f'{manifest.task_type} wants a result of kind "{wanted}"')
    if (manifest.validator is not None) != (manifest.strategy is ValidationStrategy.CUSTOM_ACCEPT):
        raise ManifestError(file, "a validator belongs to CustomAccept, and only to it")
    if manifest.task_type is TaskType.MODEL_CONTRIBUTOR:
        if manifest.base_model is None:
            raise ManifestError(file, "ModelContributor needs a base_model to start from")
        if isinstance(manifest.result, ModelResult) and manifest.result.tensors is None:
            raise ManifestError(file, "ModelContributor needs the result's tensors")
    evaluation = manifest.evaluation
    if evaluation and (evaluation.predict is None) != annotators:
        raise ManifestError(
            file, "evaluation.predict is needed to measure a model, and for nothing else"
        )
    if evaluation and evaluation.minimum_gain is not None and manifest.base_model is None:
        raise ManifestError(file, "evaluation.minimum_gain needs a base_model to compare with")
    if manifest.replay is not None and manifest.task_type is not TaskType.MODEL_CONTRIBUTOR:
        raise ManifestError(file, "replay belongs to ModelContributor, and only to it")
    if isinstance(manifest.result, ModelResult) and manifest.result.coding is not None:
        if manifest.task_type is not TaskType.MODEL_CONTRIBUTOR:
            raise ManifestError(file, "result.coding belongs to ModelContributor, and only to it")
        if manifest.replay is not None:
            raise ManifestError(file, "result.coding and replay do not go together")
    if manifest.merge is not None and annotators:
        raise ManifestError(file, "merge is of models, and DataAnnotators give labels")
    if manifest.copies is not Copies.REFUSE and annotators:
        raise ManifestError(file, "copies is of models, and DataAnnotators give labels")
    if manifest.attempts != ALONE and annotators:
        raise ManifestError(file, "attempts are merged, and DataAnnotators give labels")
    _check_meta(manifest, file)


def _check_meta(manifest: TaskManifest, file: str) -> None:
    """Who meta-learns is measured after adapting, and nobody else is."""
    measured = manifest.evaluation and manifest.evaluation.metric == ADAPTED_ACCURACY
    if manifest.meta is None:
        if measured:
            raise ManifestError(file, f"{ADAPTED_ACCURACY} is of meta-learners: it needs [meta]")
        return
    if manifest.task_type is not TaskType.MODEL_CONTRIBUTOR:
        raise ManifestError(file, "meta belongs to ModelContributor, and only to it")
    if manifest.replay is not None:
        raise ManifestError(file, "meta and replay do not go together")
    if manifest.evaluation is not None and not measured:
        raise ManifestError(
            file, f"a meta-learner is measured by evaluation.metric {ADAPTED_ACCURACY!r}"
        )


def parse_result(data: bytes, file: str = MANIFEST_FILE) -> ResultManifest:
    """Read a result's manifest (see :func:`parse_task`)."""
    top = Fields(file, "", parse_json(data, file, MAX_MANIFEST_BYTES))
    top.constant("format", RESULT_FORMAT)
    manifest = ResultManifest(
        genesis=top.hexadecimal("genesis", 32),
        task=TaskId(top.integer("task", 0, 2**64 - 1)),
        contributor=Address(top.text("contributor", 64)),
        model_type=top.choice("model_type", ModelType),
        base_model=top.optional("base_model", lambda name: parse_cid(top, name)),
        examples=top.integer("examples", 0, 2**53),
        metrics=parse_metrics(top.section("metrics")),
        files=_parse_files(top.section("files")),
        trace=parse_trace(_newer(top, "trace")),
    )
    top.end()
    return manifest


def _result_document(result: ModelResult | LabelsResult) -> dict[str, Any]:
    fields = asdict(result)
    if isinstance(result, ModelResult):
        # As with merge: a manifest without a coding has no such field.
        del fields["coding"]
        coding = {} if result.coding is None else {"coding": str(result.coding)}
        return {"kind": "model"} | fields | coding
    return {"kind": "labels", "max_bytes": fields.pop("max_bytes"), "schema": fields}


def _parse_result(section: Fields) -> ModelResult | LabelsResult:
    kind = section.text("kind", 16)
    max_bytes = section.integer("max_bytes", 1, MAX_RESULT_BYTES)
    if kind == "model":
        tensors = section.optional("tensors", section.section)
        coding = read_coding(section)
        section.end()
        return ModelResult(None if tensors is None else _parse_tensors(tensors), max_bytes, coding)
    if kind != "labels":
        raise section.wrong(f'kind is "model" or "labels", not {kind!r}')
    schema = section.section("schema")
    section.end()
    result = LabelsResult(
        annotation=schema.choice("annotation", AnnotationType),
        classes=schema.optional("classes", lambda name: schema.texts(name, MAX_CLASSES, 256)),
        items=schema.optional("items", lambda name: schema.integer(name, 1, 2**53)),
        max_bytes=max_bytes,
    )
    schema.end()
    return result


def read_coding(section: Fields) -> Coding | None:
    """The field ``coding`` of a result, if there is one. Raises ManifestError."""
    if not section.has("coding"):
        return None
    try:
        return Coding.parse(section.text("coding", 32))
    except CodingInvalid as error:
        raise section.wrong(str(error)) from None


def _parse_tensors(section: Fields) -> dict[str, TensorSpec]:
    names = section.names()
    if not 0 < len(names) <= MAX_TENSORS:
        raise section.wrong(f"1 to {MAX_TENSORS} tensors are needed, not {len(names)}")
    tensors = {}
    for name in names:
        if not name.isprintable() or not 0 < len(name) <= MAX_TENSOR_NAME:
            raise section.wrong(f"{name[:40]!r} is no name for a tensor")
        entry = section.section(name)
        dtype = entry.text("dtype", 16)
        if dtype not in DTYPES:
            raise entry.wrong(f"dtype {dtype!r} is not one of {', '.join(DTYPES)}")
        tensors[name] = TensorSpec(dtype, entry.integers("shape", MAX_DIMENSIONS, 0, 2**40))
        entry.end()
    section.end()
    return tensors


def _newer(top: Fields, name: str) -> Fields | None:
    """A section that manifests of version 1 do not have; else it is there, or null."""
    return top.optional(name, top.section) if top.has(name) else None


def _parse_files(section: Fields) -> dict[str, FileEntry]:
    names = section.names()
    checkpoints = sum(name.startswith(f"{CHECKPOINTS_FOLDER}/") for name in names)
    if not 0 < len(names) - checkpoints <= MAX_FILES or checkpoints > MAX_CHECKPOINTS:
        raise section.wrong(f"1 to {MAX_FILES} files are needed, not {len(names)}")
    files = {}
    for path in names:
        check_path(path)
        if path in (MANIFEST_FILE, SIGNATURE_FILE):
            raise section.wrong(f"{path} cannot list itself")
        entry = section.section(path)
        digest = check_sha256(entry, "sha256")
        files[path] = FileEntry(digest, entry.integer("bytes", 0, MAX_RESULT_BYTES))
        entry.end()
    section.end()
    return files
