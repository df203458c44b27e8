"""The command line itself: help, global options, exit codes, and how errors are told."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from decentralml.cli import output
from decentralml.cli.main import COMMANDS, cli
from decentralml.cli.options import Settings, common, pass_settings
from decentralml.errors import ConfigError, PassphraseRequired

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def private_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in [name for name in os.environ if name.startswith("DECENTRALML_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DECENTRALML_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def run(*words: str, **more: object) -> Result:
    return CliRunner().invoke(cli, list(words), prog_name="decentralml", **more)  # type: ignore[arg-type]


def every_command(
    group: click.Group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from every_command(command, (*path, name))


ALL = dict(every_command(cli))


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_has_help_with_an_example_of_itself(path: tuple[str, ...]) -> None:
    result = run(*path, "--help")
    assert result.exit_code == 0, result.output
    if not isinstance(ALL[path], click.Group):
        assert "Examples:" in result.output
        assert f"decentralml {' '.join(path)}" in result.output


def test_help_lists_every_command_in_its_section() -> None:
    text = run("--help").output
    for title, commands in COMMANDS.items():
        assert f"{title}:" in text
        for name, (_, summary) in commands.items():
            assert name in text
            assert summary.split()[0] in text


def test_help_imports_no_command(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom decentralml.cli.main import cli\ncli.main(['--help'], "
        "standalone_mode=False)\nprint([m for m in sys.modules if m.startswith('decentralml')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    loaded = done.stdout.splitlines()[-1]
    for heavy in ("chain", "storage", "learning", "sandbox", "cli.tasks"):
        assert f"decentralml.{heavy}" not in loaded


def test_a_usage_error_exits_with_2_and_names_the_help() -> None:
    result = run("show-task", "not-a-number")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert "decentralml show-task --help" in result.stderr
    assert result.stderr.count("\n") == 1


def test_no_command_shows_the_help_and_exits_with_2() -> None:
    result = run()
    assert result.exit_code == 2
    assert "For creators:" in result.stderr
    assert json.loads(run("--json").stderr)["class"] == "UsageError"


def test_a_misspelt_command_is_corrected() -> None:
    result = run("list-task")
    assert result.exit_code == 2
    assert "did you mean 'list-tasks'" in result.stderr


def test_an_error_is_one_line_and_exit_code_1() -> None:
    result = run("keys", "export", "nobody")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("error: no key 'nobody'")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("place", ["before", "after"])
def test_with_json_an_error_is_one_document_on_standard_error(place: str) -> None:
    words = ["keys", "export", "nobody"]
    result = run(*(["--json", *words] if place == "before" else [*words, "--json"]))
    assert result.exit_code == 1
    assert result.stdout == ""
    error = json.loads(result.stderr)
    assert error["class"] == "KeyUnknown"
    assert error["facts"]["name"] == "nobody"
    assert "keys new nobody" in error["message"]


def test_with_json_a_usage_error_is_a_document_too() -> None:
    result = run("show-task", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stderr)["class"] == "MissingParameter"


def test_global_options_work_before_and_after_the_command(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    environment = {"DECENTRALML_PASSPHRASE": "x"}
    assert run("keys", "new", "me", "--home", str(one), env=environment).exit_code == 0
    for words in (
        ("--home", str(one), "keys", "list", "--json"),
        ("keys", "list", "--home", str(one), "--json"),
        ("--json", "--home", str(other), "keys", "list", "--home", str(one)),
    ):
        result = run(*words)
        assert [key["name"] for key in json.loads(result.stdout)] == ["me"], words


def test_options_come_from_the_environment(tmp_path: Path) -> None:
    environment = {"DECENTRALML_PASSPHRASE": "x", "DECENTRALML_HOME": str(tmp_path / "elsewhere")}
    assert run("keys", "new", "me", env=environment).exit_code == 0
    assert (tmp_path / "elsewhere" / "keys" / "me.json").is_file()
    assert json.loads(run("keys", "list", env=environment | {"DECENTRALML_JSON": "1"}).stdout)


def test_a_profile_of_the_settings_file_is_used(private_home: Path) -> None:
    private_home.mkdir()
    (private_home / "config.toml").write_text('[profiles.far]\nchain = "ws://127.0.0.1:1"\n')
    result = run("chain", "status", "--profile", "far")
    assert result.exit_code == 1
    assert "ws://127.0.0.1:1" in result.stderr
    assert "no profile 'near'" in run("chain", "status", "--profile", "near").stderr


def test_a_missing_passphrase_is_named_and_never_an_empty_one(private_home: Path) -> None:
    result = run("keys", "new", "me")
    assert result.exit_code == 1
    assert "choose a passphrase" in result.stderr
    assert "DECENTRALML_PASSPHRASE" in result.stderr
    assert not (private_home / "keys" / "me.json").exists()


def test_a_passphrase_comes_from_the_first_line_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("correct horse\nanything\n")
    assert run("keys", "new", "me", "--passphrase-file", str(file)).exit_code == 0
    from decentralml.chain.keystore import KeyStore

    store = KeyStore(Path(os.environ["DECENTRALML_HOME"]) / "keys")
    assert store.load("me", "correct horse").address == store.info("me").address
    result = run("keys", "new", "you", "--passphrase-file", str(tmp_path / "nothing"))
    assert result.exit_code == 1
    assert "no passphrase in" in result.stderr


def test_files_that_never_end_are_not_read_to_their_end(tmp_path: Path) -> None:
    new = ("keys", "new", "me", "--passphrase-file", "/dev/zero")
    assert run(*new).exit_code == 0
    result = run("keys", "import", "you", "--secret-file", "/dev/zero", *new[3:])
    assert result.exit_code == 1
    assert "no secret key" in result.stderr


@pytest.mark.parametrize("words", [("transfer", "me", "-5"), ("explain", "0", "-1")])
def test_a_negative_number_is_not_called_an_option(words: tuple[str, ...]) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: a negative number makes no sense here; see: ")


def test_closed_streams_are_no_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings()
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    output.table(("name",), [("me",)])
    with settings.terminal.bar("storing") as progress:
        progress(1, 2)
    with pytest.raises(PassphraseRequired):
        settings.passphrase("me")


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[BaseException]]:
    """A command that raises whatever is put into the list."""
    wanted: list[BaseException] = []

    @click.command()
    @common
    @pass_settings
    def fail(settings: Settings) -> None:
        raise wanted[0]

    monkeypatch.setattr(type(cli), "get_command", lambda self, ctx, name: fail)
    yield wanted


def test_ctrl_c_exits_with_130_and_says_that_the_command_resumes(
    failing: list[BaseException],
) -> None:
    failing.append(KeyboardInterrupt())
    result = run("list-tasks")
    assert result.exit_code == 130
    assert "the same command resumes" in result.stderr
    assert result.stderr.strip().count("\n") == 0


def test_ctrl_c_while_a_simulation_is_still_imported_says_that_nothing_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Interrupting:
        def find_spec(self, name: str, *more: object) -> None:
            if name == "decentralml.learning.models":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "decentralml.learning.models", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupting(), *sys.meta_path])
    result = run("simulate", "--data", str(tmp_path))
    assert (result.exit_code, "the same command begins anew" in result.stderr) == (130, True)


def test_ctrl_c_in_a_callback_of_pythons_own_is_not_lost() -> None:
    script = """
import sys, time
from decentralml.cli import main

class Noisy:
    def __del__(self):
        raise KeyboardInterrupt

sys.unraisablehook = main._unraisable
try:
    Noisy()
    time.sleep(30)
except KeyboardInterrupt:
    print("interrupted")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=20
    )
    assert (done.stdout, done.stderr) == ("interrupted\n", "")


def test_a_full_disk_is_named(failing: list[BaseException]) -> None:
    failing.append(OSError(errno.ENOSPC, "No space left on device", "/x/chain.sqlite"))
    result = run("list-tasks")
    assert result.exit_code == 1
    assert "the disk is full (/x/chain.sqlite)" in result.stderr


def test_a_fault_of_ours_is_one_line_without_a_traceback(failing: list[BaseException]) -> None:
    failing.append(ZeroDivisionError("oops"))
    result = run("list-tasks")
    assert result.exit_code == 1
    assert "please report it" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_strangers_control_characters_do_not_reach_the_terminal(
    failing: list[BaseException],
) -> None:
    failing.append(ConfigError("bad \x1b[31mred\x1b[0m\nsecond line"))
    result = run("list-tasks")
    assert "\x1b" not in result.stderr
    assert result.stderr.count("\n") == 1


def test_tables_align_and_strip_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("name", "sum"), [("a\x1b[2J", 5), ("long name", 12345)], right="sum")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "name         sum"
    assert lines[2] == "long name  12345"
    assert "\x1b" not in lines[1]


def test_progress_appears_only_for_what_takes_longer(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(output, "PATIENCE", 3600.0)
    quick = output.Bar("storing")
    quick.update(1, 2)
    quick.close()
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(output, "PATIENCE", 0.0)
    slow = output.Bar("storing")
    slow.update(1, 2)
    slow.update(2, 2)
    slow.close()
    captured = capsys.readouterr()
    assert "storing" in captured.err
    assert captured.out == ""


def test_plain_values_are_json() -> None:
    value = {"key": b"\x01\xff", "path": Path("/x"), "bad": float("nan"), "many": (1, "a")}
    assert output.to_plain(value) == {"key": "0x01ff", "path": "/x", "bad": None, "many": [1, "a"]}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_name_the_command(shell: str) -> None:
    result = run("completion", shell)
    assert result.exit_code == 0
    assert "_DECENTRALML_COMPLETE" in result.output


def test_the_shell_completes_commands_and_options() -> None:
    environment = {"_DECENTRALML_COMPLETE": "bash_complete", "COMP_CWORD": "1"}
    result = run(env=environment | {"COMP_WORDS": "decentralml list-"})
    assert "list-tasks" in result.output
    environment["COMP_CWORD"] = "2"
    result = run(env=environment | {"COMP_WORDS": "decentralml create-task --rew"})
    assert "--reward" in result.output


def test_an_interruption_while_python_still_imports_is_no_traceback() -> None:
    program = (
        "import builtins, runpy\n"
        "real = builtins.__import__\n"
        "def interrupted(name, *rest, **more):\n"
        "    if name == 'decentralml.cli.main':\n"
        "        raise KeyboardInterrupt\n"
        "    return real(name, *rest, **more)\n"
        "builtins.__import__ = interrupted\n"
        "runpy.run_module('decentralml', run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "")


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


@pytest.mark.parametrize(("name", "command"), [pytest.param(*c, id=c[0]) for c in commands(cli)])
def test_the_examples_of_help_name_the_command_and_options_that_exist(
    name: str, command: click.Command
) -> None:
    text = (command.epilog or "").replace("\\\n", " ")
    shown = [line.strip() for line in text.splitlines() if line.strip().startswith("decentralml ")]
    assert any(name in line for line in shown)
    options = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
    for line in shown:
        if name in line:
            assert set(re.findall(r"(?<!\S)--[a-z-]+", line)) <= options
