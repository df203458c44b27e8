"""The learning curve of a federated run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from decentralml.errors import PlotNotInstalled
from decentralml.market.rounds.state import Run
from decentralml.types import PPM


def plot_runs(
    runs: Mapping[str, Run], file: Path, levels: Mapping[str, float] | None = None
) -> None:
    """Draw the score of each round.

    Parameters
    ----------
    runs : by the name that the legend gives them.
    file : its suffix says the format.
    levels : shares of one to draw as lines across, by name, to compare with.

    Raises
    ------
    PlotNotInstalled
    """
    try:
        import matplotlib
    except ImportError:
        raise PlotNotInstalled from None
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import MaxNLocator

    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for name, run in runs.items():
        points = [] if run.score is None else [(0, run.score)]
        points += [(each.number, each.score) for each in run.finished if each.score is not None]
        axes.plot(
            [number for number, _ in points],
            [100 * score / PPM for _, score in points],
            marker="o",
            label=name,
        )
    for number, (name, level) in enumerate((levels or {}).items()):
        axes.axhline(100 * level, linestyle="--", color=f"C{number + len(runs)}", label=name)
    axes.set_xlabel("round")
    axes.set_ylabel("score on the creator's data (%)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(file, dpi=150)
    plt.close(figure)
