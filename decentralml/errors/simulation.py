"""Errors of training many clients at once: simulated federations and meta-learning."""

from __future__ import annotations

from decentralml.errors.root import LearningError


class BadOptimizer(LearningError):
    """The settings of a server's optimizer make no sense."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"no such server optimizer: {reason}; correct the setting")


class BadSettings(LearningError):
    """The settings of a simulated federation or of a meta-learner make no sense."""

    def __init__(self, setting: str, value: object, allowed: str) -> None:
        self.setting, self.value, self.allowed = setting, value, allowed
        super().__init__(f"{setting} is {value} and must be {allowed}")


class NoClientExamples(LearningError):
    """A client has nothing to train on, or nothing to be tested on."""

    def __init__(self, client: str, part: str) -> None:
        self.client, self.part = client, part
        super().__init__(
            f"client {client} has an empty {part} set; leave that client out, or give it "
            "more examples or another support fraction"
        )


class UnseenClass(LearningError):
    """A client is asked about a class that its support set does not show."""

    def __init__(self, client: str, label: int) -> None:
        self.client, self.label = client, label
        super().__init__(
            f"client {client} has class {label} in its query set only; split each class, or "
            "drop that class from the client's query set"
        )


class TooManyClasses(LearningError):
    """A client has more classes, or labels beyond, what the head of the model tells apart."""

    def __init__(self, client: str, classes: int, head: int) -> None:
        self.client, self.classes, self.head = client, classes, head
        super().__init__(
            f"client {client} needs a head of {classes} classes and the model's tells {head} "
            "apart; set classes in [meta] to count each client's own, or take a larger head"
        )


class UnfitExamples(LearningError):
    """A model cannot take some examples, or does not give scores of classes for them."""

    def __init__(self, model: str, shape: tuple[int, ...], reason: str) -> None:
        self.model, self.shape, self.reason = model, shape, reason
        super().__init__(
            f"{model} does not classify examples of shape {list(shape)}: {reason}; prepare them "
            "as those that it was made for"
        )


class RatesLearned(LearningError):
    """A model that has learned its inner rates is asked to adapt with another."""

    def __init__(self, model: str, rate: float) -> None:
        self.model, self.rate = model, rate
        super().__init__(
            f"{model} has learned an inner rate for each of its elements (Meta-SGD), so a rate "
            f"of {rate:g} has no place; leave it out"
        )


class Diverged(LearningError):
    """A client's loss or parameters became NaN or infinite while it trained."""

    def __init__(self, client: str, where: str) -> None:
        self.client, self.where = client, where
        super().__init__(
            f"client {client} diverged: {where} is NaN or infinite; lower the learning rate, "
            "or look for bad values in that client's examples"
        )


class NotStackable(LearningError):
    """A model cannot be run for many clients at once."""

    def __init__(self, model: str, reason: str) -> None:
        self.model, self.reason = model, reason
        super().__init__(
            f"{model} cannot be stacked over clients: {reason}; run it with engine 'loop'"
        )
