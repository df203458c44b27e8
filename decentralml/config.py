"""Where things are on this machine, and which chain and store a command talks to.

Order of precedence: command-line option, environment variable, profile in ``config.toml``,
default. ``DECENTRALML_HOME`` names the folder for settings, keys, the chain file and blocks.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from decentralml.errors import ConfigError

EMBEDDED = "embedded"
LOCAL = "local"
FIELDS = ("chain", "storage", "key", "genesis", "database")


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one command.

    Attributes
    ----------
    home : folder for everything this tool keeps.
    profile : name of the section of ``config.toml`` that was used.
    chain : ``"embedded"`` or the WebSocket address of a node.
    storage : ``"local"`` or the address of a Kubo RPC.
    key : name of the key that signs, if one was chosen.
    genesis : genesis hash the chain must have, if pinned.
    database : SQLAlchemy's URL of the database, if it is not the file in the home folder.
    """

    home: Path
    profile: str = "default"
    chain: str = EMBEDDED
    storage: str = LOCAL
    key: str | None = None
    genesis: str | None = None
    database: str | None = None

    @property
    def chain_file(self) -> Path:
        return self.home / "chain.sqlite"

    @property
    def keys(self) -> Path:
        return self.home / "keys"

    @property
    def blocks(self) -> Path:
        return self.home / "blocks"

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    @property
    def journal(self) -> Path:
        """Notes of transactions on their way, one folder per chain."""
        return self.home / "journal"

    @property
    def work(self) -> Path:
        """Bundles in work and their results, one folder per chain and task."""
        return self.home / "work"


def default_home() -> Path:
    """``DECENTRALML_HOME``, else ``~/.decentralml``."""
    named = os.environ.get("DECENTRALML_HOME")
    return Path(named).expanduser() if named else Path.home() / ".decentralml"


def load(home: Path | None = None, profile: str | None = None, **overrides: str | None) -> Config:
    """Settings from ``config.toml``, environment and overrides (see the module's order)."""
    home = (home or default_home()).absolute()
    profile = profile or os.environ.get("DECENTRALML_PROFILE") or "default"
    settings = _profile(home / "config.toml", profile)
    for name in FIELDS:
        value = overrides.get(name) or os.environ.get(f"DECENTRALML_{name.upper()}")
        if value:
            settings[name] = value
    config = Config(home, profile)
    return replace(
        config,
        chain=settings.get("chain", config.chain),
        storage=settings.get("storage", config.storage),
        key=settings.get("key"),
        genesis=settings.get("genesis"),
        database=settings.get("database"),
    )


def _profile(file: Path, name: str) -> dict[str, str]:
    try:
        document = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        document = {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not valid TOML ({error}); correct or remove it") from None
    profiles = document.get("profiles", {})
    if not isinstance(profiles, dict):
        raise ConfigError(f"{file}: settings go into tables such as [profiles.{name}]")
    if name != "default" and name not in profiles:
        known = ", ".join(sorted(profiles)) or "none"
        raise ConfigError(f"no profile {name!r} in {file} (known: {known})")
    settings = profiles.get(name, {})
    if not isinstance(settings, dict) or not all(isinstance(v, str) for v in settings.values()):
        raise ConfigError(f"{file}: the settings of profile {name!r} must be texts in quotes")
    unknown = sorted(set(settings) - set(FIELDS))
    if unknown:
        raise ConfigError(
            f"{file}: profile {name!r} has unknown settings {', '.join(unknown)}; "
            f"known are {', '.join(FIELDS)}"
        )
    return dict(settings)
