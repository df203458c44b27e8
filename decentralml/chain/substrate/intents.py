"""Sending with a note of it: what an interrupted process has sent is found, not sent twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from decentralml.chain.journal import Intent, Journal
from decentralml.chain.substrate.clock import Clock
from decentralml.chain.substrate.extrinsic import Extrinsic, Mortality
from decentralml.chain.substrate.transport import Included, Transport
from decentralml.errors import TransactionInvalid, TransactionLost

SAME_WISH_MILLISECONDS = 3_600_000
"""For how long the same call, once it is in a block, is taken for the same wish; after it, for a
new one. While it can still be included it is the same, whatever the clock says: it is younger than
its era."""


@dataclass(frozen=True, slots=True)
class Intents:
    """A transport that notes what it sends; without a journal, only a transport."""

    transport: Transport
    journal: Journal | None
    clock: Clock

    def submit(self, signed: Extrinsic, wish: bytes, summary: str) -> Included:
        """Have a transaction included; see :meth:`~.transport.Transport.submit`.

        ``wish`` tells one thing that is wanted from another, 32 bytes. A transaction whose end is
        not known when this is left is looked for by :meth:`left`.
        """
        if self.journal is None:
            return self.transport.submit(signed)
        intent = _intent_of(signed, wish, summary, self.clock.wall())
        self.journal.begin(intent)
        try:
            included = self.transport.submit(signed)
        except (TransactionInvalid, TransactionLost):
            self.journal.done(intent)
            raise
        except BaseException:
            self.journal.pause(intent)
            raise
        self.journal.done(intent)
        return included

    def left(
        self, signer: bytes, nonce: int, wish: bytes, renewed: bool = False
    ) -> Iterator[tuple[Extrinsic, Included]]:
        """Look for all that was left open, and yield where those of the same wish are.

        One of the same wish that is nowhere, and can still be included, is sent again: the same
        bytes, which a chain includes once at most.

        Parameters
        ----------
        nonce : of the signer, in the newest block.
        renewed : whether it is wished anew each time, so that one that is in a block is not it.

        Raises
        ------
        NodeTimeout : one is still on its way; until it is included or lost, nothing may be sent.
        """
        if self.journal is None:
            return
        for intent in self.journal.left(signer):
            signed = _extrinsic_of(intent)
            same = intent.wish == wish
            try:
                included = self.transport.recover(signed)
                if included is not None:
                    recent = self.clock.wall() - intent.at < SAME_WISH_MILLISECONDS
                    same = same and recent and not renewed
                elif same:
                    included = self.transport.submit(signed)
            except (TransactionInvalid, TransactionLost):
                self.journal.done(intent)
                continue
            if included is not None or nonce > intent.nonce:
                self.journal.done(intent)
            if included is not None and same:
                yield signed, included


def _intent_of(signed: Extrinsic, wish: bytes, summary: str, now: int) -> Intent:
    return Intent(
        data=signed.data,
        signer=signed.signer,
        nonce=signed.nonce,
        birth=signed.mortality.birth,
        birth_hash=signed.mortality.birth_hash,
        period=signed.mortality.period,
        wish=wish,
        summary=summary,
        at=now,
    )


def _extrinsic_of(intent: Intent) -> Extrinsic:
    mortality = Mortality(intent.birth, intent.birth_hash, intent.period)
    return Extrinsic(intent.data, intent.signer, intent.nonce, mortality)
