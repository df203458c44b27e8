"""How an account becomes a node: a seat, an identity, a registration. Each step once."""

from __future__ import annotations

from dataclasses import dataclass

from decentralml.chain.api import Chain
from decentralml.chain.keys import Signer
from decentralml.chain.swarm.calls import RegisterNode, TakeSeat
from decentralml.chain.swarm.words import (
    MAX_WEIGHTAGE,
    Admission,
    Meeting,
    Node,
    Round,
    Swarm,
    SwarmId,
    SwarmTerms,
)
from decentralml.errors import (
    BadWeightage,
    IdentityMissing,
    SeatNeeded,
    WeightageAboveTerms,
    WeightageFixed,
)
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
    weightage, willing : 1 and True the first time, if not given. A weight that is not given becomes
        what the terms allow, where they were lowered.
    identity : a certificate of the user's own; else the one in ``home``, or a new one.

    Raises
    ------
    SeatNeeded, EndpointInvalid, BadWeightage, WeightageFixed, CertificateError, CallRefused
    """
    found = chain.meeting(swarm, key.address)
    before = found.node
    weighs = _weightage(found, weightage)
    at = address or (before.address if before else "")
    parse_endpoint(at)
    scope = Scope(genesis.hex(), swarm)
    if identity is None:
        identity = own_identity(home, scope, key.address)
    identity.facts.check_time("the certificate")
    identity.facts.check_scope("the certificate", scope, key.address)
    # A seat may cost something, so all that can be wrong here was looked at before.
    took = before is None and _take_seat(chain, key, found.swarm)
    if willing is None:
        willing = before.willing if before else True
    call = RegisterNode(swarm, identity.certificate, at, weighs, willing)
    said = before and (before.identity, before.address, before.weightage, before.willing)
    is_new = said != (identity.digest, at, weighs, willing)
    if is_new:
        chain.submit(call, key)
    node = chain.node(swarm, key.address)
    assert node is not None, "a node that was registered is there"
    return Joined(node, identity, took, is_new)


def weight_to_say(terms: SwarmTerms, stands: Round | None, me: Node) -> int | None:
    """The weight with which a node can be registered again that is to stay as it is.

    None: with none before the round under way is over: it arrived in that with a weight which must
    not change meanwhile, and which the terms do not allow any more.
    """
    weight = terms.weight(me)
    return None if weight != me.weightage and _has_arrived(stands, me) else weight


def _weightage(found: Meeting, wanted: int | None) -> int:
    """The weight to register with. Raises BadWeightage, WeightageFixed."""
    swarm, node, terms = found.swarm.id, found.node, found.swarm.terms
    if wanted is not None:
        if not 1 <= wanted <= MAX_WEIGHTAGE:
            raise BadWeightage(wanted, MAX_WEIGHTAGE)
        if wanted > terms.max_weightage:
            raise WeightageAboveTerms(swarm, wanted, terms.max_weightage)
    if node is None:
        return 1 if wanted is None else wanted
    weight = weight_to_say(terms, found.round, node) if wanted is None else wanted
    if weight is None or (weight != node.weightage and _has_arrived(found.round, node)):
        raise WeightageFixed(swarm, node.round, node.weightage)
    return weight


def _has_arrived(stands: Round | None, node: Node) -> bool:
    """Whether a node's update is in the round under way."""
    return stands is not None and stands.number == node.round


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
