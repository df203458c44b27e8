"""Errors of manifests, signatures and seals."""

from __future__ import annotations

from decentralml.errors.root import BundleError


class ManifestError(BundleError):
    """A manifest, or the settings it is made of, does not say what it must."""

    def __init__(self, file: str, reason: str) -> None:
        self.file = file
        self.reason = reason
        super().__init__(f"{file}: {reason}; correct it and pack again")


class ResultFolderInvalid(BundleError):
    """What a run left behind is not the one result folder that the task asks for."""

    def __init__(self, folder: str, reason: str) -> None:
        self.folder = folder
        self.reason = reason
        super().__init__(f"{folder} holds no result to send: {reason}; run the task again")


class BundleMismatch(BundleError):
    """Content is not what its manifest, its digest or the chain says it is."""

    def __init__(self, what: str, expected: str, found: str) -> None:
        self.what = what
        self.expected = expected
        self.found = found
        super().__init__(f"{what} is {found}, not {expected} as promised; do not use it")


class SignatureInvalid(BundleError):
    """A result was not signed by the contributor it names."""

    def __init__(self, file: str, reason: str) -> None:
        self.file = file
        self.reason = reason
        super().__init__(f"{file}: {reason}; the result cannot be trusted")


class NotARecipient(BundleError):
    """A sealed file was sealed with another key."""

    def __init__(self, file: str) -> None:
        self.file = file
        super().__init__(f"{file} does not open with this key; use the one it was sealed with")


class WrongWrap(BundleError):
    """A wrap does not hold the key that it should, or is another reader's."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(
            f"the wrap of the key cannot be used: {problem}; ask whoever gave it for another"
        )


class KeyMismatch(BundleError):
    """A key is not the one whose digest was promised."""

    def __init__(self, what: str, expected: bytes, found: bytes) -> None:
        self.what = what
        self.expected = "0x" + expected.hex()
        self.found = "0x" + found.hex()
        super().__init__(
            f"the key of {what} has the digest {self.found}, not {self.expected} as promised; "
            "ask whoever gave it for the right one"
        )


class SealDamaged(BundleError):
    """A sealed file is truncated, altered, or no age file."""

    def __init__(self, file: str, reason: str) -> None:
        self.file = file
        self.reason = reason
        super().__init__(f"{file} cannot be opened: {reason}; fetch it again")


class TreeInvalid(BundleError):
    """A Merkle tree, or a proof of one of its leaves, is not what it is said to be."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the checkpoint tree does not hold: {reason}; do not trust what it shows")


class TraceMismatch(BundleError):
    """The checkpoints of a result are not those that were committed to, or not as many."""

    def __init__(self, what: str, expected: str, found: str) -> None:
        self.what = what
        self.expected = expected
        self.found = found
        super().__init__(
            f"the trace of the run has {what} {found}, where {expected} was promised; "
            "run the task again and send all of its checkpoints"
        )


class EnvironmentMismatch(BundleError):
    """This machine's software is not what a task's training is pinned to."""

    def __init__(self, what: str, wanted: str, found: str) -> None:
        self.what = what
        self.wanted = wanted
        self.found = found
        super().__init__(
            f"the task's training is pinned to {what} {wanted}, and this environment has {found}; "
            f"install {what} {wanted}, or use a machine that has it"
        )


class CodingInvalid(BundleError):
    """Nobody knows how an update is to travel."""

    def __init__(self, coding: str) -> None:
        self.coding = coding
        super().__init__(
            f"{coding!r} is no coding of updates; use q8, q4 or q2 (bits of each element), such as "
            "top1% (what changed most), or both: top1%-q4"
        )
