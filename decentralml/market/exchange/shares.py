"""The key of a task's validation set: who has it, and giving it to those who come into office."""

from __future__ import annotations

from pathlib import Path

from decentralml.bundles.manifest import ValidationSet
from decentralml.bundles.sealing import encryption_public_key, is_usable, unseal_folder
from decentralml.bundles.wraps import key_digest, open_wrap, wrap
from decentralml.chain.calls import DiscardShare, ShareKey
from decentralml.errors import CallRefused, ProfileKeyForeign, ValidationSetSealed, WrongWrap
from decentralml.market.session import Session
from decentralml.types import Address, TaskId


def validation_key(session: Session, task: TaskId, wanted: ValidationSet) -> bytes:
    """The key of a task's validation set, from this account's share on the chain.

    A share that is not what it should be is discarded, so that somebody else can give a good one.

    Raises
    ------
    ValidationSetSealed : nobody has given this account a good one yet.
    ProfileKeyForeign : nor can anybody, to the encryption key in its profile.
    """
    share = session.chain.share(task, session.address)
    profile = session.chain.profile(session.address)
    if profile is not None and profile.encryption_key != _own_key(session):
        raise ProfileKeyForeign(session.address)
    if share is None:
        raise ValidationSetSealed(task, session.address)
    try:
        key = open_wrap(share.wrap, session.key.encryption_secret())
    except WrongWrap:
        key = b""
    if key_digest(key) != wanted.key_digest:
        session.report.warn(
            f"the share of the validation set's key from {session.called(share.by)} does not hold "
            "it; discarding it"
        )
        session.chain.submit(DiscardShare(task), session.key)
        raise ValidationSetSealed(task, session.address)
    return key


def open_validation_set(session: Session, task: TaskId, wanted: ValidationSet, space: Path) -> Path:
    """Fetch and open a task's validation set; the folder, in ``space``.

    Raises
    ------
    ValidationSetSealed, NotARecipient, SealDamaged, StorageError
    """
    if wanted.key_digest is None:  # Version 1 sealed it to the members themselves.
        key = session.key.encryption_secret()
    else:
        key = validation_key(session, task, wanted)
    sealed = space / "validation.age"
    with session.report.bar("fetching the sealed validation set") as progress:
        session.objects.get(wanted.cid, sealed, progress=progress)
    unseal_folder(sealed, key, space / "validation")
    return space / "validation"


def share_key(session: Session, task: TaskId, key: bytes) -> tuple[Address, ...]:
    """Give the key to all in office who have none, and to oneself; whom it went to."""
    readers = {session.address: _own_key(session)} | {
        member: profile.encryption_key
        for member in session.chain.election().members
        if (profile := session.chain.profile(member)) and is_usable(profile.encryption_key)
    }
    return _share(
        session,
        task,
        {
            account: wrap(key, reader)
            for account, reader in readers.items()
            if session.chain.share(task, account) is None
        },
    )


def _share(session: Session, task: TaskId, readers: dict[Address, bytes]) -> tuple[Address, ...]:
    if not readers:
        return ()
    names = ", ".join(map(session.called, readers))
    session.report.step(f"giving {names} the key of the validation set")
    try:
        session.chain.submit(ShareKey(task, tuple(readers.items())), session.key)
    except CallRefused:
        # Another command may have been faster with some of them.
        left = {who: w for who, w in readers.items() if session.chain.share(task, who) is None}
        if len(left) == len(readers):
            raise
        return _share(session, task, left)
    return tuple(readers)


def _own_key(session: Session) -> bytes:
    return encryption_public_key(session.key.encryption_secret())
