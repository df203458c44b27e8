"""What a result is worth: checks of its files, measurement, and the verdict by policy."""

from decentralml.validation.checks import check_files, check_result
from decentralml.validation.evaluate import Bench, evaluate, evaluate_base
from decentralml.validation.findings import REPORT_FILE, Finding, Report, parse_report
from decentralml.validation.policies import judge
from decentralml.validation.replay import Drawn, ReplayReport, replay_run
from decentralml.validation.segments import drawn_segments

__all__ = [
    "REPORT_FILE",
    "Bench",
    "Drawn",
    "Finding",
    "ReplayReport",
    "Report",
    "check_files",
    "check_result",
    "drawn_segments",
    "evaluate",
    "evaluate_base",
    "judge",
    "parse_report",
    "replay_run",
]
