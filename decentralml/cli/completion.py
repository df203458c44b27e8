"""``completion``: the script that lets a shell complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from decentralml.cli.options import examples

VARIABLE = "_DECENTRALML_COMPLETE"


@click.command(
    epilog=examples(
        "decentralml completion bash > ~/.local/share/bash-completion/completions/decentralml",
        "decentralml completion zsh >> ~/.zshrc",
        "decentralml completion fish > ~/.config/fish/completions/decentralml.fish",
    )
)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a SHELL, for its startup files."""
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(ctx.find_root().command, {}, "decentralml", VARIABLE).source())
