"""``keys``: new, import, list, export, remove."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from decentralml.cli.options import EXISTING_FILE, FILE, Settings, common, examples, pass_settings
from decentralml.cli.output import details, document, table

if TYPE_CHECKING:
    from decentralml.chain.keystore import KeyStore


def _store(settings: Settings) -> KeyStore:
    from decentralml.chain.keystore import KeyStore

    return KeyStore(settings.config().keys)


LONGEST_SECRET = 4096
"""Characters of a secret's file that are read."""


@click.group()
def keys() -> None:
    """Make, import, list, export and remove the keys that sign.

    Keys are encrypted JSON files in the home folder's keys/ that polkadot.js can read. The
    passphrase comes from a prompt, --passphrase-file or DECENTRALML_PASSPHRASE.
    """


@keys.command(epilog=examples("decentralml keys new alice"))
@click.argument("name")
@common
@pass_settings
def new(settings: Settings, name: str) -> None:
    """Make a key; its twelve words are shown once and kept nowhere."""
    key, words = _store(settings).new(name, settings.passphrase(name, confirm=True))
    if settings.json:
        document({"name": name, "address": key.address, "words": words})
        return
    details([("name", name), ("address", key.address), ("words", words)])
    click.echo("Write the words down: with them, and only with them, the key can be restored.")


@keys.command(
    "import",
    epilog=examples(
        "decentralml keys import alice                   # asks for the words",
        "decentralml keys import alice --file polkadot-js-export.json",
        "decentralml keys import alice --secret-file words.txt",
    ),
)
@click.argument("name")
@click.option("--file", type=EXISTING_FILE, help="A polkadot.js JSON file.")
@click.option("--secret-file", type=EXISTING_FILE, help="A file with the words or the seed.")
@common
@pass_settings
def import_(settings: Settings, name: str, file: Path | None, secret_file: Path | None) -> None:
    """Keep a key made elsewhere: its words, its seed (0x…), or a polkadot.js file.

    The words are never an argument, where other users of the machine could read them. A file's
    own passphrase is asked for, or taken from DECENTRALML_FILE_PASSPHRASE.
    """
    if file and secret_file:
        raise click.UsageError("--file and --secret-file exclude each other")
    if file:
        key = _store(settings).import_file(
            name, file, lambda: _file_passphrase(file), settings.passphrase(name, confirm=True)
        )
    else:
        secret = (
            _secret(secret_file)
            if secret_file
            else click.prompt("Words or seed", hide_input=True, err=True)
        )
        key = _store(settings).import_secret(
            name, secret.strip(), settings.passphrase(name, confirm=True)
        )
    if settings.json:
        document({"name": name, "address": key.address})
    else:
        details([("name", name), ("address", key.address)])


def _secret(file: Path) -> str:
    with file.open(encoding="utf-8", errors="replace") as stream:
        return stream.read(LONGEST_SECRET)


def _file_passphrase(file: Path) -> str:
    named = os.environ.get("DECENTRALML_FILE_PASSPHRASE")
    if named is not None:
        return named
    return str(click.prompt(f"Passphrase of {file.name}", hide_input=True, err=True))


@keys.command("list", epilog=examples("decentralml keys list"))
@common
@pass_settings
def list_(settings: Settings) -> None:
    """List the keys and their addresses."""
    found = _store(settings).list()
    if settings.json:
        document(found)
    elif found:
        table(
            ("name", "address", "encrypted"),
            [(key.name, key.address, "yes" if key.encrypted else "no") for key in found],
        )
    else:
        click.echo("no keys yet; make one with: decentralml keys new NAME")


@keys.command(epilog=examples("decentralml keys export alice --out alice.json"))
@click.argument("name")
@click.option("--out", type=FILE, help="File to write; standard output without it.")
@common
@pass_settings
def export(settings: Settings, name: str, out: Path | None) -> None:
    """Write a key's file, as encrypted as it is, for polkadot.js or another machine."""
    text = _store(settings).export(name)
    if out is None:
        sys.stdout.write(text)
        return
    # A new file, readable by its owner only: never over another, never open for a moment.
    with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
    if settings.json:
        document({"name": name, "file": out})
    else:
        click.echo(f"wrote {out}")


@keys.command(epilog=examples("decentralml keys remove alice"))
@click.argument("name")
@common
@pass_settings
def remove(settings: Settings, name: str) -> None:
    """Take a key out of use; its file moves to keys/removed/."""
    store = _store(settings)
    store.info(name)  # Nobody is asked about a key that is not there.
    if not settings.confirm(f"Remove the key {name}?"):
        raise click.ClickException(f"the key {name} stays; pass --yes to remove it unasked")
    place = store.remove(name)
    if settings.json:
        document({"name": name, "moved_to": place})
    else:
        click.echo(f"moved to {place}")
