"""Errors of adding up updates that nobody sees (secure aggregation)."""

from __future__ import annotations

from decentralml.errors.root import LearningError


class SecureSumError(LearningError):
    """A secure sum cannot go on. Nothing of any single update was given away."""


class SecureMessageInvalid(SecureSumError):
    """A message of a secure sum is damaged, forged or another's."""

    def __init__(self, message: str, reason: str) -> None:
        self.message, self.reason = message, reason
        super().__init__(
            f"the {message} message of a secure sum is refused: {reason}; leave its sender out"
        )


class OutOfTurn(SecureSumError):
    """A step of a secure sum was asked for at the wrong time, or a second time."""

    def __init__(self, step: str, stage: str) -> None:
        self.step, self.stage = step, stage
        super().__init__(
            f"{step} is not what comes next in this secure sum (it is at: {stage}); take each step "
            "once and in order, and begin a new sum after a failure"
        )


class NotInvited(SecureSumError):
    """A key is not among those that a secure sum was agreed with."""

    def __init__(self, public_key: str) -> None:
        self.public_key = public_key
        super().__init__(
            f"the key {public_key} is no member of this secure sum; take part with the key that "
            "was named in its agreement"
        )


class TooFewClients(SecureSumError):
    """Fewer clients are left than a secure sum needs. No update was revealed."""

    def __init__(self, step: str, present: int, threshold: int) -> None:
        self.step, self.present, self.threshold = step, present, threshold
        super().__init__(
            f"{present} clients are left after {step} and {threshold} are needed, so nothing can "
            "be revealed; begin a new sum with those who stay"
        )


class PeerRefused(SecureSumError):
    """What another client of a secure sum says of itself is not sound."""

    def __init__(self, place: int, reason: str) -> None:
        self.place, self.reason = place, reason
        super().__init__(
            f"client {place} of this secure sum is refused: {reason}; begin a new sum without it"
        )


class ServerLies(SecureSumError):
    """The server of a secure sum told clients different things, or what cannot be."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"the server of this secure sum is not to be trusted: {reason}; this client gives "
            "nothing more away; begin a new sum at another server"
        )


class ServerSilent(SecureSumError):
    """The connection to the server of a secure sum ended before the sum did."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"the server of this secure sum was lost: {reason}; no single update is known to it; "
            "begin a new sum"
        )


class ShareDamaged(SecureSumError):
    """The secret of a client cannot be put together from what the others returned."""

    def __init__(self, owner: int, what: str) -> None:
        self.owner, self.what = owner, what
        super().__init__(
            f"the shares of client {owner}'s {what} do not give what it had committed to: it "
            "handed out wrong ones, or too many others returned wrong ones; begin a new sum "
            "without it"
        )


class ValueOutOfRange(SecureSumError):
    """A number cannot be coded for a secure sum."""

    def __init__(self, tensor: str, value: float, limit: float) -> None:
        self.tensor, self.value, self.limit = tensor, value, limit
        super().__init__(
            f"the tensor {tensor!r} holds {value}, and this secure sum was agreed for numbers from "
            f"{-limit} to {limit}; clip the update, or agree on a larger range"
        )


class SumImplausible(SecureSumError):
    """A sum is not what clients that keep to the coding can come to."""

    def __init__(self, what: str, found: int, limit: int) -> None:
        self.what, self.found, self.limit = what, found, limit
        super().__init__(
            f"the secure sum of {what} came to {found}, and honest clients stay within {limit}: at "
            "least one masked something else than was agreed; drop this sum and begin another"
        )
