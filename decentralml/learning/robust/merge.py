"""Carrying a rule out: from updates to a file, with a report of what was done and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from decentralml.bundles.manifest import TensorSpec
from decentralml.errors import (
    AllUpdatesRejected,
    BaseNeeded,
    DamagedTensors,
    NotFinite,
    NoUpdates,
    ReferenceNeeded,
    WeightsNotTaken,
)
from decentralml.learning.dtypes import FLOATS, STORED, Doubles, widened
from decentralml.learning.mean import combined, shares
from decentralml.learning.robust import coordinates
from decentralml.learning.robust.centre import centred_clipping, geometric_median, norm_clipping
from decentralml.learning.robust.choose import Choice, choose
from decentralml.learning.robust.geometry import Geometry, measure
from decentralml.learning.robust.krum import bulyan_selection, krum, multi_krum
from decentralml.learning.robust.mixing import buckets, nearest_neighbours
from decentralml.learning.robust.rules import Mixing, Rule, RuleOptions
from decentralml.learning.robust.streams import Kernel, by_coordinate
from decentralml.learning.robust.trust import trusted
from decentralml.learning.sources import TensorSource
from decentralml.learning.stack import Meter, Progress, Stack, fill, first_difference
from decentralml.learning.update import Update

COORDINATES = frozenset({Rule.MEDIAN, Rule.TRIMMED_MEAN, Rule.BULYAN})
FROM_BASE = frozenset({Rule.CENTRED_CLIPPING, Rule.NORM_CLIPPING, Rule.FLTRUST})
UNWEIGHTED = frozenset({Rule.KRUM, Rule.BULYAN})
PIECE = 1 << 18


@dataclass(frozen=True, slots=True)
class Part:
    """One update's part in a merge.

    Attributes
    ----------
    weight : that it came with; all are one together.
    share : of it in the merged model; None where each coordinate has its own.
    """

    name: str
    weight: float
    share: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """What a merge did.

    Attributes
    ----------
    asked, rule : the rule by the caller's word, and the one that was used.
    bad : bad updates that it could stand.
    reason : why this rule.
    parts : of the updates that took part, in their order.
    base_share : of the base model in the merged one.
    rejected : updates that were left out, and why.
    """

    asked: Rule
    rule: Rule
    mixing: Mixing
    bad: int
    reason: str
    parts: tuple[Part, ...]
    base_share: float
    rejected: Mapping[str, str]


def merge_updates(
    updates: Sequence[Update],
    out: Path,
    weights: Sequence[float] | None = None,
    progress: Progress | None = None,
    *,
    rule: Rule = Rule.MEAN,
    base: TensorSource | None = None,
    options: RuleOptions = RuleOptions(),  # noqa: B008 - it is frozen
    reference: TensorSource | None = None,
) -> Report:
    """Merge updates into the safetensors file ``out`` by a rule.

    Parameters
    ----------
    updates : of one structure.
    weights : one for each update, at least zero, on any scale. Default: with ``mean`` their
        examples; with robust rules all are equal, as examples are claimed and not measured.
    progress : called with the bytes of updates read so far, and in all.
    base : the model that they began from; some rules need it.
    reference : a trusted update, for ``fltrust``.

    Raises
    ------
    NoUpdates, AllUpdatesRejected, BadWeight, ZeroWeight, WeightsNotTaken, TooManyBad, BaseNeeded,
    ReferenceNeeded, BaseMismatch, StructureMismatch, DamagedTensors, NotFinite, UnmergeableType,
    UnwritableModel
    """
    if not updates:
        raise NoUpdates
    careful = options.drop_unusable
    if careful is None:
        careful = rule is not Rule.MEAN
    given = shares(updates, _default_weights(updates, weights, rule))
    rejected: dict[str, str] = {}
    kept = list(range(len(updates)))
    if careful:
        kept, rejected = _of_one_structure(updates, base)
    while True:
        if not kept:
            raise AllUpdatesRejected(rejected)
        run = _Run(
            [updates[i] for i in kept],
            [given[i] for i in kept],
            out,
            rule,
            base,
            options,
            reference,
        )
        try:
            return run.merge(progress, rejected)
        except NotFinite:
            unusable = _unusable(run.stack) if careful else {}
            if not unusable:
                raise
        rejected |= {updates[kept[i]].name: reason for i, reason in unusable.items()}
        kept = [index for place, index in enumerate(kept) if place not in unusable]


class _Run:
    """One attempt, with updates that may hold bad numbers but are of one structure."""

    def __init__(
        self,
        updates: Sequence[Update],
        weights: Sequence[float],
        out: Path,
        rule: Rule,
        base: TensorSource | None,
        options: RuleOptions,
        reference: TensorSource | None,
    ) -> None:
        self.stack = Stack(updates, base)
        self.updates, self.asked, self.options = updates, rule, options
        self.weights = np.array(shares(updates, weights))
        self.out, self.reference = out, reference
        self.choice: Choice = choose(rule, len(updates), options, reference=reference is not None)
        used = self.choice.rule
        if used in FROM_BASE and base is None:
            raise BaseNeeded(str(used))
        if used is Rule.FLTRUST and reference is None:
            raise ReferenceNeeded
        if used in UNWEIGHTED and self.uneven:
            raise WeightsNotTaken(str(used))

    @property
    def uneven(self) -> bool:
        return bool(np.ptp(self.weights) > 1e-9 * self.weights.max())

    def merge(self, progress: Progress | None, rejected: Mapping[str, str]) -> Report:
        rule, mixing = self.choice.rule, self.choice.mixing
        measured = rule not in (Rule.MEAN, Rule.MEDIAN, Rule.TRIMMED_MEAN)
        measured = measured or mixing is Mixing.NEAREST_NEIGHBOURS
        once = self.stack.bytes * len(self.stack)
        meter = Meter(progress, once * (2 if measured else 1))
        geometry = self._geometry(meter) if measured else None
        matrix = self._mixing(geometry)
        if rule in COORDINATES:
            return self._by_coordinate(geometry, matrix, meter, rejected)
        coefficients = self._coefficients(geometry, matrix)
        if matrix is not None:
            coefficients = matrix.T @ coefficients
        from_base = rule in FROM_BASE
        chosen = [i for i in range(len(self.stack)) if coefficients[i] > 0 or not measured]
        stack = self.stack if len(chosen) == len(self.stack) else self.stack.of(chosen)
        combined(stack, coefficients[chosen].tolist(), self.out, meter, from_base=from_base)
        base_share = 1.0 - float(coefficients.sum()) if from_base else 0.0
        return self._report(coefficients.tolist(), base_share, rejected)

    def _geometry(self, meter: Meter) -> Geometry:
        geometry = measure(self.stack, meter, self.reference)
        if not np.isfinite(geometry.gram).all():
            raise NotFinite(
                self.updates[int(np.argmin(np.isfinite(np.diag(geometry.gram))))].name, "of it"
            )
        return geometry

    def _mixing(self, geometry: Geometry | None) -> Doubles | None:
        if self.choice.mixing is Mixing.NEAREST_NEIGHBOURS:
            assert geometry is not None
            return nearest_neighbours(geometry.distances, self.choice.bad)
        if self.choice.mixing is Mixing.BUCKETING:
            return buckets(len(self.stack), self.options.bucket, self.options.seed)
        return None

    def _coefficients(self, geometry: Geometry | None, matrix: Doubles | None) -> Doubles:
        """Of the updates, or of the mixed ones."""
        rule, bad, clip = self.choice.rule, self.choice.bad, self.options.clip
        weights = _mixed_weights(self.weights, matrix)
        if rule is Rule.MEAN:
            return weights
        assert geometry is not None
        seen = geometry if matrix is None else geometry.mixed(matrix)
        if rule is Rule.KRUM:
            return _only([krum(seen.distances, bad)], weights)
        if rule is Rule.MULTI_KRUM:
            return _only(multi_krum(seen.distances, bad), weights)
        if rule is Rule.GEOMETRIC_MEDIAN:
            return geometric_median(seen.gram, weights)
        if rule is Rule.CENTRED_CLIPPING:
            return centred_clipping(seen.gram, weights, clip, self.options.rounds)
        if rule is Rule.NORM_CLIPPING:
            return norm_clipping(seen.lengths, weights, clip)
        assert seen.reference is not None
        found = trusted(seen.gram, seen.reference, weights)
        if not found.any():
            away = "it does not go the way of the reference"
            raise AllUpdatesRejected({update.name: away for update in self.updates})
        return found

    def _by_coordinate(
        self,
        geometry: Geometry | None,
        matrix: Doubles | None,
        meter: Meter,
        rejected: Mapping[str, str],
    ) -> Report:
        rule, bad = self.choice.rule, self.choice.bad
        weights = _mixed_weights(self.weights, matrix) if self.uneven else None
        chosen = None
        kernel: Kernel
        if rule is Rule.BULYAN:
            assert geometry is not None
            seen = geometry if matrix is None else geometry.mixed(matrix)
            selected = bulyan_selection(seen.distances, bad)
            kernel = partial(coordinates.near_median, kept=len(selected) - 2 * bad)
            if matrix is None:
                chosen = selected
            else:
                matrix = matrix[selected]
        elif rule is Rule.MEDIAN:
            kernel = coordinates.median
            if weights is not None:
                kernel = partial(coordinates.weighted_median, weights=weights)
        else:
            kernel = partial(coordinates.trimmed_mean, bad=bad)
            if weights is not None:
                kernel = partial(coordinates.weighted_trimmed_mean, bad=bad, weights=weights)
        by_coordinate(self.stack, kernel, self.out, meter, chosen=chosen, mixing=matrix)
        return self._report([None] * len(self.stack), 0.0, rejected)

    def _report(
        self,
        coefficients: Sequence[float | None],
        base_share: float,
        rejected: Mapping[str, str],
    ) -> Report:
        parts = tuple(
            Part(update.name, float(weight), share)
            for update, weight, share in zip(self.updates, self.weights, coefficients, strict=True)
        )
        choice = self.choice
        return Report(
            self.asked, choice.rule, choice.mixing, choice.bad, choice.reason, parts, base_share,
            dict(rejected),
        )  # fmt: skip


def _default_weights(
    updates: Sequence[Update], weights: Sequence[float] | None, rule: Rule
) -> Sequence[float] | None:
    """Claimed examples are an attacker's word: robust rules take everybody as equal."""
    return [1.0] * len(updates) if weights is None and rule is not Rule.MEAN else weights


def _mixed_weights(weights: Doubles, matrix: Doubles | None) -> Doubles:
    """Of mixed updates; one together."""
    if matrix is None:
        return weights
    mixed = matrix @ weights
    found: Doubles = mixed / mixed.sum()
    return found


def _only(chosen: list[int], weights: Doubles) -> Doubles:
    """Coefficients of some updates; by their weights, or equal if those are all zero."""
    part = np.zeros(len(weights))
    part[chosen] = weights[chosen]
    if not part.any():
        part[chosen] = 1.0
    found: Doubles = part / part.sum()
    return found


def _of_one_structure(
    updates: Sequence[Update], base: TensorSource | None
) -> tuple[list[int], dict[str, str]]:
    """The updates that can be read and have the base model's structure, or most others'."""
    specs: dict[int, Mapping[str, TensorSpec]] = {}
    rejected = {}
    for index, update in enumerate(updates):
        try:
            specs[index] = update.tensors().specs
        except DamagedTensors as error:
            rejected[update.name] = error.reason
    if base is not None:
        wanted = base.specs
    else:
        seen = Counter(frozenset(found.items()) for found in specs.values())
        wanted = dict(seen.most_common(1)[0][0]) if seen else {}
    for index, found in list(specs.items()):
        if difference := first_difference(wanted, found):
            tensor, expected, actual = difference
            rejected[updates[index].name] = f"{tensor} is {actual} and should be {expected}"
            del specs[index]
    return list(specs), rejected


def _unusable(stack: Stack) -> dict[int, str]:
    """Which updates of a stack hold NaN or infinity, and where."""
    found: dict[int, str] = {}
    for piece in stack.pieces(PIECE):
        if piece.dtype not in FLOATS:
            continue
        stored = np.empty(piece.count, STORED[piece.dtype])
        for index, source in enumerate(stack.sources):
            if index not in found:
                fill(source, piece, stored)
                if not np.isfinite(widened(stored, piece.dtype)).all():
                    found[index] = f"tensor {piece.name!r} holds NaN or infinity"
    return found
