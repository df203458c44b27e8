"""Errors of swarms: identities, file servers, rounds, merging."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from decentralml.errors.root import SwarmError

# -- identity


def new_certificate(swarm: str | None) -> str:
    """What to run for another certificate of a node.

    Parameters
    ----------
    swarm : the number that the old one names; one of the user's own names none.
    """
    if swarm is not None:
        return f"make a new one: decentralml swarm identity {swarm} --rotate"
    return (
        "give its node a new one: decentralml swarm identity SWARM --certificate FILE "
        "--key-file FILE"
    )


class CertificateError(SwarmError):
    """A certificate cannot be used, or not now, or not here."""


class CertificateInvalid(CertificateError):
    """A certificate or its key cannot be read, or is of a kind that nodes cannot use."""

    def __init__(self, where: str, reason: str) -> None:
        self.where = where
        self.reason = reason
        super().__init__(
            f"{where} is refused: {reason}; use PEM of a P-256 key and certificate, or have one "
            "made: decentralml swarm identity SWARM --rotate"
        )


class CertificateExpired(CertificateError):
    """Its time is over."""

    def __init__(self, where: str, until: str, now: str, swarm: str | None = None) -> None:
        self.where = where
        self.until = until
        self.now = now
        self.swarm = swarm
        super().__init__(
            f"{where} expired at {until} (this machine's clock says {now}); "
            f"{new_certificate(swarm)}; the node registers it itself: decentralml swarm run "
            f"{swarm or 'SWARM'}"
        )


class CertificateNotYetValid(CertificateError):
    """Its time has not begun, as far as this machine's clock can tell."""

    def __init__(self, where: str, since: str, now: str) -> None:
        self.where = where
        self.since = since
        self.now = now
        super().__init__(
            f"{where} is valid from {since} only, and this machine's clock says {now}; set the "
            "clock right (here, or where the certificate was made)"
        )


class CertificateForeign(CertificateError):
    """It names another chain, swarm or account."""

    def __init__(self, where: str, named: str, wanted: str) -> None:
        self.where = where
        self.named = named
        self.wanted = wanted
        super().__init__(
            f"{where} is for {named}, this is {wanted}; use the certificate of this one, or have "
            "one made: decentralml swarm identity SWARM --rotate"
        )


class CertificateKeyMismatch(CertificateError):
    """A private key that is not the certificate's."""

    def __init__(self, certificate: str, key: str) -> None:
        self.certificate = certificate
        self.key = key
        super().__init__(
            f"{key} does not belong to {certificate}; name the pair that was made together"
        )


class KeyFileOpen(CertificateError):
    """Others may read a private key."""

    def __init__(self, path: str, mode: int) -> None:
        self.path = path
        self.mode = mode
        super().__init__(
            f"the private key {path} can be read by others (mode {mode:04o}); run: chmod 600 {path}"
        )


class IdentityMissing(SwarmError):
    """A node has no certificate yet."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        super().__init__(f"there is no identity in {folder}; run: decentralml swarm identity SWARM")


class SpiffeNotInstalled(SwarmError):
    """The extra ``spiffe`` is not there."""

    def __init__(self) -> None:
        super().__init__("SPIFFE is not installed; run: pip install 'decentralml[spiffe]'")


class SpiffeUnavailable(SwarmError):
    """The Workload API gives no X.509-SVID."""

    def __init__(self, socket: str, reason: str) -> None:
        self.socket = socket
        self.reason = reason
        super().__init__(
            f"the SPIFFE Workload API at {socket} gives no certificate: {reason}; start the SPIRE "
            "agent, register this workload, or correct SWARM_SPIFFE_WORKLOAD_API_SOCKET_PATH"
        )


# -- files


class EndpointInvalid(SwarmError):
    """Text that is no ``host:port``."""

    def __init__(self, address: str, reason: str) -> None:
        self.address = address
        self.reason = reason
        super().__init__(
            f"{address!r} is no address of a file server: {reason}; give one like "
            "node.example.org:7443, 192.0.2.7:7443 or [2001:db8::7]:7443"
        )


class CannotServe(SwarmError):
    """A file server's address cannot be had."""

    def __init__(self, address: str, reason: str) -> None:
        self.address = address
        self.reason = reason
        super().__init__(
            f"the file server cannot listen on {address}: {reason}; stop what uses it or choose "
            "another address"
        )


class FetchFailed(SwarmError):
    """None of those asked gave a file. ``reasons`` says what each one did."""

    def __init__(self, cid: str, reasons: Mapping[str, str], what: str, remedy: str) -> None:
        self.cid = cid
        self.reasons = dict(reasons)
        told = "; ".join(f"{who}: {reason}" for who, reason in self.reasons.items())
        super().__init__(f"{what} {cid} ({told or 'nobody to ask'}); {remedy}")


class FileUnavailable(FetchFailed):
    """Nobody who was asked has it, can be reached, or sent it in time."""

    def __init__(self, cid: str, reasons: Mapping[str, str]) -> None:
        super().__init__(cid, reasons, "nobody gave", "try again once one of them is back")


class FileDamaged(FetchFailed):
    """What was sent is not what the CID names."""

    def __init__(self, cid: str, reasons: Mapping[str, str]) -> None:
        super().__init__(cid, reasons, "what was sent is not", "nothing of it was kept")


class FileTooLarge(FetchFailed):
    """It is larger than was agreed."""

    def __init__(self, cid: str, reasons: Mapping[str, str], limit: int) -> None:
        self.limit = limit
        super().__init__(
            cid,
            reasons,
            f"larger than the {limit} bytes that this swarm agreed on:",
            "nothing of it was kept; its owner may raise the limit in the swarm's configuration",
        )


# -- training: the callback and its adapters


class BadSyncFrequency(SwarmError):
    """Batches between syncs that are no number above zero."""

    def __init__(self, value: object) -> None:
        self.value = value
        super().__init__(
            f"sync_frequency is {value}; it is the number of batches between merges: give a whole "
            "number from 1 on"
        )


class BadWeightage(SwarmError):
    """A node's weight in merges is out of range."""

    def __init__(self, value: object, most: int) -> None:
        self.value = value
        self.most = most
        super().__init__(f"a weightage of {value}; give a whole number from 1 to {most}")


class WeightageAboveTerms(BadWeightage):
    """A node's weight is above what its swarm allows."""

    def __init__(self, swarm: int, value: int, most: int) -> None:
        self.swarm = swarm
        self.value = value
        self.most = most
        SwarmError.__init__(
            self,
            f"a weightage of {value}; nodes of swarm {swarm} may weigh from 1 to {most}: give one "
            "of these, or have its owner allow more (decentralml swarm change "
            f"{swarm} --max-weightage {value})",
        )


class WeightageFixed(SwarmError):
    """A node's weight is to change while an update of its is being merged."""

    def __init__(self, swarm: int, round: int, weightage: int) -> None:
        self.swarm = swarm
        self.round = round
        self.weightage = weightage
        super().__init__(
            f"the node has arrived in round {round} of swarm {swarm} with a weightage of "
            f"{weightage}, which stays until that round is over; try again after it"
        )


class UnknownMergeMethod(SwarmError):
    """There is no merge method of this name."""

    def __init__(self, value: object, known: Sequence[str]) -> None:
        self.value = value
        self.known = tuple(known)
        super().__init__(f"merge_method is {value!r}; choose one of {', '.join(known)}")


class UnknownCheckin(SwarmError):
    """There is no such way to leave a model at the end of training."""

    def __init__(self, value: object, known: Sequence[str]) -> None:
        self.value = value
        self.known = tuple(known)
        super().__init__(
            f"checkin_model_on_train_end is {value!r}; choose one of {', '.join(known)}"
        )


class TermsContradicted(SwarmError):
    """The callback was given another value than the swarm's terms on the chain have."""

    def __init__(self, argument: str, given: object, terms: object) -> None:
        self.argument = argument
        self.given = given
        self.terms = terms
        super().__init__(
            f"{argument} is {given} in this script and {terms} in the swarm's own terms on the "
            "chain, which hold for all its nodes; leave the argument out, or have the terms changed"
        )


class ValidationDataMissing(SwarmError):
    """Adaptive sync was asked for without anything to measure progress on."""

    def __init__(self) -> None:
        super().__init__(
            "use_adaptive_sync needs validation data to see whether the loss falls; give "
            "ads_val_data, or leave use_adaptive_sync out"
        )


class TrainingDiverged(SwarmError):
    """A node's loss or weights are NaN or infinite: nothing was sent to the others."""

    def __init__(self, batch: int, what: str) -> None:
        self.batch = batch
        self.what = what
        super().__init__(
            f"training diverged: at batch {batch} {what}; nothing was sent to the swarm; lower the "
            "learning rate or look for bad values in the data, then start again: the node goes on "
            "from the newest merged model"
        )


class TrainingNotBegun(SwarmError):
    """The callback was called before its ``on_train_begin``."""

    def __init__(self) -> None:
        super().__init__("training with a swarm has not begun; call on_train_begin first")


class NotOnlyTensors(SwarmError):
    """A model's state holds something that cannot be merged or sent."""

    def __init__(self, name: str, kind: str) -> None:
        self.name = name
        self.kind = kind
        super().__init__(
            f"the model's state {name!r} is {kind}, and only tensors of ordinary types can be "
            "merged; keep it out of the model's state_dict"
        )


class SnapshotDamaged(SwarmError):
    """A folder that training should resume from cannot be used."""

    def __init__(self, folder: object, reason: str) -> None:
        self.folder = str(folder)
        self.reason = reason
        super().__init__(
            f"cannot resume from {folder}: {reason}; remove it to begin from the swarm's newest "
            "model, or name another snapshot folder"
        )


class SwarmExtraMissing(SwarmError):
    """A library that an adapter is for is not there."""

    def __init__(self, library: str, extra: str) -> None:
        self.library = library
        self.extra = extra
        super().__init__(f"{library} is not installed; run: pip install 'decentralml[{extra}]'")


class SeveralProcesses(SwarmError):
    """Several processes train one model, where a swarm's node is one process."""

    def __init__(self, count: int) -> None:
        self.count = count
        super().__init__(
            f"{count} processes train this model together, and a node of a swarm is one process; "
            "train with one device in each node"
        )
