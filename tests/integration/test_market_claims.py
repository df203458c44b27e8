"""What a contributor claims of its model is held against what the members measure."""

from __future__ import annotations

import json

from market_support import AGGREGATORS, CONTRIBUTORS, Stage

from decentralml.market.contributing.contributor import accept_task
from decentralml.market.contributing.running import run_task
from decentralml.market.contributing.sending import send_results
from decentralml.market.reports import read_opinions


def test_a_claim_that_does_not_hold_is_told_in_every_members_report(stage: Stage) -> None:
    task = stage.post()
    who = CONTRIBUTORS[0]
    work = stage.work(who)
    claims = {"examples": 10, "metrics": {"accuracy": 0.25, "beauty": 1.0}}
    (work / "result.json").write_text(json.dumps(claims))
    session = stage.as_(who)
    accept_task(session, task)
    run_task(session, task, work)
    send_results(session, task)
    stage.conclude(task)
    opinions = read_opinions(session, session.chain.submission(task, 0))
    assert len(opinions) == len(AGGREGATORS)
    note = "note: the contributor claims accuracy 0.25; measured here: 1"
    assert all(note in opinion.reasons for opinion in opinions)
    # It is told, and decides nothing: what was measured is what counts.
    assert all(opinion.metrics["accuracy"] == 1.0 for opinion in opinions)
    assert session.chain.submission(task, 0).score == 1_000_000
