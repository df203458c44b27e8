"""Attacks against merge rules on real digits: the merged model's accuracy, by attack and rule.

    python scripts/bench/robust_attacks.py [--rules auto,median,…] [--seeds 3] [--rounds 15]

Seven honest contributors share the training digits unevenly, three attackers come on top (30 %);
the clean run is the same federation without them, merged by the mean. Prints accuracies in percent
after the last round (mean of the last three, mean over the seeds), as Markdown, and below each
rule's worst distance from the clean run; and how often a backdoor works.
"""

from __future__ import annotations

import argparse
from statistics import mean

from decentralml.learning.attacks.drill import Drill, DrillResult, run_drill
from decentralml.learning.attacks.names import Attack
from decentralml.learning.examples import read_mnist
from decentralml.learning.robust.rules import Mixing, Rule, RuleOptions

LAST = 3
COLUMNS: dict[str, tuple[Rule, RuleOptions]] = {
    "mean": (Rule.MEAN, RuleOptions()),
    "auto": (Rule.AUTO, RuleOptions()),
    "fltrust": (Rule.FLTRUST, RuleOptions()),
    "screened fltrust": (Rule.FLTRUST, RuleOptions(screen=True)),
    "screened median": (Rule.MEDIAN, RuleOptions(screen=True)),
    "median": (Rule.MEDIAN, RuleOptions()),
    "trimmed-mean": (Rule.TRIMMED_MEAN, RuleOptions()),
    "mixed trimmed-mean": (Rule.TRIMMED_MEAN, RuleOptions(mixing=Mixing.NEAREST_NEIGHBOURS)),
    "bucketed median": (Rule.MEDIAN, RuleOptions(mixing=Mixing.BUCKETING)),
    "geometric-median": (Rule.GEOMETRIC_MEDIAN, RuleOptions()),
    "krum": (Rule.KRUM, RuleOptions()),
    "multi-krum": (Rule.MULTI_KRUM, RuleOptions()),
    "bulyan": (Rule.BULYAN, RuleOptions()),
    "centred-clipping": (Rule.CENTRED_CLIPPING, RuleOptions()),
    "norm-clipping": (Rule.NORM_CLIPPING, RuleOptions()),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rules", help="columns, comma-separated; default: all")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    columns = options.rules.split(",") if options.rules else list(COLUMNS)
    digits = read_mnist()

    def played(attack: Attack | None, rule: Rule, settings: RuleOptions) -> list[DrillResult]:
        return [
            run_drill(
                Drill(attack, rule, settings, rounds=options.rounds, seed=seed), digits=digits
            )
            for seed in range(options.seeds)
        ]

    def accuracy(results: list[DrillResult]) -> float:
        return 100 * mean(mean(result.accuracy[-LAST:]) for result in results)

    clean = accuracy(played(None, Rule.MEAN, RuleOptions()))
    print(f"clean run (mean): {clean:.1f} %\n")
    print(f"| attack | {' | '.join(columns)} |")
    print("|---" * (len(columns) + 1) + "|")
    worst = dict.fromkeys(columns, 100.0)
    doors = {}
    for attack in (None, *Attack):
        row = []
        for column in columns:
            results = played(attack, *COLUMNS[column])
            row.append(accuracy(results))
            worst[column] = min(worst[column], row[-1] - clean)
            if attack is Attack.BACKDOOR:
                doors[column] = 100 * mean(result.backdoor for result in results)
        print(f"| {attack or 'none'} | {' | '.join(f'{each:.1f}' for each in row)} |", flush=True)
    print(f"| worst, from clean | {' | '.join(f'{worst[c]:+.1f}' for c in columns)} |")
    print(f"| backdoor works | {' | '.join(f'{doors[c]:.0f} %' for c in columns)} |")


if __name__ == "__main__":
    main()
