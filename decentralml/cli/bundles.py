"""``bundles``: content-addressed folders and files."""

from __future__ import annotations

from pathlib import Path

import click

from decentralml.cli.options import EXISTING_FILE, FILE, Settings, common, examples, pass_settings
from decentralml.cli.output import document
from decentralml.service.reporting import patience
from decentralml.types import Cid

PATH = click.Path(exists=True, path_type=Path)


@click.group()
def bundles() -> None:
    """Add, name, fetch, verify, export and import content by its CID.

    A CID is what `ipfs add --cid-version=1` gives for the same folder.
    """


@bundles.command(epilog=examples("decentralml bundles add assets/model_contributor"))
@click.argument("path", type=PATH)
@common
@pass_settings
def add(settings: Settings, path: Path) -> None:
    """Store a folder or file, and publish it to the configured storage."""
    with settings.session() as session:
        with settings.terminal.bar(f"adding {path.name}") as progress:
            cid = session.objects.add(path, progress)
        with (
            patience(settings.terminal, f"publishing {path.name} to {session.config.storage}"),
            settings.terminal.bar(f"publishing {path.name}") as progress,
        ):
            session.objects.publish(cid, progress)
    _say(settings, cid, path)


@bundles.command(epilog=examples("decentralml bundles cid assets/model_contributor"))
@click.argument("path", type=PATH)
@common
@pass_settings
def cid(settings: Settings, path: Path) -> None:
    """Print the CID of a folder or file; nothing is stored."""
    from decentralml.storage.unixfs import cid_of

    _say(settings, cid_of(path), path)


@bundles.command(epilog=examples("decentralml bundles get bafy... --out model"))
@click.argument("cid")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Must not exist, or hold just this content.",
)
@common
@pass_settings
def get(settings: Settings, cid: str, out: Path) -> None:
    """Fetch content, verified block by block, to a new folder or file.

    Done again, it finds that all is there and changes nothing.
    """
    if _holds(out, cid):
        settings.terminal.step(f"{out} holds it already")
        _say(settings, Cid(cid), out)
        return
    with (
        settings.session() as session,
        patience(settings.terminal, f"fetching {cid}"),
        settings.terminal.bar("fetching") as progress,
    ):
        session.objects.get(Cid(cid), out, progress=progress)
    _say(settings, Cid(cid), out)


@bundles.command(epilog=examples("decentralml bundles verify bafy..."))
@click.argument("cid")
@common
@pass_settings
def verify(settings: Settings, cid: str) -> None:
    """Check that every block of some content is here and undamaged."""
    with settings.session() as session, settings.terminal.bar("verifying") as progress:
        session.objects.verify(Cid(cid), progress=progress)
    if settings.json:
        document({"cid": cid, "complete": True})
    else:
        click.echo(f"{cid} is complete and undamaged")


@bundles.command(epilog=examples("decentralml bundles export bafy... --out bundle.car"))
@click.argument("cid")
@click.option("--out", type=FILE, required=True, help="CAR file to write.")
@common
@pass_settings
def export(settings: Settings, cid: str, out: Path) -> None:
    """Write content as a CAR file, to carry it to another store."""
    with settings.session() as session, settings.terminal.bar("writing") as progress:
        session.objects.export_car(Cid(cid), out, progress)
    _say(settings, Cid(cid), out)


@bundles.command("import", epilog=examples("decentralml bundles import bundle.car"))
@click.argument("file", type=EXISTING_FILE)
@common
@pass_settings
def import_(settings: Settings, file: Path) -> None:
    """Store the content of a CAR file, every block verified."""
    with settings.session() as session, settings.terminal.bar("reading") as progress:
        found = session.objects.import_car(file, progress=progress)
    _say(settings, found, file)


def _holds(path: Path, cid: str) -> bool:
    """Whether a file or folder is there and its content is that of the CID."""
    from decentralml.errors import StorageError
    from decentralml.storage import cid as cids
    from decentralml.storage.unixfs import cid_of

    wanted = cids.parse(cid)
    if path.is_symlink() or not path.exists():
        return False
    try:
        return cids.parse(cid_of(path)) == wanted
    except StorageError:  # it holds something that could not have been fetched
        return False


def _say(settings: Settings, cid: Cid, path: Path) -> None:
    if settings.json:
        document({"cid": cid, "path": path})
    else:
        click.echo(f"{cid}  {path}")
