"""Signing calls and having them included, whatever the transport."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from decentralml.chain.api import Receipt
from decentralml.chain.calls import Call, CreateTask
from decentralml.chain.keys import Signer
from decentralml.chain.substrate import extrinsic
from decentralml.chain.substrate.errors import SIGN_AGAIN
from decentralml.chain.substrate.intents import Intents
from decentralml.chain.substrate.reader import Reader
from decentralml.chain.substrate.receipts import facts_of, receipt_of
from decentralml.chain.substrate.runtime import Runtime
from decentralml.chain.substrate.shortfalls import with_numbers
from decentralml.chain.substrate.transport import Included, Transport
from decentralml.chain.substrate.wire import encode, needs_census, to_pallet
from decentralml.chain.swarm.calls import RENEWED
from decentralml.devchain.hashes import blake2_256
from decentralml.errors import (
    CallRefused,
    CannotPayFee,
    NotDevelopmentChain,
    TransactionInvalid,
)

RETRIES = 50
"""How often a call is signed anew when other transactions of its signer come first."""


@dataclass(frozen=True, slots=True)
class Sender:
    """What is needed to send calls to a chain with its present runtime."""

    runtime: Runtime
    transport: Transport
    reader: Reader
    genesis: bytes
    intents: Intents

    def fee(self, call: Call, signer: Signer, tip: int) -> int:
        """See :meth:`decentralml.chain.api.Chain.fee`."""
        data, terms = self._encode(call, signer), self._terms(signer, tip)
        return self.transport.fee_of(extrinsic.estimate(self.runtime, data, signer, terms)) + tip

    def submit(self, call: Call, signer: Signer, tip: int) -> Receipt:
        """See :meth:`decentralml.chain.api.Chain.submit`."""
        if signer.development and not self.transport.development():
            raise NotDevelopmentChain(signer.address, self.transport.name())
        data = self._encode(call, signer)
        wish = self._wish(call, data, signer)
        facts = {"signer": signer.address, **facts_of(call)}
        stored = self.reader.nonce(signer.public_key)
        renewed = isinstance(call, RENEWED)
        for left, found in self.intents.left(signer.public_key, stored, wish, renewed):
            # One that was included and failed took no effect: the call is sent anew.
            with suppress(CallRefused):
                return self._receipt(left, found, facts)
        signed, included = self._include(data, signer, tip, wish, type(call).__name__)
        try:
            return self._receipt(signed, included, facts)
        except CallRefused as error:
            told = with_numbers(error, call, signer.address, self.runtime, self.reader)
            raise told from None

    def _receipt(
        self, signed: extrinsic.Extrinsic, included: Included, facts: dict[str, Any]
    ) -> Receipt:
        stored = self.reader.stored_events(included.block_hash)
        return receipt_of(self.runtime, stored, included, signed, facts)

    def _include(
        self, call: bytes, signer: Signer, tip: int, wish: bytes, summary: str
    ) -> tuple[extrinsic.Extrinsic, Included]:
        retries = 0
        while True:
            signed = extrinsic.sign(self.runtime, call, signer, self._terms(signer, tip))
            try:
                return signed, self.intents.submit(signed, wish, summary)
            except TransactionInvalid as error:
                if error.reason == "Payment":
                    raise self._cannot_pay(call, signer, tip) from None
                # Another process signed with the same key in between. The chain has said that
                # this transaction is not and will never be included: signing again is safe.
                if error.reason not in SIGN_AGAIN or retries == RETRIES:
                    raise
                retries += 1

    def _cannot_pay(self, call: bytes, signer: Signer, tip: int) -> CannotPayFee:
        estimate = extrinsic.estimate(self.runtime, call, signer, self._terms(signer, tip))
        fee = self.transport.fee_of(estimate) + tip
        return CannotPayFee(signer.address, fee, self.reader.balance(signer.address).free)

    def _wish(self, call: Call, data: bytes, signer: Signer) -> bytes:
        """What tells one wish from another: the call, but for a time that moves on by itself."""
        if isinstance(call, CreateTask):
            data = self._encode(CreateTask(replace(call.terms, expires_at=0)), signer)
        return blake2_256(data)

    def _encode(self, call: Call, signer: Signer) -> bytes:
        census = self.reader.census(signer.address) if needs_census(call) else None
        return encode(self.runtime, to_pallet(call, census))

    def _terms(self, signer: Signer, tip: int) -> extrinsic.Terms:
        birth = self.transport.birth()
        stored = self.reader.nonce(signer.public_key)
        return extrinsic.Terms(
            genesis=self.genesis,
            nonce=self.transport.next_nonce(signer.public_key, stored),
            mortality=extrinsic.Mortality(birth.number, birth.hash),
            tip=tip,
        )
