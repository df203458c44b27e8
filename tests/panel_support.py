"""A result's way through its panels, step by step, as its parties would go it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b, sha256

from chain_support import BUNDLE, CHARLIE, READER, REPORT, by_address

from decentralml.bundles.wraps import wrap
from decentralml.chain import calls, events
from decentralml.chain.api import Chain, Receipt
from decentralml.chain.commitment import commitment
from decentralml.chain.keys import Key
from decentralml.types import PPM, Attestation, Phase, Seal, TaskId, Trace, Verdict

DIGEST = sha256(b"a result's manifest").digest()
SALT = bytes(range(32))


@dataclass(frozen=True)
class Sent:
    """A result that a contributor sent, and the key that it is sealed with."""

    task: TaskId
    index: int
    contributor: Key
    key: bytes

    @property
    def release(self) -> bytes:
        """The key's wrap for the creator."""
        return wrap(self.key, READER)


def send(chain: Chain, task: TaskId, contributor: Key, trace: Trace | None = None) -> Sent:
    """Accept a task and send a sealed result."""
    accepted = chain.submit(calls.AcceptTask(task), contributor).find(events.TaskAccepted)
    assert accepted is not None
    key = sha256(f"{task}/{accepted.index}".encode()).digest()
    sent = Sent(task, accepted.index, contributor, key)
    seal = Seal(digest(key), digest(sent.release))
    chain.submit(calls.SubmitResult(task, BUNDLE, DIGEST, seal, trace), contributor)
    return sent


def draw(chain: Chain, sent: Sent) -> Receipt:
    """Have the committee drawn, or those who replace its absent members."""
    anchor = chain.submission(sent.task, sent.index).draw_after
    assert anchor is not None
    chain.wait_block(anchor)
    return chain.submit(calls.DrawCommittee(sent.task, sent.index), CHARLIE)


def hand_key(chain: Chain, sent: Sent) -> Receipt:
    """Give the key to all on the panel who have not got it."""
    panel = chain.submission(sent.task, sent.index).panel
    wraps = tuple(
        (seat.member, wrap_for(chain, sent, seat.member)) for seat in panel if seat.wrap is None
    )
    return chain.submit(calls.HandKey(sent.task, sent.index, wraps), sent.contributor)


def wrap_for(chain: Chain, sent: Sent, member: str) -> bytes:
    profile = chain.profile(by_address(member).address)
    assert profile is not None
    return wrap(sent.key, profile.encryption_key)


def deliver(chain: Chain, task: TaskId, contributor: Key, trace: Trace | None = None) -> Sent:
    """Send a result, have its committee drawn and give it the key."""
    sent = send(chain, task, contributor, trace)
    draw(chain, sent)
    hand_key(chain, sent)
    return sent


def finding(verdict: Verdict, segment: int | None = None) -> Attestation:
    score = 9 * PPM // 10 if verdict is Verdict.PASS else 0
    return Attestation(verdict, score, REPORT, segment)


def commit(chain: Chain, sent: Sent, member: str, attestation: Attestation) -> Receipt:
    hashed = commitment(sent.task, sent.index, by_address(member).address, attestation, SALT)
    return chain.submit(calls.Commit(sent.task, sent.index, hashed), by_address(member))


def reveal(chain: Chain, sent: Sent, member: str, attestation: Attestation) -> Receipt:
    call = calls.Reveal(sent.task, sent.index, attestation, SALT)
    return chain.submit(call, by_address(member))


def judge(chain: Chain, sent: Sent, *verdicts: Verdict) -> Receipt:
    """Have the panel commit and reveal: its last verdict stands for all that are left."""
    panel = chain.submission(sent.task, sent.index).panel
    said = [
        (seat.member, finding(verdicts[min(place, len(verdicts) - 1)]))
        for place, seat in enumerate(panel)
    ]
    for member, attestation in said:
        commit(chain, sent, member, attestation)
    assert chain.submission(sent.task, sent.index).phase is Phase.REVEALING
    for member, attestation in said:
        receipt = reveal(chain, sent, member, attestation)
    return receipt


def release(chain: Chain, sent: Sent) -> Receipt:
    """Have the contributor release the key, which has everybody paid."""
    call = calls.ReleaseKey(sent.task, sent.index, sent.release)
    return chain.submit(call, sent.contributor)


def digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=32).digest()
