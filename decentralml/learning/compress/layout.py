"""The file ``update.safetensors``: what a coded update holds of each tensor of its base model.

A safetensors file, version 1, with these tensors besides ``|coding`` (the words
``decentralml/update@1 CODING`` as bytes). Of a tensor ``T`` of the base model with ``n`` elements,
in chunks of 65,536:

==============  ==========  =====================================================================
``T|raw``       its own     the tensor as it is: integers, booleans, and small floats (n <= 256)
``T|counts``    U32 [c, 2]  sparse: of each chunk, the elements told and the bytes of their gaps
``T|gaps``      U8          sparse: the gaps, chunk after chunk (:mod:`.sparse`)
``T|values``    U8, or F32  what is added to the base: codes, each chunk on whole bytes
``T|scales``    F32         their scales, each chunk on whole groups (:mod:`.quantize`)
==============  ==========  =====================================================================
"""

from __future__ import annotations

from collections.abc import Iterator

from decentralml.bundles.coding import WHOLE, Coding
from decentralml.bundles.manifest import TensorSpec
from decentralml.learning.compress.quantize import groups_of, packed_bytes
from decentralml.learning.dtypes import FLOATS
from decentralml.learning.tensors import items

UPDATE_FORMAT = "decentralml/update@1"
CODING = "|coding"
RAW, COUNTS, GAPS, VALUES, SCALES = "|raw", "|counts", "|gaps", "|values", "|scales"
CHUNK = 1 << 16
RAW_UP_TO = 256


def marker(coding: Coding) -> bytes:
    """The content of ``|coding``."""
    return f"{UPDATE_FORMAT} {coding}".encode()


def is_raw(spec: TensorSpec) -> bool:
    """Whether a tensor travels as it is."""
    return spec.dtype not in FLOATS or items(spec) <= RAW_UP_TO


def chunks(elements: int) -> Iterator[tuple[int, int]]:
    """Start and length of each chunk."""
    for start in range(0, elements, CHUNK):
        yield start, min(CHUNK, elements - start)


def value_size(count: int, coding: Coding) -> int:
    """Elements of ``T|values`` for so many coded elements of a chunk."""
    return count if coding.bits == WHOLE else packed_bytes(count, coding.bits)


def scale_size(count: int, coding: Coding) -> int:
    """Elements of ``T|scales`` likewise."""
    return 0 if coding.bits == WHOLE else groups_of(count)
