"""Who may take a slot of a task that is not open to everybody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from decentralml.chain.api import Receipt
from decentralml.chain.calls import MAX_PARTIES, Batch, Call, Invite, Uninvite
from decentralml.errors import TermsInvalid
from decentralml.market.session import Session
from decentralml.market.tasks import require_creator
from decentralml.types import Address, TaskId


def invite(session: Session, task: TaskId, accounts: Sequence[Address]) -> Receipt | None:
    """Let accounts take slots of one's task; None when all of them were invited before.

    Each invitation takes a deposit from the creator, which returns once it is taken back or
    cleared.

    Raises
    ------
    NotCreator, NotInvitational
    TermsInvalid : the creator itself is among them.
    """
    require_creator(session, session.chain.task(task))
    require_others(session.address, accounts)
    new = [who for who in dict.fromkeys(accounts) if not session.chain.invited(task, who)]
    if not new:
        return None
    return _submit(session, [Invite(task, part) for part in parts(new)])


def uninvite(session: Session, task: TaskId, accounts: Sequence[Address]) -> Receipt | None:
    """Take invitations back; None when there are none. Work that was begun goes on."""
    require_creator(session, session.chain.task(task))
    invited = [who for who in dict.fromkeys(accounts) if session.chain.invited(task, who)]
    if not invited:
        return None
    return _submit(session, [Uninvite(task, part) for part in parts(invited)])


def require_others(creator: Address, accounts: Sequence[Address]) -> None:
    """Raise TermsInvalid if a creator invites itself: it cannot work on its own task."""
    if creator in accounts:
        raise TermsInvalid(
            f"{creator} would be both the task's creator and its contributor; invite others"
        )


def parts(accounts: Sequence[Address]) -> Iterator[tuple[Address, ...]]:
    """Accounts in as many as one call takes."""
    for start in range(0, len(accounts), MAX_PARTIES):
        yield tuple(accounts[start : start + MAX_PARTIES])


def _submit(session: Session, calls: Sequence[Call]) -> Receipt:
    return session.chain.submit(calls[0] if len(calls) == 1 else Batch(tuple(calls)), session.key)
