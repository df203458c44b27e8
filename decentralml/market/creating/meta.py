"""What could never be meta-learned, told before any money is in escrow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from decentralml.bundles.manifest import MODEL_FILE
from decentralml.bundles.meta import RATE, MetaMethod, MetaPlan
from decentralml.bundles.tensors import read_header
from decentralml.bundles.training import LocalTraining
from decentralml.errors import TermsInvalid


def require_learnable(
    meta: MetaPlan, training: LocalTraining | None, base_model: Path | None
) -> None:
    """Refuse settings that do not go with a method, and a model that is not of it.

    Raises
    ------
    TermsInvalid, ManifestError
    """
    if training is not None:
        _require_local(meta.method, training)
    if base_model is None or meta.method is MetaMethod.OWN:
        return
    rates = any(name.startswith(RATE) for name in read_header(base_model / MODEL_FILE))
    if rates != (meta.method is MetaMethod.META_SGD):
        raise TermsInvalid(
            f"the base model {'has' if rates else 'has no'} inner rates of its own "
            f"({RATE}NAME, Meta-SGD), and method of [meta] is {meta.method}; make a first model by "
            "the bundle's own [meta] (decentralml.learning.meta.scripts.create), or change that"
        )


def _require_local(method: MetaMethod, training: LocalTraining) -> None:
    """Refuse settings of local training for who only computes a meta-gradient, and DP-SGD."""
    if training.privacy is not None:
        raise TermsInvalid(
            "meta-gradients are not made private for single examples; leave out privacy of "
            "[training], and make the merge private ([merge], docs/privacy.md)"
        )
    if not method.trains_locally and replace(training, round=None) != LocalTraining():
        raise TermsInvalid(
            f"{method} takes no local training but the inner steps of [meta]; leave out "
            "--algorithm, --epochs, --learning-rate, --batch and --proximal, and [training]"
        )
