"""A CID computed while bytes arrive is the one computed from the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from decentralml.errors import SourceChanged
from decentralml.storage.streamed import StreamedCid, file_cid
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
    assert file_cid(file) == cid_of(file)


def test_a_file_that_changes_while_it_is_read_is_no_file_of_any_cid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(10))
    real = StreamedCid.update

    def change(self: StreamedCid, piece: memoryview) -> None:
        real(self, piece)
        file.write_bytes(bytes(20))

    monkeypatch.setattr(StreamedCid, "update", change)
    with pytest.raises(SourceChanged, match="changed while it was read"):
        file_cid(file)
