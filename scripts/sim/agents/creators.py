"""Creators. What a strategy does not say, it does as the honest do."""

from __future__ import annotations

from enum import Enum

from decentralml.types import Outcome, Submission, Verdict

from ..work import Job


class Move(Enum):
    ACCEPT = "accept"
    REJECT = "reject"
    APPEAL = "appeal"
    GOLD = "gold"


class Honest:
    """Accepts what passes undisputed at once; where a member dissents, has all in office judge."""

    name = "honest"
    always_manual = False
    favour: Verdict | None = None
    """What it asks its friends in office to say, if it has any."""
    plants = False
    """Whether it plants a result in each of its tasks, with a gold that says it is bad."""

    def review(self, job: Job, submission: Submission) -> Move | None:
        """ManualAccept: in the time for its decision."""
        undisputed = submission.verdict is Verdict.PASS and not dissent(submission)
        return Move.ACCEPT if undisputed else None

    def challenge(self, job: Job, submission: Submission) -> Move | None:
        """In the time to appeal against an outcome."""
        match submission.outcome:
            case Outcome.ACCEPTED:
                return Move.APPEAL if dissent(submission) else Move.ACCEPT
            case Outcome.INCONCLUSIVE:
                return Move.APPEAL if dissent(submission) else None
        return None


class Silent(Honest):
    """Never does anything after it posted its task."""

    name = "silent"

    def review(self, job: Job, submission: Submission) -> Move | None:
        return None

    def challenge(self, job: Job, submission: Submission) -> Move | None:
        return None


class Rejecter(Honest):
    """Rejects what the committee passed."""

    name = "rejecter"
    always_manual = True

    def review(self, job: Job, submission: Submission) -> Move | None:
        return Move.REJECT if submission.verdict is Verdict.PASS else None


class Appellant(Silent):
    """Appeals against everything that it would have to pay for."""

    name = "appellant"

    def challenge(self, job: Job, submission: Submission) -> Move | None:
        return Move.APPEAL if submission.outcome is Outcome.ACCEPTED else None


class FalseGold(Honest):
    """Plants good results and says afterwards that they should have failed."""

    name = "false_gold"
    plants = True

    def review(self, job: Job, submission: Submission) -> Move | None:
        return None if job.planted else super().review(job, submission)

    def challenge(self, job: Job, submission: Submission) -> Move | None:
        if job.planted and submission.outcome is Outcome.ACCEPTED:
            return Move.GOLD
        return super().challenge(job, submission)


class Robber(Silent):
    """Has its friends in office fail what is good, and tell it what is in it."""

    name = "robber"
    favour = Verdict.FAIL


def dissent(submission: Submission) -> bool:
    """Whether a member of the committee says Fail: reason enough to look again."""
    return any(
        seat.attestation is not None and seat.attestation.verdict is Verdict.FAIL
        for seat in submission.committee
    )


STRATEGIES = {
    kind.name: kind() for kind in (Honest, Silent, Rejecter, Appellant, FalseGold, Robber)
}
