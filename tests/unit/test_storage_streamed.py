"""A CID computed while bytes arrive is the one computed from the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from decentralml.storage.streamed import StreamedCid
from decentralml.storage.unixfs import CHUNK, WIDTH, cid_of


@pytest.mark.parametrize(
    "size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, (WIDTH + 1) * CHUNK + 5]
)
@pytest.mark.parametrize("piece", [CHUNK, 100_003])
def test_the_streamed_cid_is_the_files(tmp_path: Path, size: int, piece: int) -> None:
    data = (b"decentral" * (size // 9 + 1))[:size]
    file = tmp_path / "file"
    file.write_bytes(data)
    streamed = StreamedCid()
    for at in range(0, size, piece):
        streamed.update(data[at : at + piece])
    assert streamed.cid() == cid_of(file)
    assert streamed.cid() == cid_of(file)  # asked twice
