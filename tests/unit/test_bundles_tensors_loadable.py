"""What is taken for a sound safetensors file can be loaded by those who train with it."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from safetensors import SafetensorError
from safetensors.numpy import load_file

from decentralml.bundles.manifest import TensorSpec
from decentralml.bundles.tensors import read_layout
from decentralml.chain.swarm.words import Fault
from decentralml.errors import ManifestError
from decentralml.swarm.merging.updates import check

SPECS = {"bias": TensorSpec("F32", (2,))}


def with_metadata(path: Path, metadata: Any) -> Path:
    entry = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    header = json.dumps({"__metadata__": metadata, "bias": entry}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    return path


@pytest.mark.parametrize(
    "metadata",
    [{"a": 1}, {"a": None}, {"a": {"b": "c"}}, {"a": ["b"]}, {"a": "\ud800"}, {"\udc00": "a"}],
    ids=["number", "null", "object", "list", "surrogate", "surrogate-name"],
)
def test_metadata_that_no_loader_takes_is_refused(tmp_path: Path, metadata: Any) -> None:
    """A leader could publish it as the merged model, which ended every node's training."""
    file = with_metadata(tmp_path / "model", metadata)
    with pytest.raises(SafetensorError):
        load_file(file)
    with pytest.raises(ManifestError, match="no text"):
        read_layout(file)
    assert (fault := check(file, SPECS, 1000)) is not None and fault[0] is Fault.DAMAGED


@pytest.mark.parametrize("metadata", [{}, {"format": "pt"}, {"": ""}, {"é\n": "😀" * 999}])
def test_metadata_may_say_what_it_likes(tmp_path: Path, metadata: Any) -> None:
    file = with_metadata(tmp_path / "model", metadata)
    assert list(load_file(file)) == list(read_layout(file)) == ["bias"]
    assert check(file, SPECS, 1 << 20) is None
