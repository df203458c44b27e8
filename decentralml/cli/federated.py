"""``train-federated`` and ``runs``: training over many rounds, each of which is a task."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from decentralml.cli.merging import merge_options, spent_in_words
from decentralml.cli.options import (
    EXISTING_FOLDER,
    FILE,
    FOLDER,
    Settings,
    choice,
    common,
    examples,
    pass_settings,
)
from decentralml.cli.output import document, is_terminal, printable, table, to_plain
from decentralml.cli.units import (
    AMOUNT,
    DURATION,
    PROPORTION,
    format_amount,
    format_duration,
    format_proportion,
)
from decentralml.types import ModelType, TaskId, TaskType, ValidationStrategy

if TYPE_CHECKING:
    from decentralml.market.rounds.plan import RunPlan
    from decentralml.market.rounds.run import Progress
    from decentralml.market.rounds.state import Run
    from decentralml.market.rounds.steps import Waiting
    from decentralml.market.session import Session


@click.command(
    epilog=examples(
        "decentralml train-federated --bundle assets/model_contributor --base-model first-model \\",
        "    --rounds 5 --participants 3 --min-results 2 --reward 20 --fee 1 \\",
        "    --validation-path data/validation --round-time 2h --patience 2 --as hospital",
        "decentralml train-federated --bundle b --rounds 9 --participants 4 --algorithm fedsgd …",
    )
)
@click.option("--bundle", type=FOLDER, required=True, help="Of every round.")
@click.option("--rounds", type=int, required=True, help="How many, at most.")
@click.option("--participants", type=int, required=True, help="Results that a round waits for.")
@click.option(
    "--spare",
    type=int,
    default=0,
    show_default=True,
    help="More slots, for those that drop out or are late.",
)
@click.option(
    "--min-results",
    type=int,
    default=1,
    show_default=True,
    help="Accepted results without which nothing is merged.",
)
@click.option(
    "--retries",
    type=int,
    default=0,
    show_default=True,
    help="How often a round with fewer is posted again.",
)
@click.option(
    "--round-time",
    type=DURATION,
    default="1d",
    show_default=True,
    help="After it a round takes no more results.",
)
@click.option("--name", help="Of the run  [default: made from the bundle and the terms]")
@click.option("--base-model", type=EXISTING_FOLDER, help="The first round's; else the bundle's.")
@click.option("--parent", type=click.IntRange(0), help="Task whose published model is the first.")
@click.option(
    "--validation-path", type=EXISTING_FOLDER, help="Held-out data for the aggregators, sealed."
)
@click.option(
    "--test-path", type=EXISTING_FOLDER, help="You measure each round on this; else on the same."
)
@click.option(
    "--trusted-path",
    "trusted",
    type=EXISTING_FOLDER,
    help="Data of yours that each round's script is run on, for the rule fltrust.",
)
@click.option("--target", type=PROPORTION, help="Score at which the run ends, such as 90%.")
@click.option("--patience", type=int, help="Rounds without a better score after which it ends.")
@click.option(
    "--algorithm",
    type=click.Choice(("fedavg", "fedsgd"), case_sensitive=False),
    default="fedavg",
    show_default=True,
    help="Some epochs between two merges, or one step along the gradient.",
)
@click.option("--epochs", type=int, help="Of local training; else the bundle's own.")
@click.option("--learning-rate", type=float, help="Of local training; else the bundle's own.")
@click.option("--batch", type=int, help="Examples in a local step; else the bundle's own.")
@click.option("--proximal", type=float, help="FedProx's mu: holds local models to the common one.")
@merge_options
@click.option(
    "--optimizer",
    metavar="NAME",
    help="The server's: fedavg, fedavgm, fedadagrad, fedadam, fedyogi.",
)
@click.option("--server-rate", type=float, help="Learning rate of the server's optimizer.")
@click.option("--merger", metavar="AGGREGATOR", help="Merges and publishes instead of you.")
@click.option(
    "--merge-time", type=DURATION, default="1h", show_default=True, help="For the merger."
)
@click.option("--reward", metavar="TOKENS", required=True, help="For each accepted result.")
@click.option("--asset", type=click.IntRange(0), help="Asset of the reward; else native tokens.")
@click.option("--fee", type=AMOUNT, required=True, help="For each aggregator that agrees.")
@click.option("--bond", type=AMOUNT, help="Of a contributor.")
@click.option("--committee", type=click.IntRange(1, 9), default=3, show_default=True)
@click.option("--policy", "strategy", type=choice(ValidationStrategy), help="Else task.toml's.")
@click.option("--model-type", type=choice(ModelType), help="Else task.toml's.")
@click.option("--working-time", type=DURATION, default="1d", show_default=True)
@click.option("--challenge-time", type=DURATION, default="0s", show_default=True)
@click.option("--min-score", "minimum_score", type=PROPORTION)
@click.option("--min-gain", "minimum_gain", type=PROPORTION, help="Over the round's base model.")
@click.option("--tolerance", type=PROPORTION, default="1%", show_default=True)
@click.option("--invite", multiple=True, metavar="ACCOUNT", help="Only who is invited may work.")
@click.option("--min-standing", "minimum_reputation", type=PROPORTION, default="0")
@click.option("--every", type=DURATION, default="3s", show_default=True, help="Between two looks.")
@click.option("--once", is_flag=True, help="Do what is due now and end (for cron).")
@click.option("--out", type=FOLDER, help="New folder for the best model, at the end.")
@common
@pass_settings
def train_federated(
    settings: Settings,
    /,
    every: int,
    once: bool,
    out: Path | None,
    **options: Any,
) -> None:
    """Train over ROUNDS rounds: post a task, wait for its results, merge, publish, and again.

    Each round's task begins from what the round before published. Contributors take part by
    `worker run`, aggregators by `aggregator run`. Kill it at any moment: the same command goes on
    where it was. `runs show` tells how far it has come.
    """
    from decentralml.errors import FolderInUse
    from decentralml.market.rounds.run import advance_run, final_model, stay_with_run
    from decentralml.storage.staging import staged_folder

    if out is not None and out.exists():
        raise FolderInUse(out)
    with settings.session() as session:
        plan = _plan(session, options)
        line = RunLine(settings.json)
        if once:
            progress = advance_run(session, plan)
        else:
            try:
                for progress in stay_with_run(session, plan, line, every / 1000):
                    line.told(progress)
            except KeyboardInterrupt:
                line.left()
                raise
        model = final_model(progress)
        if out is not None and model is not None and progress.ending is not None:
            with staged_folder(out) as stage:  # A kill leaves no half of a model.
                shutil.copytree(model, stage, dirs_exist_ok=True)
    if settings.json:
        document(progress)
        return
    print_run(progress.run)
    if progress.ending is not None:
        click.echo(f"ended: {progress.ending}")
        click.echo(f"best model: {out or model}")
    elif progress.waiting is not None:
        waiting = progress.waiting
        click.echo(f"round {waiting.round} waits for {waiting.what} (task {waiting.task})")
        click.echo("next: the same command again")


def _plan(session: Session, options: dict[str, Any]) -> RunPlan:
    """The options as a plan."""
    from decentralml.bundles.training import Algorithm, LocalTraining
    from decentralml.cli.creating import reward_of
    from decentralml.market.creating.offer import Offer
    from decentralml.market.rounds.plan import RunPlan, merge_of

    take = options.pop
    bundle: Path = take("bundle")
    parent, strategy, model_type = take("parent"), take("strategy"), take("model_type")
    merger = take("merger")
    training = LocalTraining(
        Algorithm(take("algorithm").lower()),
        None,
        take("epochs"),
        take("learning_rate"),
        take("batch"),
        take("proximal"),
    )
    training.check()
    merge = merge_of(bundle, take("rule"), take("weights"), take("optimizer"), take("server_rate"))
    own = {
        name: take(name)
        for name in (
            "rounds", "name", "spare", "min_results", "retries", "round_time", "merge_time",
            "target", "patience", "trusted",
        )
    }  # fmt: skip
    test_set = take("test_path")
    offer = Offer(
        reward=reward_of(session, take("reward"), options["asset"]),
        results=take("participants"),
        parent=None if parent is None else TaskId(parent),
        task_type=TaskType.MODEL_CONTRIBUTOR,
        strategy=None if strategy is None else ValidationStrategy(strategy),
        model_type=None if model_type is None else ModelType(model_type),
        validation_set=take("validation_path"),
        invited=tuple(session.resolve(name) for name in take("invite")),
        merger=None if merger is None else session.resolve(merger),
        training=training,
        merge=merge,
        **options,
    )
    return RunPlan(bundle, offer, test_set=test_set, **own)


class RunLine:
    """What a run waits for, on standard error: a line that a terminal repaints."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.said: object = None
        self.waiting: Waiting | None = None

    def __call__(self, progress: Progress, now: int) -> None:
        waiting = self.waiting = progress.waiting
        if self.quiet or waiting is None:
            return
        text = (
            f"round {waiting.round} waits for {waiting.what}: {waiting.accepted} accepted, "
            f"{waiting.active} in work, {waiting.free} slots free"
        )
        if is_terminal(sys.stderr):
            left = format_duration(max(waiting.until - now, 0))
            width = shutil.get_terminal_size().columns - 1
            shown = printable(f"{text}; {left} left")[:width]
            click.echo(f"\r\x1b[K{shown}", nl=False, err=True)
        elif text != self.said:
            click.echo(f"· {printable(text)}", err=True)
            self.said = text

    def left(self) -> None:
        """Nobody waits any more; the chain does not stop for that."""
        if self.waiting is not None and not self.quiet:
            task = self.waiting.task
            click.echo(
                f"\ntask {task} of round {self.waiting.round} goes on without you; to take no more "
                f"results: decentralml withdraw-task {task}",
                err=True,
            )

    def told(self, progress: Progress) -> None:
        """A round has come to an end, perhaps."""
        if self.quiet:
            return
        if is_terminal(sys.stderr):
            click.echo("\r\x1b[K", nl=False, err=True)
        if progress.run.finished and len(progress.run.finished) != self.said:
            self.said = len(progress.run.finished)
            last = progress.run.finished[-1]
            score = "" if last.score is None else f", score {format_proportion(last.score)}"
            click.echo(f"round {last.number}: {last.results} results merged{score}", err=True)


@click.group()
def runs() -> None:
    """Federated runs of this home: list them, and show how one has gone."""


@runs.command("list", epilog=examples("decentralml runs list"))
@common
@pass_settings
def list_(settings: Settings) -> None:
    """The runs of this home on this chain."""
    from decentralml.market.rounds.state import list_runs

    with settings.session() as session:
        found = list_runs(session)
    if settings.json:
        document(found)
        return
    if not found:
        click.echo("no federated runs here; begin one with: decentralml train-federated")
        return
    table(
        ("run", "rounds", "best", "score"),
        [
            (
                run.name,
                len(run.finished),
                "-" if run.best is None else f"round {run.best.number}",
                "-" if run.best is None else _score(run.best.score),
            )
            for run in found
        ],
        right="rounds score",
    )


@runs.command(
    "show",
    epilog=examples("decentralml runs show digits", "decentralml runs show digits --plot f.png"),
)
@click.argument("name")
@click.option("--plot", type=FILE, help="Write its learning curve to this file (png, svg, pdf).")
@common
@pass_settings
def show(settings: Settings, name: str, plot: Path | None) -> None:
    """One run: its rounds, what came of them, and their scores."""
    from decentralml.market.rounds.state import folder_of, read_run

    with settings.session() as session:
        run = read_run(session, name)
        folder = folder_of(session, name).root
    if plot is not None:
        from decentralml.market.rounds.plot import plot_runs

        plot_runs({run.name: run}, plot)
    if settings.json:
        document(to_plain(run) | {"folder": folder, "plot": plot})
        return
    print_run(run)
    click.echo(f"models: {folder}")
    if plot is not None:
        click.echo(f"plot: {plot}")


def print_run(run: Run) -> None:
    """Its rounds as a table."""
    reward = int(run.terms["reward"])
    native = run.terms["asset"] == "None"
    rows: list[tuple[object, ...]] = []
    if run.score is not None:
        rows.append((0, "-", "-", "-", "-", _score(run.score), "first model"))
    for each in run.rounds:
        for attempt in each.attempts:
            last = attempt is each.attempts[-1]
            if each.model is not None:
                outcome: object = each.model if attempt.accepted else "too few"
            else:
                outcome = _state(attempt.closed_at is None) if last else "too few"
            paid = reward * len(attempt.accepted)
            rows.append(
                (
                    each.number,
                    attempt.task,
                    len(attempt.accepted),
                    sum(attempt.ended.values()),
                    format_amount(paid) if native else paid,
                    _score(each.score) if last else "-",
                    outcome,
                )
            )
    table(
        ("round", "task", "merged", "others", "paid", "score", "model"),
        rows,
        right="round task merged others paid score",
    )
    if run.finished and (spent := run.finished[-1].privacy) is not None:
        click.echo(f"privacy: {spent_in_words(spent)}")


def _state(open_: bool) -> str:
    return "going on" if open_ else "closed"


def _score(score: int | None) -> str:
    return "-" if score is None else format_proportion(score)
