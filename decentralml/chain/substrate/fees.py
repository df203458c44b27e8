"""What a transaction would cost: the runtime API ``TransactionPaymentApi.query_info``.

::

    arguments  extrinsic ‖ its length u32
    answer     weight (two compacts) ‖ class u8 ‖ partial fee u128, which leaves the tip out
"""

from __future__ import annotations

from decentralml.chain.substrate.extrinsic import Extrinsic
from decentralml.devchain.codec import Reader, u32

QUERY_INFO = "TransactionPaymentApi_query_info"


def query_info_arguments(extrinsic: Extrinsic) -> bytes:
    return extrinsic.data + u32(len(extrinsic.data))


def read_fee(answer: bytes) -> int:
    """The fee in planck.

    Raises
    ------
    DecodeError
    """
    reader = Reader(answer)
    reader.compact()
    reader.compact()
    reader.u8()
    fee = int.from_bytes(reader.take(16), "little")
    reader.finish()
    return fee
