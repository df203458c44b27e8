"""Errors of the use cases of creators, contributors, aggregators and voters."""

from __future__ import annotations

from decentralml.errors.root import REPEAT, DecentralMLError, KeysError


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


class AlreadyPosted(MarketError):
    """The same task was posted a moment ago, and nobody has said that two are meant."""

    def __init__(self, task: int, seconds: int) -> None:
        self.task = task
        self.seconds = seconds
        super().__init__(
            f"the same bundle was posted with the same terms {seconds} s ago, as task {task}; "
            "say --again if you want another such task, with an escrow of its own"
        )


class TrainingUnsteady(MarketError):
    """A training that is to be replayed gives something else when it is computed in another way.

    ``noise`` and ``tolerance`` are shares of a segment's update; the noise may be the tolerance
    divided by ``margin`` at most.
    """

    def __init__(self, noise: float, tolerance: float, margin: float) -> None:
        self.noise = noise
        self.tolerance = tolerance
        self.margin = margin
        super().__init__(
            f"this machine's own ways of computing the training differ by {noise:.2g} of an "
            f"update; with a tolerance of {tolerance:g} that may be {tolerance / margin:.2g} at "
            "most, else honest contributors cannot be told from others; raise the recipe's "
            "tolerance, or train in smaller steps or segments (docs/replay.md)"
        )


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


class NothingToSend(MarketError):
    """There is no result where one was looked for."""

    def __init__(self, folder: object, problem: str, task: int, own_data: bool = True) -> None:
        self.folder = str(folder)
        self.problem = problem
        self.task = task
        data = " --data DIR" if own_data else ""
        super().__init__(
            f"{folder} {problem}; run: decentralml run-task {task}{data}, "
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
            f"task {task} has no accepted result{which}; see: decentralml list-task-results {task}"
        )


class NotLabels(MarketError):
    """Label sets are to be merged, and the task's results are models."""

    def __init__(self, task: int) -> None:
        self.task = task
        super().__init__(
            f"the results of task {task} are models, not labels; "
            f"merge them with: decentralml federate {task}"
        )


class NotMergeable(MarketError):
    """A task's results are not models that can be averaged."""

    def __init__(self, task: int, why: str) -> None:
        self.task = task
        self.why = why
        super().__init__(
            f"task {task}: {why}; fetch them with: decentralml validate-task-results {task}"
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
    """This account has no key to a task's validation set."""

    def __init__(self, task: int, account: str) -> None:
        self.task = task
        self.account = account
        super().__init__(
            f"nobody has given {account} the key of task {task}'s validation set; the creator and "
            f"other aggregators can (decentralml aggregators hand-over {task}), or name your own "
            "copy with --validation-path"
        )


class ResultSealed(MarketError):
    """A result that this account cannot open, now or ever."""

    def __init__(self, task: int, index: int, account: str) -> None:
        self.task = task
        self.index = index
        self.account = account
        super().__init__(
            f"result {index} of task {task} is sealed to {account}; its panel can open it, and the "
            "creator once its key is released "
            f"(what it waits for: decentralml list-task-results {task})"
        )


class ProfileKeyForeign(MarketError):
    """The profile of an aggregator names an encryption key that is not its own, or was not then."""

    def __init__(self, account: str) -> None:
        self.account = account
        super().__init__(
            f"what was wrapped for {account} does not open with its key: its profile has, or had "
            "then, another encryption key; bring it up to date with: decentralml aggregators apply"
        )


class GoldFileInvalid(MarketError):
    """A file does not say what its creator knows of a planted result."""

    def __init__(self, file: object, problem: str) -> None:
        self.file = str(file)
        self.problem = problem
        super().__init__(f"{file}: {problem}; make one with: decentralml gold")


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
    """A transfer was interrupted while it may have been on its way.

    ``amount`` is in the smallest units of what was sent.
    """

    def __init__(self, to: str, amount: int) -> None:
        self.to = to
        self.amount = amount
        super().__init__(
            f"interrupted while the transfer to {to} may have been on its way; {REPEAT}"
        )


class NotAnAggregator(MarketError):
    """An account neither runs for office nor is registered."""

    def __init__(self, account: str) -> None:
        self.account = account
        super().__init__(f"{account} is no aggregator; apply with: decentralml aggregators apply")


class JudgementLost(MarketError):
    """What this account committed to is not known here any more, so it cannot be revealed."""

    def __init__(self, task: int, index: int) -> None:
        self.task = task
        self.index = index
        super().__init__(
            f"what was committed to about result {index} of task {task} is not in this home; "
            "reveal it from the machine (DECENTRALML_HOME) that committed"
        )


class OrderUnknown(MarketError):
    """The block whose hash orders a training's data is not known any more."""

    def __init__(self, task: int, index: int, block: int) -> None:
        self.task = task
        self.index = index
        self.block = block
        super().__init__(
            f"the chain does not have block {block}, whose hash orders the data of result "
            f"{index} of task {task}; use a node that keeps all blocks (--chain)"
        )


class ReceiptInvalid(MarketError):
    """A file is no receipt, or not as it was written."""

    def __init__(self, file: object, problem: str) -> None:
        self.file = str(file)
        self.problem = problem
        super().__init__(
            f"{file} is no receipt: {problem}; make one with: "
            "decentralml explain TASK INDEX --receipt FILE"
        )


class ReceiptContradicted(MarketError):
    """A receipt says what its chain does not."""

    def __init__(self, file: object, statement: str) -> None:
        self.file = str(file)
        self.statement = statement
        super().__init__(f"{file} is not true: {statement}; do not rely on any of it")
