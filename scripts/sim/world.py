"""The driver: in each tick everybody sees the chain's state and acts, then a block is sealed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

from decentralml.chain import calls
from decentralml.chain.commitment import commitment
from decentralml.types import (
    Attestation,
    Cid,
    Gold,
    Outcome,
    Phase,
    Seat,
    Submission,
    SubmissionStatus,
    TaskId,
    Trace,
    Verdict,
    Window,
)

from .agents import aggregators, contributors, creators
from .agents.creators import Move
from .chain import SimChain
from .ledger import Account, Agent, digest
from .office import Office, reader_of
from .parameters import HOUR, Parameters
from .work import READER, Finding, Job, evaluate

TICK = 50 * 60_000
"""Milliseconds between two looks at the chain: shorter than every period of the protocol."""
RESULT = Cid("bafyresult" + "a" * 49)
REPORT = Cid("bafyreport" + "a" * 49)
_OFFLINE = 0.1
"""Share of contributors that do not release their key themselves."""


class World:
    """What happens to submissions, whatever market they come from."""

    def __init__(
        self, chain: SimChain, office: Office, keeper: Account, parameters: Parameters, seed: int
    ) -> None:
        self.chain = chain
        self.office = office
        self.parameters = parameters
        self.rng = random.Random(f"{seed}/world")
        self.jobs: dict[tuple[int, int], Job] = {}
        """Submissions that have not ended."""
        self.outcomes: Counter[tuple[str, str]] = Counter()
        """By contributor's strategy and how it ended."""
        self.on_end: Callable[[Job, Submission | None], None] = lambda job, submission: None
        self._keeper = keeper
        self._readers: dict[str, bytes] = {}

    @property
    def now(self) -> int:
        return self.chain.now

    # -- a tick

    def tick(self) -> None:
        """Everybody acts on what the last block left; then the next one is sealed."""
        self.office.step()
        keys = list(self.jobs)
        for key, submission in zip(keys, self.chain.submissions(keys), strict=True):
            job = self.jobs[key]
            if submission is None:
                assert job.sent or job.work is None, "only who abandons leaves no record"
                self._end(job, None)
            else:
                self._act(job, submission)
        self.chain.now += TICK
        self.chain.seal()
        # The anchor of what was submitted: its committee is drawn in the next tick.
        self.chain.seal()

    def _act(self, job: Job, submission: Submission) -> None:
        match submission.status:
            case SubmissionStatus.ASSIGNED:
                self._working(job, submission)
            case SubmissionStatus.PENDING_VALIDATION | SubmissionStatus.APPEALED:
                self._before_panel(job, submission)
            case SubmissionStatus.VALIDATED:
                self._validated(job, submission)
            case _:
                self._end(job, submission)

    def _settle(self, submission: Submission) -> bool:
        """Settles what a deadline has ended; whether it did."""
        # The block's time is a tick ahead of what everybody looks at.
        if submission.deadline is None or self.now + TICK <= submission.deadline:
            return False
        self.chain.send(self._keeper, calls.Settle(submission.task, submission.index))
        return True

    # -- the contributor

    def _working(self, job: Job, submission: Submission) -> None:
        if self._settle(submission):
            return
        assert submission.deadline is not None
        strategy = _contributor(job)
        if job.work is None and not job.sent:
            job.sent = True
            job.work = strategy.work(job, self.rng, self.parameters)
            job.agent.off_chain -= job.work.cost if job.work else 0
        elif job.work is None:
            last = self.now + 2 * TICK > submission.deadline
            if last and job.index % 2:
                self.chain.send(job.account, calls.Abandon(TaskId(job.task)))
            return
        if job.work is not None:
            self._submit(job)

    def _submit(self, job: Job) -> None:
        trace = None
        if job.terms.replay is not None:
            root = digest("root", job.task, job.index)
            trace = Trace(root, job.terms.replay.checkpoints)
        manifest = digest("manifest", job.task, job.index)
        call = calls.SubmitResult(TaskId(job.task), RESULT, manifest, job.seal, trace)
        self.chain.send(job.account, call)

    def _hand(self, job: Job, submission: Submission) -> None:
        waiting = [seat.member for seat in submission.panel if seat.wrap is None]
        wraps = tuple((member, job.wrap_for(self._reader(member))) for member in waiting)
        self.chain.send(job.account, calls.HandKey(submission.task, submission.index, wraps))

    # -- panels

    def _before_panel(self, job: Job, submission: Submission) -> None:
        jury = submission.status is SubmissionStatus.APPEALED
        match submission.phase:
            case Phase.DRAWING:
                anchor = submission.draw_after
                if anchor is not None and self.chain.chain.height >= anchor:
                    call = calls.DrawCommittee(submission.task, submission.index)
                    self.chain.send(self._keeper, call)
                return
            case Phase.SEALING:
                if self._settle(submission):
                    return
                strategy = _contributor(job)
                friends = sum(self._is_friend(job, seat) for seat in submission.panel)
                if jury or strategy.hands_key(job, friends, len(submission.panel)):
                    self._hand(job, submission)
                return
        if self._settle(submission):
            return
        for seat in submission.panel:
            member = self.office.agent(_public(seat))
            self._seat(job, submission, seat, member, jury)

    def _seat(
        self, job: Job, submission: Submission, seat: Seat, member: Agent, jury: bool
    ) -> None:
        """What one member of a panel does now."""
        strategy = aggregators.STRATEGIES[member.strategy]
        place = (member.account.public, jury)
        if place not in job.seated:
            job.seated.add(place)
            member.jobs += 1
            self._bribe(job, member, strategy)
        sight = self._sight(job, submission, member, jury)
        if submission.phase is Phase.COMMITTING and seat.commitment is None:
            found = strategy.finding(sight)
            if found is None:
                return
            salt = digest("salt", submission.task, submission.index, member.name, jury)
            job.committed[place] = (found, salt)
            hidden = commitment(
                submission.task, submission.index, seat.member, _attestation(found), salt
            )
            call = calls.Commit(submission.task, submission.index, hidden)
            self.chain.send(member.account, call)
        elif submission.phase is Phase.REVEALING and _owes_reveal(seat) and strategy.reveals(sight):
            found, salt = job.committed[place]
            opened = calls.Reveal(submission.task, submission.index, _attestation(found), salt)
            self.chain.send(member.account, opened)

    def _sight(
        self, job: Job, submission: Submission, member: Agent, jury: bool
    ) -> aggregators.Sight:
        def look() -> Finding:
            if member.account.public not in job.evaluated:
                job.evaluated.add(member.account.public)
                member.off_chain -= self.parameters.costs.evaluation
            return evaluate(job, submission.seed, self.parameters)

        assert submission.deadline is not None
        return aggregators.Sight(
            jury=jury,
            last=self.now + 2 * TICK > submission.deadline,
            asked=_asked(job),
            friends=sum(self._is_friend(job, each) for each in submission.panel),
            seats=len(submission.panel),
            challenge=job.terms.challenge_time > 0,
            evaluate=look,
            rng=self.rng,
            parameters=self.parameters,
        )

    def _is_friend(self, job: Job, seat: Seat) -> bool:
        """Whether a member works with the contributor of a result, or with its creator."""
        if _asked(job) is None:
            return False
        return aggregators.STRATEGIES[self.office.agent(_public(seat)).strategy].colludes

    def _bribe(self, job: Job, member: Agent, strategy: aggregators.Honest) -> None:
        """A friend of the contributor takes money for its vote: off the chain, once."""
        public = member.account.public
        if strategy.bribable and _asked(job) is Verdict.PASS and public not in job.bribes:
            job.bribes.add(public)
            member.off_chain += self.parameters.costs.bribe
            job.agent.off_chain -= self.parameters.costs.bribe

    # -- after the finding

    def _validated(self, job: Job, submission: Submission) -> None:
        job.validated_at = job.validated_at or self.now
        if self._settle(submission):
            return
        strategy = creators.STRATEGIES[job.creator.strategy]
        match submission.window:
            case Window.REVIEW:
                self._move(job, submission, strategy.review(job, submission))
            case Window.CHALLENGE:
                truth = evaluate(job, submission.seed, self.parameters)
                if _contributor(job).appeals(submission, truth):
                    call = calls.AppealResult(submission.task, submission.index)
                    self.chain.send(job.account, call)
                    self.outcomes["appeals", job.agent.strategy] += 1
                else:
                    self._move(job, submission, strategy.challenge(job, submission))
            case Window.RELEASE:
                self._release(job, submission)

    def _move(self, job: Job, submission: Submission, move: Move | None) -> None:
        task, index, creator = submission.task, submission.index, job.creator.account
        match move:
            case Move.ACCEPT:
                self.chain.send(creator, calls.AcceptResult(task, index))
            case Move.REJECT:
                self.chain.send(creator, calls.RejectResult(task, index, "not what was wanted"))
            case Move.APPEAL:
                self.chain.send(creator, calls.AppealResult(task, index))
                self.outcomes["appeals", "creator/" + job.creator.strategy] += 1
            case Move.GOLD:
                gold = planted_gold(job.creator)
                self.chain.send(creator, calls.OpenGold(task, index, gold))
                self.outcomes["golds", job.creator.strategy] += 1

    def _release(self, job: Job, submission: Submission) -> None:
        """The contributor, or else the first member that would be paid for it."""
        wrap = job.wrap_for(READER)
        call = calls.ReleaseKey(submission.task, submission.index, wrap)
        waited = job.released_by != ""
        if not waited:
            job.released_by = job.agent.name
            if self.rng.random() >= _OFFLINE:
                self.chain.send(job.account, call)
            return
        finding = submission.finding
        assert finding is not None
        for seat in submission.panel:
            found = seat.attestation
            if found is None or found.verdict is not finding.verdict:
                continue
            if abs(found.score - finding.score) > self.parameters.task.tolerance:
                continue
            member = self.office.agent(_public(seat))
            if aggregators.STRATEGIES[member.strategy].releases:
                job.released_by = member.name
                self.chain.send(member.account, call)
                return

    # -- the end

    def _end(self, job: Job, submission: Submission | None) -> None:
        del self.jobs[job.task, job.index]
        how = "abandoned" if submission is None else submission.status.value.lower()
        if submission is not None and submission.status is SubmissionStatus.ACCEPTED:
            assert job.work is not None
            job.creator.off_chain += self._worth(job)
        elif submission is not None and submission.outcome is not None:
            how = submission.outcome.value.lower()
            if submission.outcome is Outcome.ACCEPTED:
                how = "withheld"
        self.outcomes[job.agent.strategy, how] += 1
        self.on_end(job, submission)

    def _worth(self, job: Job) -> int:
        """Planck that an accepted result is worth to its creator."""
        work, value = job.work, self.parameters.value
        assert work is not None
        if job.planted:
            return 0
        if work.poisoned:
            return value.poisoned
        good = work.score >= self.parameters.quality.minimum * 10**6
        hours = (self.now - job.validated_at) / HOUR
        return round(value.model * max(0.0, 1 - value.delay * hours)) if good else 0

    def _reader(self, address: str) -> bytes:
        if address not in self._readers:
            from decentralml.chain import ss58

            member = self.office.agent(ss58.decode(address))
            self._readers[address] = reader_of(member.account)
        return self._readers[address]


def planted_gold(creator: Agent) -> Gold:
    """What a creator of false golds says of the results that its second account sends."""
    salt = digest("gold", creator.name)
    return Gold(creator.accounts[1].address, Verdict.FAIL, 0, 0, salt)


def _asked(job: Job) -> Verdict | None:
    """What the friends of a result's creator or contributor are asked to say."""
    return creators.STRATEGIES[job.creator.strategy].favour or _contributor(job).favour


def _contributor(job: Job) -> contributors.Honest:
    """How the sender of a result behaves; a creator's second account as the honest do."""
    return contributors.STRATEGIES["honest" if job.planted else job.agent.strategy]


def _owes_reveal(seat: Seat) -> bool:
    return seat.commitment is not None and seat.attestation is None


def _attestation(found: Finding) -> Attestation:
    return Attestation(found.verdict, found.score, REPORT, found.segment)


def _public(seat: Seat) -> bytes:
    from decentralml.chain import ss58

    return ss58.decode(seat.member)
