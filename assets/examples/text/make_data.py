"""English prose in pieces of 64 characters, split among a creator, contributors and aggregators.

    python make_data.py --out DIR

Each contributor has a book of its own (see ``make_texts.py``), the creator a little of each, and
the aggregators' pieces are from the last tenths of all three, which nobody trains on. An example
is a piece and the character that follows it; some of the aggregators' are to be continued, too.
"""

import argparse
from pathlib import Path

import numpy as np

from decentralml.learning.examples import INPUTS_FILE, LABELS_FILE, write_tensors

BOOKS = ("austen-pride", "austen-northanger", "newton-opticks")
LENGTH = 64
"""Characters of a piece."""
FIRST_CHARACTER = 31
"""Stands for the end of a line; all others are printable ASCII, from the space on."""
CREATOR = 16_000
"""Characters of each book that the creator has."""
VALIDATION, TEST = 600, 1200
"""Pieces of each book."""
CONTINUED, CONTINUATION = 20, 24
"""Pieces of each book that are to be continued, and by how many characters."""


def codes(book: str) -> np.ndarray:
    """A book as numbers from 0 to 95."""
    text = (Path(__file__).parent / f"{book}.txt").read_text("ascii")
    stored = np.frombuffer(text.encode(), np.uint8)
    return np.where(stored == ord("\n"), FIRST_CHARACTER, stored) - FIRST_CHARACTER


def adjoining(text: np.ndarray) -> tuple[dict, dict]:
    """Pieces one after the other, so that every character is learned once."""
    return pieces(text, np.arange(0, len(text) - LENGTH, LENGTH))


def pieces(text: np.ndarray, starts: np.ndarray) -> tuple[dict, dict]:
    inputs = text[starts[:, None] + np.arange(LENGTH)].astype(np.uint8)
    return {"inputs": inputs}, {"labels": text[starts + LENGTH].astype(np.int64)}


def held_out(text: np.ndarray, count: int, rng: np.random.Generator) -> tuple[dict, dict]:
    """Pieces from anywhere; the first few with what follows them, -1 for the others."""
    starts = rng.choice(len(text) - LENGTH - CONTINUATION, count, replace=False)
    inputs, labels = pieces(text, starts)
    follows = text[starts[:, None] + LENGTH + np.arange(CONTINUATION)].astype(np.int64)
    follows[CONTINUED:] = -1
    inputs["continued"] = (np.arange(count) < CONTINUED).astype(np.uint8)
    return inputs, labels | {"text": follows}


def save(folder: Path, parts: list[tuple[dict, dict]]) -> None:
    for file, which in ((INPUTS_FILE, 0), (LABELS_FILE, 1)):
        joined = {
            name: np.concatenate([part[which][name] for part in parts]) for name in parts[0][which]
        }
        write_tensors(folder / file, joined)
    print(f"{folder.name}: {sum(len(inputs['inputs']) for inputs, _ in parts)} pieces")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    books = [codes(book) for book in BOOKS]
    ends = [len(book) * 9 // 10 for book in books]
    # The last tenth: half of it for the aggregators, half for the test.
    middles = [(end + len(book)) // 2 for end, book in zip(ends, books, strict=True)]
    save(options.out / "creator", [adjoining(book[:CREATOR]) for book in books])
    for number, (book, end) in enumerate(zip(books, ends, strict=True), 1):
        save(options.out / f"contributor-{number}", [adjoining(book[CREATOR:end])])
    for name, count, cuts in (
        ("validation", VALIDATION, zip(ends, middles, strict=True)),
        ("test", TEST, zip(middles, map(len, books), strict=True)),
    ):
        parts = [
            held_out(book[slice(*cut)], count, rng) for book, cut in zip(books, cuts, strict=True)
        ]
        save(options.out / name, parts)


if __name__ == "__main__":
    main()
