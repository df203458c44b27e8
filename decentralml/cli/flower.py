"""``flower-server``: a Flower federation that merges by model type and keeps what it makes."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from decentralml.cli.options import (
    EXISTING_FOLDER,
    FOLDER,
    Settings,
    choice,
    common,
    examples,
    pass_settings,
)
from decentralml.cli.output import document
from decentralml.cli.units import DURATION, format_metric
from decentralml.types import ModelType

STRATEGIES = ("load_based", "performance_based", "pfc_centric", "hybrid", "quantum_modulated")
RULES = (
    "mean", "auto", "median", "trimmed-mean", "geometric-median", "krum", "multi-krum", "bulyan",
    "centred-clipping", "norm-clipping",
)  # fmt: skip
PEM = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(
    epilog=examples(
        "decentralml flower-server --num-rounds 5 --min-clients 3 --model first-model",
        "flower-supernode --insecure --superlink 127.0.0.1:9092 "
        "--node-config 'client=\"hospital:client_fn\"'",
    )
)
@click.option(
    "--strategy",
    type=click.Choice(STRATEGIES),
    default="hybrid",
    show_default=True,
    help="How the aggregator is chosen among the clients.",
)
@click.option("--num-rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--min-clients",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    help="Clients that a round waits for.",
)
@click.option(
    "--target-llm-type",
    type=choice(ModelType),
    help="Type of the models that are merged; else it is detected.",
)
@click.option(
    "--use-type-based-aggregation/--no-type-based-aggregation",
    "by_type",
    default=True,
    show_default=True,
    help="Weigh updates by what their models are worth, or by examples alone.",
)
@click.option(
    "--rule",
    type=click.Choice(RULES),
    default="mean",
    show_default=True,
    help="How updates are merged. All but the mean count every client alike and stand bad ones.",
)
@click.option(
    "--pfc-node-id",
    default="",
    help="Client that pfc_centric and hybrid favour: its node's number, or the name it says first.",
)
@click.option(
    "--aggregator-weight-multiplier",
    type=click.FloatRange(1.5, 3.0),
    default=2.0,
    show_default=True,
    help="By which hybrid multiplies the weight of the aggregator's own update.",
)
@click.option(
    "--model",
    type=EXISTING_FOLDER,
    help="Saved model to begin from; else the database's newest, else a client's own.",
)
@click.option(
    "--out",
    type=FOLDER,
    default=Path("federated-model"),
    show_default=True,
    help="Folder for the last model and what each round came to.",
)
@click.option("--round-timeout", type=DURATION, default="1h", show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Where nodes connect to.")
@click.option("--port", type=click.IntRange(1, 65535), default=9092, show_default=True)
@click.option("--certificate", type=PEM, help="TLS certificate of the server (PEM).")
@click.option("--private-key", type=PEM, help="Its private key (PEM).")
@click.option("--authority", type=PEM, help="Certificate of who signed it (PEM).")
@common
@pass_settings
def flower_server(
    settings: Settings,
    strategy: str,
    num_rounds: int,
    min_clients: int,
    target_llm_type: str | None,
    by_type: bool,
    rule: str,
    pfc_node_id: str,
    aggregator_weight_multiplier: float,
    model: Path | None,
    out: Path,
    round_timeout: int,
    host: str,
    port: int,
    certificate: Path | None,
    private_key: Path | None,
    authority: Path | None,
) -> None:
    """Run a Flower federation, and stop when its rounds are over.

    Each round's model and report go to the database of DATABASE_URL (see `decentralml models
    list`). Nodes run a client of their own, which the server does not send.
    """
    from decentralml.errors import FlowerNotInstalled

    if find_spec("flwr") is None:
        raise FlowerNotInstalled
    if len({certificate is None, private_key is None, authority is None}) > 1:
        raise click.UsageError("--certificate, --private-key and --authority belong together")
    if strategy == "pfc_centric" and not pfc_node_id:
        raise click.UsageError("--strategy pfc_centric needs --pfc-node-id")
    from decentralml.flower.server import LOOPBACK, Link, serve
    from decentralml.flower.settings import RunSettings

    link = Link(host, port, certificate, private_key, authority)
    if not link.secure and host not in LOOPBACK:
        settings.terminal.warn(
            f"whoever reaches {host}:{port} reads the models and can start runs on the nodes: let "
            "only your nodes reach it, and encrypt with --certificate"
        )
    config = settings.config()
    run = RunSettings(
        strategy=strategy,
        num_rounds=num_rounds,
        min_clients=min_clients,
        target_llm_type=target_llm_type or "",
        by_type=by_type,
        rule=rule,
        pfc_node_id=pfc_node_id,
        aggregator_weight_multiplier=aggregator_weight_multiplier,
        round_timeout=round_timeout / 1000,
        model=str(model.absolute()) if model else "",
        out=str(out.absolute()),
    )
    settings.terminal.step(f"waiting for {min_clients} nodes on {link.local}")
    found = serve(run, link, config, out.absolute(), settings.terminal.line)
    if settings.json:
        document({"model": found.model, "rounds": found.rounds})
        return
    for report in found.rounds:
        weights = ", ".join(
            f"{name} {format_metric(client['weight'])}"
            for name, client in sorted(report["clients"].items())
        )
        click.echo(
            f"round {report['round']}: {report['target'] or 'untyped'}, aggregator "
            f"{report['aggregator'] or 'none'}; weights: {weights}"
        )
        for name, kind in sorted(report["apart"].items()):
            click.echo(f"  kept apart: {name} ({kind})")
        for name, reason in sorted(report["refused"].items()):
            click.echo(f"  left out: {name}: {reason}")
    click.echo(f"model: {found.model}")
