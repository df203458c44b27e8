"""Keys of sealed results: who makes one, who has it when, and whether it was handed as promised.

The rules are told in ``docs/sealing.md``.
"""

from __future__ import annotations

from decentralml.bundles.sealing import encryption_public_key
from decentralml.bundles.wraps import NO_WRAP, key_digest, open_wrap, release_digest, wrap
from decentralml.chain.calls import HandKey, ReleaseKey
from decentralml.errors import (
    KeyMismatch,
    ProfileKeyForeign,
    ResultMismatch,
    ResultSealed,
    WrongWrap,
)
from decentralml.market.progress import moved
from decentralml.market.session import Session
from decentralml.types import Address, Seal, Submission, Terms

KEY_INFO = b"decentralml/result-key@1"
"""HKDF's ``info`` for the keys of results; what the key is for follows it."""


def made_key(session: Session, submission: Submission, digest: bytes) -> bytes:
    """The key with which this account seals a result.

    It is made from the account's secret whenever it is needed, so that no lost disk can keep a
    contributor from handing it; and from nothing that another fork of the chain may say otherwise,
    such as when the slot was taken, and which: it must still open what was sealed and promised.

    Parameters
    ----------
    digest : of the plain result's manifest.
    """
    about = f"/{submission.task}/".encode()
    return session.key.derive(KEY_INFO + session.genesis + about + digest)


def _own_key(session: Session, submission: Submission) -> bytes:
    """The key of a result that this account sent: the one that it promised."""
    assert submission.seal is not None and submission.digest is not None
    key = made_key(session, submission, submission.digest)
    if key_digest(key) != submission.seal.key_digest:
        # Earlier versions of this program made it of more than that.
        about = f"/{submission.task}/{submission.index}/{submission.accepted_at}/".encode()
        return session.key.derive(KEY_INFO + session.genesis + about + submission.digest)
    return key


def seal_of(key: bytes, terms: Terms) -> Seal:
    """What the chain is told of the key."""
    return Seal(key_digest(key), release_digest(key, terms.reader))


def known_key(session: Session, terms: Terms, submission: Submission) -> bytes:
    """The key of a sealed result, from wherever this account can have it.

    Raises
    ------
    ResultSealed : it has no way to it, now.
    ProfileKeyForeign : a wrap that was made for it is of another encryption key than its own.
    WrongWrap, KeyMismatch : what it was given is not the key that was promised.
    """
    assert submission.seal is not None and submission.digest is not None
    if submission.contributor == session.address:
        key = _own_key(session, submission)
    elif (handed := _handed(session, submission)) is not None:
        key = _open_handed(session, submission, handed)
    elif submission.key is not None and terms.reader == _own_reader(session):
        key = open_wrap(submission.key, session.key.encryption_secret())
    else:
        raise ResultSealed(submission.task, submission.index, session.address)
    if key_digest(key) != submission.seal.key_digest:
        what = f"result {submission.index} of task {submission.task}"
        raise KeyMismatch(what, submission.seal.key_digest, key_digest(key))
    return key


def hand_key(session: Session, submission: Submission) -> Submission:
    """Give each panel member that has none its wrap, as the contributor; the submission then.

    Raises
    ------
    CallRefused
    """
    key = _own_key(session, submission)
    waiting = tuple(seat.member for seat in submission.panel if seat.wrap is None)
    wraps = tuple((member, _wrap_for(session, key, member)) for member in waiting)
    session.report.step(
        f"handing the key to {', '.join(session.called(member) for member in waiting)}"
    )
    call = HandKey(submission.task, submission.index, wraps)
    return moved(session, submission, call)


def check_handed(session: Session, terms: Terms, submission: Submission, key: bytes) -> None:
    """Hold what was handed to the others, and what will be released, against the key.

    Nobody changes its encryption key while it is on a panel.

    Raises
    ------
    ResultMismatch : a wrap is not the one that the key gives.
    """
    assert submission.seal is not None
    for seat in submission.panel:
        if seat.wrap not in (None, _wrap_for(session, key, seat.member)):
            raise ResultMismatch(
                submission.task,
                submission.index,
                f"what was handed to {seat.member} is not its key",
            )
    if submission.seal.release != release_digest(key, terms.reader):
        raise ResultMismatch(
            submission.task, submission.index, "what it promised to release is not its key"
        )


def release_key(session: Session, terms: Terms, submission: Submission) -> Submission:
    """Release the key to the task's reader, which pays contributor and panel; the submission then.

    Raises
    ------
    ResultSealed, WrongWrap, KeyMismatch, CallRefused
    """
    key = known_key(session, terms, submission)
    session.report.step(f"releasing the key of result {submission.index}")
    call = ReleaseKey(submission.task, submission.index, wrap(key, terms.reader))
    return moved(session, submission, call)


def _handed(session: Session, submission: Submission) -> bytes | None:
    """The newest wrap that the contributor made for this account."""
    jury = () if submission.appeal is None else submission.appeal.jury
    for seat in (*jury, *submission.committee):
        if seat.member == session.address and seat.wrap is not None:
            return seat.wrap
    return None


def _wrap_for(session: Session, key: bytes, member: Address) -> bytes:
    profile = session.chain.profile(member)
    return NO_WRAP if profile is None else wrap(key, profile.encryption_key)


def _own_reader(session: Session) -> bytes:
    return encryption_public_key(session.key.encryption_secret())


def _open_handed(session: Session, submission: Submission, handed: bytes) -> bytes:
    try:
        return open_wrap(handed, session.key.encryption_secret())
    except WrongWrap:
        profile = session.chain.profile(session.address)
        if profile is not None and profile.encryption_key != _own_reader(session):
            raise ProfileKeyForeign(session.address) from None
        raise
