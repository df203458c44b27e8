"""Errors of a swarm's nodes and their training processes."""

from __future__ import annotations

from decentralml.errors.root import SwarmError


class SwarmConfigInvalid(SwarmError):
    """A swarm's configuration file does not say what it must."""

    def __init__(self, where: str, reason: str) -> None:
        self.where = where
        self.reason = reason
        super().__init__(
            f"{where} is no swarm's configuration: {reason}; have one written by "
            "`decentralml swarm create`"
        )


class SwarmConfigMissing(SwarmError):
    """Nobody who was asked has the file that a swarm's terms name."""

    def __init__(self, swarm: int, cid: str) -> None:
        self.swarm = swarm
        self.cid = cid
        super().__init__(
            f"nobody within reach has the configuration {cid} of swarm {swarm}; name the file that "
            f"its owner made (decentralml swarm run {swarm} --config FILE), or wait for a node "
            "that has it"
        )


class SeatNeeded(SwarmError):
    """Who has no seat can register no node."""

    def __init__(self, swarm: int, who: str, how: str) -> None:
        self.swarm = swarm
        self.who = who
        super().__init__(f"{who} has no seat in swarm {swarm}; {how}")


class NotRegistered(SwarmError):
    """The account has no node in the swarm."""

    def __init__(self, swarm: int, who: str) -> None:
        self.swarm = swarm
        self.who = who
        super().__init__(
            f"{who} has no node in swarm {swarm}; register it: decentralml swarm join {swarm} "
            "--address HOST:PORT"
        )


class SwarmIsClosed(SwarmError):
    """Its owner has closed it: no round opens any more."""

    def __init__(self, swarm: int) -> None:
        self.swarm = swarm
        super().__init__(
            f"swarm {swarm} is closed, no round opens any more; fetch its newest model with "
            f"`decentralml swarm run {swarm}`, or give up the seat: decentralml swarm leave {swarm}"
        )


class SyncTimedOut(SwarmError):
    """A round did not come to its end in the time that the training gave it."""

    def __init__(self, waited: float, waits: str) -> None:
        self.waited = waited
        self.waits = waits
        super().__init__(
            f"no merged model after {waited:.0f} s: {waits}; the update stays, and counts once the "
            "round goes on; see `decentralml swarm status SWARM`"
        )


class NodeAway(SwarmError):
    """The node that a training process talks to does not answer."""

    def __init__(self, socket: str, reason: str) -> None:
        self.socket = socket
        self.reason = reason
        super().__init__(
            f"no node of a swarm answers at {socket} ({reason}); start it: "
            "decentralml swarm run SWARM"
        )


class NodeRefused(SwarmError):
    """The node says no to its training process. ``kind`` is the error's name there."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)


class UpdateMisplaced(SwarmError):
    """A training process named a file that is not in the folder it shares with its node."""

    def __init__(self, path: str, folder: str) -> None:
        self.path = path
        self.folder = folder
        super().__init__(f"{path} is not a file in {folder}; write updates there")


class TrainingFailed(SwarmError):
    """The command that a node ran did not end well."""

    def __init__(self, command: str, code: int) -> None:
        self.command = command
        self.code = code
        what = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        super().__init__(
            f"{command} {what}; the node keeps what was merged: correct it and run again"
        )


class TrainingUnstartable(SwarmError):
    """The command that a node was to run cannot be started."""

    def __init__(self, command: str, reason: str) -> None:
        self.command = command
        self.reason = reason
        super().__init__(f"{command} cannot be started ({reason}); correct the command after --")


class TrainingReplaced(SwarmError):
    """Another training process asks the same node: one trains at a time."""

    def __init__(self) -> None:
        super().__init__("another training process of this node took over; end one of them")


class NodeEnded(SwarmError):
    """The node was removed, or cannot go on."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the node has ended: {reason}")


class IdentityUnregistered(SwarmError):
    """The chain knows another certificate of this node than the one that is here."""

    def __init__(self, swarm: int, folder: str) -> None:
        self.swarm = swarm
        self.folder = folder
        super().__init__(
            f"the certificate that the chain has of this node is not in {folder}; name it "
            "(--certificate, --key-file), or register the one that is: "
            f"decentralml swarm join {swarm}"
        )


class UpdateUnfit(SwarmError):
    """A training process handed over what no leader would merge. ``fault`` is the leader's word."""

    def __init__(self, path: str, fault: str, reason: str) -> None:
        self.path = path
        self.fault = fault
        self.reason = reason
        super().__init__(
            f"{path} cannot be merged ({fault}): {reason}; train the model that the swarm agreed "
            "on (its configuration says which), with finite numbers"
        )
