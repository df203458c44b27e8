"""Carrying a rule out: from updates to a file, with a report of what was done and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from decentralml.bundles.manifest import TensorSpec
from decentralml.errors import (
    AllUpdatesRejected,
    BaseMismatch,
    BaseNeeded,
    DamagedTensors,
    LearningError,
    NotFinite,
    NoUpdates,
    ReferenceNeeded,
    UnusableUpdate,
    WeightsNotTaken,
)
from decentralml.learning.dtypes import FLOATS, STORED, Doubles, widened
from decentralml.learning.kernels.arena import Arena
from decentralml.learning.mean import combined, shares
from decentralml.learning.robust import coordinates
from decentralml.learning.robust.centre import centred_clipping, geometric_median, norm_clipping
from decentralml.learning.robust.choose import Choice, choose, expected
from decentralml.learning.robust.geometry import Geometry, measure, measure_lengths
from decentralml.learning.robust.krum import bulyan_selection, krum, multi_krum
from decentralml.learning.robust.mixing import buckets, nearest_neighbours
from decentralml.learning.robust.rules import FROM_BASE, Mixing, Rule, RuleOptions
from decentralml.learning.robust.screen import screened as screen
from decentralml.learning.robust.streams import Kernel, by_coordinate
from decentralml.learning.robust.trust import trusted
from decentralml.learning.sources import TensorSource
from decentralml.learning.stack import Meter, Progress, Stack, fill, first_difference
from decentralml.learning.update import Update

COORDINATES = frozenset({Rule.MEDIAN, Rule.TRIMMED_MEAN, Rule.BULYAN})
DIRECT = frozenset({Rule.MEAN, Rule.MEDIAN, Rule.TRIMMED_MEAN})
"""Rules that need no distances."""
UNWEIGHTED = frozenset({Rule.KRUM, Rule.BULYAN})
NOTHING = 1e-12
"""Less of the base model than this is rounding."""
PIECE = 1 << 18


@dataclass(frozen=True, slots=True)
class Part:
    """One update's part in a merge.

    Attributes
    ----------
    weight : that it came with; of all that were not rejected, they are one together.
    share : of it in the merged model; None where each coordinate has its own.
    rejected : why it was left out; empty if it was not.
    """

    name: str
    weight: float
    share: float | None
    rejected: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a merge did.

    Attributes
    ----------
    asked, rule : the rule by the caller's word, and the one that was used.
    bad : bad updates that it could stand.
    reason : why this rule.
    parts : of all updates, in the order in which they were given.
    base_share : of the base model in the merged one.
    """

    asked: Rule
    rule: Rule
    mixing: Mixing
    bad: int
    reason: str
    parts: tuple[Part, ...]
    base_share: float

    @property
    def rejected(self) -> dict[int, str]:
        """Why updates were left out, by their place."""
        return {place: part.rejected for place, part in enumerate(self.parts) if part.rejected}


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
    rejected: dict[int, str] = {}
    if careful:
        rejected = of_another_structure(updates, base)
    while True:
        kept = [place for place in range(len(updates)) if place not in rejected]
        if not kept:
            raise AllUpdatesRejected([(updates[i].name, why) for i, why in rejected.items()])
        left, their = [updates[i] for i in kept], [given[i] for i in kept]
        run = _Run(left, their, out, rule, base, options, reference)
        try:
            report, screened = run.merge(progress)
        except (NotFinite, _Unusable) as error:
            unusable = error.places if isinstance(error, _Unusable) else _unusable(run.stack)
            if not careful or not unusable:
                raise _named(error, run.stack) from None
            rejected |= {kept[place]: why for place, why in unusable.items()}
            continue
        rejected |= {kept[place]: why for place, why in screened.items()}
        return replace(report, parts=_with_rejected(report.parts, updates, rejected))


def _with_rejected(
    parts: Sequence[Part], updates: Sequence[Update], rejected: Mapping[int, str]
) -> tuple[Part, ...]:
    """The parts of all updates, in their order."""
    taken = iter(parts)
    return tuple(
        Part(update.name, 0.0, 0.0, rejected[place]) if place in rejected else next(taken)
        for place, update in enumerate(updates)
    )


class _Unusable(Exception):
    """Some updates hold what nothing can be computed with; by their places, and why."""

    def __init__(self, places: dict[int, str]) -> None:
        self.places = places


def _named(error: NotFinite | _Unusable, stack: Stack) -> LearningError:
    """What a caller is told who did not want bad updates to be left out."""
    if isinstance(error, NotFinite):
        return error
    place, reason = next(iter(error.places.items()))
    return UnusableUpdate(stack.updates[place].name, reason)


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
        self.asked, self.options = rule, options
        self.weights = np.array(shares(updates, weights))
        self.out, self.reference = out, reference
        self.choice: Choice = choose(rule, len(updates), options)
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

    def merge(self, progress: Progress | None) -> tuple[Report, dict[int, str]]:
        """What was done, with the parts of those that took part; and who was screened out."""
        measured = self.choice.rule not in DIRECT
        measured = measured or self.choice.mixing is Mixing.NEAREST_NEIGHBOURS
        # The automatic choice of a plain mean has nothing to screen for.
        screening = self.asked is Rule.AUTO and measured
        if self.options.screen is not None:
            screening = self.options.screen
        measured = measured or screening
        meter = Meter(progress, self.stack.bytes * len(self.stack) * (2 if measured else 1))
        geometry = self._geometry(meter) if measured else None
        screened: dict[int, str] = {}
        if screening and geometry is not None:
            count = len(self.stack)
            screened = screen(geometry, expected(count, self.options))
            kept = [place for place in range(count) if place not in screened]
            if not kept:
                raise AllUpdatesRejected(
                    [(self.stack.updates[place].name, why) for place, why in screened.items()]
                )
            if screened:
                self.stack, geometry = self.stack.of(kept), geometry.of(kept)
                self.weights = np.array(shares(self.stack.updates, self.weights[kept].tolist()))
                self.choice = choose(self.asked, len(kept), self.options, screened=len(screened))
        return self._carried_out(geometry, meter), screened

    def _carried_out(self, geometry: Geometry | None, meter: Meter) -> Report:
        rule = self.choice.rule
        matrix = self._mixing(geometry)
        if rule in COORDINATES:
            return self._by_coordinate(geometry, matrix, meter)
        coefficients = self._coefficients(geometry, matrix)
        if matrix is not None:
            coefficients = matrix.T @ coefficients
        base_share = 1.0 - float(coefficients.sum()) if rule in FROM_BASE else 0.0
        from_base = abs(base_share) > NOTHING
        # Whom the geometry found sound and the rule gives nothing need not be read again.
        chosen = [place for place, part in enumerate(coefficients) if part > 0 or geometry is None]
        stack = self.stack if len(chosen) == len(self.stack) else self.stack.of(chosen)
        combined(stack, coefficients[chosen].tolist(), self.out, meter, from_base=from_base)
        return self._report(coefficients.tolist(), base_share)

    def _geometry(self, meter: Meter) -> Geometry:
        lengths = self.choice.rule is Rule.NORM_CLIPPING and self.choice.mixing is Mixing.NONE
        if lengths and not self.options.screen:
            geometry = measure_lengths(self.stack, meter)
        else:
            geometry = measure(self.stack, meter, self.reference)
        squares = np.diag(geometry.gram)
        if not np.isfinite(squares).all():
            found = _unusable(self.stack)
            for place in np.flatnonzero(~np.isfinite(squares)):
                found.setdefault(int(place), "its numbers are beyond what can be squared")
            raise _Unusable(found)
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
            raise AllUpdatesRejected([(update.name, away) for update in self.stack.updates])
        return found

    def _by_coordinate(
        self,
        geometry: Geometry | None,
        matrix: Doubles | None,
        meter: Meter,
    ) -> Report:
        rule, bad = self.choice.rule, self.choice.bad
        weights = _mixed_weights(self.weights, matrix) if self.uneven else None
        chosen, arena = None, Arena()
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
            kernel = partial(coordinates.median, arena=arena)
            if weights is not None:
                kernel = partial(coordinates.weighted_median, weights=weights)
        else:
            kernel = partial(coordinates.trimmed_mean, bad=bad, arena=arena)
            if weights is not None:
                kernel = partial(coordinates.weighted_trimmed_mean, bad=bad, weights=weights)
        by_coordinate(
            self.stack, kernel, self.out, meter, arena=arena, chosen=chosen, mixing=matrix
        )
        return self._report([None] * len(self.stack), 0.0)

    def _report(
        self,
        coefficients: Sequence[float | None],
        base_share: float,
    ) -> Report:
        parts = tuple(
            Part(update.name, float(weight), share)
            for update, weight, share in zip(
                self.stack.updates, self.weights, coefficients, strict=True
            )
        )
        choice = self.choice
        return Report(
            self.asked, choice.rule, choice.mixing, choice.bad, choice.reason, parts, base_share
        )


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


def of_another_structure(updates: Sequence[Update], base: TensorSource | None) -> dict[int, str]:
    """Which updates cannot be read, or have not the base model's structure (or most others')."""
    specs: dict[int, Mapping[str, TensorSpec]] = {}
    rejected = {}
    for place, update in enumerate(updates):
        try:
            specs[place] = update.tensors().specs
        except DamagedTensors as error:
            rejected[place] = error.reason
    if base is not None:
        wanted = base.specs
        if specs and all(dict(found) != dict(wanted) for found in specs.values()):
            difference = first_difference(wanted, next(iter(specs.values())))
            assert difference is not None
            raise BaseMismatch(*difference)
    else:
        seen = Counter(frozenset(found.items()) for found in specs.values())
        wanted = dict(seen.most_common(1)[0][0]) if seen else {}
    for place, found in specs.items():
        if difference := first_difference(wanted, found):
            tensor, expected, actual = difference
            rejected[place] = f"tensor {tensor!r} is {actual} and should be {expected}"
    return rejected


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
