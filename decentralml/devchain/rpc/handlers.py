"""One answer to one request: the methods, without any transport.

Used by the client's embedded transport in its own process, and by the server
(:mod:`decentralml.devchain.rpc.server`). Importing this is cheap: no asyncio, no WebAssembly.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from decentralml.devchain.rpc import (  # noqa: F401 - they register their methods
    archive_methods,
    author_methods,
    chain_head_methods,
    chain_methods,
    chain_spec_methods,
    childstate_methods,
    payment_methods,
    state_methods,
    subscription_methods,
    system_methods,
    transaction_methods,
)
from decentralml.devchain.rpc.errors import (
    INTERNAL_ERROR,
    RpcError,
    from_chain,
    method_not_found,
)
from decentralml.devchain.rpc.params import convert_all
from decentralml.devchain.rpc.pool import Pool
from decentralml.devchain.rpc.registry import METHODS, Context
from decentralml.errors import ChainError

if TYPE_CHECKING:
    from decentralml.devchain.chain import DevChain

_log = logging.getLogger(__name__)


class Handlers:
    """All methods but subscriptions, on one chain.

    `reader` may be a second :class:`DevChain` on the same file, so that reading need not wait
    for a block that is being built.
    """

    def __init__(self, chain: DevChain, reader: DevChain | None = None) -> None:
        self.pool = Pool(chain)
        self._context = Context(chain, reader or chain, self.pool)

    def request(self, method: str, params: Any = None) -> Any:
        """The result of one request, as JSON values.

        Raises
        ------
        RpcError : whatever is wrong with the request, the transaction or the chain; never
            anything else.
        """
        known = METHODS.get(method)
        if known is None:
            raise method_not_found()
        try:
            return known.answer(self._context, *convert_all(known.params, params))
        except RpcError:
            raise
        except ChainError as error:
            raise from_chain(error) from error
        except Exception as error:
            _log.exception("%s failed", method)
            raise RpcError(INTERNAL_ERROR, "Internal error", type(error).__name__) from error


def executes(method: str) -> bool:
    """Whether a method may take long: it runs the runtime, or waits for its turn to write."""
    known = METHODS.get(method)
    return known is not None and known.executes
