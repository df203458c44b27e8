"""Errors of balances, and of what moves them."""

from __future__ import annotations

from typing import ClassVar

from decentralml.chain.errors.short import Short


class TokenRefused(Short):
    """A transfer or hold that the accounts' balances do not allow (``sp_runtime::TokenError``)."""

    home: ClassVar[str] = "Token"


class FundsUnavailable(TokenRefused):
    message = (
        "{signer} has too little for this{numbers}; send tokens to it (`decentralml transfer`; "
        "`decentralml balance` shows what it has)"
    )


class OnlyProvider(TokenRefused):
    message = (
        "this would leave {signer} without the tokens that keep its account{numbers}; send less"
    )


class BelowMinimum(TokenRefused):
    message = "an account cannot exist with less than the existential deposit; send more"


class CannotCreate(TokenRefused):
    message = "the receiver's account cannot be made with this; send at least the minimum"


class Frozen(TokenRefused):
    message = (
        "the tokens are locked by a vote{numbers}; take it back first "
        "(`decentralml vote --remove`), or send less"
    )


class NotExpendable(TokenRefused):
    message = "this would empty {signer}'s account{numbers}; keep at least the existential deposit"


class BalancesRefused(Short):
    """An error of the library pallet that keeps balances."""

    home: ClassVar[str] = "Balances"


class InsufficientBalance(BalancesRefused):
    message = (
        "{signer} has too little for this{numbers}; send tokens to it (`decentralml transfer`)"
    )


class LiquidityRestrictions(BalancesRefused):
    message = "the tokens are locked or held{numbers}; `decentralml balance` shows what is free"


class ExistentialDeposit(BalancesRefused):
    message = "the receiver's account would stay below the existential deposit; send more"


class Expendability(BalancesRefused):
    message = "this would remove {signer}'s account; keep at least the existential deposit"


class ArithmeticRefused(Short):
    """A number that came out of range (``sp_runtime::ArithmeticError``)."""

    home: ClassVar[str] = "Arithmetic"


class Overflow(ArithmeticRefused):
    message = "an amount in the call is too large; lower it"


class Underflow(ArithmeticRefused):
    message = (
        "{signer} has less than this call takes{numbers}; `decentralml balance` shows what there is"
    )


class DivisionByZero(ArithmeticRefused):
    message = "an amount in the call makes the runtime divide by zero; correct it"
