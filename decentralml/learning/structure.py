"""Which class a saved model is and how it is made: data, never code or pickle.

``structure.json`` beside the weights: ``{"class": "DigitNet", "arguments": {"classes": 10}}``.
Arguments are keyword arguments in plain JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from decentralml.bundles.manifest import STRUCTURE_FILE
from decentralml.errors import UnknownModel
from decentralml.learning.tensors import replacing

MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Structure:
    """A class by its name, and the keyword arguments that make the model."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{k}={v!r}' for k, v in sorted(self.arguments.items()))})"

    @classmethod
    def read(cls, folder: Path) -> Structure:
        """From the folder of a saved model. Raises :class:`UnknownModel`."""
        file = folder / STRUCTURE_FILE
        try:
            with file.open("rb") as handle:
                text = handle.read(MAX_BYTES + 1)
            document = json.loads(text) if len(text) <= MAX_BYTES else None
        except OSError as error:
            raise UnknownModel(file, error.strerror or str(error)) from None
        except (ValueError, RecursionError):
            raise UnknownModel(file, "it is not JSON") from None
        if not isinstance(document, dict) or set(document) != {"class", "arguments"}:
            raise UnknownModel(file, 'it needs exactly "class" and "arguments"')
        name, arguments = document["class"], document["arguments"]
        if not isinstance(name, str) or not name.isidentifier() or not isinstance(arguments, dict):
            raise UnknownModel(file, '"class" must be a name and "arguments" an object')
        return cls(name, arguments)

    def write(self, folder: Path) -> None:
        """Into the folder of a saved model, which is made if it is not there."""
        text = json.dumps({"class": self.name, "arguments": dict(self.arguments)}, indent=2)
        with replacing(folder / STRUCTURE_FILE) as file:
            file.write(text.encode() + b"\n")
