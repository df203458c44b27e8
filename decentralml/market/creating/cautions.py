"""What a creator should know before its money is in escrow: dangers that its terms leave open."""

from __future__ import annotations

from math import ceil

from decentralml.bundles.manifest import TaskManifest
from decentralml.bundles.sealing import is_usable
from decentralml.market.creating.collusion import least_fee
from decentralml.market.creating.offer import Offer
from decentralml.market.session import Session
from decentralml.types import TaskType, ValidationStrategy


def of_office(session: Session, offer: Offer) -> list[str]:
    """What would keep the results from being judged as the creator expects."""
    members = session.chain.election().members
    profiles = [known for member in members if (known := session.chain.profile(member))]
    worthless = [each for each in profiles if not is_usable(each.encryption_key)]
    found: list[str] = []
    if worthless:
        found.append(
            f"{len(worthless)} of the aggregators in office have an encryption key to which "
            "nothing can be wrapped; if drawn, they cannot validate"
        )
    if len(profiles) < offer.committee:
        found.append(
            f"{len(profiles)} registered aggregators are in office and you ask for "
            f"{offer.committee}; unless more are elected, fewer judge a result, and with none it "
            "waits (decentralml aggregators list)"
        )
    return found + of_collusion(offer, len(profiles))


def of_collusion(offer: Offer, office: int) -> list[str]:
    """Whether a third of those in office, with a friend who sends junk, would gain by trying.

    A reward in another asset has no price here, and where everybody in office judges every result
    there is nothing to draw: then there is no caution.
    """
    if offer.asset is not None or office <= offer.committee:
        return []
    share = least_fee(office, office // 3, offer.committee, offer.challenge_time > 0)
    if offer.fee >= share * offer.reward:
        return []
    if offer.challenge_time:
        least = ceil(share * 1000) / 10
        remedy = f"pay each member at least {least} % of the reward, or ask for a larger committee"
    else:
        remedy = (
            "give them --challenge-time 1h: then a single honest member's finding is enough "
            "for you to appeal"
        )
    return [
        "if a third of those in office colluded with a contributor, passing junk would pay; "
        f"{remedy}"
    ]


def of_copies(offer: Offer, task_type: TaskType, replayed: bool) -> list[str]:
    """Whether one training could be sold several times."""
    open_to_all = not (offer.invited_only or offer.invited or offer.minimum_reputation)
    if task_type is TaskType.DATA_ANNOTATORS or replayed or offer.results == 1 or not open_to_all:
        return []
    return [
        "anybody may send several accounts with nearly the same model, and be paid for each; "
        "--invite those you know, or make the training replayable (docs/replay.md)"
    ]


def of_trust(offer: Offer, compares: bool) -> list[str]:
    """Whether whoever merges must have something that its creator cannot give it."""
    if not compares or offer.merger is None:
        return []
    return [
        "fltrust compares models with one that the merger trains on data of its own: ask it first "
        "whether it has any (aggregator run --trusted-path DATA), or nothing will be merged"
    ]


def of_minimums(manifest: TaskManifest) -> list[str]:
    """Whether anything that can be measured passes."""
    bar = manifest.evaluation
    if bar is None or manifest.strategy is ValidationStrategy.CUSTOM_ACCEPT:
        return []
    if bar.minimum_score is not None or bar.minimum_gain is not None:
        return []
    return [
        "neither --min-score nor --min-gain: whatever can be measured passes, the base model sent "
        "back included, and is to be paid"
    ]
