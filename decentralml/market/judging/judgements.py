"""What a member has found, written down before it commits to it, and the salt of the commitment.

A commitment binds: revealing anything else is refused, and not revealing is punished. So a finding
is on disk before its commitment is sent, and a killed process reveals the same. The salt is made
from the account's secret, so that even a lost disk costs nothing: judging again gives the same
finding.
"""

from __future__ import annotations

from decentralml.chain.commitment import commitment
from decentralml.errors import RecordDamaged
from decentralml.market.records import Records
from decentralml.market.session import Session
from decentralml.types import Attestation, Cid, Submission, Verdict

SALT_INFO = b"decentralml/commitment-salt@1"
"""HKDF's ``info`` for salts; what the salt is for follows it."""


def panel_name(submission: Submission) -> str:
    """``committee`` or ``jury``: who may sit on both commits twice, and not with one salt."""
    return "committee" if submission.appeal is None else "jury"


def judgements(session: Session) -> Records:
    """This account's findings, one record for each panel of each submission."""
    return session.records(f"judgements/{session.address}")


def record_name(submission: Submission) -> str:
    """Names the panel; a chain that was started anew has other times of acceptance."""
    panel = panel_name(submission)
    return f"{submission.task}-{submission.index}-{submission.accepted_at}-{panel}"


def read_judgement(session: Session, submission: Submission) -> Attestation | None:
    """What was written down, or None. Raises RecordDamaged."""
    records = judgements(session)
    name = record_name(submission)
    record = records.read(name)
    if record is None:
        return None
    try:
        return Attestation(
            Verdict(record["verdict"]),
            int(record["score"]),
            Cid(record["report"]),
            None if record["segment"] is None else int(record["segment"]),
        )
    except (KeyError, TypeError, ValueError):
        raise RecordDamaged(records.file(name)) from None


def write_judgement(session: Session, submission: Submission, attestation: Attestation) -> None:
    judgements(session).write(
        record_name(submission),
        {
            "verdict": attestation.verdict.value,
            "score": attestation.score,
            "report": attestation.report,
            "segment": attestation.segment,
        },
    )


def salt_for(session: Session, submission: Submission) -> bytes:
    """The salt of this account's commitment on a panel (32 bytes)."""
    assert submission.digest is not None
    about = f"/{record_name(submission)}/".encode() + submission.digest
    return session.key.derive(SALT_INFO + session.genesis + about)


def commitment_to(session: Session, submission: Submission, attestation: Attestation) -> bytes:
    """What this account commits to its finding with (32 bytes)."""
    return commitment(
        submission.task,
        submission.index,
        session.address,
        attestation,
        salt_for(session, submission),
    )
