"""Errors of federations that Flower runs."""

from __future__ import annotations

from collections.abc import Mapping

from decentralml.errors.root import FlowerError


class FlowerNotInstalled(FlowerError):
    """The extra ``flower`` is not there."""

    def __init__(self) -> None:
        super().__init__("Flower is not installed; run: pip install 'decentralml[flower]'")


class NoClientsOfType(FlowerError):
    """No client of a round trains the type of model that the round is about."""

    def __init__(self, target: str, found: Mapping[str, int]) -> None:
        self.target = target
        self.found = dict(found)
        there = ", ".join(f"{count} of type {kind}" for kind, count in sorted(found.items()))
        super().__init__(
            f"No clients with target LLM type {target} ({there}); start clients that report "
            f"llm_type = {target}, name a type that is there with --target-llm-type, or leave the "
            "option out to have it detected"
        )


class ReplyRefused(FlowerError):
    """A client's reply cannot be merged."""

    def __init__(self, client: str, reason: str) -> None:
        self.client = client
        self.reason = reason
        super().__init__(f"{client}: {reason}; its update is left out")


class NothingToAggregate(FlowerError):
    """Every update of a round was refused."""

    def __init__(self, round_number: int, reasons: Mapping[str, str]) -> None:
        self.round_number = round_number
        self.reasons = dict(reasons)
        why = "; ".join(f"{name}: {reason}" for name, reason in list(reasons.items())[:3])
        super().__init__(
            f"round {round_number}: all {len(reasons)} updates were refused ({why}); correct the "
            "clients, or merge by examples alone with --no-type-based-aggregation"
        )


class NoInitialModel(FlowerError):
    """There is no model to begin a federation from."""

    def __init__(self, llm_type: str | None) -> None:
        self.llm_type = llm_type
        super().__init__(
            f"there is no model to begin from: the database has none of type {llm_type or 'any'}, "
            "and no client gives one; name a saved model with --model"
        )


class FlowerServerFailed(FlowerError):
    """Flower's own server programs did not do what they were started for."""

    def __init__(self, what: str, words: str) -> None:
        self.what = what
        self.words = words
        super().__init__(f"{what}: {words or 'it said nothing'}; see the log above")


class ClientAppInvalid(FlowerError):
    """What a node's operator named is not a Flower client."""

    def __init__(self, reference: str, reason: str) -> None:
        self.reference = reference
        self.reason = reason
        super().__init__(
            f"{reference!r} is no client: {reason}; name a ClientApp, a client_fn or a Client "
            "class as module:name in the node's configuration (client=...)"
        )


class NotTheTasksModel(FlowerError):
    """A server asks for training of another model than the round's task pays for."""

    def __init__(self, task: int) -> None:
        self.task = task
        super().__init__(
            f"the server sent another model than the base model of task {task}: what is trained on "
            "it would not be paid; ask the server's operator"
        )
