"""An annotator's work: a label for every sample of ``schema.json``.

    python data_annotator.py ask --labels labels.json     # asks you, in your terminal
    python data_annotator.py [--data DIR] [--output DIR] [--contributor ID]

``ask`` is for a person, outside the sandbox; it can be left and gone on with. The other form is
what ``start_task.sh`` runs. It finds in DML_DATA either the ``labels.json`` that ``ask`` wrote
(item to label), or, for images, labelled examples of the annotator's own (``inputs.safetensors``,
``labels.safetensors``), with which it labels each sample as its nearest neighbours are. It writes
the folder ``labels_CONTRIBUTOR`` to DML_OUTPUT: ``labels.json`` and ``result.json``.
"""

import argparse
import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import settings
from png import read_png
from schema import Schema, check_labels, read_schema

BUNDLE = Path(__file__).resolve().parent
SHADES = " .:-=+*#%@"


def ask(schema: Schema, file: Path) -> None:
    """Show each item that has no label yet and ask for one; saved after every answer."""
    labels = json.loads(file.read_text()) if file.exists() else {}
    for name in (n for n in schema.items if n not in labels):
        show(schema, name)
        allowed = f" ({', '.join(schema.classes)})" if schema.classes else ""
        while not (answer := input(f"{schema.question}{allowed} ").strip()) or (
            schema.classes and answer not in schema.classes
        ):
            print("please choose one of the labels")
        labels[name] = answer
        file.write_text(json.dumps(labels, indent=2, sort_keys=True) + "\n")
    print(f"{len(labels)} labels in {file}; now: decentralml run-task ID --data {file.parent}")


def show(schema: Schema, name: str) -> None:
    """Images and text in the terminal itself; for audio and video, the file to open."""
    file = schema.items[name]
    if schema.annotation == "Image" and file.suffix == ".png":
        for row in read_png(file) // 26:
            print("".join(SHADES[value] * 2 for value in row))
    elif schema.annotation == "Text":
        print(file.read_text())
    print(f"{name}: {file}")


def labels_from_examples(schema: Schema, data: Path) -> dict[str, str]:
    """Labels of images by the nearest of the annotator's own, in Euclidean distance."""
    from decentralml.learning.examples import read_examples

    known = read_examples(data)
    pixels = known.inputs.reshape(len(known), -1).astype(np.float64)
    labels = {}
    for name, file in schema.items.items():
        distance = ((pixels - read_png(file).reshape(-1)) ** 2).sum(1)
        nearest = known.labels[np.argsort(distance, kind="stable")[: settings.NEIGHBOURS]]
        labels[name] = str(Counter(nearest.tolist()).most_common(1)[0][0])
    return labels


def annotate(schema: Schema, data: Path) -> dict[str, str]:
    """Labels from what the annotator's data folder holds, checked against the schema."""
    if (data / "labels.json").exists():
        labels = json.loads((data / "labels.json").read_text())
    elif schema.annotation == "Image" and (data / "inputs.safetensors").exists():
        labels = labels_from_examples(schema, data)
    else:
        raise SystemExit(
            f"{data} holds no labels.json; make one with: "
            "python data_annotator.py ask --labels labels.json"
        )
    check_labels(schema, labels)
    return labels


def save(labels: dict[str, str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "labels.json").write_text(json.dumps(labels, indent=2, sort_keys=True) + "\n")
    document = {"examples": len(labels), "metrics": {}}
    (folder / "result.json").write_text(json.dumps(document) + "\n")
    print(f"{len(labels)} items labelled")


def main() -> None:
    env = os.environ
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", nargs="?", choices=("ask", "label"), default="label")
    parser.add_argument("--labels", type=Path, default="labels.json", help="what `ask` writes")
    parser.add_argument("--data", type=Path, default=env.get("DML_DATA"))
    parser.add_argument("--output", type=Path, default=env.get("DML_OUTPUT"))
    parser.add_argument("--contributor", default=env.get("DML_CONTRIBUTOR", "me"))
    options = parser.parse_args()
    schema = read_schema(BUNDLE)
    if options.command == "ask":
        ask(schema, options.labels)
        return
    if options.data is None or options.output is None:
        parser.error("name the folders: --data and --output, or DML_DATA and DML_OUTPUT")
    labels = annotate(schema, options.data)
    save(labels, options.output / f"{settings.NAME}_{options.contributor}")


if __name__ == "__main__":
    main()
