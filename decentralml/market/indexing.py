"""The index of the session's chain: brought up to date, and asked.

The chain stays the truth. Whatever is asked of the index is asked after it has taken in the chain's
newest block, so that an answer is never older than the question.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from decentralml.bundles.fields import parse_json
from decentralml.bundles.manifest import MANIFEST_FILE, MAX_MANIFEST_BYTES
from decentralml.db.engine import open_database
from decentralml.db.filters import FoundTask, TaskFilter
from decentralml.db.index import Index, Synced
from decentralml.db.tasks import find_tasks as find
from decentralml.errors import BundleError, StorageError
from decentralml.market.session import Session
from decentralml.storage import cid as cids
from decentralml.storage.dag import links_of
from decentralml.types import Cid, TaskId

_WORDS = 2_000
"""Characters of a bundle's own words that are searched."""


@contextmanager
def opened_index(session: Session) -> Iterator[Index]:
    """The index, as it is. Raises DatabaseError."""
    with open_database(session.config) as database:
        yield Index(database, session.info.genesis, session.info.name)


@contextmanager
def fresh_index(session: Session) -> Iterator[Index]:
    """The index, up to date. Raises DatabaseError, ChainError."""
    with opened_index(session) as index:
        bring_up_to_date(session, index)
        yield index


def bring_up_to_date(session: Session, index: Index) -> Synced:
    """Take in the blocks since the last time, and the words of bundles that are here by now."""
    with session.report.bar("reading the chain's blocks") as progress:
        synced = index.sync(session.chain.feed(), progress)
    if synced.back is not None:
        session.report.warn(
            f"the chain has lost blocks that were indexed; the index went back to block "
            f"{synced.back} and on from there"
        )
    _learn_names(session, index, synced.created)
    return synced


def find_tasks(
    session: Session, wanted: TaskFilter, limit: int = 20, after: TaskId | None = None
) -> list[FoundTask]:
    """Tasks that fit, newest first, also those that the chain has cleared.

    Parameters
    ----------
    after : the last task of the page before.

    Raises
    ------
    DatabaseError, ChainError
    """
    with fresh_index(session) as index:
        chain = index.number()
        return [] if chain is None else find(index.database, chain, wanted, limit, after)


def _learn_names(session: Session, index: Index, created: Iterable[TaskId]) -> None:
    """Of the tasks since the last time, and of those that somebody here works on, take in what
    their bundles say where those are in the local store."""
    chosen = set(created) | _at_work(session)
    unnamed = index.unnamed(chosen)
    words = {task: _words(session, bundle) for task, bundle in unnamed.items()}
    known = {task: text for task, text in words.items() if text}
    if known:
        index.name(known)


def _at_work(session: Session) -> set[TaskId]:
    """Tasks with a work folder on this machine."""
    places = (session.config.work / session.genesis.hex()[:8]).glob("*/*")
    return {TaskId(int(place.name)) for place in places if place.name.isdecimal()}


def _words(session: Session, bundle: Cid) -> str:
    """What a bundle says of itself; empty where it is not in the local store, or says nothing."""
    with suppress(StorageError, BundleError):
        store, root = session.objects.store, cids.parse(bundle)
        if not store.has(root):
            return ""
        links = links_of(root, store.get(root))
        file = next((link.cid for link in links if link.name == MANIFEST_FILE), None)
        if file is not None and store.has(file):
            data = session.objects.get_bytes(cids.text(file), MAX_MANIFEST_BYTES)
            manifest = parse_json(data, MANIFEST_FILE, MAX_MANIFEST_BYTES)
            return _said(manifest)
    return ""


def _said(manifest: object) -> str:
    """A bundle's name, and the classes that its labels are of."""
    if not isinstance(manifest, dict):
        return ""
    said = [manifest.get("name")]
    schema = part.get("schema") if isinstance(part := manifest.get("result"), dict) else None
    if isinstance(schema, dict) and isinstance(schema.get("classes"), list):
        said += schema["classes"]
    return " ".join(word for word in said if isinstance(word, str))[:_WORDS]
