"""Settings: where they come from, which comes first, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from decentralml.config import EMBEDDED, LOCAL, load
from decentralml.errors import ConfigError


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "PROFILE", "CHAIN", "STORAGE", "KEY", "GENESIS"):
        monkeypatch.delenv(f"DECENTRALML_{name}", raising=False)


def write(home: Path, text: str) -> Path:
    (home / "config.toml").write_text(text)
    return home


def test_without_a_file_everything_is_on_this_machine(tmp_path: Path) -> None:
    config = load(tmp_path)
    assert (config.chain, config.storage, config.key) == (EMBEDDED, LOCAL, None)
    assert config.chain_file == tmp_path / "chain.sqlite"


def test_the_environment_names_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DECENTRALML_HOME", str(tmp_path / "elsewhere"))
    assert load().home == tmp_path / "elsewhere"


def test_an_option_comes_before_the_environment_and_that_before_the_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, '[profiles.team]\nchain = "ws://file"\nstorage = "http://file"\nkey = "file"\n')
    monkeypatch.setenv("DECENTRALML_PROFILE", "team")
    monkeypatch.setenv("DECENTRALML_CHAIN", "ws://environment")
    monkeypatch.setenv("DECENTRALML_STORAGE", "http://environment")
    config = load(tmp_path, storage="http://option")
    assert (config.chain, config.storage, config.key) == (
        "ws://environment",
        "http://option",
        "file",
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[profiles.team", "not valid TOML"),
        ("profiles = 3", "[profiles.team]"),
        ("[profiles]\nteam = 3", "texts in quotes"),
        ("[profiles.team]\nchain = 9944", "texts in quotes"),
        ('[profiles.team]\nchian = "ws://x"', "unknown settings chian"),
        ('[profiles.other]\nchain = "ws://x"', "no profile 'team'"),
    ],
)
def test_a_wrong_file_gets_one_clear_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(write(tmp_path, text), profile="team")
    assert says in str(error.value)
    assert "\n" not in str(error.value)
