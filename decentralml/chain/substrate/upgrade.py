"""Bringing an older chain to the shipped runtime: one transaction, and the block that migrates.

``Sudo.sudo_unchecked_weight(System.set_code(code))``, signed by the chain's sudo key: the runtime
itself checks that the new code has its name and a later version. The code runs from the next block
on, whose first act is to migrate what is stored; everything under way goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from decentralml.chain.ss58 import encode as to_address
from decentralml.chain.substrate import extrinsic
from decentralml.chain.substrate.codec import Variant
from decentralml.chain.substrate.errors import dispatch_error
from decentralml.chain.substrate.events import of_extrinsic
from decentralml.chain.substrate.reader import Reader
from decentralml.errors import NothingToUpgrade, NotTheSudoKey, RuntimeOutdated

if TYPE_CHECKING:
    from decentralml.chain.keys import Signer
    from decentralml.chain.substrate.client import SubstrateChain
    from decentralml.chain.substrate.runtime import Runtime
    from decentralml.types import Address

SET_CODE_WEIGHT = {"ref_time": 0, "proof_size": 0}
"""The block is not to be measured by what setting code costs: it has room for nothing else."""


@dataclass(frozen=True, slots=True)
class Upgraded:
    """An upgrade that is done.

    Attributes
    ----------
    before, after : version of the runtime.
    block : the first block of the new runtime, which migrated what was stored.
    """

    before: int
    after: int
    block: int


def sudo_key(chain: SubstrateChain) -> Address | None:
    """Who may change the chain's runtime; None where nobody can."""
    runtime = chain.runtime(fresh=True)
    entry = runtime.entry("Sudo", "Key")
    key = runtime.value(entry, chain.transport.storage(runtime.key(entry)))
    return None if key is None else to_address(key)


def upgrade(chain: SubstrateChain, code: bytes, wanted: int, signer: Signer) -> Upgraded:
    """Bring a chain to ``code``, which is of version ``wanted``.

    An upgrade that was interrupted before its migration is brought to its end.

    Raises
    ------
    NothingToUpgrade : the chain runs that version, or a later one.
    NotTheSudoKey : the chain does not let this signer change its runtime.
    CallRefused : the chain refused the code.
    """
    runtime = chain.runtime(fresh=True)
    before, running = _migrated(chain, runtime), runtime.version.spec_version
    if running >= wanted and before >= running:
        raise NothingToUpgrade(runtime.version.spec_name, running, wanted)
    if running < wanted:
        authority = sudo_key(chain)
        if authority != signer.address:
            raise NotTheSudoKey(signer.address, authority)
        _set_code(chain, runtime, code, signer)
    block = chain.wait_block(chain.transport.head().number + 1)
    version = chain.runtime(fresh=True).version
    if version.spec_version < wanted:
        raise RuntimeOutdated(version.spec_name, version.spec_version, wanted)
    return Upgraded(before, version.spec_version, block)


def _migrated(chain: SubstrateChain, runtime: Runtime) -> int:
    """The version for which everything was last migrated."""
    entry = runtime.entry("System", "LastRuntimeUpgrade")
    last = runtime.value(entry, chain.transport.storage(runtime.key(entry)))
    return runtime.version.spec_version if last is None else int(last["spec_version"])


def _set_code(chain: SubstrateChain, runtime: Runtime, code: bytes, signer: Signer) -> None:
    """Have the transaction included.

    Raises
    ------
    CallRefused : it was, and failed.
    """
    pallet, reader = runtime.pallet("Sudo"), Reader(runtime, chain.transport)
    set_code = ("System", ("set_code", {"code": code}))
    call = ("sudo_unchecked_weight", {"call": set_code, "weight": SET_CODE_WEIGHT})
    assert pallet.calls is not None, "a pallet whose key was read has calls"
    data = bytes((pallet.number,)) + runtime.codec.encode(pallet.calls, call)
    transport, birth = chain.transport, chain.transport.birth()
    terms = extrinsic.Terms(
        genesis=transport.genesis(),
        nonce=transport.next_nonce(signer.public_key, reader.nonce(signer.public_key)),
        mortality=extrinsic.Mortality(birth.number, birth.hash),
    )
    signed = extrinsic.sign(runtime, data, signer, terms)
    included = transport.submit(signed)
    for event in of_extrinsic(reader.stored_events(included.block_hash), included.index):
        match event:
            case Variant("System", Variant("ExtrinsicFailed", {"dispatch_error": error})) | Variant(
                "Sudo", Variant("Sudid", {"sudo_result": Variant("Err", error)})
            ):
                raise dispatch_error(runtime, error, signer=signer.address)
