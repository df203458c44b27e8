"""Made ``austen-pride.txt``, ``austen-northanger.txt`` and ``newton-opticks.txt``: English prose.

    apt download r-cran-janeaustenr && dpkg -x r-cran-janeaustenr_*.deb austen
    python make_texts.py --austen austen/usr/lib/R/site-library/janeaustenr/data/Rdata.rdb \
        --newton GO/src/testdata/Isaac.Newton-Opticks.txt

Two novels of Jane Austen (1813 and 1817), as Debian's package r-cran-janeaustenr has them from
Project Gutenberg, and Isaac Newton's Opticks (1730), as the sources of Go have it. All three are
in the public domain. A part of each is kept, as plain ASCII; the repository holds it, so this has
to run only to change it.
"""

import argparse
import re
import struct
import zlib
from pathlib import Path

CHARACTERS = 140_000
"""Of each text."""
STRINGS = 16
"""What R's serialization calls a vector of strings (its type STRSXP)."""


def novels(archive: bytes) -> dict[str, str]:
    """Texts by their first line, from R's database of a package's data."""
    found = {}
    while archive:
        # An entry is the length of what it holds, and that, compressed by zlib.
        stream = zlib.decompressobj()
        content = stream.decompress(archive[4:])
        archive = stream.unused_data
        at = content.index(struct.pack(">I", STRINGS)) + 4
        (count,) = struct.unpack_from(">I", content, at)
        at += 4
        lines = []
        for _ in range(count):
            (length,) = struct.unpack_from(">i", content, at + 4)
            lines.append(content[at + 8 : at + 8 + length].decode())
            at += 8 + length
        found[lines[0].title()] = "\n".join(lines)
    return found


def part(text: str, start: str) -> str:
    """What follows ``start``, as ASCII, with a space for every line break within a paragraph."""
    text = text[text.index(start) :]
    text = text.replace("_", "").replace("\r", "").encode("ascii", "ignore").decode()
    # Figures of the Opticks are set apart in brackets.
    text = re.sub(r"\[[^\]]*\]", "", text)
    paragraphs = [" ".join(p.split()) for p in re.split(r"\n\s*\n", text)]
    kept = "\n".join(p for p in paragraphs if p)[:CHARACTERS]
    return kept[: kept.rindex(". ") + 1] + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--austen", type=Path, required=True)
    parser.add_argument("--newton", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    austen = novels(options.austen.read_bytes())
    newton = options.newton.read_text("utf-8", "replace")
    for name, text, start in (
        ("austen-pride", austen["Pride And Prejudice"], "It is a truth"),
        ("austen-northanger", austen["Northanger Abbey"], "No one who had ever seen"),
        ("newton-opticks", newton, "My Design in this Book"),
    ):
        file = options.output / f"{name}.txt"
        file.write_text(part(text, start), "ascii")
        print(f"{file.name}: {file.stat().st_size:,} characters")


if __name__ == "__main__":
    main()
