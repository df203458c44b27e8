"""The Python that sandboxed programs get: the tool's own, or one that a bundle's set-up made."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import decentralml
from decentralml.errors import SetupFailed
from decentralml.sandbox.limits import Limits

PACKAGE = "/opt/decentralml"
"""Where the ``decentralml`` package lies in a sandbox whose Python does not contain it."""
HOME = "/home/sandbox"
STAMP = "decentralml-setup.sha256"
SETUP_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class PythonEnvironment:
    """A Python and the folders that it needs, at the same paths inside a sandbox.

    Attributes
    ----------
    prefix : the (virtual) environment; its ``bin`` comes first on PATH.
    folders : everything to mount, ``prefix`` included.
    package : folder of the ``decentralml`` package if no folder of ``folders`` contains it.
    """

    prefix: Path
    folders: tuple[Path, ...]
    package: Path | None


def tool_environment() -> PythonEnvironment:
    """The environment that this very process runs in."""
    prefix = Path(sys.prefix)
    interpreter = Path(sys.executable).resolve()
    wanted = [prefix, Path(sys.base_prefix), interpreter.parent.parent]
    wanted += [Path(p) for p in sys.path if Path(p).name in ("site-packages", "dist-packages")]
    wanted += [Path(sysconfig.get_path("stdlib"))]
    return _environment(prefix, wanted)


def _environment(prefix: Path, wanted: list[Path]) -> PythonEnvironment:
    folders: list[Path] = []
    for folder in wanted:
        if folder.is_dir() and not any(folder.is_relative_to(known) for known in folders):
            folders.append(folder)
    package = Path(decentralml.__file__).parent
    inside = any(package.is_relative_to(folder) for folder in folders)
    return PythonEnvironment(prefix, tuple(folders), None if inside else package)


def command_for(script: str) -> list[str]:
    """How a bundle's script is started: ``.py`` by Python, everything else by the shell."""
    return ["python", script] if script.endswith(".py") else ["sh", script]


def variables(
    python: PythonEnvironment,
    limits: Limits,
    places: Mapping[str, str],
    home: str,
    temporary: str,
    package_root: str,
    extra: Mapping[str, str],
) -> dict[str, str]:
    """The whole environment of a stranger's program: nothing of the caller's is handed on.

    ``places`` maps ``task``, ``data``, ``model``, ``output`` … to paths: ``DML_TASK`` and so on.
    """
    threads = str(limits.threads)
    environment = {
        "PATH": f"{python.prefix}/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": temporary,
        "USER": "sandbox",
        "LOGNAME": "sandbox",
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUNBUFFERED": "1",
        "DML_THREADS": threads,
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
    }
    if python.package is not None:
        environment["PYTHONPATH"] = package_root
    environment |= {f"DML_{name.upper()}": path for name, path in places.items()}
    return environment | dict(extra)


def setup_environment(
    bundle: Path,
    script: str,
    folder: Path,
    *,
    log: Path,
    on_line: Callable[[str], None] | None = None,
) -> PythonEnvironment:
    """Make a virtual environment in ``folder`` and let the bundle's ``script`` fill it.

    The script runs OUTSIDE the sandbox, with the network and the caller's rights, in a copy of
    the bundle: call this only when the user trusts it (``--trust-setup``). The environment also
    sees the tool's own packages, so that nothing large is fetched twice. It is kept, and used
    again while the bundle's script and requirements stay the same.

    Raises
    ------
    SetupFailed : if the script ends with an error or takes longer than an hour.
    """
    stamp = _digest(bundle, script)
    if _read(folder / STAMP) == stamp:
        return _environment(folder, [folder, *tool_environment().folders])
    shutil.rmtree(folder, ignore_errors=True)
    _make(folder)
    log.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="decentralml-setup-") as scratch:
        copy = Path(scratch) / "bundle"
        shutil.copytree(bundle, copy, symlinks=True)
        code = _run_setup(copy, script, folder, log, on_line)
    if code != 0:
        raise SetupFailed(script, code, str(log))
    (folder / STAMP).write_text(stamp)
    return _environment(folder, [folder, *tool_environment().folders])


def _make(folder: Path) -> None:
    """An empty virtual environment that sees the packages of the tool's own, pip included."""
    with_pip = importlib.util.find_spec("pip") is None
    venv.create(folder, with_pip=with_pip, symlinks=True)
    (_site_packages(folder) / "decentralml-tool.pth").write_text(
        "".join(f"{p}\n" for p in sys.path if Path(p).name in ("site-packages", "dist-packages"))
    )
    if not with_pip:
        command = folder / "bin" / "pip"
        command.write_text(f'#!/bin/sh\nexec "{folder}/bin/python" -m pip "$@"\n')
        command.chmod(0o755)


def _run_setup(
    bundle: Path, script: str, folder: Path, log: Path, on_line: Callable[[str], None] | None
) -> int:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DECENTRALML_")}
    environment |= {
        "VIRTUAL_ENV": str(folder),
        "PATH": f"{folder}/bin:{environment.get('PATH', '/usr/bin:/bin')}",
    }
    # The shell's own time limit: `for line in process.stdout` cannot be told to give up.
    command = ["timeout", "--kill-after=5", str(SETUP_SECONDS), *command_for(script)]
    process = subprocess.Popen(
        command,
        cwd=bundle,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert process.stdout is not None
    try:
        with log.open("w", encoding="utf-8") as file:
            for line in process.stdout:
                file.write(line)
                if on_line is not None:
                    on_line(line.rstrip("\n"))
        return process.wait()
    finally:
        process.kill()
        process.wait()


def _site_packages(folder: Path) -> Path:
    variables_of_venv = {"base": str(folder), "platbase": str(folder)}
    return Path(sysconfig.get_path("purelib", scheme="venv", vars=variables_of_venv))


def _digest(bundle: Path, script: str) -> str:
    digest = hashlib.sha256(sys.prefix.encode())
    for name in (script, "requirements.txt"):
        content = _read(bundle / name)
        digest.update(f"{name} {len(content)} {content}".encode())
    return digest.hexdigest()


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace")
    except FileNotFoundError:
        return ""
