"""The model that a name leads to, wherever it is: a folder here, a task's, or any CID."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from decentralml.errors import CidInvalid, ModelUnknown
from decentralml.market.merging.lineage import get_model
from decentralml.market.merging.models import require_model
from decentralml.market.session import Session
from decentralml.market.work import scratch
from decentralml.storage import cid


@contextmanager
def model_named(name: str, opened: Callable[[], Session]) -> Iterator[Path]:
    """A folder with the model, verified where it was fetched; it may go when this ends.

    Parameters
    ----------
    name : a folder, a published model's CID (or its beginning), a task's number, an artifact's
        UUID, or the CID of any saved model.
    opened : gives a session, if one is needed.

    Raises
    ------
    NotAModel, ModelUnknown, AmbiguousModel, DatabaseError, ChainError, StorageError
    """
    if (folder := Path(name)).is_dir():
        require_model(folder)
        yield folder
        return
    with opened() as session, scratch(session.config.work) as space:
        place = space / "model"
        try:
            get_model(session, name, place)
        except ModelUnknown:
            try:
                wanted = cid.normalise(name)
            except CidInvalid:
                raise ModelUnknown(
                    name, "it is no folder, no CID, and no task published it"
                ) from None
            with session.report.bar("fetching the model") as progress:
                session.objects.get(wanted, place, progress=progress)
        require_model(place)
        yield place
