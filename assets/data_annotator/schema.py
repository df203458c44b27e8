"""``schema.json``: what is to be labelled, and how.

{"annotation": "Image",                   # or Audio, Text, Video
 "question": "Which digit is it?",
 "classes": ["0", "1"],                   # null for free text, such as a transcript
 "items": {"digit-00": "samples/digit-00.png"}}   # item name to file of the bundle
"""

import json
from dataclasses import dataclass
from pathlib import Path

ANNOTATIONS = ("Image", "Audio", "Text", "Video")


@dataclass(frozen=True)
class Schema:
    annotation: str
    question: str
    classes: tuple[str, ...] | None
    items: dict[str, Path]


def read_schema(folder: Path) -> Schema:
    """The schema of a bundle; its files are inside the bundle and there."""
    document = json.loads((folder / "schema.json").read_text())
    if document["annotation"] not in ANNOTATIONS:
        raise SystemExit(f"schema.json: annotation is one of {', '.join(ANNOTATIONS)}")
    items = {name: folder / path for name, path in document["items"].items()}
    for name, file in items.items():
        if not file.resolve().is_relative_to(folder.resolve()) or not file.is_file():
            raise SystemExit(f"schema.json: item {name} is no file of the bundle")
    classes = document["classes"]
    return Schema(document["annotation"], document["question"], classes and tuple(classes), items)


def check_labels(schema: Schema, labels: dict[str, str]) -> None:
    """Every item has a label, nothing else has, and every label is one of the classes."""
    missing = sorted(schema.items.keys() - labels.keys())
    unknown = sorted(labels.keys() - schema.items.keys())
    if missing:
        raise SystemExit(f"{len(missing)} items have no label, such as {missing[0]}")
    if unknown:
        raise SystemExit(f"{unknown[0]} is not an item of schema.json")
    for name, label in labels.items():
        if not isinstance(label, str) or not label:
            raise SystemExit(f"the label of {name} is not text")
        if schema.classes is not None and label not in schema.classes:
            raise SystemExit(f"{label!r}, the label of {name}, is none of {schema.classes}")
