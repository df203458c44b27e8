"""What one contributor gives to a merge: tensors by name, and how much they should count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from decentralml.bundles.manifest import MODEL_FILE
from decentralml.learning.sources import TensorSource
from decentralml.learning.tensors import TensorFile
from decentralml.types import ModelType


@dataclass(frozen=True, slots=True)
class Update:
    """One contributor's model. Its tensors stay on disk until they are asked for.

    Attributes
    ----------
    path : folder of a saved model (``model.safetensors``, ``structure.json``), or the
        safetensors file itself.
    examples : examples that it was trained on: its weight in the mean.
    metrics : what was measured of it, by name.
    model_type : which scorer and which aggregation it belongs to, if that is known.
    contributor : how errors call it; the folder's name if empty.
    source : where its tensors are, if not in that file.
    """

    path: Path
    examples: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    model_type: ModelType | None = None
    contributor: str = ""
    source: TensorSource | None = None

    @property
    def name(self) -> str:
        return self.contributor or self.path.name

    @property
    def file(self) -> Path:
        return self.path / MODEL_FILE if self.path.is_dir() else self.path

    def tensors(self) -> TensorSource:
        """Its tensors; a file's header is checked. Raises :class:`DamagedTensors`."""
        return self.source or TensorFile.open(self.file)
