"""CustomAccept: the creator's own validator decides, in the sandbox and in its time.

It finds the bundle in ``/task``, the result in ``/model`` and the whole validation set, labels
included, in ``/data``, and writes ``/output/verdict.json``::

    {"verdict": "pass", "score": 0.93, "reason": "beats the baseline on every class"}

Whatever else it does (crash, loop, print a gigabyte, write something else) is inconclusive: never
a pass, and never the contributor's fault.
"""

from __future__ import annotations

from pathlib import Path

from decentralml.bundles.fields import Fields, parse_json
from decentralml.bundles.manifest import TaskManifest
from decentralml.errors import ManifestError
from decentralml.types import PPM, Verdict
from decentralml.validation.evaluate import Bench
from decentralml.validation.findings import MAX_REASON, Finding

VERDICT_FILE = "verdict.json"
MAX_VERDICT_BYTES = 64 << 10
VERDICTS = {"pass": Verdict.PASS, "fail": Verdict.FAIL}


def judge(
    bundle: Path, manifest: TaskManifest, result: Path, validation_set: Path | None, bench: Bench
) -> Finding:
    """Run the task's validator on a result that passed the checks.

    Raises
    ------
    SandboxError : it could not be run.
    """
    validator = manifest.validator
    assert validator is not None, "manifests of CustomAccept tasks have a validator"
    mounts = {"task": bundle, "model": result}
    if validation_set is not None:
        mounts["data"] = validation_set
    with bench.space() as space:
        outcome = bench.run(
            "validator", validator.run, mounts, space / "output", validator.time_limit
        )
        if not outcome.ok:
            return _inconclusive(f"the validator {outcome.describe()}")
        try:
            return read_verdict(space / "output" / VERDICT_FILE)
        except FileNotFoundError:
            return _inconclusive(f"the validator wrote no /output/{VERDICT_FILE}")
        except (ManifestError, OSError) as error:
            return _inconclusive(f"the validator's verdict cannot be read: {error}")


def read_verdict(file: Path) -> Finding:
    """What a validator wrote.

    Raises
    ------
    ManifestError : it is not exactly a verdict, a score from 0 to 1, and a reason.
    """
    with file.open("rb") as stream:
        data = stream.read(MAX_VERDICT_BYTES + 1)
    top = Fields(file.name, "", parse_json(data, file.name, MAX_VERDICT_BYTES))
    word = top.take("verdict")
    score = top.number("score")
    reason = top.take("reason")
    top.end()
    if not isinstance(word, str) or word not in VERDICTS:
        raise top.wrong(f'verdict is "pass" or "fail", not {word!r:.40}')
    if not 0.0 <= score <= 1.0:
        raise top.wrong(f"score is a number from 0 to 1, not {score!r:.40}")
    if not isinstance(reason, str) or len(reason) > MAX_REASON:
        raise top.wrong(f"reason is a text of at most {MAX_REASON} characters")
    said = f"the validator says: {reason}" if reason.strip() else "the validator gave no reason"
    return Finding(VERDICTS[word], round(score * PPM), (said,), {"score": score})


def _inconclusive(reason: str) -> Finding:
    return Finding(Verdict.INCONCLUSIVE, 0, (reason,))
