"""Who got nothing from a file server: counted, newest first, and never without bound."""

from __future__ import annotations

from decentralml.swarm.files.refusals import Refusals


def test_each_is_counted_for_each_reason_the_newest_first() -> None:
    refusals = Refusals()
    for who, reason in (("5bob", "busy"), ("192.0.2.7", "no member's"), ("5bob", "busy")):
        refusals.add(who, reason)
    first, second = refusals.latest()
    assert (first.who, first.reason, first.times) == ("5bob", "busy", 2)
    assert (second.who, second.times) == ("192.0.2.7", 1) and second.last <= first.last
    assert refusals.times("busy") == 2 and refusals.times("never") == 0


def test_strangers_cannot_fill_the_memory() -> None:
    refusals = Refusals(most=3)
    for number in range(10):
        refusals.add(f"192.0.2.{number}", "no member's")
    assert [each.who for each in refusals.latest()] == ["192.0.2.9", "192.0.2.8", "192.0.2.7"]
