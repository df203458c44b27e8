"""Signing calls and having them included, whatever the transport."""

from __future__ import annotations

from dataclasses import dataclass

from decentralml.chain.api import Receipt
from decentralml.chain.calls import Call
from decentralml.chain.keys import Signer
from decentralml.chain.substrate import extrinsic
from decentralml.chain.substrate.errors import SIGN_AGAIN
from decentralml.chain.substrate.reader import Reader
from decentralml.chain.substrate.receipts import facts_of, receipt_of
from decentralml.chain.substrate.runtime import Runtime
from decentralml.chain.substrate.transport import Included, Transport
from decentralml.chain.substrate.wire import encode, needs_census, to_pallet
from decentralml.errors import CannotPayFee, NotDevelopmentChain, TransactionInvalid

RETRIES = 50
"""How often a call is signed anew when other transactions of its signer come first."""


@dataclass(frozen=True, slots=True)
class Sender:
    """What is needed to send calls to a chain with its present runtime."""

    runtime: Runtime
    transport: Transport
    reader: Reader
    genesis: bytes

    def fee(self, call: Call, signer: Signer, tip: int) -> int:
        """See :meth:`decentralml.chain.api.Chain.fee`."""
        data, terms = self._encode(call, signer), self._terms(signer, tip)
        return self.transport.fee_of(extrinsic.estimate(self.runtime, data, signer, terms)) + tip

    def submit(self, call: Call, signer: Signer, tip: int) -> Receipt:
        """See :meth:`decentralml.chain.api.Chain.submit`."""
        if signer.development and not self.transport.development():
            raise NotDevelopmentChain(signer.address, self.transport.name())
        signed, included = self._include(self._encode(call, signer), signer, tip)
        return receipt_of(
            self.runtime,
            self.reader.stored_events(included.block_hash),
            included,
            signed,
            {"signer": signer.address, **facts_of(call)},
        )

    def _include(
        self, call: bytes, signer: Signer, tip: int
    ) -> tuple[extrinsic.Extrinsic, Included]:
        retries = 0
        while True:
            signed = extrinsic.sign(self.runtime, call, signer, self._terms(signer, tip))
            try:
                return signed, self.transport.submit(signed)
            except TransactionInvalid as error:
                if error.reason == "Payment":
                    raise CannotPayFee(signer.address) from None
                # Another process signed with the same key in between. The chain has said that
                # this transaction is not and will never be included: signing again is safe.
                if error.reason not in SIGN_AGAIN or retries == RETRIES:
                    raise
                retries += 1

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
