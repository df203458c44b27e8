"""What clients answer: message-API replies and those of an old-style NumPyClient alike.

A client of the message API answers with one ArrayRecord of named arrays, one MetricRecord with
``num-examples``, and, where it has words to say (``llm_type``, ``client_id``), a ConfigRecord. An
old-style client's ``(parameters, num_examples, metrics)`` arrives by Flower's own compatibility as
``fitres.parameters`` (arrays called 0, 1, …, in order), ``fitres.num_examples`` and
``fitres.metrics``.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from flwr.app import ArrayRecord, Message, RecordDict
from numpy.typing import NDArray

from decentralml.errors import ModelTypeUnknown, ReplyRefused
from decentralml.types import ModelType
from decentralml.validation.scores.weighting import model_type_of

Array = NDArray[Any]
EXAMPLES = ("num-examples", "num_examples")
NO_METRICS = frozenset({*EXAMPLES, "code", "server-round"})
"""Numbers that say nothing of a model: an old-style reply's status is among them."""
LLM_TYPE = "llm_type"
CLIENT = "client_id"
ARRAYS, CONFIG = "arrays", "config"
OLD_NAMES = {"train": "fitins", "evaluate": "evaluateins"}
TASK, MARKET = "task", "market"
"""The number of a round's task in what is sent; and what a paid client adds to its reply."""
MAX_NAME = 64


@dataclass(frozen=True, slots=True)
class Said:
    """What a client says of its work, besides the arrays.

    Attributes
    ----------
    name : what the client calls itself, else ``client-`` and its node.
    examples : that it trained or evaluated on.
    """

    node: int
    name: str
    examples: float
    metrics: Mapping[str, float]
    llm_type: ModelType | None


def for_everybody(content: RecordDict, message_type: str) -> RecordDict:
    """The same content for clients of the message API and for old-style ones.

    Both find the very same records, each under its own names; Flower sends an object once.
    """
    old = OLD_NAMES[message_type]
    content[f"{old}.parameters"] = content[ARRAYS]
    content[f"{old}.config"] = content[CONFIG]
    return content


def said(message: Message) -> Said:
    """What a reply says.

    Raises
    ------
    ReplyRefused : it says nothing usable of its examples, or names an unknown type of model.
    """
    words: dict[str, str] = {}
    numbers: dict[str, float] = {}
    content = message.content
    records: list[Mapping[str, Any]] = [
        *(record for name, record in content.config_records.items() if name != MARKET),
        *content.metric_records.values(),
    ]
    for record in records:
        for key, value in record.items():
            if isinstance(value, str):
                words[key] = value
            elif isinstance(value, int | float) and not isinstance(value, bool):
                numbers[key] = value
    node = message.metadata.src_node_id
    name = words.get(CLIENT, "")
    if not (0 < len(name) <= MAX_NAME and name.isprintable()):
        name = f"client-{node}"
    examples = next((numbers[key] for key in EXAMPLES if key in numbers), None)
    if examples is None or not (math.isfinite(examples) and examples >= 0):
        raise ReplyRefused(name, f"its number of examples is {examples}")
    try:
        llm_type = model_type_of(words[LLM_TYPE]) if LLM_TYPE in words else None
    except ModelTypeUnknown as error:
        raise ReplyRefused(name, str(error)) from None
    metrics = {key: float(value) for key, value in numbers.items() if key not in NO_METRICS}
    return Said(node, name, examples, metrics, llm_type)


def arrays_of(message: Message, name: str, wanted: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays of a reply, by the names of the model that was sent, of its shapes and types.

    Raises
    ------
    ReplyRefused : they are not those.
    """
    records = list(message.content.array_records.values())
    if len(records) != 1:
        raise ReplyRefused(name, f"it holds {len(records)} models")
    record = _named(records[0], name, wanted)
    return {key: _read(record[key].data, name, key, wanted[key]) for key in wanted}


def _named(record: ArrayRecord, name: str, wanted: Mapping[str, Array]) -> dict[str, Any]:
    if set(record) == set(wanted):
        return dict(record)
    if list(record) == [str(number) for number in range(len(wanted))]:  # An old-style client's.
        return dict(zip(wanted, record.values(), strict=True))
    missing = sorted(set(wanted) - set(record)) or sorted(set(record) - set(wanted))
    raise ReplyRefused(
        name, f"{len(record)} tensors of another model than the {len(wanted)} sent ({missing[0]})"
    )


def _read(data: bytes, client: str, key: str, wanted: Array) -> Array:
    """An array in NumPy's format, its header held against what was sent before it is read."""
    stream = io.BytesIO(data)
    try:
        if np.lib.format.read_magic(stream) == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        else:
            stream.seek(0)
            np.lib.format.read_magic(stream)
            shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
        if shape != wanted.shape or dtype != wanted.dtype:
            raise ReplyRefused(
                client,
                f"{key!r} is {dtype} {list(shape)}, not {wanted.dtype} {list(wanted.shape)}",
            )
        stream.seek(0)
        found: Array = np.load(stream, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ReplyRefused(client, f"{key!r} cannot be read ({error})") from None
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        raise ReplyRefused(client, f"{key!r} holds NaN or infinite numbers")
    return found
