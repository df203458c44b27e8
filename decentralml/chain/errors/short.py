"""What refusals say of numbers: what is needed and what there is, as far as the client knows it."""

from __future__ import annotations

from decentralml.errors import CallRefused
from decentralml.errors.quantities import DECIMALS, format_amount, format_proportion


class Short(CallRefused):
    """A refusal for want of tokens.

    Facts, where they are known: ``needed``, ``free`` and ``locked``, in the smallest units of the
    native token or of an asset with ``decimals`` and ``symbol``.
    """

    def words(self) -> dict[str, str]:
        facts = vars(self)
        decimals, symbol = facts.get("decimals", DECIMALS), facts.get("symbol", "")
        if facts.get("needed") is None or facts.get("free") is None:
            return {"numbers": ""}
        needed, free = (
            f"{format_amount(facts[fact], decimals)} {symbol}".rstrip()
            for fact in ("needed", "free")
        )
        locked = facts.get("locked") or 0
        votes = f", {format_amount(locked)} of it locked by a vote" if locked else ""
        return {"numbers": f" (it takes {needed}; {free} are free{votes})"}


class Below(CallRefused):
    """A refusal of something that is less than it must be.

    Facts, where they are known: ``least`` and ``given``; planck, or for ``proportion`` parts per
    million.
    """

    proportion = False

    def words(self) -> dict[str, str]:
        facts = vars(self)
        if facts.get("least") is None or facts.get("given") is None:
            return {"numbers": ""}
        told = format_proportion if self.proportion else format_amount
        return {"numbers": f" (at least {told(facts['least'])}; it is {told(facts['given'])})"}


class Outside(CallRefused):
    """A refusal of a number that is less or more than it may be.

    Facts, where they are known: ``least``, ``most`` and ``given``.
    """

    unit = ""

    def words(self) -> dict[str, str]:
        facts = vars(self)
        if any(facts.get(fact) is None for fact in ("least", "most", "given")):
            return {"numbers": ""}
        least, most, given = (
            f"{facts[fact]:,} {self.unit}".rstrip() for fact in ("least", "most", "given")
        )
        return {"numbers": f" (from {least} to {most}; it is {given})"}
