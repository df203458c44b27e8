"""Errors of content addressing, block stores, CARs and Kubo."""

from __future__ import annotations

from decentralml.errors.root import BundleError, StorageError


class UnsafePath(StorageError, BundleError):
    """A name or a path that could leave its folder, or that no sound folder has."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"the path {path!r} is refused: {reason}; rename it")


class NotPlain(UnsafePath):
    """A symbolic link, socket, device or another thing that is no plain file or folder."""

    def __init__(self, path: str, kind: str) -> None:
        self.kind = kind
        super().__init__(path, f"it is a {kind}, only plain files and folders are taken")


class CidInvalid(StorageError):
    """Text or bytes that are no content identifier this tool takes."""

    def __init__(self, cid: str, reason: str) -> None:
        self.cid = cid
        self.reason = reason
        super().__init__(
            f"{cid!r} is not a usable CID ({reason}); a CID looks like bafy… or bafk… "
            "(version 1, base32, sha2-256)"
        )


class PathNotFound(StorageError):
    """A file or folder that a command was given is not there."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"there is no file or folder {path}; check the path")


class DestinationExists(StorageError):
    """Content would be written over something that is there already."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"{path} exists already; remove it or choose another place")


class ObjectNotFound(StorageError):
    """A block is in no store that could be asked."""

    def __init__(self, cid: str, where: str) -> None:
        self.cid = cid
        self.where = where
        super().__init__(
            f"{cid} is not in {where}; import its CAR, or use a Kubo daemon that has it"
        )


class BlockDamaged(StorageError):
    """A stored block no longer hashes to its CID. It was set aside, so a new fetch mends it."""

    def __init__(self, cid: str, path: str) -> None:
        self.cid = cid
        self.path = path
        super().__init__(
            f"block {cid} in {path} was damaged and has been removed; add or fetch it again"
        )


class BlockMismatch(StorageError):
    """What was received does not hash to the CID that was asked for."""

    def __init__(self, cid: str, source: str) -> None:
        self.cid = cid
        self.source = source
        super().__init__(
            f"{source} sent data that is not block {cid}; nothing of it was used, "
            "fetch from another source"
        )


class DagInvalid(StorageError):
    """A block is authentic but no sound UnixFS: malformed, lying about sizes, or a link."""

    def __init__(self, cid: str, reason: str) -> None:
        self.cid = cid
        self.reason = reason
        super().__init__(f"{cid} is refused: {reason}; ask its author for a sound one")


class ObjectTooLarge(StorageError):
    """Content goes over one of the caller's limits."""

    def __init__(self, what: str, limit: int) -> None:
        self.what = what
        self.limit = limit
        super().__init__(f"{what} is over the limit of {limit}; nothing was written")


class CarInvalid(StorageError):
    """A CAR file is truncated, malformed, or holds something that it must not."""

    def __init__(self, file: str, reason: str) -> None:
        self.file = file
        self.reason = reason
        super().__init__(f"{file} is not a sound CAR: {reason}; get it again")


class SourceChanged(StorageError):
    """A file changed while it was read."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"{path} changed while it was read; let it rest, then try again")


class SourceUnreadable(StorageError):
    """A file or folder that is to be added cannot be read."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"cannot read {path}: {reason}; mend its permissions")


class StoreUnwritable(StorageError):
    """The disk is full, or the folder may not be written."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"cannot write {path}: {reason}; free some space or mend its permissions")


class StoreDamaged(StorageError):
    """The index of the local block store is no sound database."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(
            f"the block store {path} is damaged: {reason}; move it away, then add or fetch again"
        )


class DaemonUnavailable(StorageError):
    """A Kubo daemon does not answer, or answers with an error."""

    def __init__(self, address: str, reason: str) -> None:
        self.address = address
        self.reason = reason
        super().__init__(
            f"the Kubo RPC at {address} failed: {reason}; start `ipfs daemon`, correct the "
            'address, or use storage "local"'
        )


class DaemonTimeout(DaemonUnavailable):
    """A Kubo daemon did not answer within its deadline."""

    def __init__(self, address: str, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(address, f"no answer within {seconds:g} s")
