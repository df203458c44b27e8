"""What a committee member found, and the report that its attestation points to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from decentralml.bundles.fields import Fields, parse_json, parse_metrics
from decentralml.bundles.manifest import canonical_json
from decentralml.bundles.replay import MAX_CHECKPOINTS
from decentralml.types import PPM, Cid, TaskId, Verdict

REPORT_FORMAT = "decentralml/report@1"
REPORT_FILE = "report.json"
MAX_REPORT_BYTES = 1 << 20
MAX_REASONS = 16
MAX_REASON = 500
"""Characters."""
SKETCH_SIZE = 32
"""Numbers of a sketch."""
SKETCH_UNIT = 1 << 20
"""The length of a sketch."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict with its grounds.

    Attributes
    ----------
    score : parts per million; 0 where nothing was measured.
    reasons : sentences for people, at least one: why the verdict is what it is.
    metrics : what was measured, by name.
    base_score : parts per million of the base model, where it was measured.
    segment : the first segment of the training that did not replay, where one did not.
    sketch : of the result's update, where there is one (:mod:`.sketches`).
    """

    verdict: Verdict
    score: int
    reasons: tuple[str, ...]
    metrics: Mapping[str, float] = field(default_factory=dict)
    base_score: int | None = None
    segment: int | None = None
    sketch: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        cleaned = dict.fromkeys(map(_sentence, self.reasons))
        object.__setattr__(self, "reasons", tuple(cleaned)[:MAX_REASONS])


@dataclass(frozen=True, slots=True)
class Report:
    """A finding and what it is about."""

    genesis: str
    """``0x…`` hash of the chain's first block."""
    task: TaskId
    index: int
    """Of the submission."""
    result: Cid
    finding: Finding

    def to_json(self) -> bytes:
        """The bytes of ``report.json``: the same finding gives the same bytes, and CID."""
        document = {
            "format": REPORT_FORMAT,
            "genesis": self.genesis,
            "task": self.task,
            "submission": self.index,
            "result": self.result,
            "verdict": self.finding.verdict.value,
            "score": self.finding.score,
            "base_score": self.finding.base_score,
            "segment": self.finding.segment,
            "metrics": dict(self.finding.metrics),
            "reasons": list(self.finding.reasons),
        }
        if self.finding.sketch is not None:
            document["sketch"] = list(self.finding.sketch)
        return canonical_json(document)


def parse_report(data: bytes, file: str = REPORT_FILE) -> Report:
    """Read a report that a committee member published.

    Raises
    ------
    ManifestError : with the field and what is wrong with it.
    """
    top = Fields(file, "", parse_json(data, file, MAX_REPORT_BYTES))
    top.constant("format", REPORT_FORMAT)
    report = Report(
        genesis=top.hexadecimal("genesis", 32),
        task=TaskId(top.integer("task", 0, 2**64 - 1)),
        index=top.integer("submission", 0, 2**32 - 1),
        result=Cid(top.text("result", 64)),
        finding=Finding(
            verdict=top.choice("verdict", Verdict),
            score=top.integer("score", 0, PPM),
            base_score=top.optional("base_score", lambda name: top.integer(name, 0, PPM)),
            segment=top.optional("segment", lambda name: top.integer(name, 0, MAX_CHECKPOINTS)),
            metrics=parse_metrics(top.section("metrics")),
            reasons=top.texts("reasons", MAX_REASONS, MAX_REASON),
            sketch=_parse_sketch(top) if top.has("sketch") else None,
        ),
    )
    top.end()
    return report


def _parse_sketch(top: Fields) -> tuple[int, ...]:
    sketch = top.integers("sketch", SKETCH_SIZE, -SKETCH_UNIT, SKETCH_UNIT)
    if len(sketch) != SKETCH_SIZE:
        raise top.wrong(f"sketch has {len(sketch)} numbers, not {SKETCH_SIZE}")
    return sketch


def _sentence(text: str) -> str:
    """One printable line of bounded length: parts of it may come from strangers' programs."""
    line = " ".join(text.split())
    line = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
    return line if len(line) <= MAX_REASON else line[: MAX_REASON - 1] + "…"
