"""``federate``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from decentralml.bundles.merge import Weighting
from decentralml.cli.options import (
    EXISTING_FOLDER,
    FOLDER,
    Settings,
    common,
    examples,
    pass_settings,
)
from decentralml.cli.output import document, printable, table, to_plain
from decentralml.cli.units import format_metric, format_proportion
from decentralml.types import PPM, Address, TaskId

if TYPE_CHECKING:
    from decentralml.market.merging.federation import Merged, Part
    from decentralml.market.merging.private import Spending

F = TypeVar("F", bound=Callable[..., Any])


def merge_options(command: F) -> F:
    """How models are merged, where the bundle's own way is not wanted."""
    for option in (
        click.option(
            "--weights",
            type=click.Choice([word.value for word in Weighting]),
            help="How much each model counts  [default: the bundle's; else examples with the mean, "
            "equal with other rules]",
        ),
        click.option(
            "--rule",
            metavar="NAME",
            help="How models are combined: mean, median, krum, auto, …  "
            "[default: the bundle's, else mean]",
        ),
    ):
        command = option(command)
    return command


def print_parts(merged: Merged, names: Mapping[Address, str]) -> None:
    """Whose models went into the next one, how much, and why."""
    private = any(part.epsilon is not None for part in merged.parts)
    table(
        ("index", "contributor", "examples", "share", "in the merge", *(["epsilon"] * private)),
        [
            (
                part.index,
                names.get(part.contributor, part.contributor),
                part.examples,
                format_proportion(int(part.share * PPM)),
                _use(part),
                *([_epsilon(part)] * private),
            )
            for part in merged.parts
        ],
        right="index examples share epsilon",
    )
    plan = merged.plan
    how = f"{merged.rule}, weights by {plan.weights}, {plan.optimizer}"
    click.echo(printable(f"merged by: {how}" + (f" ({merged.reason})" if merged.reason else "")))
    if merged.privacy is not None:
        click.echo(f"privacy: {spent_in_words(merged.privacy)}")


def spent_in_words(found: Spending) -> str:
    """What is promised to contributors, and on whose count."""
    merges = f"{found.merges} merge{'' if found.merges == 1 else 's'}"
    if found.epsilon is None:
        return f"nothing is promised: of {merges}, some had no noise"
    budget = "" if found.budget is None else f" of {found.budget:g}"
    return (
        f"epsilon {found.epsilon:.3g}{budget} at delta {found.delta:g}, over {merges} "
        f"(accountant: {found.accountant})"
    )


def _epsilon(part: Part) -> str:
    """What its contributor claims of a private training."""
    return "-" if part.epsilon is None else f"{part.epsilon:.3g}"


def _use(part: Part) -> str:
    if part.rejected is not None:
        return f"left out: {part.rejected}"
    if part.coefficient is None:
        return "by coordinate"
    return format_proportion(int(part.coefficient * PPM))


@click.command(
    epilog=examples(
        "decentralml federate 3 --out next-model --as hospital",
        "decentralml federate 3 --out next-model --rule multi-krum --weights score --as hospital",
        "decentralml federate 3 --out next-model --validation-path data/validation --no-publish",
        "decentralml federate 3 --out next-model --rule fltrust --trusted-path data/own",
    )
)
@click.argument("task", type=click.IntRange(0))
@click.option("--out", type=FOLDER, required=True, help="Folder for the next model.")
@click.option(
    "--only",
    type=click.IntRange(0),
    multiple=True,
    metavar="INDEX",
    help="Merge this accepted result; may be repeated  [default: all]",
)
@merge_options
@click.option(
    "--base", type=EXISTING_FOLDER, help="Model that the results began from: the task's own."
)
@click.option(
    "--reference",
    type=EXISTING_FOLDER,
    help="For fltrust: a model that you trained, from the base model, on data that you trust.",
)
@click.option(
    "--trusted-path",
    type=EXISTING_FOLDER,
    help="For fltrust: such data; the task's script is run on it, in the sandbox.",
)
@click.option(
    "--publish/--no-publish",
    default=True,
    show_default=True,
    help="Store the model and record it on the chain.",
)
@click.option("--validation-path", type=EXISTING_FOLDER, help="Measure the next model on this.")
@common
@pass_settings
def federate(
    settings: Settings,
    task: int,
    out: Path,
    only: tuple[int, ...],
    weights: str | None,
    rule: str | None,
    base: Path | None,
    reference: Path | None,
    trusted_path: Path | None,
    publish: bool,
    validation_path: Path | None,
) -> None:
    """Merge the accepted models of a task into the next model, and publish it.

    Without --only those of the attempts before it, which its bundle names, are merged with them.
    Rule and weights are those that the task's bundle pins ([merge] in task.toml), unless you say
    otherwise here; without either, the mean weighted by examples. What a contributor claims counts
    only with --weights examples or adjusted: the others go by what its committee measured.
    """
    from decentralml.market.merging.attempts import federate_round
    from decentralml.market.merging.federation import federate as federate_some
    from decentralml.market.merging.models import evaluate_merged

    how: dict[str, Any] = {
        "weighting": None if weights is None else Weighting(weights),
        "rule": rule,
        "base": base,
        "reference": reference,
        "trusted": trusted_path,
        "publish": publish,
    }
    with settings.session() as session:
        if only:
            merged = federate_some(session, TaskId(task), out, only=only, **how)
        else:
            merged = federate_round(session, TaskId(task), out, **how)
        names = session.names
        measured = (
            None if validation_path is None else evaluate_merged(session, merged, validation_path)
        )
    if settings.json:
        document(to_plain(merged) | {"metrics": measured and measured.metrics})
        return
    print_parts(merged, names)
    click.echo(f"next model: {merged.model}")
    click.echo(f"{'published' if merged.published else 'not published'}: {merged.cid}")
    if measured is not None:
        for name, value in measured.metrics.items():
            click.echo(f"{name}: {format_metric(value)}")
