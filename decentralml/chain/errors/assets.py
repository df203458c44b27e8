"""Errors of assets other than the native token."""

from __future__ import annotations

from typing import ClassVar

from decentralml.chain.errors.short import Short
from decentralml.errors import CallRefused


class AssetsRefused(CallRefused):
    """An error of the library pallet that keeps assets."""

    home: ClassVar[str] = "Assets"


class BalanceLow(Short, AssetsRefused):
    message = (
        "{signer} has too little of the asset{numbers}; `decentralml assets balance` shows what "
        "it has"
    )


class NoAccount(AssetsRefused):
    message = "an account named has nothing of the asset; send it some first"


class NoPermission(AssetsRefused):
    message = "{signer} may not do this to the asset; sign with its owner's key (--as)"


class Unknown(AssetsRefused):
    message = "the chain has no such asset; check its number"


class Frozen(AssetsRefused):
    message = "the account's units of the asset are frozen; ask the asset's owner to thaw them"


class InUse(AssetsRefused):
    message = "an asset of this number exists; choose another number"


class MinBalanceZero(AssetsRefused):
    message = "the least balance of an asset is at least 1; raise it"


class UnavailableConsumer(AssetsRefused):
    message = (
        "the receiver cannot have this asset: its account has too few native tokens, or too many "
        "assets; send it native tokens first (`decentralml transfer`)"
    )


class BadMetadata(AssetsRefused):
    message = "the name or symbol of the asset is too long; choose a shorter one"


class WouldDie(AssetsRefused):
    message = "this would leave {signer} with less than the asset's least balance; send less"


class AssetNotLive(AssetsRefused):
    message = "the asset is frozen as a whole, or being destroyed; use another"


class IncorrectStatus(AssetsRefused):
    message = "the asset is not in the state that this needs; check whether it is frozen"


class ContainsHolds(AssetsRefused):
    message = (
        "units of the asset are held as rewards of tasks; wait until these tasks have ended before "
        "you destroy it"
    )


class AssetsHolderRefused(CallRefused):
    """An error of the library pallet that holds assets."""

    home: ClassVar[str] = "AssetsHolder"


class TooManyHolds(AssetsHolderRefused):
    message = "{signer} has units of the asset held for too many reasons; wait until some are free"
