"""Errors of checking and measuring results."""

from __future__ import annotations

from collections.abc import Mapping

from decentralml.errors.root import ValidationError


class ModelRefused(ValidationError):
    """A model file is not the sound safetensors file that the task asks for."""

    def __init__(self, file: str, problem: str) -> None:
        self.file = file
        self.problem = problem
        super().__init__(f"{file}: {problem}; only a sound result can be accepted")


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


class SegmentOutside(ValidationError):
    """A segment to be replayed is not one of the run's."""

    def __init__(self, segment: int, segments: int) -> None:
        self.segment = segment
        self.segments = segments
        super().__init__(
            f"segment {segment} lies outside the run, which has {segments} (0 to {segments - 1}); "
            "draw again from this task's terms"
        )


class CheckpointRefused(ValidationError):
    """A checkpoint of a result is not one that the task's training could have made."""

    def __init__(self, file: str, problem: str) -> None:
        self.file = file
        self.problem = problem
        super().__init__(f"{file}: {problem}; only an honest trace can be accepted")


class ModelTypeUnknown(ValidationError):
    """A name of a type of model that nobody knows."""

    def __init__(self, llm_type: object, known: tuple[str, ...]) -> None:
        self.llm_type = llm_type
        self.known = known
        super().__init__(
            f"no type of model is called {llm_type!r:.80}; use one of {', '.join(known)}"
        )


class MetricMissing(ValidationError):
    """A metric without which a model of its type cannot be weighed."""

    def __init__(self, metric: str, model_type: str, given: tuple[str, ...]) -> None:
        self.metric = metric
        self.model_type = model_type
        self.given = given
        super().__init__(
            f"{model_type} models are weighed by {metric}, which was not measured (there is "
            f"{', '.join(given) or 'no metric at all'}); measure it, or weigh by examples alone"
        )


class MetricAbsurd(ValidationError):
    """A metric that is not what such a metric can be."""

    def __init__(self, metric: str, value: object, wanted: str) -> None:
        self.metric = metric
        self.value = value
        self.wanted = wanted
        super().__init__(
            f"{metric} is {value!r:.60}, where {wanted} is wanted; correct what measures it, or "
            "leave that update out"
        )


class SelectionOptionInvalid(ValidationError):
    """An option of the aggregator's selection is not what it can be."""

    def __init__(self, option: str, value: object, wanted: str) -> None:
        self.option = option
        self.value = value
        self.wanted = wanted
        super().__init__(f"{option} is {value!r:.60}; give {wanted}")


class NoAggregator(ValidationError):
    """No client can be chosen as aggregator."""

    def __init__(self, strategy: str, passed_over: Mapping[str, str]) -> None:
        self.strategy = strategy
        self.passed_over = dict(passed_over)
        why = "; ".join(f"{node}: {reason}" for node, reason in list(passed_over.items())[:3])
        super().__init__(
            f"{strategy} finds no aggregator ({why or 'there is no client'}); let clients report "
            "what it needs, or choose another strategy"
        )
