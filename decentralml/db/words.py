"""What counts as a word where tasks are searched: the same on every database."""

from __future__ import annotations

import re
from collections.abc import Sequence

BEGINNING = "*"
"""At a word's end: all words that begin so."""
_WORD = re.compile(r"[^\W_]+")
_ASKED = re.compile(r"[^\W_]+\*?")


def plain(text: str) -> str:
    """The words of a text and nothing else, so that no database parses it in a way of its own."""
    return " ".join(_WORD.findall(text.lower()))


def asked(text: str) -> list[str]:
    """The words to look for in a text; one that ends in a star stands for all that begin so."""
    return _ASKED.findall(text.lower())


def holds(text: str, words: Sequence[str]) -> bool:
    """Whether a plain text has all the words."""
    there = text.split()
    return all(
        any(each.startswith(word[:-1]) for each in there)
        if word[-1] == BEGINNING
        else word in there
        for word in words
    )
