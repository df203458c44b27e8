"""How an account becomes a node: a seat, an identity, a registration. Each step once."""

from __future__ import annotations

from dataclasses import dataclass

from decentralml.chain.api import Chain
from decentralml.chain.keys import Signer
from decentralml.chain.swarm.calls import RegisterNode, TakeSeat
from decentralml.chain.swarm.words import MAX_WEIGHTAGE, Admission, Node, Swarm, SwarmId
from decentralml.errors import BadWeightage, IdentityMissing, SeatNeeded
from decentralml.errors.quantities import format_amount
from decentralml.swarm.files.endpoint import parse_endpoint
from decentralml.swarm.identity.certificate import Scope
from decentralml.swarm.identity.own import DAYS, Identity, load_identity, make_identity
from decentralml.swarm.node.home import NodeHome
from decentralml.types import Address


@dataclass(frozen=True, slots=True)
class Joined:
    """
    Attributes
    ----------
    took_seat, registered : whether that was done just now, or had been before.
    """

    node: Node
    identity: Identity
    took_seat: bool
    registered: bool


def join(
    chain: Chain,
    key: Signer,
    swarm: SwarmId,
    home: NodeHome,
    genesis: bytes,
    *,
    address: str | None = None,
    weightage: int | None = None,
    willing: bool | None = None,
    identity: Identity | None = None,
) -> Joined:
    """Have a node in a swarm that says what is asked for; the rest stays as it is.

    Parameters
    ----------
    address : of the file server, ``host:port``; needed the first time.
    weightage, willing : 1 and True the first time, if not given.
    identity : a certificate of the user's own; else the one in ``home``, or a new one.

    Raises
    ------
    SeatNeeded, EndpointInvalid, BadWeightage, CertificateError, CallRefused
    """
    if weightage is not None and not 1 <= weightage <= MAX_WEIGHTAGE:
        raise BadWeightage(weightage, MAX_WEIGHTAGE)
    found = chain.swarm(swarm)
    before = chain.node(swarm, key.address)
    at = address or (before.address if before else "")
    parse_endpoint(at)
    scope = Scope(genesis.hex(), swarm)
    if identity is None:
        identity = own_identity(home, scope, key.address)
    identity.facts.check_time("the certificate")
    identity.facts.check_scope("the certificate", scope, key.address)
    # A seat may cost something, so all that can be wrong here was looked at before.
    took = before is None and _take_seat(chain, key, found)
    if weightage is None:
        weightage = before.weightage if before else 1
    if willing is None:
        willing = before.willing if before else True
    call = RegisterNode(swarm, identity.certificate, at, weightage, willing)
    said = before and (before.identity, before.address, before.weightage, before.willing)
    is_new = said != (identity.digest, at, weightage, willing)
    if is_new:
        chain.submit(call, key)
    node = chain.node(swarm, key.address)
    assert node is not None, "a node that was registered is there"
    return Joined(node, identity, took, is_new)


def own_identity(home: NodeHome, scope: Scope, account: Address, days: int = DAYS) -> Identity:
    """The newest certificate in a node's folder; made, for so many days, where there is none."""
    home.make()
    try:
        return load_identity(home.identities, None)
    except IdentityMissing:
        return make_identity(
            home.identities, genesis=scope.genesis, swarm=scope.swarm, account=account, days=days
        )


def _take_seat(chain: Chain, key: Signer, swarm: Swarm) -> bool:
    """Have a seat; whether one was taken now. Raises SeatNeeded."""
    if chain.seat(swarm.id, key.address) is not None:
        return False
    match swarm.terms.admission:
        case Admission.OPEN:
            chain.submit(TakeSeat(swarm.id, 0), key)
            return True
        case Admission.SALE:
            price = format_amount(swarm.terms.price)
            how = f"it costs {price}: decentralml swarm buy {swarm.id}"
        case Admission.INVITED:
            how = f"ask its owner {swarm.owner} for one (decentralml swarm grant {swarm.id} YOU)"
    raise SeatNeeded(swarm.id, key.address, how)
