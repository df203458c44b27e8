"""Errors of federated runs, of merging by others than the creator, and of daemons."""

from __future__ import annotations

from decentralml.errors.market import MarketError


class RunInvalid(MarketError):
    """What is asked of a federated run makes no sense; nothing was posted."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(problem)


class RunUnknown(MarketError):
    """There is no federated run of a name in this home."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        self.name = name
        self.known = known
        there = f"known: {', '.join(known)}" if known else "there is none yet"
        super().__init__(
            f"no federated run {name!r} on this chain ({there}); begin one with: "
            "decentralml train-federated"
        )


class RunDiffers(MarketError):
    """A run of this name was begun with other terms."""

    def __init__(self, name: str, fields: tuple[str, ...]) -> None:
        self.name = name
        self.fields = fields
        super().__init__(
            f"run {name!r} was begun with another {', '.join(fields)}; use the same again to go "
            "on with it, or begin another with --name"
        )


class RunBusy(MarketError):
    """Another process works on the same run."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"another process works on run {name!r}; wait for it, or stop it first")


class RunForgotten(MarketError):
    """The chain does not have the tasks of a run: it was started anew."""

    def __init__(self, name: str, task: int, folder: object) -> None:
        self.name = name
        self.task = task
        self.folder = str(folder)
        super().__init__(
            f"the chain has no task {task} of run {name!r} as it was posted: it was started anew; "
            f"begin the run again with --name, or remove {folder}"
        )


class RoundUnaffordable(MarketError):
    """The creator's balance does not cover the escrow of the next round."""

    def __init__(self, round: int, needed: int, free: int, account: str) -> None:
        self.round = round
        self.needed = needed
        self.free = free
        self.account = account
        super().__init__(
            f"round {round} holds {_tokens(needed)} tokens in escrow and {account} has "
            f"{_tokens(free)} free; send it tokens (decentralml transfer), then run the same "
            "command again: it goes on with this round"
        )


class TooFewResults(MarketError):
    """A round has ended with fewer accepted results than the run wants to merge."""

    def __init__(self, round: int, accepted: int, wanted: int, tasks: tuple[int, ...]) -> None:
        self.round = round
        self.accepted = accepted
        self.wanted = wanted
        self.tasks = tasks
        named = ", ".join(map(str, tasks))
        super().__init__(
            f"round {round} ended with {accepted} accepted of at least {wanted} (task {named}); "
            f"see why: decentralml list-task-results {tasks[-1]}; the same command with "
            "--retries N posts it again, with --min-results N it merges what there is"
        )


class TooFewToMerge(MarketError):
    """A task's bundle promises that no fewer results are merged than so many."""

    def __init__(self, task: int, accepted: int, least: int) -> None:
        self.task = task
        self.accepted = accepted
        self.least = least
        super().__init__(
            f"task {task} and its round's attempts before it have {accepted} accepted results, and "
            f"its bundle promises to merge {least} at least; wait for more, or for another attempt"
        )


class MergerSilent(MarketError):
    """The merger that a round was given to has published nothing in its time."""

    def __init__(self, round: int, task: int, merger: str) -> None:
        self.round = round
        self.task = task
        self.merger = merger
        super().__init__(
            f"{merger} has not published the model of round {round} (task {task}) in time; ask it "
            "(decentralml aggregator run), then run the same command again with a longer "
            "--merge-time"
        )


class NotTheBase(MarketError):
    """A folder that was named as a task's base model is another model."""

    def __init__(self, folder: object, task: int, expected: str | None, found: str) -> None:
        self.folder = str(folder)
        self.task = task
        self.expected = expected
        self.found = found
        super().__init__(
            f"{folder} is {found} and not the base model of task {task} ({expected}); leave "
            "--base out to take it from the task's bundle"
        )


class MergePlanInvalid(MarketError):
    """A merge that cannot be done: no such rule or optimizer, or settings that it does not take."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"[merge] {problem}")


class BudgetSpent(MarketError):
    """One more merge would tell more of its contributors than was allowed."""

    def __init__(self, epsilon: float, budget: float, delta: float) -> None:
        self.epsilon = epsilon
        self.budget = budget
        self.delta = delta
        super().__init__(
            f"one more merge would bring epsilon to {epsilon:.4g} (delta {delta:g}), where the "
            f"budget is {budget:g}; use more noise or a larger budget ([merge] in task.toml), or "
            "begin a new line from a model whose contributors nothing was promised"
        )


class NothingMeasured(MarketError):
    """A result's committee measured nothing that it could be weighted by."""

    def __init__(self, task: int, index: int, problem: str) -> None:
        self.task = task
        self.index = index
        self.problem = problem
        super().__init__(
            f"result {index} of task {task} cannot be weighted by its quality: {problem}; use "
            "--weights score (what the committee found), equal or examples"
        )


class AlreadyRunning(MarketError):
    """A second daemon of the same kind for the same key."""

    def __init__(self, kind: str, account: str, pid: int | None) -> None:
        self.kind = kind
        self.account = account
        self.pid = pid
        by = "" if pid is None else f" (process {pid})"
        super().__init__(
            f"a {kind} of {account} runs already{by}; stop it first, or use another key (--as)"
        )


class DataFolderUnfit(MarketError):
    """A worker's data folder cannot be trained on."""

    def __init__(self, folder: object, problem: str) -> None:
        self.folder = str(folder)
        self.problem = problem
        super().__init__(f"{folder} {problem}; name the folder with your own data: --data DIR")


class PlotNotInstalled(MarketError):
    """The library that draws plots is not there."""

    def __init__(self) -> None:
        super().__init__(
            "plots are drawn by matplotlib, which is not installed; "
            "run: pip install 'decentralml[examples]'"
        )


def _tokens(planck: int) -> str:
    return f"{planck / 10**12:.6f}".rstrip("0").rstrip(".")
