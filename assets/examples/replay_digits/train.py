"""Trains the creator's model on the digits in this bundle, so that anybody can do it again.

All that matters is pinned in ``task.toml``; the chain says in which order the digits are taken.
``decentralml run-task`` starts it for the contributor, and ``validate-task-results`` for the
committee, which repeats the drawn parts of the run.
"""

from decentralml.learning.examples import images
from decentralml.learning.replay.trainer import ReplayableTrainer

if __name__ == "__main__":
    ReplayableTrainer.from_bundle(prepare=images).run()
