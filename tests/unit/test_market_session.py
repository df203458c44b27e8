"""Who signs, what names mean, and that nothing opens before it is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

import decentralml
from decentralml.chain.keystore import KeyStore
from decentralml.config import Config
from decentralml.errors import NoKeyChosen, PassphraseRequired, UnknownAccount, WrongPassphrase
from decentralml.market.accounts import WELL_KNOWN, pallet_account
from decentralml.market.session import Session, open_session
from decentralml.market.work import WorkFolder, replace_folder, scratch
from decentralml.types import Address

ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"


def test_the_treasury_is_the_account_of_its_pallet_id() -> None:
    # Substrate's well-known treasury of "py/trsry".
    assert pallet_account(b"py/trsry") == "5EYCAe5ijiYfyeZ2JJCGq56LmPyNRAKzpG4QkoQkkQNB5e6Z"
    assert WELL_KNOWN["treasury"] == pallet_account(b"dml/trsy")


def test_the_only_key_signs_unless_another_is_named(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys")
    with pytest.raises(NoKeyChosen, match="keys new"):
        _ = Session(Config(tmp_path)).key_name
    key, _ = store.new("me", "x")
    assert Session(Config(tmp_path)).address == key.address
    assert Session(Config(tmp_path), passphrase="x").key.address == key.address
    store.new("other", "x")
    with pytest.raises(NoKeyChosen, match="me, other"):
        _ = Session(Config(tmp_path)).key_name
    assert Session(Config(tmp_path, key="me")).address == key.address


def test_a_wrong_or_missing_passphrase_is_named(tmp_path: Path) -> None:
    KeyStore(tmp_path / "keys").new("me", "right")
    with pytest.raises(WrongPassphrase):
        _ = Session(Config(tmp_path), passphrase="wrong").key
    with pytest.raises(PassphraseRequired):
        _ = Session(Config(tmp_path)).key
    asked: list[str] = []

    def ask(name: str) -> str:
        asked.append(name)
        return "right"

    session = Session(Config(tmp_path), passphrase=ask)
    assert (session.address, asked) == (session.resolve("me"), [])
    assert session.key.address == session.address
    assert asked == ["me"]


def test_accounts_are_named_by_key_address_or_role(tmp_path: Path) -> None:
    key, _ = KeyStore(tmp_path / "keys").new("me", "x")
    session = Session(Config(tmp_path))
    assert session.resolve("me") == key.address
    assert session.resolve(ALICE) == ALICE
    assert session.resolve("//Alice") == ALICE
    assert session.resolve("treasury") == WELL_KNOWN["treasury"]
    for nobody in ("you", "../me", ALICE[:-1] + "Z", ""):
        with pytest.raises(UnknownAccount, match="keys list"):
            session.resolve(nobody)


def test_a_damaged_key_does_not_hide_the_names_of_the_others(tmp_path: Path) -> None:
    key, _ = KeyStore(tmp_path / "keys").new("me", "x")
    (tmp_path / "keys" / "broken.json").write_text("{")
    session = Session(Config(tmp_path))
    assert session.called(key.address) == "me"
    assert session.called(WELL_KNOWN["treasury"]) == "treasury"
    assert session.called(Address(ALICE)) == ALICE


def test_opening_a_session_touches_nothing(tmp_path: Path) -> None:
    with open_session(home=tmp_path / "home", key="//Alice") as session:
        assert session.address == ALICE
    assert not (tmp_path / "home").exists()


def test_the_functions_of_the_command_are_in_the_package() -> None:
    names = (
        "create_task list_tasks accept_task send_results list_task_results validate_task_results "
        "accept_task_results reject_task_results federate run_task"
    )
    for name in names.split():
        assert callable(getattr(decentralml, name))
        assert name in dir(decentralml)
    with pytest.raises(AttributeError, match="nothing"):
        _ = decentralml.nothing


def test_attempts_are_apart_and_the_newest_is_found(tmp_path: Path) -> None:
    folder = WorkFolder(tmp_path)
    assert folder.newest_attempt() is None
    for index in (0, 2, 10):
        folder.attempt(index).root.mkdir(parents=True)
    (tmp_path / "attempts" / ".scratch-x").mkdir()
    newest = folder.newest_attempt()
    assert newest is not None
    assert newest.root.name == "10"


def test_an_attempt_belongs_to_one_submission(tmp_path: Path) -> None:
    attempt = WorkFolder(tmp_path).attempt(0)
    attempt.begin(1000)
    attempt.output.mkdir()
    attempt.begin(1000)
    assert attempt.output.is_dir()
    assert attempt.is_of(1000)
    attempt.begin(2000)  # the same number on a development chain that was started anew
    assert not attempt.output.exists()
    assert not attempt.is_of(1000)


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_uses_is_not(
    tmp_path: Path,
) -> None:
    killed = tmp_path / ".scratch-killed"
    (killed / "space").mkdir(parents=True)
    (killed / "lock").touch()
    (killed / "space" / "unsealed").write_text("secret labels")
    with scratch(tmp_path) as living:
        assert not killed.exists()
        (living / "file").touch()
        with scratch(tmp_path) as other:
            assert other != living
            assert (living / "file").exists()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    for name, text in (("new", "2"), ("place", "1")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(text)
    (tmp_path / "place" / "old").write_text("gone")
    replace_folder(tmp_path / "new", tmp_path / "place")
    assert [p.name for p in tmp_path.iterdir()] == ["place"]
    assert (tmp_path / "place" / "file").read_text() == "2"
    assert not (tmp_path / "place" / "old").exists()
