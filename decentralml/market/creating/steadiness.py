"""Whether a training can be replayed at all: measured before money is put on it."""

from __future__ import annotations

from pathlib import Path

from decentralml.bundles.manifest import TaskManifest
from decentralml.errors import SandboxError, TrainingUnsteady
from decentralml.market.session import Session
from decentralml.sandbox import Limits
from decentralml.validation.evaluate import Bench
from decentralml.validation.replay import NOISE, own_noise

ANY_ORDER = bytes(32)
"""Of the examples: the chain fixes each contributor's, and noise does not depend on it."""


def require_steady(session: Session, bundle: Path, manifest: TaskManifest, space: Path) -> None:
    """Replay the first segment twice, in two ways of computing, and hold it against the tolerance.

    Where there is no sandbox to run it in, that is a warning.

    Parameters
    ----------
    bundle : packed; its manifest has ``replay``.
    space : folder for temporary files.

    Raises
    ------
    TrainingUnsteady : the two are further apart than a tenth of what is tolerated.
    NotReplayable : the bundle's script does not run.
    """
    recipe = manifest.replay
    assert recipe is not None, "the caller looks for it"
    session.report.step("trying whether the training can be replayed")
    bench = Bench(scratch=space / "bench", logs=session.config.home / "logs", limits=Limits())
    try:
        noise = own_noise(bundle, manifest, ANY_ORDER, bench)
    except SandboxError as error:
        session.report.warn(f"whether the training can be replayed was not tried: {error}")
        return
    if not noise <= recipe.tolerance / NOISE:
        raise TrainingUnsteady(noise, recipe.tolerance, NOISE)
    session.report.step(
        f"it can: this machine's own ways of computing differ by {noise:.2g} of an update, "
        f"{recipe.tolerance:g} is tolerated"
    )
