"""Files and folders by CID: the one door to storage for the rest of the package.

The local block store always takes part; a Kubo daemon does when the settings name one. What comes
from outside is verified, block by block, on its way into the local store, and read from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from decentralml.config import LOCAL, Config
from decentralml.errors import (
    BlockDamaged,
    ConfigError,
    ObjectNotFound,
    PathNotFound,
)
from decentralml.storage import car, dag
from decentralml.storage import cid as cids
from decentralml.storage.dag import Limits
from decentralml.storage.fetch import fetch, missing
from decentralml.storage.kubo import Kubo
from decentralml.storage.local import BlockStore
from decentralml.storage.staging import refuse_existing, staged_file
from decentralml.storage.unixfs import Importer, Progress
from decentralml.types import Cid

PEEK_SECONDS = 5.0
"""How long a daemon may take over a block that is only looked at."""


class Objects:
    """Content by CID.

    Parameters
    ----------
    store : where blocks are kept.
    kubo : a daemon to publish to and to fetch from, if there is one.
    """

    def __init__(self, store: BlockStore, kubo: Kubo | None = None) -> None:
        self.store = store
        self.kubo = kubo

    def close(self) -> None:
        self.store.close()
        if self.kubo is not None:
            self.kubo.close()

    def __enter__(self) -> Objects:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def add(self, path: Path, progress: Progress | None = None) -> Cid:
        """Put a file or folder into the local store; :meth:`publish` shows it to others.

        Raises
        ------
        PathNotFound, NotPlain, UnsafePath, SourceChanged, SourceUnreadable, StoreUnwritable
        """
        with self.store.writer() as writer, Importer(writer, progress) as importer:
            return cids.text(importer.add(path).cid)

    def put_bytes(self, data: bytes) -> Cid:
        """Put a file with this content into the local store.

        Raises
        ------
        StoreUnwritable
        """
        with self.store.writer() as writer, Importer(writer) as importer:
            return cids.text(importer.add_bytes(data).cid)

    def publish(self, cid: Cid, progress: Progress | None = None) -> None:
        """Give the daemon what the local store holds, pinned; nothing to do without a daemon.

        Raises
        ------
        CidInvalid, ObjectNotFound, BlockDamaged, DaemonUnavailable, DaemonTimeout
        """
        root = cids.parse(cid)
        if self.kubo is None:
            self._refuse_incomplete(root)
        elif not self.kubo.is_pinned(root):
            self.kubo.load(car.Stream(self._car(root, progress)), root)

    def has(self, cid: Cid) -> bool:
        """Whether the local store holds all of it.

        Raises
        ------
        CidInvalid, DagInvalid
        """
        return not missing(self.store, cids.parse(cid))

    def get(
        self,
        cid: Cid,
        destination: Path,
        limits: Limits | None = None,
        progress: Progress | None = None,
    ) -> Path:
        """Write the file or folder to a path that must not exist, fetching what is missing.

        Raises
        ------
        CidInvalid, ObjectNotFound, BlockDamaged, BlockMismatch, DagInvalid, UnsafePath, NotPlain,
        ObjectTooLarge, DestinationExists, StoreUnwritable, DaemonUnavailable, DaemonTimeout
        """
        root = cids.parse(cid)
        limits = limits or Limits()
        refuse_existing(destination)
        self._bring(root, limits, progress)
        try:
            dag.unpack(self.store.get, root, destination, limits, progress)
        except BlockDamaged:
            if self.kubo is None:
                raise
            self._bring(root, limits, progress)
            dag.unpack(self.store.get, root, destination, limits, progress)
        return destination

    def get_bytes(self, cid: Cid, max_bytes: int) -> bytes:
        """The content of a file (errors as :meth:`get`)."""
        root = cids.parse(cid)
        limits = Limits(total_bytes=max_bytes)
        self._bring(root, limits, None)
        return dag.read_bytes(self.store.get, root, limits)

    def peek(self, cid: Cid, name: str | None, max_bytes: int) -> bytes:
        """The content of a file, or of the one of a name in a folder, and nothing else of it.

        Nothing is kept, and a daemon is not waited for longer than :data:`PEEK_SECONDS` (errors as
        :meth:`get`).
        """
        kubo = None if self.kubo is None else Kubo(self.kubo.name, PEEK_SECONDS)

        def block(wanted: bytes) -> bytes:
            try:
                return self.store.get(wanted)
            except (ObjectNotFound, BlockDamaged):
                if kubo is None:
                    raise
                return kubo.block(wanted)

        try:
            return dag.read_bytes(block, cids.parse(cid), Limits(total_bytes=max_bytes), name)
        finally:
            if kubo is not None:
                kubo.close()

    def verify(
        self, cid: Cid, limits: Limits | None = None, progress: Progress | None = None
    ) -> None:
        """Read all of it from the local store, check every block and every rule, write nothing.

        Raises
        ------
        CidInvalid, ObjectNotFound, BlockDamaged, DagInvalid, UnsafePath, NotPlain, ObjectTooLarge
        """
        dag.check(self.store.get, cids.parse(cid), limits or Limits(), progress)

    def export_car(self, cid: Cid, file: Path, progress: Progress | None = None) -> None:
        """Write the DAG as a CAR to a file that must not exist.

        Raises
        ------
        CidInvalid, ObjectNotFound, BlockDamaged, DestinationExists, StoreUnwritable
        """
        root = cids.parse(cid)
        with staged_file(file) as stage, stage.open("xb") as stream:
            for piece in self._car(root, progress):
                stream.write(piece)

    def import_car(
        self, file: Path, limits: Limits | None = None, progress: Progress | None = None
    ) -> Cid:
        """Take in a CAR: all of it, after every block and the whole DAG were checked, or nothing.

        Raises
        ------
        PathNotFound, CarInvalid, BlockMismatch, DagInvalid, UnsafePath, NotPlain, ObjectTooLarge,
        StoreUnwritable
        """
        limits = limits or Limits()
        name = str(file)
        try:
            stream = file.open("rb")
        except (FileNotFoundError, IsADirectoryError):
            raise PathNotFound(name) from None
        with stream:
            total = car.survey(car.Reader(stream, name), name, limits)
            stream.seek(0)
            reader = car.Reader(stream, name)
            done = 0
            with self.store.writer() as writer:
                for cid, block in reader:
                    writer.put(cids.digest(cid), block)
                    done += len(block)
                    if progress is not None:
                        progress(done, total)
        return cids.text(reader.root)

    def _bring(self, root: bytes, limits: Limits, progress: Progress | None) -> None:
        if self.kubo is not None:
            fetch(self.store, self.kubo, root, limits, progress)

    def _refuse_incomplete(self, root: bytes) -> None:
        lacking = missing(self.store, root)
        if lacking:
            raise ObjectNotFound(cids.text(lacking[0].cid), f"the local store {self.store.root}")

    def _car(self, root: bytes, progress: Progress | None) -> Iterator[bytes]:
        done = 0
        for piece in car.write(self.store.get, root):
            done += len(piece)
            if progress is not None:
                progress(done, None)
            yield piece


def open_objects(config: Config) -> Objects:
    """The storage that the settings name.

    Raises
    ------
    ConfigError, StoreUnwritable, StoreDamaged
    """
    if config.storage == LOCAL:
        return Objects(BlockStore(config.blocks))
    if not config.storage.startswith(("http://", "https://")):
        raise ConfigError(
            f"storage {config.storage!r} is unknown; "
            'use "local" or the address of a Kubo RPC such as http://127.0.0.1:5001'
        )
    kubo = Kubo(config.storage)
    return Objects(BlockStore(config.blocks), kubo)
