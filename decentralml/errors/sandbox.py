"""Errors of running a stranger's code."""

from __future__ import annotations

from decentralml.errors.root import SandboxError


class SandboxUnavailable(SandboxError):
    """This machine cannot keep a stranger's code apart."""

    def __init__(self, problem: str, remedy: str) -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"no sandbox on this machine: {problem}; {remedy}")


class SandboxFailed(SandboxError):
    """The sandbox could not be set up; the program was not started."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(
            f"the sandbox did not start: {problem}; `decentralml doctor` says what is missing"
        )


class OutputRefused(SandboxError):
    """A program left something in its output that must not be taken out."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(
            f"/output/{path}: {problem}; write plain files and folders only, then run it again"
        )


class SetupFailed(SandboxError):
    """The bundle's own set-up script did not succeed."""

    def __init__(self, script: str, exit_code: int, log: str) -> None:
        self.script = script
        self.exit_code = exit_code
        self.log = log
        super().__init__(
            f"{script} failed with exit code {exit_code}: read {log}, or run the task without "
            "its set-up"
        )
