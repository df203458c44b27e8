"""Contributors. What a strategy does not say, it does as the honest do."""

from __future__ import annotations

import random

from decentralml.types import Outcome, Submission, Verdict

from ..parameters import Parameters
from ..work import Finding, Job, Work, measured


class Honest:
    """Trains, hands its key, releases it, and appeals against what is wrong."""

    name = "honest"
    favour: Verdict | None = None
    """What it asks its friends in office to say, if it has any."""

    def work(self, job: Job, rng: random.Random, p: Parameters) -> Work | None:
        """What it sends; None: nothing."""
        return Work(measured(rng, p.quality.honest), p.costs.training)

    def hands_key(self, job: Job, friends: int, seats: int) -> bool:
        """Once it sees the panel, with so many seats of it friends of its own."""
        return True

    def appeals(self, submission: Submission, truth: Finding) -> bool:
        return submission.outcome is not Outcome.ACCEPTED and truth.verdict is Verdict.PASS


class Lazy(Honest):
    """Trains a part of the run, and fills the other checkpoints in by interpolation."""

    name = "lazy"

    def work(self, job: Job, rng: random.Random, p: Parameters) -> Work | None:
        segments = p.task.checkpoints - 1
        trained = round(segments * p.quality.lazy_part)
        faked = frozenset(rng.sample(range(segments), segments - trained))
        cost = round(p.costs.training * p.quality.lazy_part)
        return Work(measured(rng, p.quality.lazy), cost, faked)


class Copycat(Honest):
    """Sends the ciphertext of another's result: all of it that it can get. It has no key to it."""

    name = "copycat"

    def work(self, job: Job, rng: random.Random, p: Parameters) -> Work | None:
        return Work(0, 0, None, opens=False)


class FreeRider(Honest):
    """Sends the base model back."""

    name = "free_rider"

    def work(self, job: Job, rng: random.Random, p: Parameters) -> Work | None:
        return Work(0, 0, None, changed=False)


class Poisoner(Honest):
    """Trains on data of its own making: good where it is measured, bad where it matters."""

    name = "poisoner"

    def work(self, job: Job, rng: random.Random, p: Parameters) -> Work | None:
        score = measured(rng, p.quality.poisoned)
        return Work(score, p.costs.training, None, poisoned=True)


class Quitter(Honest):
    """Takes slots and sends nothing: half of them it gives back late."""

    name = "quitter"

    def work(self, job: Job, rng: random.Random, p: Parameters) -> Work | None:
        return None


class Sybil(Honest):
    """Takes several slots of one task with several accounts, sends the same."""

    name = "sybil"

    def work(self, job: Job, rng: random.Random, p: Parameters) -> Work | None:
        score = measured(rng, p.quality.honest)
        if job.first:
            return Work(score, p.costs.training)
        return Work(score, 0, None)


class ReRoller(Honest):
    """Sends junk, and hands its key only to a committee that its friends have a majority of."""

    name = "re_roller"
    favour: Verdict | None = Verdict.PASS

    def work(self, job: Job, rng: random.Random, p: Parameters) -> Work | None:
        return Work(measured(rng, p.quality.junk), 0, None)

    def hands_key(self, job: Job, friends: int, seats: int) -> bool:
        return 2 * friends > seats

    def appeals(self, submission: Submission, truth: Finding) -> bool:
        return False


class Colluder(ReRoller):
    """Sends junk, hands its key to every committee, and hopes for its friends on it."""

    name = "colluder"

    def hands_key(self, job: Job, friends: int, seats: int) -> bool:
        return True


class Staller(Colluder):
    """Sends junk; friends that cannot pass it say that nothing can be found out about it."""

    name = "staller"
    favour = Verdict.INCONCLUSIVE


class Appellant(Colluder):
    """Sends junk and appeals against whatever is found."""

    name = "appellant"
    favour = None

    def appeals(self, submission: Submission, truth: Finding) -> bool:
        return submission.outcome is not Outcome.ACCEPTED


STRATEGIES = {
    kind.name: kind()
    for kind in (
        Honest,
        Lazy,
        Copycat,
        FreeRider,
        Poisoner,
        Quitter,
        Sybil,
        ReRoller,
        Colluder,
        Staller,
        Appellant,
    )
}
