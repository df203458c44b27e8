"""The Flower strategy: models of one type, weighted by what they are worth, kept in the database.

A round's updates are grouped by the type of model that their clients declare. Those of the target
type are merged by :func:`~decentralml.validation.scores.weighting.adjusted_weight`; the others are
kept apart and reported, never averaged together. One client is chosen as aggregator by the
strategy of part B; its name is in the log, its node among the aggregated metrics.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from flwr.app import ArrayRecord, ConfigRecord, Message, MessageType, MetricRecord
from flwr.serverapp import Grid
from flwr.serverapp.strategy import FedAvg, Result

from decentralml.db.engine import SessionFactory
from decentralml.errors import (
    AllUpdatesRejected,
    MetricAbsurd,
    MetricMissing,
    NoAggregator,
    NoClientsOfType,
    NothingToAggregate,
    ReplyRefused,
    SelectionOptionInvalid,
    TooManyBad,
)
from decentralml.flower.grouping import Target, members, target_of
from decentralml.flower.names import Names
from decentralml.flower.records import ORDER, Records
from decentralml.flower.replies import TASK, Array, Said, arrays_of, for_everybody, said
from decentralml.flower.rounds import Round, Weighed, aggregated, means, merge, read_arrays
from decentralml.learning.robust.rules import Rule, RuleOptions
from decentralml.types import ModelType
from decentralml.validation.scores.weighting import adjusted_weight, model_type_of
from decentralml.validation.selection import (
    Selection,
    SelectionOptions,
    convergence_rate,
    select_aggregator,
)

LOG = logging.getLogger("flwr.decentralml")
TaskOfRound = Callable[[int, Mapping[str, Array]], int]
"""From a round's number and the model it begins from."""


class DbIntegratedStrategy(FedAvg):
    """See the module; made by :func:`create_db_integrated_strategy`.

    Attributes
    ----------
    rounds : what became of each round, by its number.
    names : what clients are called, each by its node.
    """

    def __init__(
        self,
        records: Records,
        selection: Selection,
        target: ModelType | None,
        by_type: bool,
        options: SelectionOptions,
        task_of_round: TaskOfRound | None,
        rule: Rule,
        rule_options: RuleOptions,
        **sampling: Any,
    ) -> None:
        super().__init__(**sampling)
        self.records = records
        self.selection = selection
        self.target = target
        self.by_type = by_type
        self.options = options
        self.task_of_round = task_of_round
        self.rule = rule
        self.rule_options = rule_options
        self.rounds: dict[int, Round] = {}
        self.names = Names()
        self._sent: dict[str, Array] = {}
        self._losses: dict[str, float] = {}
        self._settled: Target | None = None

    def summary(self) -> None:
        """Log what this strategy was told."""
        super().summary()
        LOG.info("\t├──> Aggregator: %s", self.selection)
        LOG.info("\t├──> Weights: %s", "by model type" if self.by_type else "examples alone")
        LOG.info("\t├──> Merge rule: %s", self.rule)
        LOG.info("\t└──> Target LLM type: %s", self.target or "detected")

    def start(
        self,
        grid: Grid,
        initial_arrays: ArrayRecord,
        num_rounds: int = 3,
        timeout: float = 3600,
        train_config: ConfigRecord | None = None,
        evaluate_config: ConfigRecord | None = None,
        evaluate_fn: Callable[[int, ArrayRecord], MetricRecord | None] | None = None,
    ) -> Result:
        """Run the federation, as Flower does, in a session of the database.

        Raises
        ------
        NoClientsOfType, NothingToAggregate, AllUpdatesRejected, TooManyBad, ZeroWeight,
        DatabaseError
        """
        told = {
            "strategy": self.selection,
            "num_rounds": num_rounds,
            "by_type": self.by_type,
            ORDER: list(initial_arrays),
        }
        self.records.begin(told, self.target)
        finished = False
        try:
            result = super().start(
                grid,
                initial_arrays,
                num_rounds,
                timeout,
                train_config,
                evaluate_config,
                evaluate_fn,
            )
            finished = True
            return result
        finally:
            merged = [n for n, found in self.rounds.items() if found.merged]
            self.records.finish({"rounds": len(merged)}, failed=not finished)

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """As Flower's, in words that old-style clients understand too."""
        self._sent = {name: array.numpy() for name, array in arrays.items()}
        if self.task_of_round is not None:
            config[TASK] = int(self.task_of_round(server_round, self._sent))
        return _messages(super().configure_train(server_round, arrays, config, grid))

    def configure_evaluate(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """As Flower's, in words that old-style clients understand too."""
        return _messages(super().configure_evaluate(server_round, arrays, config, grid))

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Merge the updates of the target type.

        Returns nothing, and the model stays as it is, where no client answered at all; and where
        there is nothing to merge, once an earlier round had something.

        Raises
        ------
        NoClientsOfType, NothingToAggregate, AllUpdatesRejected, TooManyBad, ZeroWeight
        """
        valid, _ = self._check_and_log_replies(replies, is_train=True, validate=False)
        if not valid:
            LOG.warning("Round %s: nobody answered; the model stays as it is", server_round)
            return None, None
        try:
            with tempfile.TemporaryDirectory() as space:
                return self._merged(server_round, valid, Path(space, "model.safetensors"))
        except (NoClientsOfType, NothingToAggregate, AllUpdatesRejected, TooManyBad) as error:
            if server_round in self.rounds:
                self.rounds[server_round].merged = []
            if not any(earlier.merged for earlier in self.rounds.values()):
                raise
            LOG.warning("Round %s: %s; the model stays as it is", server_round, error)
            return None, None

    def _merged(
        self, number: int, replies: Sequence[Message], model: Path
    ) -> tuple[ArrayRecord, MetricRecord]:
        """What the replies come to, by way of the file ``model``."""
        found = self._sorted(number, replies)
        if not found.merged:
            raise NothingToAggregate(number, found.refused)
        if self.rule is Rule.MEAN:
            self._elect(found)
        before = dict(found.refused)
        merge(found, model, self.rule, self.rule_options, self._sent)
        for name in found.refused.keys() - before.keys():
            LOG.warning("Round %s: %s is left out: %s", number, name, found.refused[name])
        if self.rule is not Rule.MEAN:  # Whom it left out cannot be chosen.
            LOG.info("Round %s: merged by %s (%s)", number, found.rule, found.reason)
            self._elect(found)
        self._losses |= {
            part.said.name: part.said.metrics["loss"]
            for part in found.merged
            if "loss" in part.said.metrics
        }
        arrays = read_arrays(model, list(self._sent))
        self.records.keep_round(number, model, found.target.model_type, found.report())
        return arrays, aggregated(found)

    def aggregate_evaluate(
        self, server_round: int, replies: Iterable[Message]
    ) -> MetricRecord | None:
        """Mean metrics by examples, of the clients whose models are merged."""
        valid, _ = self._check_and_log_replies(replies, is_train=False, validate=False)
        trained = self.rounds.get(server_round)
        parts = []
        for message in valid:
            try:
                heard = said(message)
            except ReplyRefused as error:
                LOG.warning("Round %s: %s", server_round, error)
                continue
            if trained is None or heard.node not in trained.nodes_apart:
                parts.append((heard.metrics, heard.examples))
        total = sum(weight for _, weight in parts)
        return MetricRecord(means(parts, total)) if total > 0 else None

    def _sorted(self, number: int, messages: Sequence[Message]) -> Round:
        """A round's replies by type, those that cannot be merged left out with the reason."""
        heard, refused = self._heard(number, messages)
        declared = {name: one.llm_type for name, (one, _) in heard.items()}
        target = self._target(declared)
        LOG.info("Round %s: Target LLM type = %s (%s)", number, target.model_type, target.how)
        found = self.rounds[number] = Round(number, target, refused=refused)
        mine = members(declared, target)
        found.apart = {n: str(declared[n] or "unknown") for n in heard if n not in mine}
        found.nodes_apart = {heard[name][0].node for name in found.apart}
        for name, kind in found.apart.items():
            LOG.warning("Round %s: %s is kept apart: its type is %s", number, name, kind)
        if target.model_type is not None:
            self._settled = Target(target.model_type, "as before")
        for name in mine:
            try:
                found.merged.append(self._weighed(*heard[name], target.model_type))
            except ReplyRefused as error:
                refused[name] = error.reason
        for name, reason in refused.items():
            LOG.warning("Round %s: %s is left out: %s", number, name, reason)
        return found

    def _heard(
        self, number: int, messages: Sequence[Message]
    ) -> tuple[dict[str, tuple[Said, Message]], dict[str, str]]:
        """What each client says, by the name that its node has in this run; and who is refused."""
        answers: dict[int, tuple[Said, Message]] = {}
        unusable: dict[int, str] = {}
        for message in messages:
            node = message.metadata.src_node_id
            try:
                answers.setdefault(node, (said(message), message))
            except ReplyRefused as error:
                unusable[node] = error.reason
        self.names.take(number, {node: one.name for node, (one, _) in answers.items()})
        called = {node: self.names.of(node) for node in (*answers, *unusable)}
        return (
            {called[n]: (replace(one, name=called[n]), m) for n, (one, m) in answers.items()},
            {called[node]: reason for node, reason in unusable.items() if node not in answers},
        )

    def _weighed(self, one: Said, message: Message, kind: ModelType | None) -> Weighed:
        arrays = arrays_of(message, one.name, self._sent)
        if not self.by_type or kind is None:
            return Weighed(one, arrays, one.examples)
        try:
            return Weighed(one, arrays, adjusted_weight(kind, one.examples, one.metrics))
        except (MetricMissing, MetricAbsurd) as error:
            raise ReplyRefused(one.name, str(error)) from None

    def _elect(self, found: Round) -> None:
        """Choose the aggregator among those that are merged; in a mean its own may count more."""
        reported = {part.said.name: self._with_convergence(part.said) for part in found.merged}
        try:
            chosen = select_aggregator(self.selection, reported, self._options())
        except NoAggregator as error:
            LOG.warning("Round %s: %s", found.number, error)
            return
        for name, score in chosen.scores.items():
            LOG.debug("Round %s: %s has %s score %.3f", found.number, name, self.selection, score)
        LOG.info(
            "Selected aggregator: %s (%s score: %.3f)", chosen.node, chosen.strategy, chosen.score
        )
        found.aggregator = chosen
        if self.rule is Rule.MEAN:
            found.merged = [
                Weighed(part.said, part.arrays, part.weight * chosen.multiplier)
                if part.said.name == chosen.node
                else part
                for part in found.merged
            ]

    def _options(self) -> SelectionOptions:
        """What the operator said, with the PFC node by the name that it has in this run."""
        asked = self.options.pfc_node_id
        return replace(self.options, pfc_node_id=None if asked is None else self.names.named(asked))

    def _with_convergence(self, one: Said) -> Mapping[str, float]:
        """A client's metrics; how fast it converges is seen from here, if it does not say."""
        if "convergence_rate" in one.metrics or "loss" not in one.metrics:
            return one.metrics
        try:
            rate = convergence_rate(self._losses.get(one.name), one.metrics["loss"])
        except MetricAbsurd:
            return one.metrics
        return {**one.metrics, "convergence_rate": rate}

    def _target(self, declared: Mapping[str, ModelType | None]) -> Target:
        """Of the first round that has one: later rounds go on with the same model."""
        if self._settled is not None:
            return self._settled
        known = [] if self.target is not None else self.records.known_types()
        return target_of(declared, self.target, known)


def create_db_integrated_strategy(
    db_session_factory: SessionFactory | None,
    strategy_type: Selection | str = Selection.HYBRID,
    target_llm_type: ModelType | str | None = None,
    use_type_based_aggregation: bool = True,
    min_fit_clients: int = 2,
    *,
    fraction_fit: float = 1.0,
    fraction_evaluate: float = 1.0,
    min_evaluate_clients: int | None = None,
    min_available_clients: int | None = None,
    pfc_node_id: str | None = None,
    aggregator_weight_multiplier: float = 2.0,
    entropy_threshold: float = 0.5,
    task_of_round: TaskOfRound | None = None,
    rule: Rule | str = Rule.MEAN,
    rule_options: RuleOptions = RuleOptions(),  # noqa: B008 - it is frozen
) -> DbIntegratedStrategy:
    """A Flower strategy that merges by model type and keeps what it makes in the database.

    Parameters
    ----------
    db_session_factory : opens an SQLAlchemy session (``decentralml.db.engine.session_factory``);
        None keeps nothing.
    strategy_type : how the aggregator is chosen.
    target_llm_type : type of the models to merge; None detects it.
    use_type_based_aggregation : weigh by part B's formulas; else by examples alone.
    min_fit_clients : that train in each round.
    pfc_node_id : the client that ``pfc_centric`` takes and ``hybrid`` favours: the number of its
        node, or the name that it says in the first round in which it answers.
    task_of_round : posts the task that pays for a round, and gives its number (see
        :class:`~decentralml.flower.marketplace.TaskRounds`).
    rule, rule_options : how updates are merged (docs/merging.md). All but the mean count every
        client alike, and leave out whoever they find bad. Here is nothing for ``fltrust`` to trust.

    Raises
    ------
    ModelTypeUnknown, SelectionOptionInvalid
    """
    selection = Selection.named(strategy_type)
    if selection is Selection.PFC_CENTRIC and pfc_node_id is None:
        raise SelectionOptionInvalid("pfc_node_id", None, "the name of a client for pfc_centric")
    rules = [each for each in Rule if each is not Rule.FLTRUST]
    if rule not in rules:
        raise SelectionOptionInvalid("rule", rule, "one of " + ", ".join(rules))
    return DbIntegratedStrategy(
        Records(db_session_factory),
        selection,
        None if target_llm_type is None else model_type_of(target_llm_type),
        use_type_based_aggregation,
        SelectionOptions(pfc_node_id, aggregator_weight_multiplier, entropy_threshold),
        task_of_round,
        Rule(rule),
        rule_options,
        fraction_train=fraction_fit,
        fraction_evaluate=fraction_evaluate,
        min_train_nodes=min_fit_clients,
        min_evaluate_nodes=(
            min_fit_clients if min_evaluate_clients is None else min_evaluate_clients
        ),
        min_available_nodes=(
            min_fit_clients if min_available_clients is None else min_available_clients
        ),
    )


def _messages(messages: Iterable[Message]) -> list[Message]:
    found = list(messages)
    for message in found:
        kind = message.metadata.message_type
        for_everybody(message.content, "train" if kind == MessageType.TRAIN else "evaluate")
    return found
