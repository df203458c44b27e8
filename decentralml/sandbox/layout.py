"""What a sandbox looks like from the inside, as arguments of bubblewrap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from decentralml.sandbox.environment import HOME, PACKAGE, PythonEnvironment
from decentralml.sandbox.limits import MIB, Limits

INSIDE_ID = 1000
OUTPUT = "/output"
SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
"""Either links into /usr or folders of their own, depending on the distribution."""
SYSTEM_FILES = (
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/sys/devices/system/cpu",
)
DEVICES = ("null", "full", "random", "urandom")
"""Not /dev/zero: mapped shared it is memory that belongs to no process and escapes the limit."""
RESERVED = frozenset(
    path.strip("/")
    for path in (*SYSTEM, OUTPUT, "dev", "etc", "home", "opt", "proc", "root", "sys", "tmp", "usr")
)
PASSWD = f"sandbox:x:{INSIDE_ID}:{INSIDE_ID}:sandbox:{HOME}:/bin/sh\n"
GROUP = f"sandbox:x:{INSIDE_ID}:\n"
PREFACE = 'printf . >&0 && exec "$@" </dev/null'
"""Said by the sandbox's shell through the pipe that is its standard input: all is set up. Where
nobody is left to hear it, nothing runs."""


@dataclass(frozen=True, slots=True)
class Bind:
    """A folder or file of the host and its place in the sandbox.

    ``lent`` ones belong to the caller: if the sandbox runs as another user than the caller, they
    have to be made readable (or writable) for it.
    """

    source: Path
    target: str
    writable: bool = False
    lent: bool = True


def binds(
    python: PythonEnvironment, mounts: Mapping[str, Path], output: Path
) -> tuple[list[Bind], list[Bind]]:
    """Everything of the host that the sandbox sees: of the system, and lent by the caller."""
    system = [Bind(Path("/usr"), "/usr", lent=False)]
    system += [Bind(Path(p), p, lent=False) for p in SYSTEM if _is_real_folder(Path(p))]
    system += [Bind(Path(p), p, lent=False) for p in SYSTEM_FILES if Path(p).exists()]
    lent = [
        Bind(folder, str(folder))
        for folder in python.folders
        if not folder.is_relative_to("/usr") and folder != Path("/")
    ]
    if python.package is not None:
        lent.append(Bind(python.package, f"{PACKAGE}/{python.package.name}"))
    lent += [Bind(path, f"/{name}") for name, path in mounts.items()]
    return system, [*lent, Bind(output, OUTPUT, writable=True)]


def _is_real_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def arguments(
    binds: Iterable[Bind],
    limits: Limits,
    environment: Mapping[str, str],
    directory: str,
    *,
    status: int,
    block: int,
    filters: Iterable[int],
    passwd: int,
    group: int,
) -> list[str]:
    """Options of bubblewrap; the last five are open file descriptors.

    /dev has no terminal; every temporary file system has a size,
    and the root itself is made read-only at the end.
    """
    result = [
        *("--unshare-all", "--unshare-user", "--disable-userns", "--cap-drop", "ALL"),
        *("--uid", str(INSIDE_ID), "--gid", str(INSIDE_ID), "--hostname", "sandbox"),
        *("--new-session", "--die-with-parent", "--clearenv"),
        *("--json-status-fd", str(status), "--block-fd", str(block)),
    ]
    for descriptor in filters:
        result += ["--add-seccomp-fd", str(descriptor)]
    for path in map(Path, SYSTEM):
        if path.is_symlink():
            result += ["--symlink", str(path.readlink()), str(path)]
    # Scratch folders first: a lent folder that lies below /tmp on the host goes on top of ours.
    result += _scratch("/tmp", limits.scratch_bytes) + _scratch(HOME, 64 * MIB)
    result += ["--size", str(MIB), "--tmpfs", "/dev"]
    for bind in binds:
        option = "--bind" if bind.writable else "--ro-bind"
        result += [option, str(bind.source), bind.target]
    result += ["--ro-bind-data", str(passwd), "/etc/passwd"]
    result += ["--ro-bind-data", str(group), "/etc/group"]
    for device in DEVICES:
        result += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        result += ["--symlink", f"/proc/self/fd/{number}", f"/dev/{name}"]
    result += ["--symlink", "/proc/self/fd", "/dev/fd"]
    result += _scratch("/dev/shm", limits.scratch_bytes)
    result += ["--proc", "/proc", "--remount-ro", "/dev", "--remount-ro", "/"]
    for name, value in environment.items():
        result += ["--setenv", name, value]
    return [*result, "--chdir", directory]


def program(command: list[str]) -> list[str]:
    """What bubblewrap starts: the shell that reports for ``command`` and becomes it."""
    return ["--", "/bin/sh", "-c", PREFACE, "sh", *command]


def _scratch(folder: str, size: int) -> list[str]:
    return ["--perms", "0700", "--size", str(size), "--tmpfs", folder]
