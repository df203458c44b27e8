"""What a contributor is worth to a merge: how much is lost without it, on examples held back.

``worth_i = value(merge of all) - value(merge without i)``: the leave-one-out value, of Cook (1977)
and of data valuation since. It is measured, not claimed, and near copies are worth about nothing to
each other's merge. It costs one merge and one evaluation for each contributor.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from decentralml.bundles.manifest import MODEL_FILE
from decentralml.errors import BadEvaluation
from decentralml.learning.robust.merge import merge_updates
from decentralml.learning.robust.rules import Rule, RuleOptions
from decentralml.learning.sources import TensorSource
from decentralml.learning.update import Update

Evaluate = Callable[[Path], float]
"""From a safetensors file to how good that model is; more is better."""


def leave_one_out(
    updates: Sequence[Update],
    evaluate: Evaluate,
    weights: Sequence[float] | None = None,
    *,
    rule: Rule = Rule.MEAN,
    base: TensorSource | None = None,
    options: RuleOptions = RuleOptions(),  # noqa: B008 - it is frozen
    folder: Path | None = None,
) -> list[float]:
    """The worth of each update, in the evaluation's own unit; below zero: the merge does better
    without it.

    Parameters
    ----------
    updates : at least two.
    evaluate : measures a merged model on examples held back.
    weights, rule, base, options : of the merge, see
        :func:`~decentralml.learning.robust.merge.merge_updates`.
    folder : where merged models are written meanwhile.

    Raises
    ------
    NoUpdates, AllUpdatesRejected and what else a merge raises
    BadEvaluation : the evaluation is no finite number.
    """
    with tempfile.TemporaryDirectory(prefix="worth-", dir=folder) as scratch:
        out = Path(scratch) / MODEL_FILE

        def value(left: Sequence[int]) -> float:
            their = None if weights is None else [weights[place] for place in left]
            chosen = [updates[place] for place in left]
            merge_updates(chosen, out, their, rule=rule, base=base, options=options)
            found = float(evaluate(out))
            if not math.isfinite(found):
                raise BadEvaluation(found)
            return found

        everybody = range(len(updates))
        whole = value(everybody)
        return [whole - value([i for i in everybody if i != absent]) for absent in everybody]


def as_weights(worth: Sequence[float]) -> list[float]:
    """Weights for a merge: what is worth nothing or less counts for nothing.

    All zero where nobody is worth anything: a merge then says so.
    """
    return [max(0.0, each) for each in worth]
