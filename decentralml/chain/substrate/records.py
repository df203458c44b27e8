"""What the market stores, as the project's own words.

Pure functions of decoded values (:mod:`decentralml.chain.substrate.codec`). A value that lacks what
they look for raises ``KeyError`` or ``ValueError``, which the client reports as a runtime that this
program cannot read.
"""

from __future__ import annotations

from typing import Any

from decentralml.chain import ss58
from decentralml.chain.substrate.codec import Variant
from decentralml.types import (
    Access,
    Address,
    Appeal,
    Attestation,
    Cid,
    Expected,
    ModelType,
    Outcome,
    PanelFinding,
    Phase,
    Replay,
    Seal,
    Seat,
    Share,
    StorageType,
    Submission,
    SubmissionStatus,
    Task,
    TaskId,
    TaskStatus,
    TaskType,
    Terms,
    Trace,
    ValidationStrategy,
    Verdict,
    Window,
)


def task(number: int, value: dict[str, Any]) -> Task:
    """``Market.Tasks``."""
    return Task(
        id=TaskId(number),
        creator=ss58.encode(value["creator"]),
        terms=terms(value["terms"]),
        deposit=value["deposit"],
        open_slots=value["open_slots"],
        active=value["active"],
        accepted=value["accepted"],
        submissions=value["submissions"],
        stored=value["stored"],
        created_at=value["created_at"],
        status=TaskStatus(value["status"].name),
        published=None if value["published"] is None else cid(value["published"]),
        ended_at=value["ended_at"],
        unreturned=value["unreturned"],
    )


def terms(value: dict[str, Any]) -> Terms:
    return Terms(
        task_type=TaskType(value["task_type"].name),
        strategy=ValidationStrategy(value["strategy"].name),
        model_type=ModelType(value["model_type"].name),
        storage=StorageType(value["storage"].name),
        bundle=cid(value["bundle"]),
        reward=value["reward"],
        asset=value["asset"],
        fee=value["fee"],
        committee_size=value["committee_size"],
        tolerance=value["tolerance"],
        bond=value["bond"],
        slots=value["slots"],
        expires_at=value["expires_at"],
        working_time=value["working_time"],
        review_time=value["review_time"],
        challenge_time=value["challenge_time"],
        parent=None if value["parent"] is None else TaskId(value["parent"]),
        reader=value["reader"],
        access=Access(value["access"].name),
        minimum_reputation=value["minimum_reputation"],
        replay=None if value["replay"] is None else Replay(**value["replay"]),
        golds=tuple(value["golds"]),
    )


def submission(
    number: int, index: int, value: dict[str, Any], appealed: dict[str, Any] | None
) -> Submission:
    """``Market.Submissions`` and ``Market.Appeals``.

    What only one state or another has is spread over optional attributes.
    """
    state = value["state"]
    return Submission(
        task=TaskId(number),
        index=index,
        contributor=ss58.encode(value["contributor"]),
        bond=value["bond"],
        deposit=value["deposit"],
        accepted_at=value["accepted_at"],
        accepted_in=value["accepted_in"],
        status=SubmissionStatus(state.name),
        seed=value["seed"],
        committee=tuple(seat(each) for each in value["committee"]),
        key=value["key"],
        appeal=None if appealed is None else appeal(appealed),
        **_work(value["work"]),
        **_state(state),
    )


def _work(work: dict[str, Any] | None) -> dict[str, Any]:
    if work is None:
        return {}
    return {
        "result": cid(work["cid"]),
        "digest": work["digest"],
        "seal": None if work["seal"] is None else Seal(**work["seal"]),
        "trace": None if work["trace"] is None else Trace(**work["trace"]),
        "submitted_at": work["submitted_at"],
    }


def _state(state: Variant) -> dict[str, Any]:
    held = state.value or {}
    facts: dict[str, Any] = {}
    if "deadline" in held:
        facts["deadline"] = held["deadline"]
    if "phase" in held:
        phase = held["phase"]
        facts["phase"] = Phase(phase.name)
        facts["deadline"] = phase.value["until"]
        facts["draw_after"] = phase.value.get("anchor")
    if "round" in held:
        facts["round"] = held["round"]
    if "finding" in held:
        found = held["finding"]
        facts["finding"] = PanelFinding(Verdict(found["verdict"].name), found["score"])
    if "window" in held:
        window = held["window"]
        facts["window"] = Window(window.name)
        facts["deadline"] = window.value["until"]
        held = {**held, **window.value}
    if "outcome" in held:
        facts["outcome"] = Outcome(held["outcome"].name)
    elif state.name == "Accepted" or facts.get("window") is Window.RELEASE:
        facts["outcome"] = Outcome.ACCEPTED
    if "reason" in held:
        facts["reason"] = text(held["reason"])
    facts |= {name: held[name] for name in ("counter", "unpaid", "ended_at") if name in held}
    return facts


def seat(value: dict[str, Any]) -> Seat:
    return Seat(
        member=ss58.encode(value["member"]),
        wrap=value["wrap"],
        commitment=value["commitment"],
        attestation=None if value["attestation"] is None else attestation(value["attestation"]),
        paid=value["paid"],
        on_duty=value["on_duty"],
    )


def attestation(value: dict[str, Any]) -> Attestation:
    return Attestation(
        verdict=Verdict(value["verdict"].name),
        score=value["score"],
        report=cid(value["report"]),
        segment=value["segment"],
    )


def appeal(value: dict[str, Any]) -> Appeal:
    """``Market.Appeals``."""
    return Appeal(
        appellant=ss58.encode(value["appellant"]),
        bond=value["bond"],
        counter=value["counter"],
        gold=None if value["gold"] is None else expected(value["gold"]),
        jury=tuple(seat(each) for each in value["jury"]),
    )


def expected(value: dict[str, Any]) -> Expected:
    return Expected(Verdict(value["verdict"].name), value["low"], value["high"])


def share(value: dict[str, Any]) -> Share:
    """``Market.Shares``."""
    return Share(wrap=value["wrap"], by=ss58.encode(value["by"]), deposit=value["deposit"])


def merger(value: dict[str, Any]) -> Address:
    """``Market.Mergers``."""
    return ss58.encode(value["account"])


def cid(data: bytes) -> Cid:
    return Cid(text(data))


def text(data: bytes) -> str:
    """Text that strangers put on the chain: what is not UTF-8 is shown, not refused."""
    return data.decode(errors="backslashreplace")
