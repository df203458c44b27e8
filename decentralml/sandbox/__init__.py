"""Run strangers' programs so that they cannot touch what is not theirs."""

from decentralml.sandbox.environment import (
    PythonEnvironment,
    command_for,
    setup_environment,
    tool_environment,
)
from decentralml.sandbox.limits import Limits, Outcome, Reason
from decentralml.sandbox.probe import Probe, available
from decentralml.sandbox.runner import Runner, run
from decentralml.sandbox.unsandboxed import run_unsandboxed

__all__ = [
    "Limits",
    "Outcome",
    "Probe",
    "PythonEnvironment",
    "Reason",
    "Runner",
    "available",
    "command_for",
    "run",
    "run_unsandboxed",
    "setup_environment",
    "tool_environment",
]
