"""Who is trusted now: exactly the certificates of nodes that the chain has registered in the swarm.

The chain is the certificate authority. Each member's certificate is an anchor of its own (partial
chains are allowed), so the handshake itself refuses everybody else; afterwards the peer's
certificate is looked up here once more, byte by byte, which also refuses what a member's
certificate may have issued, and whoever has been removed since.
"""

from __future__ import annotations

import hashlib
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from decentralml.chain.swarm.words import Node, SwarmId
from decentralml.errors import CertificateError, CertificateInvalid, DecentralMLError
from decentralml.swarm.identity.certificate import Certificate, Scope, read_certificate
from decentralml.swarm.identity.own import Identity
from decentralml.types import Address

EVERY_SECONDS = 20.0
"""How often the chain is asked."""
AT_MOST_EVERY_SECONDS = 2.0
"""How often it is asked at most, whoever knocks."""


@dataclass(frozen=True, slots=True)
class Member:
    """A node that the chain has registered, and its certificate (DER)."""

    account: Address
    certificate: bytes


class NodeRegister(Protocol):
    """What is asked of a chain here; every :class:`~decentralml.chain.api.Chain` answers it."""

    def nodes(self, swarm: SwarmId, limit: int = 1000) -> list[Node]: ...

    def certificate(self, swarm: SwarmId, who: Address) -> bytes | None: ...


class ChainMembers:
    """Reads a swarm's members from the chain; each certificate once only."""

    def __init__(self, chain: NodeRegister, swarm: SwarmId) -> None:
        self._chain = chain
        self._swarm = swarm
        self._known: dict[bytes, bytes] = {}

    def __call__(self) -> list[Member]:
        """Raises
        ------
        ChainError
        """
        nodes = self._chain.nodes(self._swarm)
        known = {}
        members = []
        for node in nodes:
            der = self._known.get(node.identity)
            if der is None:
                der = self._chain.certificate(self._swarm, node.account)
            if der is not None:  # it may have left since
                known[hashlib.sha256(der).digest()] = der
                members.append(Member(node.account, der))
        self._known = known
        return members


class Members:
    """The members as of the last time that the chain was asked; for any number of threads.

    Parameters
    ----------
    read : gives all members; may raise :class:`~decentralml.errors.DecentralMLError`.
    scope : the swarm; certificates that name another one are not trusted.
    """

    def __init__(
        self,
        read: Callable[[], Iterable[Member]],
        scope: Scope,
        *,
        every: float = EVERY_SECONDS,
        at_most_every: float = AT_MOST_EVERY_SECONDS,
    ) -> None:
        self.scope = scope
        self.fault: str | None = None
        """Why the chain could not be read the last time; the members are those of before."""
        self.read_at: int | None = None
        """When it was read the last time, in Unix milliseconds."""
        self.refused: Mapping[Address, str] = {}
        """Members whose certificates cannot be used, and why."""
        self._read = read
        self._every = every
        self._at_most_every = at_most_every
        self._by_digest: dict[bytes, tuple[Member, Certificate]] = {}
        self._by_account: dict[Address, tuple[Member, Certificate]] = {}
        self._contexts: dict[tuple[bytes, bool], ssl.SSLContext] = {}
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._wanted = threading.Event()
        self._asked_at = -float("inf")
        self._closing = False
        self._thread: threading.Thread | None = None

    # -- who

    def member(self, account: Address) -> Member | None:
        """The member of that account, if it is one whose certificate can be used."""
        found = self._by_account.get(account)
        return None if found is None else found[0]

    def distrust(self, account: Address) -> str | None:
        """Why an account's node is not trusted now; None if it is."""
        if (reason := self.refused.get(account)) is not None:
            return reason
        found = self._by_account.get(account)
        if found is None:
            return "it is no member of this swarm"
        try:
            found[1].check_time("its certificate")
        except CertificateError as error:
            return str(error)
        return None

    def holder(self, der: bytes, digest: bytes) -> Member | None:
        """The member that this certificate is of, if it is one and valid now."""
        found = self._by_digest.get(digest)
        if found is None or found[1].der != der:
            return None
        try:
            found[1].check_time("")
        except CertificateError:
            return None
        return found[0]

    # -- keeping up with the chain

    def refresh(self) -> None:
        """Ask the chain now.

        Raises
        ------
        DecentralMLError : the chain could not be read; the members are those of before.
        """
        with self._reading:
            self._wanted.clear()
            self._asked_at = time.monotonic()
            try:
                self._take(list(self._read()))
            except DecentralMLError as error:
                self.fault = str(error)
                raise
            self.fault, self.read_at = None, time.time_ns() // 1_000_000

    def start(self) -> None:
        """Ask the chain from now on, every so often and when a stranger comes."""
        self._closing = False
        self._thread = threading.Thread(target=self._keep_up, name="swarm-members", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing = True
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(self._at_most_every + 1)
            self._thread = None

    def stranger(self) -> None:
        """Somebody came whose certificate is not known: it may have been registered just now."""
        self._wanted.set()

    def _keep_up(self) -> None:
        while not self._closing:
            self._wanted.wait(max(0.0, self._asked_at + self._every - time.monotonic()))
            early = self._asked_at + self._at_most_every - time.monotonic()
            while early > 0 and not self._closing:
                time.sleep(min(early, 0.1))
                early = self._asked_at + self._at_most_every - time.monotonic()
            if self._closing:
                return
            try:
                self.refresh()
            except Exception as error:  # whatever it is, whom to trust must go on being asked
                self.fault = str(error)

    def _take(self, members: list[Member]) -> None:
        by_digest: dict[bytes, tuple[Member, Certificate]] = {}
        by_account: dict[Address, tuple[Member, Certificate]] = {}
        refused = {}
        for member in members:
            where = f"the certificate of {member.account}"
            digest = hashlib.sha256(member.certificate).digest()
            try:
                known = self._by_digest.get(digest)
                facts = known[1] if known else _read(member.certificate, where)
                facts.check_scope(where, self.scope, member.account)
            except CertificateError as error:
                refused[member.account] = str(error)
                continue
            # the same certificate under two accounts: the key is what counts, and it has one owner
            by_digest.setdefault(digest, (member, facts))
            by_account[member.account] = (member, facts)
        for account, reason in _impostors(by_account).items():
            refused[account] = reason
            _, facts = by_account.pop(account)
            by_digest.pop(facts.digest, None)
        with self._lock:
            if set(by_digest) != set(self._by_digest):
                self._contexts = {}
            self._by_digest, self._by_account, self.refused = by_digest, by_account, refused

    # -- TLS

    def server_context(self, identity: Identity) -> ssl.SSLContext:
        """For serving members, who must show their certificate: TLS 1.3 only.

        Raises
        ------
        CertificateInvalid : the identity's files are gone, or are others.
        """
        return self._context(identity, True)

    def client_context(self, identity: Identity) -> ssl.SSLContext:
        """For connecting to members' servers: TLS 1.3 only. Hosts' names are not looked at: whom
        an address belongs to is told by the certificate's account.

        Raises
        ------
        CertificateInvalid : the identity's files are gone, or are others.
        """
        return self._context(identity, False)

    def _context(self, identity: Identity, is_server: bool) -> ssl.SSLContext:
        key = (identity.digest, is_server)
        with self._lock:
            made = self._contexts.get(key)
            if made is None:
                made = _make_context(identity, is_server, self._by_digest.values())
                self._contexts[key] = made
            return made


def _impostors(members: Mapping[Address, tuple[Member, Certificate]]) -> dict[Address, str]:
    """Members whose certificates OpenSSL would take for the issuer of another member's, and why
    they are refused.

    It believes names there: whoever registers one with the name of the others' authority would
    keep all those out whom that has issued, as their signatures are not the impostor's.
    """
    issued = {f.issuer: who for who, (_, f) in members.items() if f.issuer != f.subject}
    return {
        who: f"the certificate of {who} is refused: it may issue others, and names itself as the "
        f"one that issued the certificate of {issued[facts.subject]} does; use one whose key usage "
        "is digitalSignature alone"
        for who, (_, facts) in members.items()
        if facts.may_issue and facts.subject in issued
    }


def _read(der: bytes, where: str) -> Certificate:
    facts = read_certificate(der, where)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=der)
    except ssl.SSLError as error:  # one that OpenSSL cannot read would keep out all others
        raise CertificateInvalid(where, f"OpenSSL cannot read it ({error.reason})") from None
    return facts


def _make_context(
    identity: Identity, is_server: bool, trusted: Iterable[tuple[Member, Certificate]]
) -> ssl.SSLContext:
    side = ssl.PROTOCOL_TLS_SERVER if is_server else ssl.PROTOCOL_TLS_CLIENT
    context = ssl.SSLContext(side)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_cert_chain(identity.chain, identity.key, password="")
    except OSError as error:  # includes what OpenSSL says
        reason = f"it can be used no more ({error.strerror or error})"
        raise CertificateInvalid(f"the certificate {identity.chain}", reason) from None
    anchors = b"".join(facts.der for _, facts in trusted)
    if anchors:
        context.load_verify_locations(cadata=anchors)
    if is_server:
        context.num_tickets = 0  # each connection shows its certificate
    return context
